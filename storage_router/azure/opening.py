"""Opening a blob in each of the modes, and storing what was written to it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.core.files.base import File

from storage_router.exceptions import BlobChangedError, BlobError, BlobExistsError, BlobNotFoundError

from .container import Blobs, FileSettings, FileStat
from .files import Opened
from .modes import Mode
from .object_settings import settings_of
from .reading import BlobReader
from .saving import Upload
from .writing import Draft


@contextlib.contextmanager
def named(name: str, *, of: str | None = None) -> Iterator[None]:
    """Give errors the name that the caller knows the file by, as ``filename``; ``blob`` stays Azure's.

    Where there are several blobs, ``of`` says which one is meant.
    """
    try:
        yield
    except BlobError as error:
        if error.blob is not None and of in (None, error.blob):
            error.filename = name
        raise


@dataclass(frozen=True, kw_only=True)
class Opener:
    """Opens one blob. ``name`` is what the caller calls it, ``settings`` computes what a new blob is stored with."""

    blobs: Blobs
    blob: str
    name: str
    settings: Callable[[], FileSettings]
    connections: int
    max_memory_size: int
    folder: str | None

    def __call__(self, mode: Mode) -> Opened:
        """Open the blob: one request, none of them for the content where it is not wanted."""
        if not mode.writable:
            return Opened(raw=self._reader())
        draft = Draft(mode, max_memory_size=self.max_memory_size, folder=self.folder)
        original = self._original(mode, draft)
        # A file that is new, or opened to be replaced, is stored even if nothing is written to it.
        draft.changed = original is None or mode.verb == "w"
        return Opened(raw=draft, store=partial(self._store, mode, original))

    def _reader(self) -> BlobReader:
        return BlobReader(self._fetch, max_memory_size=self.max_memory_size, folder=self.folder)

    def _fetch(self, offset: int, length: int, *, if_match: str | None = None) -> tuple[bytes, FileStat | None]:
        with named(self.name):
            return self.blobs.read(self.blob, offset, length, if_match=if_match)

    def _original(self, mode: Mode, draft: Draft) -> FileStat | None:
        """Return what is known of the blob that is there, if any, having copied it to ``draft`` where the mode
        keeps it.
        """
        try:
            found = None
            if mode.verb in "ra":
                with self._reader() as reader:
                    shutil.copyfileobj(reader, draft.spool, 2**20)
                    found = reader.stat
            if found is None:
                with named(self.name):
                    found = self.blobs.head(self.blob)
                if mode.verb in "ra" and found.size:
                    # It was empty, and has been filled since.
                    return self._original(mode, draft)
        except BlobNotFoundError:
            if mode.verb == "r":
                raise
            return None
        if mode.verb == "x":
            raise self._error(BlobExistsError, "There is a blob of this name already.")
        if mode.verb == "r":
            draft.seek(0)
        return found

    def _store(self, mode: Mode, original: FileStat | None, draft: Draft) -> None:
        keeps = original is not None and mode.verb in "ra"
        settings = self.settings()
        if original is not None and keeps:
            # What was read tells neither tags nor tier.
            settings = replace(settings_of(original), tags=settings.tags, access_tier=settings.access_tier)
        if_match = original.etag if original is not None else None
        content: Any = File(draft.spool, self.name)
        with named(self.name), Upload(self.blobs, content, connections=self.connections, folder=self.folder) as upload:
            try:
                upload.put(self.blob, settings, if_match=if_match)
            except BlobExistsError as error:
                if mode.verb == "x":
                    raise
                raise self._error(BlobChangedError, "Somebody else created the blob in between.") from error

    def _error(self, kind: type[BlobError], message: str) -> BlobError:
        error = kind(message, alias=self.blobs.alias, container=self.blobs.container, blob=self.blob)
        error.filename = self.name
        return error


def temporary_folder() -> str | None:
    """Return where temporary files go: Django's ``FILE_UPLOAD_TEMP_DIR``, else the system's."""
    from django.conf import settings

    folder = settings.FILE_UPLOAD_TEMP_DIR
    return None if folder is None else os.fspath(folder)
