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

from storage_router.files import FileSource, FileStat, FileStore

from .policies import Policy
from .tokens import Claims

_PIECE = 4 * 2**20


class UploadedBlob(File):  # type: ignore[type-arg]
    """An upload that was checked. It reads that version from the quarantine, in pieces, and no other.

    ``save()`` of a storage copies it, on the server where that is possible; the upload is deleted when the transaction
    is committed. Once it is saved, the file that was saved is read.
    """

    file_source: FileSource | None

    def __init__(self, policy: Policy, claims: Claims, found: FileStat) -> None:
        store, waiting = policy.waiting(claims.name)
        self.place: tuple[FileStore, str, str | None] = (store, waiting, found.etag)
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
        return io.BufferedReader(_Ranges(self), _PIECE)

    def _saved(self, store: FileStore, name: str) -> None:
        waiting: Any = self.file_source

        def discard() -> None:
            # Saved again it is read from where it is now.
            self.file_source = None
            waiting.store.discard(waiting.name)

        # What reads it after the save, such as a parser, finds it there also when the upload is gone.
        self.place = store, name, None
        # After a rollback the upload can be saved again.
        transaction.on_commit(discard, robust=True)


class _Ranges(io.RawIOBase):
    """An upload, read by ranges from where it is."""

    def __init__(self, blob: UploadedBlob) -> None:
        self._blob = blob
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._blob.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        (store, name, etag), start, read = self._blob.place, self._position, 0
        if start >= self._blob.size:
            return 0
        with store.read(name, start, len(buffer), if_match=etag) as reading:
            for chunk in reading.chunks:
                buffer[read : read + len(chunk)] = chunk
                read += len(chunk)
        self._position += read
        return read
