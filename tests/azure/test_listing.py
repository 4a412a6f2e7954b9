"""A6: what a page of a listing says, whatever is in the names, and what is no page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from django.core.files.base import ContentFile

from storage_router.azure.storage import AzureStorage
from storage_router.exceptions import BlobConnectionError, BlobError, BlobPermissionError

from .conftest import Bench

NAMES = ["ä ö/a&b=c.txt", "ä ö/100%+#?.txt", "ä ö/<x> 'y' \"z\".txt", "日本/語.txt", "plain.txt"]

XML = """<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="media"><Blobs>
<Blob><Name Encoded="true">a%EF%BF%BEb.txt</Name>
<Properties><Last-Modified>Fri, 06 Feb 2026 03:04:05 GMT</Last-Modified>
<Etag>0x1</Etag><Content-Length>12</Content-Length><Content-Type/><AccessTier>Cool</AccessTier></Properties>
<Metadata><empty/></Metadata></Blob></Blobs><NextMarker/></EnumerationResults>"""


@pytest.fixture
def answering() -> Iterator[Any]:
    """A function that starts a server with one answer for all requests, and returns a storage on it."""
    servers: list[HTTPServer] = []

    def start(content_type: str, body: str) -> AzureStorage:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{servers[-1].server_port}/acmefiles"
        return AzureStorage(account_url=url, credential="anonymous", azure_container="media")

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_any_legal_name_is_listed_and_found_below_its_directory(bench: Bench) -> None:
    """A6, A8: nothing in a name or a directory confuses the question or the answer."""
    storage = bench.storage()
    for name in NAMES:
        storage.save(name, ContentFile(b"content"))
    assert sorted(entry.name for entry in storage.walk()) == sorted(NAMES)
    assert sorted(storage.listdir("ä ö")[1]) == sorted(name[4:] for name in NAMES[:3])
    assert sorted(storage.listdir("")[0]) == sorted(["ä ö", "日本"])
    assert all(storage.stat(entry.name) == entry for entry in storage.walk("ä ö"))


def test_a_page_may_encode_names_and_leave_out_what_is_not_known(answering: Any) -> None:
    """A6: characters that XML does not know come percent-encoded; a blob need not have what others have."""
    (found,) = answering("application/xml", XML).walk()
    assert found.name == "a\ufffeb.txt"
    assert found.modified == dt.datetime(2026, 2, 6, 3, 4, 5, tzinfo=dt.UTC)
    assert (found.size, found.etag, found.access_tier) == (12, '"0x1"', "Cool")
    assert (found.created, found.content_type, found.content_md5) == (None, None, None)
    assert found.metadata == {"empty": ""}


def test_a_page_without_blobs_is_empty(answering: Any) -> None:
    """A6: an answer that holds nothing lists nothing."""
    assert list(answering("application/xml", "<EnumerationResults/>").walk()) == []


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("text/html", "<html>Sign in</html>"), ("application/xml", "<html/>"), ("application/xml", "<half")],
    ids=["HTML", "other XML", "broken XML"],
)
def test_what_is_no_listing_is_an_error(answering: Any, content_type: str, body: str) -> None:
    """A10: a captive portal's page is no empty container."""
    with pytest.raises(BlobConnectionError, match="The connection to the service failed"):
        list(answering(content_type, body).walk())


def test_a_refused_listing_says_why(bench: Bench) -> None:
    """A10: what Azure refuses is Python's error, with the reason."""
    storage = AzureStorage(
        account_url=bench.azurite.account_url(),
        credential="anonymous",
        azure_container=bench.container,
        client_options={"connection_verify": str(bench.azurite.certificate)} if bench.azurite.https else {},
    )
    with pytest.raises((BlobPermissionError, FileNotFoundError)) as caught:
        storage.listdir("")
    assert bench.container in str(caught.value)


def test_an_entry_that_lacks_what_every_blob_has_is_an_error_that_says_so(answering: Any) -> None:
    """A10"""
    body = XML.replace("Last-Modified", "Later")
    with pytest.raises(BlobError, match=r"cannot be understood \(KeyError: 'last-modified'\)"):
        list(answering("application/xml", body).walk())
