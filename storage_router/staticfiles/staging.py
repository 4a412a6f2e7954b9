"""Where static files are post-processed: a directory of this machine, in front of the sources and of what is stored."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from operator import attrgetter
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage

from storage_router.files import home_of
from storage_router.transfer import Destination

Sources = Mapping[str, tuple[Storage, str]]
"""Each static file's name, with the storage that a finder found it in and its name there."""


class Staging(FileSystemStorage):
    """What post-processing takes for the destination: it writes into ``location`` only.

    It reads what was written there, else the sources, and asks ``stored`` (the real destination) only for what neither
    has: a stylesheet may refer to a file that an earlier ``collectstatic`` left behind.
    """

    def __init__(self, *, location: str, sources: Sources, stored: Destination) -> None:
        # Django's code uses the last segment of a URL only.
        super().__init__(location=location, base_url=settings.STATIC_URL)
        self.sources = {name.replace("\\", "/"): found for name, found in sources.items()}
        # A stylesheet may name a directory, which Django leaves as it is. "." is the root.
        self._directories = {str(parent) for name in self.sources for parent in PurePosixPath(name).parents}
        self._stored = stored
        self.deleted: set[str] = set()
        """Names that post-processing has deleted and not saved again."""
        self.written: set[str] = set()
        """Names that are in ``location`` now."""
        self.saved: set[str] = set()
        """Those of them that were saved by ``save()``, as mixins do it. Django's own hashing uses ``_save()``."""

    def exists(self, name: str) -> bool:
        """Return whether the destination would have the file if everything had been copied."""
        if name in self.written or name in self._directories:
            return True
        return name not in self.deleted and (name in self.sources or self._stored.exists(name))

    def open(self, name: str, mode: str = "rb") -> File[Any]:
        """Open the file where it is first found."""
        if name in self.written:
            return super().open(name, mode)
        if name in self.sources:
            storage, path = self.sources[name]
            return storage.open(path, mode)
        if name in self._directories:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        return self._stored.storage.open(name, mode)

    def delete(self, name: str) -> None:
        """Forget the file. The destination keeps what it has under the name."""
        self.deleted.add(name)
        if name in self.written:
            super().delete(name)
            self.written.discard(name)

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:  # noqa: ARG002 - Django's
        """Write the file under exactly this name."""
        name = self._save(str(content.name if name is None else name), content)
        self.saved.add(name)
        return name

    def _save(self, name: str, content: Any) -> str:
        name = name.replace("\\", "/")
        if name in self.written:
            super().delete(name)
        saved: str = super()._save(name, content)  # type: ignore[misc]  # the stubs do without private methods
        self.written.add(saved)
        self.deleted.discard(saved)
        return saved


def _of_staging(name: str) -> Any:
    return property(attrgetter(f"staging.{name}"))


class StagedFiles:
    """The part of a twin that answers for the files: everything is done in ``staging``."""

    staging: Staging

    open = _of_staging("open")
    save = _of_staging("save")
    _save = _of_staging("_save")
    delete = _of_staging("delete")
    exists = _of_staging("exists")
    listdir = _of_staging("listdir")
    size = _of_staging("size")
    url = _of_staging("url")
    path = _of_staging("path")
    get_accessed_time = _of_staging("get_accessed_time")
    get_created_time = _of_staging("get_created_time")
    get_modified_time = _of_staging("get_modified_time")


def staged(storage: Storage, staging: Staging) -> Any:
    """Return a twin of the storage, with its class, mixins and attributes, whose files are those of ``staging``."""
    kind, home = type(storage), home_of(storage)
    assert home is not None
    # Python puts a base before the bases that it derives from: behind the mixins of ``kind``, before ``home``.
    files = type("Staged", (StagedFiles, home), {})
    twin: Any = object.__new__(type(kind.__name__, (kind, files), {}))
    vars(twin).update(vars(storage), staging=staging)
    if hasattr(twin, "manifest_storage"):
        twin.manifest_storage = staging
    return twin
