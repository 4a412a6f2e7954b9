"""Where file names are hashed: a directory of this machine, in front of the sources and of what is already stored."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Protocol

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage

Sources = Mapping[str, tuple[Storage, str]]
"""Each static file's name, with the storage that a finder found it in and its name there."""


class Stored(Protocol):
    """What is asked of the real destination."""

    def exists(self, name: str) -> bool:
        """Return whether there is such a file."""

    def open(self, name: str, mode: str = "rb") -> File[Any]:
        """Open it."""


class Staging(FileSystemStorage):
    """What Django's hashing code takes for the destination.

    It writes into ``location`` only. It reads what was written there, else the sources, and asks ``stored`` (the real
    destination) only for what neither has: a stylesheet may refer to a file that an earlier ``collectstatic`` left
    behind.
    """

    def __init__(self, *, location: str, sources: Sources, stored: Stored) -> None:
        # Of an address Django's code uses the last segment only.
        super().__init__(location=location, base_url=settings.STATIC_URL)
        self._sources = {name.replace("\\", "/"): found for name, found in sources.items()}
        # A stylesheet may name a directory, which Django leaves as it is. "." is the root.
        self._directories = {str(parent) for name in self._sources for parent in PurePosixPath(name).parents}
        self._stored = stored
        self._deleted: set[str] = set()
        self.written: set[str] = set()
        """The names that are in ``location`` now."""

    def exists(self, name: str) -> bool:
        """Return whether the destination would have the file if everything had been copied."""
        if name in self.written or name in self._directories:
            return True
        return name not in self._deleted and (name in self._sources or self._stored.exists(name))

    def open(self, name: str, mode: str = "rb") -> File[Any]:
        """Open the file where it is first found."""
        if name in self.written:
            return super().open(name, mode)
        if name in self._sources:
            storage, path = self._sources[name]
            return storage.open(path, mode)
        if name in self._directories:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        return self._stored.open(name, mode)

    def delete(self, name: str) -> None:
        """Forget the file. What the destination has under the name stays, until something else is copied there."""
        self._deleted.add(name)
        if name in self.written:
            super().delete(name)
            self.written.discard(name)

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:  # noqa: ARG002 - Django's
        """Write the file under exactly this name."""
        assert name is not None
        return self._save(name, content)

    def _save(self, name: str, content: Any) -> str:
        saved: str = super()._save(name, content)  # type: ignore[misc]  # the stubs do without private methods
        self.written.add(name)
        return saved
