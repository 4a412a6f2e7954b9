"""Answers as proxies, other transports and other versions of the service give them. A10, A11, F3."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from azure.core.pipeline.transport import RequestsTransport
from django.core.files.base import ContentFile

from storage_router import AzureStorage
from storage_router.exceptions import (
    BlobConnectionError,
    BlobError,
    BlobPermissionError,
    ContainerNotFoundError,
)
from storage_router.files import FileNotModifiedError

WRITTEN = {"ETag": '"0x1"', "Last-Modified": "Fri, 06 Feb 2026 03:04:05 GMT"}
TAKEN = {"Content-Type": "application/xml", "x-ms-error-code": "BlobAlreadyExists"}


@dataclass
class Scripted:
    """A server on loopback that gives ``answers`` one after the other: status, headers, body, bytes of it sent."""

    answers: list[tuple[int, dict[str, str], bytes, int | None]] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    port: int = 0

    def answer(
        self, status: int, headers: dict[str, str] | None = None, body: bytes = b"", cut: int | None = None
    ) -> None:
        """Give this answer to the next request that has none yet."""
        self.answers.append((status, headers or {}, body, cut))

    def storage(self, **options: Any) -> AzureStorage:
        """Return a storage on the server."""
        url = f"http://127.0.0.1:{self.port}/acmefiles"
        given = {"retry_total": 0} | options.pop("client_options", {})
        return AzureStorage(
            account_url=url, credential="anonymous", azure_container="media", client_options=given, **options
        )


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    script = Scripted()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            script.requests.append((f"{self.command} {self.path}", dict(self.headers)))
            status, headers, body, cut = script.answers.pop(0)
            self.send_response(status)
            for key, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body[:cut])
            self.close_connection = True

        do_GET = do_PUT = do_HEAD = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.port = server.server_port
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield script
    server.shutdown()
    server.server_close()
    assert not script.answers, "Not every answer was asked for."


@pytest.mark.parametrize("ours", [True, False], ids=["our transport", "the application's"])
def test_a_body_that_breaks_off_is_asked_for_again(scripted: Scripted, ours: bool) -> None:
    part = {"Content-Range": "bytes 0-9/10", **WRITTEN}
    scripted.answer(206, part, b"0123456789", cut=4)
    scripted.answer(206, part, b"0123456789")
    given = {"retry_total": 3} | ({} if ours else {"transport": RequestsTransport()})
    assert scripted.storage(client_options=given).open("a.bin").read() == b"0123456789"


def test_a_body_that_always_breaks_off_is_an_error(scripted: Scripted) -> None:
    for _ in range(3):
        scripted.answer(206, {"Content-Range": "bytes 0-9/10", "Content-Length": "4", **WRITTEN}, b"0123")
    with pytest.raises(BlobConnectionError, match="holds 4 bytes"):
        scripted.storage(client_options={"transport": RequestsTransport(), "retry_total": 2}).open("a.bin")


def test_xml_that_is_cut_does_not_hide_what_the_answer_is(scripted: Scripted) -> None:
    """A2: a taken name is a taken name."""
    scripted.answer(409, TAKEN, b"<?xml version='1.0'?><Error><Code>BlobAl")
    scripted.answer(404)  # the look whether it was this save itself
    scripted.answer(201, WRITTEN)
    name = scripted.storage().save("a.txt", ContentFile(b"content"))
    assert name.startswith("a_")


def test_a_page_of_a_proxy_that_refuses_is_a_refusal(scripted: Scripted) -> None:
    page = b"<html><title>Go away<p>"
    scripted.answer(403, {"Content-Type": "application/xhtml+xml"}, page)
    with pytest.raises(BlobPermissionError, match="403 Forbidden"):
        scripted.storage().open("a.txt")
    scripted.answer(403, {"Content-Type": "application/xhtml+xml"}, page)
    with pytest.raises(BlobPermissionError, match="403 Forbidden"):
        scripted.storage().delete("a.txt")


def test_the_code_is_in_the_body_where_a_proxy_takes_headers_away(scripted: Scripted) -> None:
    body = b"<?xml version='1.0'?><Error><Code>ContainerNotFound</Code><Message>No &amp; no.</Message></Error>"
    scripted.answer(404, {"Content-Type": "application/xml"}, body)
    with pytest.raises(ContainerNotFoundError, match="az storage container create") as caught:
        scripted.storage().open("a.txt")
    assert "No & no." in str(caught.value.__cause__)


def test_a_service_that_is_older_than_the_sdk_is_named(scripted: Scripted) -> None:
    body = (
        b"<?xml version='1.0'?><Error><Code>InvalidHeaderValue</Code><Message>It is wrong.\nRequestId:1</Message>"
        b"<HeaderName>x-ms-version</HeaderName><HeaderValue>2026-10-06</HeaderValue></Error>"
    )
    scripted.answer(400, {"Content-Type": "application/xml", "x-ms-error-code": "InvalidHeaderValue"}, body)
    with pytest.raises(BlobError, match="does not know version 2026-10-06 of its API; set api_version"):
        scripted.storage().open("a.txt")


def test_headers_that_are_missing_are_an_error_that_says_so(scripted: Scripted) -> None:
    scripted.answer(200, {"ETag": '"0x1"'})
    with pytest.raises(BlobError, match=r"cannot be understood \(KeyError: 'last-modified'\)"):
        scripted.storage().size("a.txt")
    scripted.answer(206, WRITTEN, b"content")
    with pytest.raises(BlobError, match="removes or changes parts"):
        scripted.storage().open("a.txt")


def test_what_is_stored_is_stored_whatever_the_answer_lacks(scripted: Scripted) -> None:
    scripted.answer(201)
    assert scripted.storage().save("a.txt", ContentFile(b"content")) == "a.txt"


def test_what_is_sent_says_what_it_is(scripted: Scripted) -> None:
    """Nothing is sent for what is not set, and nothing of the user's takes the place of the marker."""
    scripted.answer(201, WRITTEN)
    storage = scripted.storage(cache_control="", metadata={"Storage_router_save": "mine", "owner": "acme"})
    storage.save("a.txt", ContentFile(b"content"))
    ((request, headers),) = scripted.requests
    assert request == "PUT /acmefiles/media/a.txt"
    assert "x-ms-blob-cache-control" not in headers
    assert headers["x-ms-meta-owner"] == "acme"
    assert len(headers["x-ms-meta-storage_router_save"]) == 32
    assert "x-ms-meta-Storage_router_save" not in headers
    assert headers["Content-Type"] == "application/octet-stream"


