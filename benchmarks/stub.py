"""A server on the loopback interface that answers as Azure does and does nothing else: a client's own cost shows.

Azurite manages a few hundred requests a second; this one thousands. It keeps nothing: what is put is counted and
dropped. ``big`` is 1 GiB, there is nothing in ``new/``, every other blob is 10 kB, and a listing shows as many blobs
as its prefix says (``list-1000/``).

    with stub() as port:
        …
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from contextlib import AbstractContextManager
from urllib.parse import parse_qs, urlsplit

from listening import listening

SMALL = 10_000
BIG = 2**30
PAGE = 5_000
NEW = "/devstoreaccount1/bench/new/"

_DATE = "Fri, 20 Nov 2026 12:00:00 GMT"
_LINES = (bytes(1023) + b"\n") * 4096
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_COMMON = f"Date: {_DATE}\r\nx-ms-request-id: 1\r\nx-ms-version: 2025-07-05\r\n"
_BLOB = (
    f'Last-Modified: {_DATE}\r\nx-ms-creation-time: {_DATE}\r\nETag: "0x1"\r\nx-ms-blob-type: BlockBlob\r\n'
    "Content-Type: application/octet-stream\r\nAccept-Ranges: bytes\r\n"
)


def stub() -> AbstractContextManager[int]:
    """Run the server as a process; ``with`` gives the port where it listens."""
    return listening(__file__)


class Connection(asyncio.Protocol):
    """One connection: the head of a request is parsed, its body counted, the answer written."""

    def __init__(self) -> None:
        self._head = b""
        self._left = 0
        self._request = ("", "", "")
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        while data:
            if self._left:
                taken = min(self._left, len(data))
                self._left -= taken
                data = data[taken:]
                if not self._left:
                    self._answer()
                continue
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._head = b""
            lines = head.decode("latin-1").split("\r\n")
            headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines[1:])}
            method, target, _ = lines[0].split(" ")
            self._request = (method, target, headers.get("x-ms-range") or headers.get("range", ""))
            self._left = int(headers.get("content-length", 0))
            if headers.get("expect") == "100-continue":
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if not self._left:
                self._answer()

    def _answer(self) -> None:
        method, target, wanted = self._request
        url = urlsplit(target)
        if method == "PUT":
            self._write("201 Created", f'Last-Modified: {_DATE}\r\nETag: "0x1"\r\nContent-Length: 0\r\n')
        elif method == "DELETE":
            self._write("202 Accepted", "Content-Length: 0\r\n")
        elif "comp=list" in url.query:
            body = listing({key: values[0] for key, values in parse_qs(url.query).items()})
            self._write("200 OK", f"Content-Type: application/xml\r\nContent-Length: {len(body)}\r\n", body)
        elif url.path.startswith(NEW):
            self._write("404 Not Found", "x-ms-error-code: BlobNotFound\r\nContent-Length: 0\r\n")
        else:
            self._blob(method, BIG if url.path.endswith("/big") else SMALL, wanted)

    def _blob(self, method: str, size: int, wanted: str) -> None:
        start, end, status = 0, size - 1, "200 OK"
        if found := _RANGE.match(wanted):
            start, end, status = int(found[1]), min(int(found[2] or size), size - 1), "206 Partial Content"
        length = end - start + 1
        headers = f"{_BLOB}Content-Length: {length}\r\n"
        if status.startswith("206"):
            headers += f"Content-Range: bytes {start}-{end}/{size}\r\n"
        self._write(status, headers)
        if method == "GET":
            task = asyncio.get_running_loop().create_task(self._content(length))
            _running.add(task)
            task.add_done_callback(_running.discard)

    async def _content(self, length: int) -> None:
        while length and not self._transport.is_closing():
            piece = _LINES if length >= len(_LINES) else _LINES[:length]
            self._transport.write(piece)
            length -= len(piece)
            await self._writable.wait()

    def _write(self, status: str, headers: str, body: bytes = b"") -> None:
        self._transport.write(f"HTTP/1.1 {status}\r\n{_COMMON}{headers}\r\n".encode("latin-1") + body)


_running: set[asyncio.Task[None]] = set()


def listing(query: dict[str, str]) -> bytes:
    """Return one page of a listing, as Azure writes it."""
    prefix = query.get("prefix", "")
    count = int(prefix.removeprefix("list-").split("/")[0])
    start = int(query.get("marker", 0))
    end = min(start + PAGE, count)
    blobs = "".join(
        f"<Blob><Name>{prefix}file-{index:08d}.txt</Name><Properties><Creation-Time>{(date := _date(index))}"
        f"</Creation-Time><Last-Modified>{date}</Last-Modified><Etag>0x1</Etag><Content-Length>{SMALL}</Content-Length>"
        "<Content-Type>text/plain</Content-Type><Content-MD5>CY9rzUYh03PK3k6DJie09g==</Content-MD5>"
        "<BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier></Properties></Blob>"
        for index in range(start, end)
    )
    marker = str(end) if end < count else ""
    return (
        '<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="http://127.0.0.1/" '
        # The SDK asks for the next page with the prefix that it finds here.
        f'ContainerName="bench"><Prefix>{prefix}</Prefix><Blobs>{blobs}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>'
    ).encode()


def _date(index: int) -> str:
    """Return a time for the blob: each has one of its own, as a cache of times would flatter."""
    return f"Fri, 20 Nov 2026 {index // 3600 % 24:02}:{index // 60 % 60:02}:{index % 60:02} GMT"


async def serve() -> None:
    """Listen on a free port, print it, and answer for ever."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
