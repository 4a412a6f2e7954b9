"""Copying to a container: compared with the listing, one request for a small file, blocks for a large one."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from functools import partial

from storage_router.azure.saving import SINGLE_PUT
from storage_router.azure.storage import AzureStorage
from storage_router.files import FileSettings, FileStat

from .copying import Budget, FileCopy, Outcome
from .direct import DirectWriter, direct_writer
from .overwriting import overwriting
from .sources import SteadyFile, opened, size_of
from .ways import Saver

LARGE = 48 * 2**20
"""Bytes that the upload of a large file holds in memory."""

IMMUTABLE = "public,max-age=31536000,immutable"
"""A year is what caches take for ever; ``immutable`` saves even the question: RFC 8246."""

_HEADERS = ("content_type", "content_encoding", "content_language", "content_disposition", "cache_control")


class AzureWriter:
    """Copies files to one ``AzureStorage``. ``close()`` it."""

    def __init__(self, storage: AzureStorage, *, direct: bool = True) -> None:
        self._storage = storage
        self._direct: DirectWriter | None = direct_writer(storage.options) if direct else None

    def close(self) -> None:
        """Close the connections that are this object's own."""
        if self._direct is not None:
            self._direct.close()

    def copy(
        self,
        copy: FileCopy,
        name: str,
        known: FileStat | None,
        *,
        saver: Saver | None = None,
        budget: Budget,
        dry_run: bool,
    ) -> Outcome:
        """Copy the file to ``name`` of the storage, unless the blob that the listing shows is the same.

        The same is: content and every header. ``known`` is None where the listing shows none. What has a ``saver`` is
        left to it.
        """
        settings = self._adjusted(copy, self._storage.blob_settings(name))
        size = size_of(copy.source, copy.source_name)
        small = size is not None and size <= SINGLE_PUT
        with budget.of(LARGE if size is None else min(size, LARGE)), opened(copy.source, copy.source_name) as file:
            data = file.read() if small else None
            length = size if data is None else len(data)
            if known is not None and length in (None, known.size) and _fits(known, settings):
                digest = file.digest() if data is None else hashlib.md5(data, usedforsecurity=False).digest()
                if digest == known.content_md5:
                    return Outcome(copy=copy, action="unmodified", size=known.size)
                file.seek(0)
            if dry_run:
                pass
            elif saver is not None:
                storage, own_name = saver
                file.seek(0)
                overwriting(storage, partial(self._adjusted, copy)).save(own_name, file)
            else:
                self._put(name, file, data, settings)
        return Outcome(copy=copy, action="replaced" if known else "created", size=size or 0)

    def _adjusted(self, copy: FileCopy, settings: FileSettings) -> FileSettings:
        default = IMMUTABLE if copy.immutable else None
        return replace(settings, cache_control=copy.cache_control or settings.cache_control or default)

    def _put(self, name: str, file: SteadyFile, data: bytes | None, settings: FileSettings) -> None:
        storage = self._storage
        if data is None or self._direct is None or not self._direct.put(storage.blob_name(name), data, settings):
            file.seek(0)
            # With the MD5 of every file: the next run compares by it.
            storage.replace(name, file, settings=settings, digested=math.inf)


def _fits(known: FileStat, settings: FileSettings) -> bool:
    """Whether a blob has the headers that it would get now; "" and None are the same to Azure."""
    return all((getattr(known, name) or "") == (getattr(settings, name) or "") for name in _HEADERS)
