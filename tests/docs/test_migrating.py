"""Issue 8: a project that used django-storages moves over, and all its stored files are still found.

django-storages' own class stores the files; this package's, with the same options, has to find them.
"""

from __future__ import annotations

import ast
import datetime as dt
import gzip
import mimetypes
import os
import re
import urllib.request
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.db import connection, models
from django.test.utils import isolate_apps
from django.utils.module_loading import import_string
from storages.backends.azure_storage import AzureStorage as Predecessor

import storage_router
from storage_router import AzureStorage
from storage_router.conf.azure.authentication import TokenCredential
from storage_router.exceptions import InvalidNameError
from storage_router.testing import override_storage_router
from tests.docs.pages import ROOT, blocks, text_of
from tests.kit import warm
from tests.kit.azurite import ACCOUNT_KEY

PAGE = ROOT / "docs/migrating.md"

pytestmark = [
    # What the predecessor does on a new Python.
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
]

NAMES = [
    "picture.png",
    "photos/2024/05/Ferien am Meer (1).jpg",
    "photos/naïve 日本語.txt",
    "100% #1 ?.txt",
    "archive.tar.gz",
    "drawing.svgz",
    "well-known/.hidden",
    "a/b/c/d/e/f/g.txt",
    "no-extension",
    "UPPER.PDF",
    "double  space.txt",
    "picture.png",  # again: without overwrite_files it gets another name
]

OPTIONS = {
    "nothing else": {},
    "location": {"location": "sites/acme"},
    "location with slashes": {"location": "/sites/acme/"},
    "overwrite_files": {"overwrite_files": True},
    "expiration_secs": {"expiration_secs": 300},
    "content settings": {
        "cache_control": "max-age=60",
        "object_parameters": {"content_disposition": "attachment"},
        "location": "x",
    },
}


@pytest.fixture(params=OPTIONS.values(), ids=OPTIONS)
def both(request, azurite):
    """The two storages, with the same options, on the same new container."""
    container = azurite.create_container(public_access="blob")
    options = {
        "connection_string": azurite.connection_string(),
        "azure_container": container,
        **request.param,
    }
    return Predecessor(**options), AzureStorage(**options)


def stored_by(storage: Predecessor) -> dict[str, bytes]:
    """Save a file for each of ``NAMES``; return what a database would hold, and each file's content."""
    stored = {}
    for number, name in enumerate(NAMES):
        content = f"{number} {name}".encode()
        stored[storage.save(name, ContentFile(content))] = content
    return stored


def fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=120) as answer:
        return answer.read()


def test_every_stored_file_is_found_by_the_name_in_the_database(both):
    before, after = both
    stored = stored_by(before)
    assert len(stored) == len(NAMES) - before.overwrite_files
    for name, content in stored.items():
        assert after.exists(name)
        assert after.size(name) == len(content)
        with after.open(name) as file:
            assert file.read() == content
        assert abs(after.get_modified_time(name) - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
    assert {entry.name for entry in after.walk()} == set(stored)


def test_links_lead_to_the_same_files(both):
    before, after = both
    for name, content in stored_by(before).items():
        link = after.url(name)
        assert fetch(link) == fetch(before.url(name)) == content
        assert link.partition("?")[0] == before.url(name).partition("?")[0]


def test_what_is_saved_afterwards_is_found_by_both(both):
    """The way back stays open: what the new class saves under the predecessor's names, the predecessor finds."""
    before, after = both
    for name in NAMES:
        saved = after.save(name, ContentFile(name.encode()))
        assert before.size(saved) == len(name.encode())


def test_nothing_is_overwritten_and_what_is_deleted_is_gone(both):
    before, after = both
    name = before.save("picture.png", ContentFile(b"old"))
    other = after.save("picture.png", ContentFile(b"new"))
    assert (other == name) is before.overwrite_files
    after.delete(name)
    assert not before.exists(name)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"location": "sites/acme"},
        {"azure_ssl": False},
        {"endpoint_suffix": "core.chinacloudapi.cn"},
        {"custom_domain": "cdn.acme.example"},
        {"custom_domain": "cdn.acme.example", "location": "sites/acme"},
    ],
)
@pytest.mark.parametrize("name", NAMES[:-1])
def test_public_addresses_stay_as_they_were(options, name):
    options = {"account_name": "acmefiles", "account_key": ACCOUNT_KEY, "azure_container": "media", **options}
    assert AzureStorage(**options).url(name) == Predecessor(**options).url(name)


def script(name: str) -> str:
    """A script that the page leads to, by its file's name."""
    assert f"[{name}](files/{name})" in text_of(PAGE)
    return text_of(ROOT / "docs/files" / name)


