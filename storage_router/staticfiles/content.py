"""The content of files that are copied: watched for changes, and compressed where that makes it smaller."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import Any

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage

from storage_router.exceptions import SourceChangedError
from storage_router.files import FileSettings, FileStat

_PIECE = 2**20

_SPOOLED = 4 * 2**20
"""Bytes of compressed content that are held in memory."""

_ENCODING, _SIZE, _MD5 = "static_encoding", "static_size", "static_md5"
"""Metadata of a compressed file: they tell it from a file that somebody stored with a Content-Encoding, and what it
was before."""

_TEXT = ("application/javascript", "application/json", "application/xml")


def size_of(storage: Storage, name: str) -> int | None:
    """Return the file's size in bytes, or None if the storage cannot tell."""
    try:
        return storage.size(name)
    except NotImplementedError:
        return None


@contextmanager
def opened(storage: Storage, name: str) -> Iterator[SteadyFile]:
    """Open the file for reading."""
    with storage.open(name, "rb") as file:
        yield SteadyFile(file, name)


class SteadyFile(File):  # type: ignore[type-arg]  # a generic in the stubs only
    """A file that raises ``SourceChangedError`` at the first ``read`` after it changed.

    So a file is never stored half old and half new, and one that grows all the time has an end. Only files of this
    machine can be watched.
    """

    def __init__(self, file: Any, name: str) -> None:
        super().__init__(file, name)
        self._source, self._source_name = file, name
        self._fingerprint = _fingerprint(file)

    def announced_size(self, storage: Storage) -> int | None:
        """Return the size in bytes as the system or ``storage`` tells it; None if neither can."""
        return self._fingerprint[0] if self._fingerprint else size_of(storage, self._source_name)

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, which belong to those before."""
        piece: bytes = self._source.read(size)
        if _fingerprint(self._source) != self._fingerprint:
            name = self._source_name
            raise SourceChangedError(errno.ESTALE, f"The file changed while it was being read: {name}", name)
        return piece


def digest(file: Any) -> tuple[int, bytes]:
    """Read the file from its beginning to its end and return the size and the MD5, 16 bytes; then go back there."""
    hasher, size = hashlib.md5(usedforsecurity=False), 0
    file.seek(0)
    while piece := file.read(_PIECE):
        hasher.update(piece)
        size += len(piece)
    file.seek(0)
    return size, hasher.digest()


def _fingerprint(file: Any) -> tuple[int, int] | None:
    try:
        status = os.fstat(file.fileno())
    except (AttributeError, OSError):
        # Not a file of this machine: its storage has to notice.
        return None
    return status.st_size, status.st_mtime_ns


def is_text(settings: FileSettings) -> bool:
    """Return whether the file is text that has no encoding of its own yet."""
    kind = (settings.content_type or "").partition(";")[0].strip().lower()
    return not settings.content_encoding and (
        kind.startswith("text/") or kind in _TEXT or kind.endswith(("+json", "+xml"))
    )


def compressed_settings(settings: FileSettings, size: int, md5: bytes) -> FileSettings:
    """Return what a compressed file is stored with; ``size`` and ``md5`` are those of the original."""
    original = {_ENCODING: "gzip", _SIZE: str(size), _MD5: md5.hex()}
    return settings._replace(content_encoding="gzip", metadata={**settings.metadata, **original})


def compressed(file: Any, size: int) -> File[Any] | None:
    """Return the content gzip-encoded, or None where that is not smaller. The same content gives the same bytes."""
    packed = SpooledTemporaryFile(max_size=_SPOOLED)  # noqa: SIM115 - the caller's
    with gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as target:
        shutil.copyfileobj(file, target, _PIECE)
    file.seek(0)
    if packed.tell() >= size:
        packed.close()
        return None
    packed.seek(0)
    return File(packed, getattr(file, "name", None))


def decompressed(file: Any) -> ContentFile[bytes]:
    """Return the original of a compressed file, and close that."""
    with file:
        return ContentFile(gzip.decompress(file.read()), file.name)


def is_compressed(stored: FileStat | FileSettings) -> bool:
    """Return whether the file was compressed here."""
    return stored.content_encoding == "gzip" == stored.metadata.get(_ENCODING)


def original(stat: FileStat) -> tuple[int, bytes | None]:
    """Return size and MD5 of what was to be stored: before compression, where the file was compressed here."""
    if not is_compressed(stat):
        return stat.size, stat.content_md5
    try:
        return int(stat.metadata[_SIZE]), bytes.fromhex(stat.metadata[_MD5])
    except (KeyError, ValueError):
        return stat.size, None
