"""D3, T17, T19: the site under gunicorn and uvicorn, its files in Azurite behind a proxy that lets requests fail."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.files.base import ContentFile

from storage_router import AzureStorage
from tests.kit.azurite import ACCOUNT_KEY
from tests.kit.faults import Answer, Cut, Reset, Stall
from tests.kit.proxy import FaultProxy

from .conftest import ROUTE, TEXT, azure
from .servers import site

pytestmark = pytest.mark.slow

LARGE = bytes(range(256)) * 4096 * 24
READERS = 4


@pytest.fixture(scope="module")
def backend(azurite):
    """A proxy, and a container with a small and a large file; 24 MiB are more than sockets buffer."""
    with FaultProxy(azurite) as proxy:
        container = azurite.create_container()
        options = azure(azurite, container)
        storage = AzureStorage(**{key: value for key, value in options.items() if key != "type"})
        storage.save("private/a.txt", ContentFile(TEXT))
        storage.save("private/large.bin", ContentFile(LARGE))
        yield proxy, azure(proxy, container, timeout=5)


@pytest.fixture(scope="module", params=["gunicorn", "uvicorn"])
def server(request, backend, tmp_path_factory):
    _, options = backend
    document = {"backends": {"files": options}, "routes": [ROUTE], "stream_connections": READERS}
    with site(request.param, document, tmp_path_factory.mktemp("site")) as process:
        yield process


@pytest.fixture
def proxy(backend):
    proxy, _ = backend
    proxy.heal()
    proxy.forget()
    yield proxy
    proxy.heal()


SMALL_URL = "/files/f/private/a.txt"
LARGE_URL = "/files/f/private/large.bin"


def test_a_file_is_one_request_to_the_backend(server, proxy):
    answer, content = server.get(SMALL_URL)
    assert (answer.status, content, answer.headers["Content-Length"]) == (200, TEXT, "1000")
    assert proxy.count() == 1
    assert server.get(LARGE_URL)[1] == LARGE
    assert proxy.count() == 2
    assert server.get(LARGE_URL, Range="bytes=1000-1999")[1] == LARGE[1000:2000]
    assert server.get(SMALL_URL, If_None_Match=answer.headers["ETag"])[0].status == 304
    assert server.get(SMALL_URL, "HEAD")[0].status == 200
    assert proxy.count() == 5
    assert server.get(SMALL_URL, X_User="other")[0].status == 404
    assert server.get("/files/f/elsewhere", X_User="other")[0].status == 404
    assert proxy.count() == 5


def test_what_the_browser_has_costs_no_body(server, proxy):
    etag = server.get(LARGE_URL, "HEAD")[0].headers["ETag"]
    answer, content = server.get(LARGE_URL, If_None_Match=etag)
    assert (answer.status, content, answer.headers["ETag"]) == (304, b"", etag)
    assert [request.status for request in proxy.requests] == [200, 304]


def test_a_body_that_breaks_off_is_continued_once(server, proxy):
    proxy.fail("Get Blob", Cut(after=5_000_000))
    assert server.get(LARGE_URL)[1] == LARGE
    first, second = proxy.requests
    assert first.head.get("x-ms-range") == "bytes=0-"
    assert second.head.get("x-ms-range") != "bytes=0-"
    assert second.head.get("if-match")


@pytest.mark.parametrize(
    "fault",
    [Cut(after=5_000_000), Reset("answer body", after=5_000_000), Stall("answer body", after=5_000_000)],
    ids=["cut", "reset", "stall"],
)
def test_a_body_that_breaks_off_again_never_looks_complete(server, proxy, fault):
    proxy.fail("Get Blob", fault, times=2)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        server.get(LARGE_URL)
    assert server.get(LARGE_URL)[1] == LARGE


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Answer(403, "AuthorizationFailure"), 502),
        (Answer(404, "ContainerNotFound"), 502),
        (Answer(404, "BlobNotFound"), 404),
        (Stall("request"), 504),
    ],
    ids=str,
)
def test_what_the_backend_answers_is_told_by_the_status_alone(server, proxy, fault, status):
    proxy.fail("*", fault, times=100)
    answer, content = server.get(SMALL_URL)
    assert answer.status == status
    assert answer.headers["Cache-Control"] == "no-store"
    assert b"Azure" not in content
    assert b"test-" not in content


def test_a_backend_that_cannot_be_reached_is_504(server, proxy):
    with proxy.down():
        assert server.get(SMALL_URL)[0].status == 504


class Reader:
    """Somebody who takes the first bytes of the large file, and then takes their time."""

    def __init__(self, server, first: int = 64 * 1024) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), 30)
        self.socket.sendall(f"GET {LARGE_URL} HTTP/1.1\r\nHost: x\r\nX-User: reader\r\n\r\n".encode())
        self.answer = http.client.HTTPResponse(self.socket)
        self.answer.begin()
        self.start = self.answer.read(first) if self.answer.status == 200 else b""

    def close(self) -> None:
        self.answer.close()
        self.socket.close()


def admitted(server) -> Reader:
    """A reader who gets the file: the connection of one who left may be given back a moment later."""
    deadline = time.monotonic() + 60
    while (reader := Reader(server)).answer.status == 503 and time.monotonic() < deadline:
        reader.close()
        time.sleep(0.05)
    return reader


def test_a_reader_who_leaves_closes_the_backends_request(server, proxy):
    for _ in range(READERS + 2):
        # The connection is given back, so the next one gets one, too.
        reader = admitted(server)
        assert reader.answer.status == 200
        reader.close()


def test_readers_who_pause_hold_up_nobody_else(server, proxy):
    paused = [admitted(server) for _ in range(READERS)]
    try:
        assert [reader.answer.status for reader in paused] == [200] * READERS
        refused, _ = server.get(SMALL_URL)
        assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
        # It would be held up until a reader goes on.
        assert server.get("/save")[0].status == 200
        time.sleep(2)
        assert paused[0].start + paused[0].answer.read() == LARGE
    finally:
        for reader in paused:
            reader.close()
    assert eventually(lambda: server.get(SMALL_URL)[0].status == 200)


HOSTILE = ["%2e%2e/x", "%00", "a.txt/", "/a.txt", "..%2f..%2fetc/passwd", "%0a", "%5c..%5c", "a%ff", ";x", "?x"]


@pytest.mark.parametrize("path", [*HOSTILE, "%252e%252e"])
def test_hostile_names_are_missing_files_and_nobodys_fault(server, proxy, path):
    before = len(server.log.read_text())
    answer, content = server.get(f"/files/f/private/{path}")
    assert (answer.status, content) == (404, b"There is no such file.\n")
    logged = server.log.read_text()[before:]
    assert "Bad Request" not in logged
    assert "Error" not in logged


class OneGibibyte(BaseHTTPRequestHandler):
    """Azure's answer for a blob of 1 GiB."""

    protocol_version = "HTTP/1.1"
    size = 2**30

    def do_GET(self) -> None:
        self.send_response(200)
        headers = {"Content-Length": str(self.size), "ETag": '"1"', "Last-Modified": "Fri, 20 Nov 2026 12:00:00 GMT"}
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        piece = bytes(2**20)
        for _ in range(self.size // len(piece)):
            self.wfile.write(piece)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def gibibyte():
    """The URL of an account whose blobs are of 1 GiB."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), OneGibibyte)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/devstoreaccount1"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.large
@pytest.mark.parametrize("command", ["gunicorn", "uvicorn"])
@pytest.mark.parametrize("type_", ["azure", "filesystem"])
def test_one_gibibyte_adds_no_more_than_16_mebibytes(command, type_, gibibyte, tmp_path):
    options = {"type": "filesystem", "location": str(tmp_path / "files")}
    if type_ == "azure":
        options = {"type": "azure", "account_key": ACCOUNT_KEY, "account_url": gibibyte, "azure_container": "files"}
    (tmp_path / "files/private").mkdir(parents=True)
    with (tmp_path / "files/private/large.bin").open("wb") as file:
        file.truncate(2**30)
    with (tmp_path / "files/private/a.txt").open("wb") as file:
        file.write(bytes(2_000_000))
    with site(command, {"backends": {"files": options}, "routes": [ROUTE]}, tmp_path) as server:
        reader = Reader(server, 2_000_000)
        reader.close()
        before = json.loads(server.get("/memory")[1])["most"]
        assert read_through(server) == 2**30
        after = json.loads(server.get("/memory")[1])["most"]
    assert after - before < 16 * 2**20


def read_through(server) -> int:
    """Read the large file, keep nothing, and return its size."""
    reader = Reader(server, 0)
    size = 0
    while piece := reader.answer.read(2**20):
        size += len(piece)
    reader.close()
    return size


@pytest.mark.large
def test_a_reader_reads_on_after_a_pause_in_which_others_had_the_connections(backend, proxy, tmp_path):
    _, options = backend
    document = {"backends": {"files": options}, "routes": [ROUTE], "stream_connections": READERS}
    with site("uvicorn", document, tmp_path) as server:
        readers = [Reader(server) for _ in range(READERS)]
        assert server.get(SMALL_URL)[0].status == 503
        # The connections of those who pause are given back after 20 seconds.
        assert eventually(lambda: server.get(SMALL_URL)[0].status == 200)
        assert readers[0].start + readers[0].answer.read() == LARGE
        for reader in readers:
            reader.close()


def eventually(condition) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False