def run(name: str, **replaced: str) -> None:
    """Execute a script of the page as ``manage.py shell < name`` does."""
    text = script(name)
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    exec(compile(text, name, "exec"), {"__name__": "__main__"})


# Name in the database -> name of the blob (both without location), and the name afterwards.
ILLEGAL = {
    "notes.": ("notes", "notes"),
    "Acme Inc./x.pdf": ("Acme Inc./x.pdf", "Acme Inc/x.pdf"),
    "tab\there.txt": ("tab\there.txt", "tabhere.txt"),
    "C:/x.pdf": ("C:/x.pdf", "C/x.pdf"),
    "./a": ("a", "a"),
    "x/../c": ("c", "c"),
}
ONLY_WITHOUT_LOCATION = {
    ".htaccess": ("htaccess", ".htaccess"),
    "/d": ("d", "d"),
}


@pytest.fixture(params=["", "site", "/site/acme/"])
def location(request):
    return request.param


@pytest.fixture
def odd(location, azurite, monkeypatch):
    """A project whose rows have names that this package refuses, or seeks elsewhere; files by django-storages."""
    options = {
        "connection_string": azurite.connection_string(),
        "azure_container": azurite.create_container(),
        "location": location,
    }
    before, after = Predecessor(**options), AzureStorage(**options)
    names = ILLEGAL if location else ILLEGAL | ONLY_WITHOUT_LOCATION
    with isolate_apps("tests"):

        class Document(models.Model):
            file = models.FileField(storage=after, max_length=200)

            class Meta:
                app_label = "tests"

    with connection.schema_editor() as editor:
        editor.create_model(Document)
    for number, (name, (blob, _)) in enumerate(names.items()):
        before.client.upload_blob(f"{location.strip('/')}/{blob}".lstrip("/"), str(number).encode())
        with before.open(name) as file:
            assert file.read() == str(number).encode()
        Document.objects.create(file=name)
    monkeypatch.setattr(apps, "get_models", lambda: [Document])
    yield SimpleNamespace(before=before, after=after, names=names, documents=Document.objects)
    with connection.schema_editor() as editor:
        editor.delete_model(Document)


def renamed(odd, azurite) -> None:
    run(
        "rename_files.py",
        **{
            '"https://acmefiles.blob.core.windows.net"': repr(azurite.account_url()),
            'os.environ["ACCOUNT_KEY"]': repr(ACCOUNT_KEY),
        },
    )


def test_the_page_names_every_kind_of_name_that_has_to_change():
    [table] = re.findall(r"\| name in the database \|.*?\n\n", text_of(PAGE), re.DOTALL)
    for name, (_, new) in (ILLEGAL | ONLY_WITHOUT_LOCATION).items():
        shown = name.replace("\t", "\\t").replace("x/../c", "x/../a").replace("/d", "/a")
        assert f"`{shown}`" in table
        assert f"`{new}`" in table or name in ("x/../c", "/d")


def test_the_script_that_checks_prints_the_files_that_are_refused_or_missing_and_no_others(odd, capsys):
    for name in stored_by(odd.before):
        odd.documents.create(file=name)
    odd.documents.create(file="gone.txt")
    odd.documents.create(file="")
    run("check_files.py")
    lines = capsys.readouterr().out.splitlines()
    kinds = {
        "tests.Document.file 'gone.txt'": "there is no such file",
        "tests.Document.file '.htaccess'": "there is no such file",
        "tests.Document.file 'notes.'": "No segment of a blob's name may end in a dot",
        "tests.Document.file 'Acme Inc./x.pdf'": "No segment of a blob's name may end in a dot",
        "tests.Document.file 'tab\\there.txt'": "A file name must not contain control characters or lone surrogates",
        "tests.Document.file 'C:/x.pdf'": "Detected path traversal attempt in 'C:/x.pdf'",
        "tests.Document.file './a'": "A file name must not contain '.' segments",
        "tests.Document.file 'x/../c'": "Detected path traversal attempt in 'x/../c'",
        "tests.Document.file '/d'": "Detected path traversal attempt in '/d'",
    }
    assert len(lines) == len(odd.names) + 1
    for line in lines:
        place, _, problem = line.partition(": ")
        assert problem.startswith(kinds.pop(place))
    assert kinds.keys() <= {f"tests.Document.file {name!r}" for name in ONLY_WITHOUT_LOCATION}


def test_the_script_that_renames_puts_every_name_right_and_may_be_repeated(odd, azurite, capsys):
    odd.documents.create(file="gone.txt")
    renamed(odd, azurite)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(odd.names) + 1
    assert lines[-1] == "tests.Document.file 'gone.txt': there is no such file"
    expected = [new for _, new in odd.names.values()]
    documents = list(odd.documents.order_by("pk"))[:-1]
    assert [document.file.name for document in documents] == expected
    for number, document in enumerate(documents):
        with document.file.open() as file:
            assert file.read() == str(number).encode()
    renamed(odd, azurite)
    assert capsys.readouterr().out.splitlines() == lines[-1:]
    odd.documents.filter(file="gone.txt").delete()
    run("check_files.py")
    assert capsys.readouterr().out == ""


