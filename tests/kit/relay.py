"""One connection through the fault proxy: requests pass to Azurite and answers back, unless a fault says otherwise."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Callable

from .faults import Answer, Cut, Delay, Duplicate, Fault, RejectToken, Request, Reset, Stall
from .http1 import Head, read_head, unframed, wire_body

# Azurite closes a connection that was idle for 5 s; a request must not meet that by accident.
_IDLE_SECS = 2.0

# SO_LINGER with no time to linger: closing sends RST instead of FIN.
_NO_LINGER = struct.pack("ii", 1, 0)

_REASONS = {401: "Unauthorized", 429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}

# What Azure sends with a 401; the SDK asks for a new token only where it finds both parts.
# https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory#bearer-challenge
_CHALLENGE = (
    "Bearer authorization_uri=https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/oauth2/authorize "
    "resource_id=https://storage.azure.com"
)


class Hangup(Exception):
    """The client's connection is to be reset now."""


def reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with RST."""
    connection = writer.get_extra_info("socket")
    if connection.fileno() >= 0:  # pragma: no branch - it is closed already where the client was quicker
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()


class Upstream:
    """A connection to Azurite, kept while it is surely open, made anew otherwise."""

    def __init__(self, port: int, tls: ssl.SSLContext | None) -> None:
        self._port = port
        self._tls = tls
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._used = 0.0

    async def send(self, head: Head, body: AsyncIterator[bytes]) -> None:
        """Pass on a request."""
        if self._writer is None or time.monotonic() - self._used > _IDLE_SECS:
            self.close()
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=self._tls)
        writer = self._writer
        writer.write(head.encoded())
        async for piece in body:
            writer.write(piece)
            await writer.drain()

    async def answer(self, method: str) -> tuple[Head, AsyncIterator[bytes]]:
        """Return the answer's head and its body, which is to be read before the next request."""
        assert self._reader is not None
        head = await read_head(self._reader)
        if head is None:
            raise ConnectionError("Azurite closed the connection instead of answering.")
        self._used = -_IDLE_SECS if head.closes else time.monotonic()
        bodiless = method == "HEAD" or head.start.split(" ", 2)[1] in {"204", "304"}
        return head, _pieces() if bodiless else wire_body(self._reader, head)

    def close(self) -> None:
        """Let go of the connection, whatever state it is in."""
        if self._writer is not None:
            reset(self._writer)
            self._writer = None


class Connection:
    """A client's connection; ``decide`` is told of each request and says what goes wrong with it."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        upstream: Upstream,
        decide: Callable[[Request], Fault | None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._upstream = upstream
        self._decide = decide

    async def serve(self) -> None:
        """Pass requests on until one side closes. Raises ``Hangup`` where a fault resets the connection."""
        while (head := await read_head(self._reader)) is not None:
            request = Request.of(head)
            fault = self._decide(request)
            await self._exchange(request, fault)
            if head.closes:
                return

    async def _exchange(self, request: Request, fault: Fault | None) -> None:
        match fault:
            case Delay(seconds):
                await asyncio.sleep(seconds)
            case Reset(point="request"):
                raise Hangup
            case Stall(point="request"):
                await self._stall()
            case Answer(done=False) | RejectToken():
                await _read(wire_body(self._reader, request.head))
                await self._answer(request, fault)
                return
            case Reset(point="request body", after=after) | Stall(point="request body", after=after):
                await self._part_of_request(request, after)
                await self._stall() if isinstance(fault, Stall) else None
                raise Hangup
        body = wire_body(self._reader, request.head)
        if isinstance(fault, Duplicate):
            whole = await _read(body)
            await self._upstream.send(request.head, _pieces(whole))
            await _read((await self._upstream.answer(request.method))[1])
            body = _pieces(whole)
        await self._upstream.send(request.head, body)
        await self._pass_answer(request, fault)

    async def _pass_answer(self, request: Request, fault: Fault | None) -> None:
        head, body = await self._upstream.answer(request.method)
        match fault:
            case Reset(point="answer"):
                await _read(body)
                raise Hangup
            case Stall(point="answer"):
                await self._stall()
            case Answer():
                await _read(body)
                await self._answer(request, fault)
            case Reset() | Stall() | Cut():
                await self._part_of_answer(request, head, await _read(body), fault)
            case _:
                await self._send(request, head, body)

    async def _part_of_request(self, request: Request, after: int | None) -> None:
        # Without a body the head would be a whole request: it is not passed on at all.
        wanted = (request.head.length or 0) // 2 if after is None else after
        if not request.head.length or wanted >= request.head.length:
            return

        async def beginning() -> AsyncIterator[bytes]:
            left = wanted
            async for piece in wire_body(self._reader, request.head):  # pragma: no branch - it is left in its middle
                yield piece[:left]
                left -= len(piece)
                if left <= 0:
                    return

        await self._upstream.send(request.head, beginning())

    async def _part_of_answer(self, request: Request, head: Head, wire: bytes, fault: Reset | Stall | Cut) -> None:
        if isinstance(fault, Cut) and fault.sealed and wire:
            content = unframed(wire, head)
            content = content[: len(content) // 2 if fault.after is None else fault.after]
            sealed = head.without("transfer-encoding").replacing(content_length=str(len(content)))
            await self._send(request, sealed, _pieces(content))
            return
        await self._send(request, head, _pieces(wire[: len(wire) // 2 if fault.after is None else fault.after]))
        if isinstance(fault, Stall):
            await self._stall()
        if isinstance(fault, Reset):
            raise Hangup
        self._writer.write_eof() if self._writer.can_write_eof() else None
        await self._stall()

    async def _send(self, request: Request, head: Head, body: AsyncIterator[bytes]) -> None:
        request.status = int(head.start.split(" ", 2)[1])
        self._writer.write(head.encoded())
        async for piece in body:
            self._writer.write(piece)
            await self._writer.drain()
        await self._writer.drain()

    async def _answer(self, request: Request, fault: Answer | RejectToken) -> None:
        status, code = (
            (401, "InvalidAuthenticationInfo") if isinstance(fault, RejectToken) else (fault.status, fault.error_code)
        )
        text = f"<Error><Code>{code}</Code><Message>By the fault proxy.</Message></Error>"
        content = b"" if request.method == "HEAD" else f'<?xml version="1.0" encoding="utf-8"?>{text}'.encode()
        headers = [("content-type", "application/xml"), ("x-ms-error-code", code), ("x-ms-request-id", "fault-proxy")]
        headers.append(("content-length", str(len(content))))
        if isinstance(fault, RejectToken):
            headers.append(("www-authenticate", _CHALLENGE))
        elif fault.retry_after is not None:
            headers.append(("retry-after", str(fault.retry_after)))
        start = f"HTTP/1.1 {status} {_REASONS.get(status, 'Fault')}"
        await self._send(request, Head(start=start, headers=tuple(headers)), _pieces(content))

    async def _stall(self) -> None:
        """Do nothing until the client gives up."""
        while await self._reader.read(65536):
            pass
        raise Hangup


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _read(body: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in body])
