"""Issue 8: who follows docs/quickstart.md ends with a picture, a private document and static files in three containers.

Every command and every file of the first three sections is taken from the page. What differs from a reader's machine is
said in ``STANDS_FOR``. ``make test-wheel`` runs the same with an interpreter of an environment that has only the wheel.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import django.contrib.admin
import pytest
from azure.storage.blob import BlobServiceClient

import storage_router
from tests.docs.pages import ROOT, blocks, commands, text_of
from tests.kit.azurite import Azurite

PAGE = ROOT / "docs/quickstart.md"
PYTHON = os.environ.get("STORAGE_ROUTER_TEST_PYTHON", sys.executable)
"""The interpreter that the reader uses: the tests' own, or one that only has the wheel."""

# Command -> what the tests do instead, and why.
STANDS_FOR = {
    "mkdir acme": "a directory of the test's own",
    "cd acme": "a directory of the test's own",
    "python3 -m venv env": "the interpreter that is tested",
    ". env/bin/activate": "the interpreter that is tested",
    "python -m pip install django-storage-router pillow": "make test-wheel installs the wheel",
    "npm install": "the Azurite of tools/azurite, which has the same package.json",
    "npx azurite-blob --inMemoryPersistence --skipApiVersionCheck --disableTelemetry": "an Azurite on a free port",
    "python manage.py createsuperuser": "asks questions; the walk-through in tests/browser goes on from here",
    "python manage.py runserver --nostatic": "does not end; the walk-through in tests/browser goes on from here",
}


@pytest.fixture(scope="module")
def azurite():
    with Azurite() as server:
        yield server


class Reader:
    """Somebody who types what the page says, from the top to the section about Azure."""

    def __init__(self, folder: Path, azurite: Azurite) -> None:
        self.folder = folder
        self.azurite = azurite
        self.printed: dict[str, str] = {}
        self.left_out: set[str] = set()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "STORAGE_ROUTER"))}
        # Port 10000, which the page's connection string means, may be somebody else's.
        connection = {
            f"STORAGE_ROUTER__BACKENDS__{alias}__CONNECTION_STRING": azurite.connection_string()
            for alias in ("MEDIA", "PRIVATE", "STATIC")
        }
        path = {"PYTHONPATH": str(ROOT)} if sys.executable == PYTHON else {}
        self.environment = kept | connection | path | {"PYTHONWARNINGS": "error"}

    def read(self) -> None:
        tutorial = text_of(PAGE).partition("\n## The same in Azure")[0].count("\n")
        for block in blocks(pages=[PAGE]):
            if block.line > tutorial:
                break
            if block.language == "console":
                for command in commands(block):
                    self.type(command)
            elif block.file:
                self.write(block.file, block.text, append="at the end" in block.text.partition("\n")[0])

    def write(self, name: str, text: str, *, append: bool) -> None:
        path = self.folder / name
        text = text.replace("http://127.0.0.1:10000/", f"http://127.0.0.1:{self.azurite.port}/")
        assert append or name.startswith("gallery/") or not path.exists()
        path.write_text(path.read_text() + "\n" + text if append else text)

    def type(self, command: str) -> None:
        if command in STANDS_FOR or command.startswith("docker run"):
            self.left_out.add(command)
            return
        words = shlex.split(command)
        source = None
        if "<" in words:
            words, source = words[: words.index("<")], words[-1]
        program = {"python": [PYTHON], "django-admin": [PYTHON, "-m", "django"]}[words[0]]
        done = subprocess.run(
            [*program, *words[1:]],
            cwd=self.folder,
            env=self.environment,
            input=(self.folder / source).read_text() if source else "",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}\n{done.stderr}"
        self.printed[command] = done.stdout


@pytest.fixture(scope="module")
def reader(tmp_path_factory, azurite):
    reader = Reader(tmp_path_factory.mktemp("acme"), azurite)
    reader.read()
    return reader


@pytest.fixture(scope="module")
def service(azurite):
    with BlobServiceClient.from_connection_string(azurite.connection_string()) as client:
        yield client


@pytest.fixture(scope="module")
def links(reader):
    """The two addresses that are printed at the end: of the picture and of the document."""
    return reader.printed["python manage.py shell < store.py"].split()[-2:]


def names(service: BlobServiceClient, container: str) -> set[str]:
    return set(service.get_container_client(container).list_blob_names())


def fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=120) as answer:
        return answer.read()


def test_nothing_was_left_out_but_what_is_said_here(reader):
    docker = {command for command in reader.left_out if command.startswith("docker run")}
    assert len(docker) == 1
    assert reader.left_out - docker == set(STANDS_FOR)


def test_each_file_is_in_its_container(reader, service):
    assert names(service, "media") == {"pictures/square.png"}
    assert names(service, "private") == {"private/contract.txt"}
    folders = [Path(package.__file__).parent / "static" for package in (django.contrib.admin, storage_router)]
    own = {path.relative_to(folder).as_posix() for folder in folders for path in folder.rglob("*") if path.is_file()}
    assert "admin/css/base.css" in own
    static = names(service, "static")
    assert static == own if sys.executable == PYTHON else "admin/css/base.css" in static


def test_the_picture_opens_for_everybody(links):
    assert "?" not in links[0]
    assert fetch(links[0]).startswith(b"\x89PNG")


