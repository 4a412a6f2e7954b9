"""``make demo``: every sample is where its route says, and nowhere else; the same project runs on other backends.

The configuration of the example sends ``static/`` to static (without the prefix), ``private/`` to private, videos to
bulk, and the rest to media.
"""

from __future__ import annotations

import html.parser
import json
import os
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import django.contrib.admin
import pytest
from azure.storage.blob import BlobServiceClient

import storage_router
from tests.demo_process import SCRIPT, DemoProcess
from tests.kit.servers import reserved_port

pytestmark = [pytest.mark.azurite, pytest.mark.slow]

BACKENDS = ("azurite", "filesystem", "memory")

SAMPLES = {
    "media": {"pictures/harbour-at-dawn.png", "pictures/pines-in-the-snow.png", "pictures/dunes-at-noon.png"},
    "private": {"private/YEAR/contract.pdf", "private/YEAR/invoice.pdf"},
    "bulk": {"videos/sunrise.webm"},
}


class Links(html.parser.HTMLParser):
    """The addresses that a page links to or shows, and the names that its rows are about."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: set[str] = set()
        self.names: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.addresses |= {values[key] for key in ("href", "src") if key in values}
        if "data-name" in values:
            self.names.add(values["data-name"])


def fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=120) as answer:
        return answer.read()


def static_files() -> set[str]:
    """The names that collectstatic finds: the files of the admin, of the package and of the example's own app."""
    package = Path(storage_router.__file__).parent
    apps = [Path(django.contrib.admin.__file__).parent, package, package / "console", SCRIPT.parent / "library"]
    folders = [app / "static" for app in apps]
    return {path.relative_to(folder).as_posix() for folder in folders for path in folder.rglob("*") if path.is_file()}


def expected() -> dict[str, set[str]]:
    return {**SAMPLES, "quarantine": set(), "static": static_files()}