def test_the_script_that_renames_overwrites_nothing_and_keeps_what_is_stored_with_a_file(odd, azurite):
    odd.after.save("Acme Inc/x.pdf", ContentFile(b"another"))
    odd.before.client.get_blob_client(odd.before._get_valid_path("Acme Inc./x.pdf")).set_blob_metadata({"by": "me"})
    renamed(odd, azurite)
    [name] = [name for name in odd.documents.values_list("file", flat=True) if name.startswith("Acme")]
    assert re.fullmatch(r"Acme Inc/x_\w{7}\.pdf", name)
    assert odd.after.stat(name).metadata == {"by": "me"}
    assert odd.after.open("Acme Inc/x.pdf").read() == b"another"


def test_the_predecessor_finds_what_was_renamed(odd, azurite):
    """The way back stays open; ``.htaccess`` is the original there, not the copy."""
    renamed(odd, azurite)
    for number, name in enumerate(odd.documents.order_by("pk").values_list("file", flat=True)):
        with odd.before.open(name) as file:
            assert file.read() == str(number).encode()


@pytest.mark.parametrize("company", ["Acme Inc.", "Acme\tInc"])
def test_a_directory_of_upload_to_that_is_refused_is_legal_with_the_function_of_the_page(company, container, azurite):
    options = {"connection_string": azurite.connection_string(), "azure_container": container}
    document = SimpleNamespace(company=company)
    by_hand = models.FileField(
        upload_to=lambda document, name: f"{document.company}/{name}", storage=AzureStorage(**options)
    )
    name = by_hand.generate_filename(document, "x\ty..pdf")
    assert name == f"{company}/xy..pdf"
    with pytest.raises(InvalidNameError, match=r"end in a dot|control characters"):
        by_hand.storage.save(name, ContentFile(b"x"))
    assert Predecessor(**options).save(name, ContentFile(b"x")) == name

    [source] = [block.text for block in blocks("python", pages=[PAGE]) if "def by_company" in block.text]
    namespace = {}
    exec(compile(source, "models.py", "exec"), namespace)
    field = models.FileField(upload_to=namespace["by_company"], storage=by_hand.storage)
    name = field.generate_filename(document, "x.pdf")
    assert field.storage.save(name, ContentFile(b"x")) == "acme-inc/x.pdf"


def test_the_two_settings_side_by_side_have_the_same_options(monkeypatch):
    monkeypatch.setenv("ACCOUNT_KEY", ACCOUNT_KEY)
    before, after = [block.text for block in blocks("python", pages=[PAGE]) if block.file == "settings.py"][:2]
    found = []
    for source in (before, after):
        namespace = {}
        exec(compile(source, "settings.py", "exec"), namespace)
        entries = namespace["STORAGES"].values()
        found.append([import_string(entry["BACKEND"])(**entry["OPTIONS"]) for entry in entries])
    assert [storage.url("a b.txt").partition("?")[0] for storage in found[0]] == [
        storage.url("a b.txt").partition("?")[0] for storage in found[1]
    ]


# "What is different"


def row(beginning: str) -> list[str]:
    """The cells of the row that begins so."""
    [line] = [line for line in text_of(PAGE).splitlines() if line.startswith(f"| {beginning} |")]
    return [cell.strip() for cell in line.strip("|").split(" | ")]


@pytest.fixture
def two(azurite, container):
    options = {"connection_string": azurite.connection_string(), "azure_container": container, "location": "site"}
    return Predecessor(**options), AzureStorage(**options)


def content_settings(before, name):
    return before.client.get_blob_client(before._get_valid_path(name)).get_blob_properties().content_settings


def test_no_content_encoding_is_guessed_any_more(two):
    before, after = two
    _, said, *_ = row("Content-Encoding")
    pairs = [
        (encoding, re.findall(r"`(\.\w+)`", endings))
        for encoding, endings in re.findall(r"`(\w+)` for (.*?)(?:, (?=`\w)|;)", said)
    ]
    assert [encoding for encoding, _ in pairs] == ["gzip", "bzip2", "xz", "compress", "br"]
    for encoding, endings in pairs:
        assert endings
        for ending in endings:
            assert (
                content_settings(before, before.save(f"before{ending}", ContentFile(b"x"))).content_encoding == encoding
            )
            assert after.stat(after.save(f"after{ending}", ContentFile(b"x"))).content_encoding is None