LATIN = "<html><title>Zugriff verweigert: ungültig</title></html>".encode("latin-1")


@pytest.mark.parametrize("status", [403, 404, 407, 502, 503, 511])
@pytest.mark.parametrize(
    "operation",
    [
        lambda storage: storage.save("a.txt", ContentFile(b"content")),
        lambda storage: storage.listdir(""),
        lambda storage: storage.copy("a.txt", "b.txt"),
        lambda storage: storage.open("a.txt"),
        lambda storage: storage.size("a.txt"),
    ],
    ids=["save", "listdir", "copy", "open", "size"],
)
def test_a_page_that_is_not_utf_8_is_an_error_of_ours(scripted: Scripted, status: int, operation: Any) -> None:
    """A15"""
    scripted.answer(status, {"Content-Type": "application/xml"}, LATIN)
    with pytest.raises(BlobError) as caught:
        operation(scripted.storage())
    assert caught.value.status == status
    assert caught.value.container == "media"


def test_a_part_of_another_range_is_asked_for_again(scripted: Scripted) -> None:
    """A15"""
    scripted.answer(206, {"Content-Range": "bytes 10-19/20", **WRITTEN}, b"0123456789")
    scripted.answer(206, {"Content-Range": "bytes 0-9/10", **WRITTEN}, b"content..!")
    storage = scripted.storage(client_options={"retry_total": 1})
    assert storage.open("a.txt").read() == b"content..!"


def test_a_part_of_another_range_is_never_taken(scripted: Scripted) -> None:
    """A15"""
    scripted.answer(206, {"Content-Range": "bytes 10-19/20", **WRITTEN}, b"0123456789")
    with pytest.raises(BlobConnectionError, match="holds bytes from 10 on, not from 0 on"):
        scripted.storage().open("a.txt")


@pytest.mark.parametrize(
    "read",
    [
        lambda storage: storage.open("a.txt"),
        lambda storage: storage.open("a.txt", "ab"),
        lambda storage: storage.read("a.txt"),
        lambda storage: storage.read("a.txt", 0, 8),
    ],
    ids=["open", "append", "read", "read a part"],
)
def test_a_part_that_ends_early_is_never_taken(scripted: Scripted, read: Any) -> None:
    """A15: reading ended there, and an append stored the file without its end."""
    scripted.answer(206, {"Content-Range": "bytes 0-4/10", **WRITTEN}, b"01234")
    with pytest.raises(BlobConnectionError, match=r"holds bytes up to 4, not up to [79]"):
        read(scripted.storage())