def held(demo: DemoProcess, backends: str) -> dict[str, set[str]]:
    """What each backend holds, asked without the code under test where that is possible."""
    if backends == "azurite":
        return {alias: blobs(demo, alias) for alias in expected()}
    if backends == "filesystem":
        folders = {alias: demo.folder / alias for alias in expected()}
        return {
            alias: {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
            for alias, folder in folders.items()
        }
    page = fetch(f"{demo.page}backends/").decode()
    return {
        alias: set(re.findall(r"<li><code>(.*?)</code></li>", section))
        for alias, section in re.findall(r'<section data-backend="(\w+)">(.*?)</section>', page, re.DOTALL)
    }


def blobs(demo: DemoProcess, alias: str) -> set[str]:
    """Every blob of every container of the account that ``alias`` is on, listed with the SDK."""
    variable = f"STORAGE_ROUTER__BACKENDS__{alias.upper()}"
    url, key = demo.settings[f"{variable}__ACCOUNT_URL"], demo.settings[f"{variable}__ACCOUNT_KEY"]
    with BlobServiceClient(url, credential=key) as service:
        containers = [container.name for container in service.list_containers()]
        assert containers == (["bulk", "quarantine"] if alias in ("bulk", "quarantine") else [alias])
        return set(service.get_container_client(alias).list_blob_names())


def without_year(names: set[str]) -> set[str]:
    return {re.sub(r"private/\d{4}/", "private/YEAR/", name) for name in names}


@pytest.fixture(scope="module", params=BACKENDS)
def backends(request):
    return request.param


@pytest.fixture(scope="module")
def azurite_demo():
    with DemoProcess() as process:
        yield process


@pytest.fixture(scope="module")
def demo(backends, request):
    if backends == "azurite":
        yield request.getfixturevalue("azurite_demo")
        return
    with DemoProcess("--backends", backends) as process:
        yield process


def test_each_sample_is_in_the_backend_that_its_route_names_and_nowhere_else(demo, backends):
    assert {alias: without_year(names) for alias, names in held(demo, backends).items()} == expected()


def test_the_page_lists_every_stored_file(demo):
    names = {name for alias in SAMPLES for name in SAMPLES[alias]} | {f"static/{name}" for name in static_files()}
    assert without_year(Links(fetch(demo.page).decode()).names) == names


def test_the_page_tells_route_backend_and_the_backends_own_name(demo):
    page = fetch(demo.page).decode()
    (row,) = re.findall(r'<tr data-name="static/library/icon.svg">(.*?)</tr>', page, re.DOTALL)
    cells = [re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<td>(.*?)</td>", row)]
    assert cells == ["static/library/icon.svg", "routes[0] (prefix &quot;static/&quot;)", "static", "library/icon.svg"]


def test_every_link_of_the_page_works(demo):
    addresses = {urllib.parse.urljoin(demo.page, address) for address in Links(fetch(demo.page).decode()).addresses}
    assert len(addresses) > len(static_files())
    public = [address for address in sorted(addresses) if "/documents/" not in address]
    assert [address for address in public if not fetch(address)] == []


def test_a_picture_is_served_as_what_it_is(demo):
    (address,) = {address for address in Links(fetch(demo.page).decode()).addresses if "harbour" in address}
    with urllib.request.urlopen(urllib.parse.urljoin(demo.page, address), timeout=120) as answer:
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.read(8) == b"\x89PNG\r\n\x1a\n"


def test_private_documents_lead_to_the_login_and_no_other_files_do(demo, backends):
    addresses = Links(fetch(demo.page).decode()).addresses
    private = sorted(address for address in addresses if address.startswith("/documents/"))
    assert [address.rpartition("/")[2] for address in private] == ["contract.pdf", "invoice.pdf"]
    assert "sig=" not in str(addresses)
    page = urllib.parse.urljoin(demo.page, private[0])
    with urllib.request.urlopen(urllib.request.Request(page, headers={"Accept": "text/html"}), timeout=120) as answer:
        assert urllib.parse.urlsplit(answer.url).path == "/admin/login/"
    if backends == "azurite":
        name = urllib.parse.urlsplit(page).path.removeprefix("/documents/f/")
        page = f"{demo.settings['STORAGE_ROUTER__BACKENDS__PRIVATE__ACCOUNT_URL']}/private/{name}"
    else:
        page = page.replace("/documents/f/", "/files/")
    with pytest.raises(urllib.error.HTTPError) as caught:
        fetch(page)
    assert caught.value.code in (403, 404)
    caught.value.close()


def test_the_page_says_what_a_stranger_gets(demo, backends):
    page = fetch(demo.page).decode()
    assert page.count("302, to the login") == 2
    refused = re.findall(r"the address of the blob, unsigned</td><td><b>(4\d\d) ", page)
    assert len(refused) == (2 if backends == "azurite" else 0)


@pytest.mark.parametrize(
    ("name", "alias", "private"),
    [("pictures/a.png", "media", False), ("private/a.pdf", "private", True), ("any/where.mp4", "bulk", False)],
)
def test_the_page_says_where_a_name_goes_while_it_is_typed(demo, name, alias, private):
    found = json.loads(fetch(f"{demo.page}where/?name={name}"))
    assert (found["alias"], found["private"]) == (alias, private)
    assert found["where"]
    assert "path traversal" in json.loads(fetch(f"{demo.page}where/?name=../a"))["error"]


def test_a_file_that_is_stored_goes_where_its_name_says():
    with DemoProcess("--backends", "memory") as demo:
        jar = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with jar.open(demo.page) as answer:
            token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', answer.read().decode())[1]
        lines = [
            f'--x\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n{token}',
            '--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nclips/new.webm',
            '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nbytes\r\n--x--\r\n',
        ]
        headers = {"Content-Type": "multipart/form-data; boundary=x", "Referer": demo.page}
        request = urllib.request.Request(f"{demo.page}upload/", "\r\n".join(lines).encode(), headers)
        with jar.open(request) as answer:
            page = answer.read().decode()
        assert "clips/new.webm was stored in bulk" in page


def test_ctrl_c_stops_everything_that_was_started():
    with DemoProcess() as demo:
        servers = [demo.page, demo.settings["STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_URL"]]
        ports = [urllib.parse.urlsplit(address).port for address in servers]
        assert demo.stop(signal.SIGINT) == 0
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
    assert not demo.folder.exists()


def test_it_serves_on_the_port_that_was_asked_for_and_stops_politely():
    with reserved_port() as port, DemoProcess("--backends", "memory", "--port", str(port)) as demo:
        assert demo.page == f"http://127.0.0.1:{port}/"
        assert b"Where the files are" in fetch(demo.page)
        assert demo.stop(signal.SIGTERM) == 0
    assert not demo.folder.exists()


def test_the_command_that_it_tells_runs_in_the_same_project(azurite_demo):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    ran = subprocess.run(
        azurite_demo.command,
        shell=True,
        cwd="/",
        env=environment | {"PYTHONPATH": str(SCRIPT.parent.parent)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert azurite_demo.settings["STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_URL"] in ran.stdout


def test_a_port_that_is_taken_is_told_before_anything_is_started(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(AssertionError, match=rf"cannot be served on port {port}: .*in use") as caught:
            DemoProcess("--port", str(port)).__enter__()
    assert "Starting Azurite" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_backends_that_it_does_not_know_are_refused():
    with pytest.raises(
        AssertionError, match=r"invalid choice: 'tape' \(choose from '?azurite'?, '?filesystem'?, '?memory'?\)"
    ):
        DemoProcess("--backends", "tape").__enter__()
