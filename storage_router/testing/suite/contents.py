"""What the suite saves, and how it looks at what became of it."""

from __future__ import annotations

import io
from typing import Any

from django.core.files.storage import Storage

NAMES = (
    "plain.txt",
    "no-extension",
    "deep/er/and/deeper.txt",
    "a name with spaces.txt",
    ".htaccess",
    ".well-known/security.txt",
    "100% #1?.txt",
    "grün/緑/зелёный.txt",
    "archive.tar.gz",
)
"""Names that every storage stores as they are."""

MIXED = bytes(range(256)) * 64
"""Every byte there is, 16 KiB of them."""


def content_of(storage: Storage, name: str) -> bytes:
    """Return what the file holds."""
    with storage.open(name) as file:
        return bytes(file.read())


def below(storage: Storage, path: str = "") -> set[str]:
    """Return the full names of all files at or below ``path``, by ``listdir`` alone."""
    directories, files = storage.listdir(path)
    prefix = f"{path}/" if path else ""
    found = {f"{prefix}{name}" for name in files}
    for directory in directories:
        found |= below(storage, f"{prefix}{directory}")
    return found


class Stream(io.RawIOBase):
    """A stream that cannot seek and gives little at a time, as sockets do."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        part = self._content.read(min(len(buffer), 1000))
        buffer[: len(part)] = part
        return len(part)
