"""Reading a file that is to be copied, and noticing when it changes meanwhile."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.files.base import File
from django.core.files.storage import Storage

from storage_router.exceptions import SourceChangedError

_PIECE = 2**20


def size_of(storage: Storage, name: str) -> int | None:
    """Return the file's size in bytes, or None if the storage cannot tell."""
    try:
        return storage.size(name)
    except NotImplementedError:
        return None


@contextmanager
def opened(storage: Storage, name: str) -> Iterator[SteadyFile]:
    """Open the file for one reading from beginning to end."""
    with storage.open(name, "rb") as file:
        yield SteadyFile(file, name)


class SteadyFile(File):  # type: ignore[type-arg]  # a generic in the stubs only
    """A file that raises ``SourceChangedError`` at the first ``read`` after it changed.

    What is uploaded from it is therefore never stored half old and half new, and a file that grows all the time has an
    end. Only files of this machine can be watched.
    """

    def __init__(self, file: Any, name: str) -> None:
        super().__init__(file, name)
        self._source, self._source_name = file, name
        self._fingerprint = _fingerprint(file)

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, which belong to those before."""
        piece: bytes = self._source.read(size)
        self.check()
        return piece

    def check(self) -> None:
        """Raise ``SourceChangedError`` if the file is not what it was when it was opened."""
        if _fingerprint(self._source) != self._fingerprint:
            name = self._source_name
            raise SourceChangedError(f"The file changed while it was being read: {name}", filename=name)

    def digest(self) -> bytes:
        """Read to the end and return the content's MD5, 16 bytes."""
        hasher = hashlib.md5(usedforsecurity=False)
        while piece := self.read(_PIECE):
            hasher.update(piece)
        return hasher.digest()


def _fingerprint(file: Any) -> tuple[int, int] | None:
    try:
        status = os.fstat(file.fileno())
    except (AttributeError, OSError):
        # Not a file of this machine: its storage has to notice.
        return None
    return status.st_size, status.st_mtime_ns