# What a reader sees who goes on in a browser, with the project of the page and its database.
BY_BROWSER = """
from django.contrib.auth.models import User
from django.test import Client

for name in ("ada", "eve", None):
    client = Client(SERVER_NAME="localhost")
    if name:
        client.force_login(User.objects.get_or_create(username=name)[0])
    answer = client.get("/files/f/private/contract.txt", headers={"sec-fetch-mode": "navigate"})
    print(">", name, answer.status_code, answer.getvalue().decode() if answer.status_code == 200 else "")
    answer.close()
"""


def test_only_the_owner_can_open_the_document(reader, links):
    assert links[1] == "/files/f/private/contract.txt"
    done = subprocess.run(
        [PYTHON, "manage.py", "shell"],
        cwd=reader.folder,
        env=reader.environment,
        input=BY_BROWSER,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.strip()) == (0, "Not Found: /files/f/private/contract.txt")
    assert [line.strip("> ") for line in done.stdout.splitlines() if line.startswith("> ")] == [
        "ada 200 Between you and me.",
        "eve 404",
        "None 302",
    ]


def test_explain_says_the_three_ways(reader):
    [printed] = [text for command, text in reader.printed.items() if " explain " in command]
    assert re.findall(r"^(\S+)\t(\w+)\t(\S+)", printed, re.MULTILINE)[1:] == [
        ("pictures/square.png", "media", "media/pictures/square.png"),
        ("private/contract.pdf", "private", "private/private/contract.pdf"),
        ("static/admin/css/base.css", "static", "static/admin/css/base.css"),
    ]


def test_doctor_finds_nothing_wrong(reader):
    lines = reader.printed["python manage.py storage_router doctor"].splitlines()
    heading, *rows, summary = (line.split("\t") for line in lines if line)
    assert (heading[0], summary) == ("backend", [f"{len(rows) - 3} ok, 3 skipped"])
    assert {row[0] for row in rows} == {"media", "private", "static"}
    # Nobody has said which site the pages are of.
    assert {row[1]: row[2] for row in rows if row[2] != "ok"} == {"cors": "skipped"}


# What a reader tries next, with the project of the page and its database.
WITH_A_DIRECTORY = """
import pathlib, sys
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.templatetags.static import static
from django.test import Client
from gallery.models import Document, Picture

client = Client(SERVER_NAME="localhost")
ada = User.objects.get(username="ada")
client.force_login(ada)
for model, name, more in ((Picture, "square.png", {}), (Document, "contract.txt", {"owner": ada})):
    row = model.objects.create(file=ContentFile(name.encode(), name=name), **more)
    answer = client.get(row.file.url)
    print(">", row.file.url, answer.status_code, answer.getvalue().decode() if answer.streaming else "")
    answer.close()
print(">", static("admin/css/base.css"))
print(">", *sorted(path.as_posix() for path in pathlib.Path("srv").rglob("*") if path.is_file()))
"""


def with_directories(reader: Reader, folder: Path, lines: list[str], script: str = "") -> subprocess.CompletedProcess:
    """Run ``check``, or a script, in a copy of the project after the lines were typed; /srv/acme is in the copy."""
    place = (folder / "srv").as_posix()
    if not folder.exists():
        shutil.copytree(reader.folder, folder)
        [*_, urls] = [block for block in blocks("python", pages=[PAGE]) if block.file == "acme/urls.py"]
        text = (folder / "acme/urls.py").read_text() + "\n" + urls.text.replace("/srv/acme", place)
        (folder / "acme/urls.py").write_text(text)
    kept = {name: value for name, value in reader.environment.items() if not name.startswith("STORAGE_ROUTER__")}
    command = f"exec {shlex.quote(PYTHON)} manage.py {'shell' if script else 'check'}"
    return subprocess.run(
        ["bash", "-ec", "\n".join([*(line.replace("/srv/acme", place) for line in lines), command])],
        cwd=folder,
        env=kept,
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def exports():
    """The lines of the page's last section that set variables."""
    found = [line for block in blocks("console", pages=[PAGE]) for line in commands(block)]
    return [line for line in found if line.startswith("export ")]


def test_directories_serve_the_same_project_in_development(reader, exports, tmp_path):
    folder = tmp_path / "copy"
    checked = with_directories(reader, folder, exports)
    assert (checked.returncode, checked.stderr) == (0, "")
    done = with_directories(reader, folder, exports, WITH_A_DIRECTORY)
    assert done.stderr == ""
    assert [line[2:] for line in done.stdout.splitlines() if line.startswith("> ")] == [
        "/media/pictures/square.png 200 square.png",
        "/files/f/private/contract.txt 200 contract.txt",
        "/static/admin/css/base.css",
        "srv/media/pictures/square.png srv/private/private/contract.txt",
    ]


def test_a_directory_takes_no_expiry(reader, exports, tmp_path):
    lines = [line.replace("?base_url=/media/", "?expiration_secs=300") for line in exports]
    checked = with_directories(reader, tmp_path / "copy", lines)
    assert checked.returncode == 1
    assert "there is no setting 'expiration_secs'" in checked.stderr


def test_the_emulator_of_the_page_is_the_one_of_the_tests():
    [shown] = [json.loads(block.text) for block in blocks("json", pages=[PAGE])]
    pinned = json.loads(text_of(ROOT / "tools/azurite/package.json"))
    assert {key: pinned[key] for key in shown} == shown