def test_what_is_gzip_was_unpacked_when_read_and_is_no_more(two):
    before, after = two
    packed = gzip.compress(b"text")
    name = before.save("a.gz", ContentFile(packed))
    with before.open(name) as file:
        assert file.read() == b"text"
    assert after.stat(name).content_encoding == "gzip"
    assert after.open(name).read() == packed


def test_a_file_opened_as_text_gives_text(two):
    before, after = two
    name = before.save("a.txt", ContentFile("ä".encode()))
    for storage, text in ((before, "ä".encode()), (after, "ä")):
        with storage.open(name, "r") as file:
            assert file.read() == text
        with storage.open(name) as file:
            assert file.read() == "ä".encode()


def test_content_types_by_name_are_those_of_the_page_and_the_predecessors_are_of_the_machine(two, monkeypatch):
    before, after = two
    _, there, here, _ = row("content type by the name")
    pairs = re.findall(r"`(\.[\w.]+)` is `([\w/+-]+)`", here)
    assert [ending for ending, _ in pairs] == [".ts", ".wav", ".exe", ".map", ".yaml", ".tar.gz"]
    for ending, kind in pairs:
        assert after.stat(after.save(f"a{ending}", ContentFile(b"x"))).content_type == kind
    [qt] = re.findall(r"Qt's `(\S+)`", there)
    for known, expected in (([(qt, ".ts")], qt), ([], "application/octet-stream")):
        table = mimetypes.MimeTypes()
        table.types_map = ({}, {ending: kind for kind, ending in known})
        monkeypatch.setattr(mimetypes, "guess_type", table.guess_type)
        assert content_settings(before, before.save("b.ts", ContentFile(b"x"))).content_type == expected


@pytest.mark.parametrize(
    ("base", "expected"), [(Predecessor, ["site/a/b.txt"]), (AzureStorage, ["a/b.txt", "a/b.txt", "a/b_"])]
)
def test_the_name_that_get_object_parameters_gets_is_the_storages(base, expected, azurite, container):
    asked = []

    class Storage(base):
        def get_object_parameters(self, name):
            asked.append(name)
            return {}

    storage = Storage(connection_string=azurite.connection_string(), azure_container=container, location="site")
    storage.save("a/b.txt", ContentFile(b"x"))
    if base is AzureStorage:
        storage.save("a/b.txt", ContentFile(b"x"))
    assert len(asked) == len(expected)
    assert all(map(str.startswith, asked, expected))


def chosen():
    return storage_router.backend("private")


def test_a_function_that_chooses_a_storage_may_return_one_backend_and_stays_in_migrations():
    with override_storage_router({"backends": {"private": {"type": "memory"}}, "default": "private"}):
        field = models.FileField(storage=chosen)
        assert field.storage.save("a.txt", ContentFile(b"x")) == "a.txt"
    _, _, _, written = field.deconstruct()
    assert written["storage"] is chosen


def test_without_a_credential_one_is_anonymous_and_the_other_is_not():
    given = {"account_name": "acmefiles", "azure_container": "media"}
    assert Predecessor(**given).service_client.credential is None
    assert AzureStorage(**given).options.authentication == TokenCredential(name="default")


@pytest.mark.parametrize("turned", [False, True])
def test_the_order_of_the_page_makes_collectstatic_this_packages(turned, azurite, container, tmp_path):
    [source] = [
        block.text for block in blocks("python", pages=[PAGE]) if '"storage_router",  # the checks' in block.text
    ]
    [applications] = [node.value for node in ast.parse(source).body if "INSTALLED_APPS" in ast.unparse(node)]
    installed = ast.literal_eval(applications)[:: -1 if turned else 1]
    (tmp_path / "static").mkdir()
    (tmp_path / "static/site.css").write_text("a {}")
    options = {"connection_string": azurite.connection_string(), "azure_container": container, "overwrite_files": True}
    (tmp_path / "project.py").write_text(
        f"SECRET_KEY = 'x'\nINSTALLED_APPS = {installed}\nSTATIC_URL = 'static/'\nSTATICFILES_DIRS = ['static']\n"
        "STORAGES = {'default': {'BACKEND': 'django.core.files.storage.InMemoryStorage'},\n"
        f"    'staticfiles': {{'BACKEND': 'storage_router.AzureStorage', 'OPTIONS': {options}}}}}\n"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "project", "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = [
        warm.run("-m", "django", "collectstatic", *arguments, cwd=tmp_path, env=environment).stdout
        for arguments in (["--noinput"], ["--help"])
    ]
    # The project's and the package's own.
    assert "2 static files copied" in done[0]
    assert ("copied in parallel" in " ".join(done[1].split())) is not turned
    assert AzureStorage(**options).open("site.css").read() == b"a {}"
