"""Answers as proxies, other transports and other versions of the service give them. A10, A11, F3."""

from __future__ import annotations

from collections.abc import Iterator
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
