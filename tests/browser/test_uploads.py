"""P1: direct uploads in a real browser, to a real Azurite."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from urllib.parse import unquote

import pytest
from azure.storage.blob import BlobServiceClient, CorsRule

from storage_router import RouterStorage
from tests.kit import servers
from tests.uploads.conftest import azure

from .conftest import TIMEOUT

pytestmark = pytest.mark.browser

MIB = 2**20


def content(size: int) -> bytes:
    """So many bytes that begin as a PDF does; no two blocks of them are alike."""
    pieces = (number.to_bytes(8, "big") * 8192 for number in range(size // 65536 + 1))
    return (b"%PDF-1.7\n" + b"".join(pieces))[:size]


@pytest.fixture(scope="module")
def server(azurite, tmp_path_factory):
    """The site, and its router as seen from here."""
    folder = tmp_path_factory.mktemp("uploads")
    options = {
        "backends": {
            "media": azure(azurite, azurite.create_container(), timeout=120),
            "waiting": azure(azurite, azurite.create_container(), timeout=120),
        },
        "default": "media",
        "routes": [{"prefix": "quarantine/", "backend": "waiting"}],
        "uploads": {"policies": {"documents": {"authorize": "tests.uploads.pages.may_upload", "types": ".pdf"}}},
    }
    variables = {
        "DJANGO_SETTINGS_MODULE": "tests.uploads.server",
        "SITE_OPTIONS": json.dumps(options),
        "SITE_DATABASE": str(folder / "db.sqlite3"),
        "SITE_SERVICE": azurite.account_url().rpartition("/")[0],
    }
    environment = {**os.environ, **variables, "PYTHONPATH": str(servers.ROOT)}
    command = [sys.executable, "-m", "django", "migrate", "--run-syncdb", "-v", "0"]
    subprocess.run(command, env=environment, check=True, timeout=120)
    with servers.web("gunicorn", "tests.uploads.server:wsgi()", folder, "--threads", "8", **variables) as address:
        yield address, RouterStorage(**options)


@pytest.fixture
def address(server, azurite):
    """Where the site is; the service lets its pages in."""
    allow(azurite, server[0])
    for name in list(server[1].backends["waiting"].leftovers()):
        server[1].backends["waiting"].discard(name)
    return server[0]


@pytest.fixture
def storage(server):
    return server[1]


def allow(azurite, *origins: str) -> None:
    with BlobServiceClient.from_connection_string(azurite.connection_string()) as service:
        rules = [CorsRule([origin], ["PUT"], allowed_headers=["content-type", "x-ms-blob-type"]) for origin in origins]
        service.set_service_properties(cors=rules)


class Requests:
    """What a page sends to the service."""

    def __init__(self, page) -> None:
        self.sent: list[str] = []
        self.posted = 0
        page.on("request", self._note)

    def _note(self, request) -> None:
        if request.method == "PUT":
            found = re.search(r"comp=(\w+)(?:&blockid=([^&]*))?", request.url)
            self.sent.append(f"{found[1]} {unquote(found[2] or '')}".strip() if found else "blob")
        elif request.method == "POST" and request.url.endswith("/new"):
            self.posted = int(request.headers.get("content-length", 0))

    @property
    def blocks(self) -> list[str]:
        return [one for one in self.sent if one.startswith("block ")]


@pytest.fixture
def at(page, address):
    """The page with the form, signed in."""
    page.goto(f"{address}/enter")
    return page


def status(page, text: str) -> None:
    page.locator("output", has_text=text).wait_for()


def save(page, title: str = "A title") -> str:
    page.fill("[name=title]", title)
    page.click("[type=submit]")
    return page.locator("body", has_text="saved as").inner_text().removeprefix("saved as ")


def write(path, body: bytes):
    path.write_bytes(body)
    return path


def test_twelve_megabytes_travel_in_blocks_and_the_form_sends_the_token(at, storage, tmp_path):
    body = content(12 * MIB)
    requests = Requests(at)
    at.evaluate(
        "seen = []; addEventListener('storage-router:progress', event => seen.push(event.detail.sent));"
        "addEventListener('storage-router:complete', event => seen.push(event.detail.name))"
    )
    at.set_input_files("[name=file]", write(tmp_path / "a.pdf", body))
    status(at, "The file is uploaded.")
    assert sorted(one.split()[0] for one in requests.sent) == ["block", "block", "blocklist"]
    assert at.evaluate("seen.at(-2)") == len(body)
    assert at.evaluate("seen.at(-1)") == "a.pdf"
    name = save(at)
    assert storage.open(name).read() == body
    assert storage.stat(name).content_type == "application/pdf"
    assert list(storage.backends["waiting"].leftovers()) == []


def test_a_small_file_is_one_request(at, storage, tmp_path):
    requests = Requests(at)
    at.set_input_files("[name=file]", write(tmp_path / "small.pdf", content(1000)))
    status(at, "The file is uploaded.")
    assert requests.sent == ["blob"]
    assert storage.open(save(at)).read() == content(1000)


def hold_blocks(page, allowed: int) -> list:
    """Let so many blocks pass, and keep the others waiting: the list that is returned."""
    held = []
    passed = []

    def handle(route):
        if len(passed) < allowed:
            passed.append(route)
            route.continue_()
        else:
            held.append(route)

    page.route("**/*comp=block&*", handle)
    return held


def interrupted(page, address: str, path, blocks: int) -> None:
    """Send some blocks of the file in a page that is killed in the middle."""
    page = page.context.new_page()
    page.goto(f"{address}/new")
    held = hold_blocks(page, blocks)
    arrived = []
    page.on("response", lambda response: "comp=block&" in response.url and arrived.append(response))
    page.set_input_files("[name=file]", path)
    for _ in range(2400):
        if len(arrived) == blocks:
            break
        page.wait_for_timeout(50)
    assert len(arrived) == blocks
    # A request that is still held when the page is closed is sent by Chromium, now and then; and the script tries
    # again after one that is refused. So the script is ended first.
    page.goto("about:blank")
    for route in held:
        route.abort()
    page.close()


def test_after_a_reload_it_goes_on_where_it_was(at, address, storage, tmp_path):
    body = content(40 * MIB)
    path = write(tmp_path / "a.pdf", body)
    interrupted(at, address, path, 3)
    requests = Requests(at)
    at.set_input_files("[name=file]", path)
    status(at, "The file is uploaded.")
    assert len(requests.blocks) == 2
    assert storage.open(save(at)).read() == body


def test_a_block_of_another_file_is_sent_again(at, address, storage, tmp_path):
    """T22"""
    body = bytearray(content(24 * MIB))
    path = write(tmp_path / "a.pdf", bytes(body))
    times = path.stat()
    interrupted(at, address, path, 2)
    body[9 * MIB] ^= 1
    path.write_bytes(body)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    requests = Requests(at)
    at.set_input_files("[name=file]", path)
    status(at, "The file is uploaded.")
    assert 1 <= len(requests.blocks) <= 2
    assert storage.open(save(at)).read() == body


def test_lost_connections_and_an_ended_ticket_are_survived(at, storage, tmp_path):
    body = content(20 * MIB)
    attempts = []

    def handle(route):
        attempts.append(route)
        if len(attempts) == 2:
            route.abort("connectionreset")
        elif len(attempts) == 3:
            route.fulfill(status=403, headers={"Access-Control-Allow-Origin": "*"})
        else:
            route.continue_()

    at.route("**/*comp=block&*", handle)
    # One has to arrive first: before, the service is taken for unreachable.
    at.set_input_files("[name=file]", write(tmp_path / "a.pdf", body))
    status(at, "The file is uploaded.")
    assert len(attempts) == 5
    assert storage.open(save(at)).read() == body


def test_the_answer_to_the_last_request_may_be_lost(at, storage, tmp_path):
    body = content(10 * MIB)
    lost = []

    def handle(route):
        if not lost:
            lost.append(route.fetch())
            route.abort("connectionreset")
        else:
            route.continue_()

    at.route("**/*comp=blocklist*", handle)
    at.set_input_files("[name=file]", write(tmp_path / "a.pdf", body))
    status(at, "The file is uploaded.")
    assert storage.open(save(at)).read() == body


def test_it_can_be_stopped_and_the_controls_have_names(at, tmp_path):
    hold_blocks(at, 0)
    at.set_input_files("[name=file]", write(tmp_path / "a.pdf", content(12 * MIB)))
    at.get_by_role("progressbar", name="Upload").wait_for()
    status(at, "The file is being uploaded.")
    assert at.get_by_role("status").inner_text() == "The file is being uploaded."
    at.fill("[name=title]", "A title")
    at.click("[type=submit]")
    status(at, "Please wait until the file is uploaded.")
    at.get_by_role("button", name="Stop the upload").click()
    status(at, "The upload was stopped.")
    assert at.input_value("[name=file]") == ""
    assert not at.get_by_role("progressbar").is_visible()


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("a.exe", b"MZ", "Files of this type are not accepted. Accepted: .pdf."),
        ("a.pdf", b"MZ", "The content of the file is not of the type that its name says."),
    ],
)
def test_a_refusal_is_told_in_words(at, storage, tmp_path, name, body, message):
    at.set_input_files("[name=file]", write(tmp_path / name, body))
    status(at, message)
    assert at.input_value("[name=file]") == ""
    assert list(storage.backends["waiting"].leftovers()) == []


def test_another_choice_replaces_the_first(at, storage, tmp_path):
    hold_blocks(at, 0)
    at.set_input_files("[name=file]", write(tmp_path / "large.pdf", content(12 * MIB)))
    status(at, "The file is being uploaded.")
    at.set_input_files("[name=file]", write(tmp_path / "small.pdf", content(1000)))
    status(at, "The file is uploaded.")
    assert storage.open(save(at)).read() == content(1000)


def test_a_form_with_an_error_keeps_the_upload(at, storage, tmp_path):
    at.set_input_files("[name=file]", write(tmp_path / "kept.pdf", content(1000)))
    status(at, "The file is uploaded.")
    at.evaluate("document.querySelector('[name=title]').required = false")
    at.click("[type=submit]")
    status(at, "kept.pdf is uploaded.")
    assert storage.open(save(at)).read() == content(1000)


def test_without_javascript_the_form_works_as_usual(browser, address, storage, tmp_path):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(TIMEOUT)
    page.goto(f"{address}/enter")
    page.set_input_files("[name=file]", write(tmp_path / "plain.pdf", content(1000)))
    assert storage.open(save(page)).read() == content(1000)
    page.goto(f"{address}/new")
    page.set_input_files("[name=file]", write(tmp_path / "plain.exe", b"MZ"))
    page.fill("[name=title]", "A title")
    page.click("[type=submit]")
    assert "Files of this type are not accepted." in page.inner_text("body")
    context.close()


def test_where_the_service_cannot_be_reached_the_form_sends_the_file(at, azurite, storage, tmp_path):
    allow(azurite, "https://elsewhere.example")
    body = content(MIB)
    at.set_input_files("[name=file]", write(tmp_path / "a.pdf", body))
    status(at, "The file will be sent with the form.")
    assert storage.open(save(at)).read() == body


def test_the_admin_uploads_directly_in_an_inline_that_its_button_added(at, address, storage, tmp_path):
    at.goto(f"{address}/admin/archive/folder/add/")
    requests = Requests(at)
    at.fill("[name=name]", "A folder")
    for number in range(3):
        at.click("text=Add another Document")
        at.fill(f"[name=document_set-{number}-title]", f"Document {number}")
        path = write(tmp_path / f"i{number}.pdf", content(9 * MIB + number * 8))
        at.set_input_files(f"[name=document_set-{number}-file]", path)
    at.locator("output", has_text="The file is uploaded.").nth(2).wait_for()
    assert len(requests.blocks) == 6
    # The rows after it get other numbers.
    at.locator(".inline-deletelink").first.click()
    at.click("[name=_save]")
    at.locator(".messagelist", has_text="was added successfully").wait_for()
    names = [stat.name for stat in storage.walk("documents") if "/i" in stat.name]
    assert names == ["documents/i1.pdf", "documents/i2.pdf"]
    assert storage.open("documents/i2.pdf").read() == content(9 * MIB + 16)


@pytest.mark.large
def test_memory_does_not_grow_with_the_file(at, address, storage, tmp_path):
    before = at.request.get(f"{address}/memory").json()["most"]
    at.set_default_timeout(600_000)
    path = tmp_path / "large.pdf"
    with path.open("wb") as file:
        file.write(b"%PDF-1.7\n")
        file.truncate(1024 * MIB)
    at.set_input_files("[name=file]", path)
    status(at, "The file is uploaded.")
    assert storage.stat(save(at)).size == 1024 * MIB
    assert at.request.get(f"{address}/memory").json()["most"] - before < 100 * MIB