def test_a_page_of_a_proxy_is_never_taken_for_a_file(scripted: Scripted) -> None:
    """A15"""
    scripted.answer(200, WRITTEN, b"<html>We will be back soon.</html>")
    with pytest.raises(BlobConnectionError, match="not the part that was asked for"):
        scripted.storage().read("a.txt")


def test_a_404_that_is_not_azures_is_not_taken_for_a_missing_file(scripted: Scripted) -> None:
    """A15: the file may be there."""
    for operation in ("delete", "exists", "open"):
        scripted.answer(404, {"Content-Type": "text/html"}, b"<html>404 Not Found</html>")
        with pytest.raises(BlobError, match="The answer is not Azure's") as caught:
            getattr(scripted.storage(), operation)("a.txt")
        assert not isinstance(caught.value, FileNotFoundError)
    # A proxy that takes the code away, where there is no body to hold it.
    scripted.answer(404, {"x-ms-request-id": "1"})
    with pytest.raises(FileNotFoundError):
        scripted.storage().size("a.txt")


def test_an_empty_file_that_has_not_changed_is_not_modified(scripted: Scripted) -> None:
    """D3: a service may look at the range before it looks at the condition."""
    scripted.answer(416, {"Content-Range": "bytes */0"})
    scripted.answer(200, {"Content-Length": "0", **WRITTEN})
    with pytest.raises(FileNotModifiedError):
        scripted.storage().read("a.txt", if_none_match='"0x1"')


@pytest.mark.parametrize("status", [102, 103])
def test_interim_answers_are_passed_over(scripted: Scripted, status: int) -> None:
    """A15: the answer that follows would be taken for that to the next request."""
    answer = "HTTP/1.1 206 Partial Content\r\nContent-Length: 7\r\nContent-Range: bytes 0-6/7\r\n"
    answer += "".join(f"{name}: {value}\r\n" for name, value in WRITTEN.items())
    scripted.answer(status, {"Link": "</style.css>"}, f"{answer}\r\ncontent".encode())
    assert scripted.storage().open("a.txt").read() == b"content"


def test_an_etag_that_a_proxy_has_marked_as_weak_is_still_azures(scripted: Scripted) -> None:
    """A15: a condition with a weak ETag is never met."""
    scripted.answer(206, {"Content-Range": "bytes 0-6/7", **WRITTEN, "ETag": 'W/"0x1"'}, b"content")
    scripted.answer(201, WRITTEN)
    with scripted.storage().open("a.txt", "ab") as file:
        file.write(b" and more")
    assert scripted.requests[-1][1]["If-Match"] == '"0x1"'


def test_an_entire_blob_is_no_part_of_one(scripted: Scripted) -> None:
    """A15"""
    scripted.answer(200, WRITTEN, b"content")
    with pytest.raises(BlobConnectionError, match="not the part that was asked for"):
        scripted.storage().open("a.txt")


def test_an_answer_to_another_request_is_asked_for_again(scripted: Scripted) -> None:
    """A15"""
    part = {"Content-Range": "bytes 0-6/7", **WRITTEN}
    scripted.answer(206, {"x-ms-client-request-id": "another", **part}, b"another")
    scripted.answer(206, part, b"content")
    assert scripted.storage(client_options={"retry_total": 1}).open("a.txt").read() == b"content"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(scripted: Scripted, status: int) -> None:
    """A15"""
    scripted.answer(status, {"Location": f"http://127.0.0.1:{scripted.port}/elsewhere"})
    with pytest.raises(BlobError, match="Azure rejected the request") as caught:
        scripted.storage().open("a.txt")
    assert caught.value.status == status
    assert len(scripted.requests) == 1


@pytest.mark.parametrize("status", [304, 307, 416])
def test_a_create_that_is_answered_with_something_else_is_not_stored_twice(scripted: Scripted, status: int) -> None:
    """A11, A15"""
    scripted.answer(status, {"x-ms-error-code": "ConditionNotMet"})
    if status < 400:
        scripted.answer(404)  # the look whether it was done
    with pytest.raises(BlobError) as caught:
        scripted.storage().save("a.txt", ContentFile(b"content"))
    assert not isinstance(caught.value, FileExistsError)
    assert len({request for request, _ in scripted.requests if request.startswith("PUT")}) == 1


def test_a_save_ends_where_every_answer_is_412(scripted: Scripted) -> None:
    """F5"""
    for _ in range(2):
        scripted.answer(412, {"x-ms-error-code": "ConditionNotMet"})
    with pytest.raises(BlobError) as caught:
        scripted.storage().save("a.txt", ContentFile(b"content"))
    assert caught.value.status == 412


