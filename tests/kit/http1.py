"""HTTP/1.1 messages as the fault proxy needs them: a head to look at, and a body to pass on byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

_PIECE = 65536


@dataclass(frozen=True, kw_only=True)
class Head:
    """The first line of a request or an answer, and its headers in their order."""

    start: str
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """Return the value of a header, whatever its case, or None."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def replacing(self, **headers: str) -> Head:
        """Return a copy with these headers (``_`` stands for ``-``) in place of any of the same name."""
        new = {name.replace("_", "-"): value for name, value in headers.items()}
        kept = (pair for pair in self.headers if pair[0].lower() not in new)
        return replace(self, headers=(*kept, *new.items()))

    def without(self, *names: str) -> Head:
        """Return a copy that lacks these headers (lower case)."""
        return replace(self, headers=tuple(pair for pair in self.headers if pair[0].lower() not in names))

    def encoded(self) -> bytes:
        """Return the head as it travels, with the blank line that ends it."""
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers), "", ""]
        return "\r\n".join(lines).encode("latin-1")

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks instead of with a length."""
        return "chunked" in (self.get("transfer-encoding") or "").lower()

    @property
    def length(self) -> int | None:
        """The body's length in bytes; None where the head doesn't tell."""
        return int(text) if (text := self.get("content-length")) is not None else None

    @property
    def closes(self) -> bool:
        """Whether the connection ends after this message."""
        return (self.get("connection") or "").lower() == "close"


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Return the next head, or None where the connection ended instead."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    start, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return Head(start=start, headers=tuple((name, value.strip()) for name, _, value in pairs))


async def wire_body(reader: asyncio.StreamReader, head: Head) -> AsyncIterator[bytes]:
    """Yield the body that follows ``head`` as it travels, the frames of chunks included.

    A head without a length has no body here: Azure and Azurite always name one or send chunks.
    """
    if head.chunked:
        size = -1
        while size:
            line = await reader.readuntil(b"\r\n")
            size = int(line.partition(b";")[0], 16)
            yield line + await reader.readexactly(size + 2)
        return
    left = head.length or 0
    while left:
        piece = await reader.read(min(left, _PIECE))
        if not piece:
            raise ConnectionError("The body ended before its length was reached.")
        left -= len(piece)
        yield piece


def unframed(wire: bytes, head: Head) -> bytes:
    """Return the content of a body that was read whole: without the frames, if it came in chunks."""
    if not head.chunked:
        return wire
    content = []
    while wire:
        line, _, rest = wire.partition(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        content.append(rest[:size])
        wire = rest[size + 2 :]
    return b"".join(content)
