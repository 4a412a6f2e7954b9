"""P2: on Azure an upload is copied on the server. A server in front of Azurite adds Put Block From URL."""

from __future__ import annotations

import base64
import datetime as dt
import http.client
import http.server
import threading
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.storage.blob import BlobClient, generate_container_sas
from django.core.files.base import ContentFile, File

from storage_router.azure.storage import AzureStorage
from storage_router.files import FileSource
from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME

from .transferring import fetch


class Front(http.server.BaseHTTPRequestHandler):
    """Hands requests on to Azurite, and copies the bytes for Put Block From URL."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        size = int(self.headers.get("Content-Length") or 0)
        self.server.seen.append((self.command, *query.get("comp", [""]), size))
        if "x-ms-copy-source" in self.headers:
            return self.stage(url, query)
        return self.hand_on()

    do_GET = do_HEAD = do_DELETE = do_PUT

    def log_message(self, *_):
        pass

    def stage(self, url, query):
        source = urlsplit(self.headers["x-ms-copy-source"])
        headers = {"If-Match": self.headers["x-ms-source-if-match"], "x-ms-range": self.headers["x-ms-source-range"]}
        status, _, body = self.ask("GET", f"{source.path}?{source.query}", headers, b"")
        if status != 206:
            self.answer(412, {"x-ms-error-code": "SourceConditionNotMet"}, b"")
            return
        container, _, name = url.path.removeprefix(f"/{ACCOUNT_NAME}/").partition("/")
        with BlobClient(self.server.azurite.account_url(), container, name, credential=ACCOUNT_KEY) as client:
            # The SDK encodes ids itself.
            client.stage_block(base64.b64decode(query["blockid"][0]).decode(), body)
        self.answer(201, {}, b"")

    def hand_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer(*self.ask(self.command, self.path, dict(self.headers), body))

    def ask(self, method, path, headers, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.azurite.port)
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        found = response.status, dict(response.getheaders()), response.read()
        connection.close()
        return found

    def answer(self, status, headers, body):
        headers = {key.lower(): value for key, value in headers.items()}
        headers.pop("transfer-encoding", None)
        headers.setdefault("content-length", str(len(body)))
        if found := self.headers.get("x-ms-client-request-id"):
            headers["x-ms-client-request-id"] = found
        self.send_response_only(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def front(azurite):
    """The service; ``seen`` are the requests: method, ``comp`` and the bytes of the body."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Front) as server:
        server.daemon_threads = True
        server.azurite, server.seen = azurite, []
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def storages(front, azurite):
    """The storage of uploads and the one of files, in two containers of one account."""
    url = f"http://127.0.0.1:{front.server_port}/{ACCOUNT_NAME}"
    given = {"account_name": ACCOUNT_NAME, "account_key": ACCOUNT_KEY, "account_url": url}
    return [AzureStorage(**given, azure_container=azurite.create_container()) for _ in range(2)]


class Upload(File):
    """An upload that must not be read here."""

    def __init__(self, store, name):
        found = store.uploaded(name)
        self.file_source = FileSource(store=store, name=name, size=found.size, etag=found.etag)
        super().__init__(None, name)

    def chunks(self, chunk_size=None):
        raise AssertionError("it went through here")


def put(azurite, storage, body):
    headers = {"x_ms_blob_type": "BlockBlob", "x_ms_blob_content_type": "text/html", "x_ms_meta_evil": "yes"}
    assert fetch(storage.ticket("upload", 60), azurite, method="PUT", body=body, **headers).status == 201


@pytest.mark.parametrize("size", [0, 10, 250_000])
def test_the_bytes_are_copied_on_the_server_and_nothing_else(azurite, front, storages, size, monkeypatch):
    monkeypatch.setattr("storage_router.azure.container.COPIED_BLOCK", 100_000)
    waiting, media = storages
    body = bytes(range(250)) * (size // 250) or bytes(size)
    put(azurite, waiting, body)
    content = Upload(waiting, "upload")
    front.seen.clear()
    assert media.save("a.pdf", content) == "a.pdf"
    staged = -(-len(body) // 100_000)
    assert sorted(front.seen)[:-1] == sorted(
        [("GET", "blocklist", 0), ("HEAD", "", 0), *[("PUT", "block", 0)] * staged]
    )
    assert media.open("a.pdf").read() == body
    found = media.stat("a.pdf")
    assert (found.content_type, found.metadata, found.size) == ("application/pdf", {}, len(body))


def test_a_taken_name_is_not_overwritten(azurite, storages):
    waiting, media = storages
    put(azurite, waiting, b"new")
    media.save("a.pdf", ContentFile(b"old"))
    name = media.save("a.pdf", Upload(waiting, "upload"))
    assert (media.open("a.pdf").read(), media.open(name).read()) == (b"old", b"new")


def test_an_upload_that_was_rewritten_is_not_stored(azurite, storages):
    waiting, media = storages
    put(azurite, waiting, b"checked")
    content = Upload(waiting, "upload")
    put(azurite, waiting, b"evil!!!")
    with pytest.raises(OSError, match="changed"):
        media.save("a.pdf", content)
    assert not media.exists("a.pdf")


def test_a_sas_is_never_a_source(azurite, front, storages):
    """T7: there the bytes go through here."""
    waiting, media = storages
    put(azurite, waiting, b"checked")
    expiry = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    sas = generate_container_sas(ACCOUNT_NAME, waiting.azure_container, ACCOUNT_KEY, permission="r", expiry=expiry)
    limited = AzureStorage(
        account_name=ACCOUNT_NAME,
        account_url=waiting.account_url,
        sas_token=sas,
        azure_container=waiting.azure_container,
    )
    with pytest.raises(AssertionError, match="it went through here"):
        media.save("a.pdf", Upload(limited, "upload"))