def test_one_416_does_not_make_a_file_empty(scripted: Scripted) -> None:
    """A15"""
    scripted.answer(416, {"x-ms-error-code": "InvalidRange"})
    scripted.answer(200, {"Content-Length": "7", **WRITTEN})
    with pytest.raises(BlobError, match="416 for bytes from 0 on of 7"):
        scripted.storage().open("a.txt")


def test_a_416_that_is_right_makes_a_file_empty(scripted: Scripted) -> None:
    """A4"""
    scripted.answer(416, {"Content-Range": "bytes */0"})
    assert scripted.storage().open("a.txt").read() == b""
    scripted.answer(416)
    scripted.answer(200, {"Content-Length": "0", **WRITTEN})
    assert scripted.storage().open("a.txt").read() == b""


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Content-Length": "many"}, "cannot be understood"),
        ({"Content-Length": "7", **WRITTEN, "Last-Modified": "yesterday"}, "cannot be understood"),
        ({"Content-Length": "7", **WRITTEN, "ETag": ""}, "cannot be understood"),
    ],
)
def test_a_header_without_its_value_is_an_error_of_ours(
    scripted: Scripted, headers: dict[str, str], message: str
) -> None:
    """A15"""
    scripted.answer(200, headers)
    with pytest.raises(BlobError, match=message):
        scripted.storage().size("a.txt")


COPIED = {"Content-Length": "7", **WRITTEN}


def test_a_copy_that_is_answered_for_wrongly_is_an_error_of_ours(scripted: Scripted) -> None:
    """A15"""
    scripted.answer(200, COPIED)
    scripted.answer(202, {"x-ms-copy-status": "pending"})
    with pytest.raises(BlobError, match="a copy is pending and has no id"):
        scripted.storage().copy("a.txt", "b.txt")


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("<Blobs><Blob><Properties/></Blob></Blobs>", "<Blob> without <Name>"),
        ("<Blobs><BlobPrefix/></Blobs>", "<BlobPrefix> without <Name>"),
        ("<Blobs><Blob><Name>a</Name><Properties/></Blob></Blobs>", "content-length"),
    ],
)
def test_a_listing_without_names_is_an_error_of_ours(scripted: Scripted, page: str, message: str) -> None:
    """A15"""
    scripted.answer(200, {}, f"<EnumerationResults>{page}</EnumerationResults>".encode())
    with pytest.raises(BlobError, match=message):
        scripted.storage().listdir("")


def test_a_listing_whose_next_page_is_the_same_ends(scripted: Scripted) -> None:
    """A15"""
    page = b"<EnumerationResults><Blobs/><NextMarker>m</NextMarker></EnumerationResults>"
    for _ in range(2):
        scripted.answer(200, {}, page)
    with pytest.raises(BlobError, match="is the same page"):
        list(scripted.storage().walk())


@pytest.mark.slow
def test_answers_that_come_twice_give_no_other_files_content() -> None:
    """A15: a connection on which each answer is sent twice; the service echoes the request's id."""
    listener = socket.create_server(("127.0.0.1", 0))

    def handle(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            serve(connection)

    def serve(connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        while request := reader.readline():
            headers = {}
            while (line := reader.readline()).strip():
                key, _, value = line.decode().partition(":")
                headers[key.lower()] = value.strip()
            body = request.split()[1].rpartition(b"/")[2]
            answer = (
                f'HTTP/1.1 206 Partial Content\r\nContent-Length: {len(body)}\r\nETag: "0x1"\r\n'
                f"Content-Range: bytes 0-{len(body) - 1}/{len(body)}\r\nLast-Modified: {WRITTEN['Last-Modified']}\r\n"
                f"x-ms-client-request-id: {headers['x-ms-client-request-id']}\r\n\r\n"
            ).encode() + body
            connection.sendall(answer)
            connection.sendall(answer)

    def accept() -> None:
        with suppress(OSError):
            while True:
                Thread(target=handle, args=(listener.accept()[0],), daemon=True).start()

    Thread(target=accept, daemon=True).start()
    storage = AzureStorage(
        account_url=f"http://127.0.0.1:{listener.getsockname()[1]}/acmefiles",
        credential="anonymous",
        azure_container="media",
        client_options={"retry_total": 10},
    )
    names = [f"file-{number:03d}" for number in range(50)]
    try:
        assert [storage.open(name).read().decode() for name in names] == names
    finally:
        listener.close()
