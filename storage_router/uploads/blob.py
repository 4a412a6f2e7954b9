"""``UploadedBlob``: an upload that waits in the quarantine, as a file for forms, validators and storages."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import IO, Any

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from storage_router.files import FileSource, FileStat

from .policies import Policy
from .tokens import Claims

_PIECE = 4 * 2**20


class UploadedBlob(File):  # type: ignore[type-arg]
    """An upload that was checked. It reads that version from the quarantine, in pieces, and no other.

    ``save()`` of a storage copies it, on the server where that is possible; the upload is deleted when the transaction
    is committed.
    """

    def __init__(self, policy: Policy, claims: Claims, found: FileStat) -> None:
        store, waiting = policy.waiting(claims.name)
        self.file_source = FileSource(store=store, name=waiting, size=found.size, etag=found.etag, saved=self._saved)
        self.size = found.size
        self.content_type = claims.file.content_type
        self.token = replace(claims, etag=found.etag).token("complete")
        self._largest_read = policy.options.max_image_size
        super().__init__(self._opened(), claims.file_name)

    def open(self, mode: str | None = None, *_: Any, **__: Any) -> UploadedBlob:
        """Go to the beginning of the file."""
        if mode not in (None, "rb"):
            raise ValueError(f"An upload can only be read, not opened with mode {mode!r}.")
        if self.closed:
            self.file = self._opened()
        self.seek(0)
        return self

    def read(self, size: int | None = -1) -> bytes:
        """Read ``size`` bytes; all at once only up to ``max_image_size`` of the policy."""
        if (size is None or size < 0) and self.size > self._largest_read:
            message = _("The file is too large to be read at once: at most %(largest)s.")
            raise ValidationError(message, code="size", params={"largest": filesizeformat(self._largest_read)})
        return bytes(self._bytes.read(-1 if size is None else size))

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Yield the content in pieces."""
        self.open()
        while piece := self._bytes.read(chunk_size or _PIECE):
            yield piece

    def multiple_chunks(self, chunk_size: int | None = None) -> bool:
        """Return whether there is more than one piece."""
        return self.size > (chunk_size or _PIECE)

    @property
    def _bytes(self) -> IO[bytes]:
        assert self.file is not None
        return self.file

    def _opened(self) -> IO[bytes]:
        return io.BufferedReader(_Ranges(self.file_source), _PIECE)

    def _saved(self) -> None:
        source = self.file_source
        # After a rollback the upload can be saved again.
        transaction.on_commit(lambda: source.store.discard(source.name), robust=True)  # type: ignore[attr-defined]


class _Ranges(io.RawIOBase):
    """One version of a file, read by ranges."""

    def __init__(self, source: FileSource) -> None:
        self._source = source
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._source.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        source, start, read = self._source, self._position, 0
        if start >= source.size:
            return 0
        with source.store.read(source.name, start, len(buffer), if_match=source.etag) as reading:
            for chunk in reading.chunks:
                buffer[read : read + len(chunk)] = chunk
                read += len(chunk)
        self._position += read
        return read
