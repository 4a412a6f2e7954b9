"""The upload of one content, whole or not at all: one request where it is small, else blocks in parallel.

Content comes as Django's storages get it: files, uploads, text, streams that cannot seek, and anything with
``chunks()``.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import os
import tempfile
import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any, Self

from django.core.files.base import File
from django.core.files.uploadedfile import InMemoryUploadedFile
from pydantic import SecretStr

from storage_router.exceptions import BlobError, BlobExistsError, BlobNotFoundError, BlobPermissionError
from storage_router.files import FileSettings, FileSource, FileStat

from .container import Blobs, block_id, started
from .protocol import NEW, Write

SINGLE_PUT = 4 * 2**20
"""Bytes up to which content is one request. It is held in memory until the answer is there, so that a retry can
repeat it; above it, two connections are faster than one."""

DIGESTED = 64 * 2**20
"""Bytes up to which the MD5 of content that is sent in blocks is computed on the way. It takes as much of the
processor as all the rest of an upload."""

BLOCK = 4 * 2**20
_SMALLEST_BLOCK = 2**20
IN_FLIGHT = 40 * 2**20
"""Bytes in memory at a time, whatever ``upload_max_conn`` is."""

GROWTH = 5_000
"""Blocks after which their size doubles. Azure takes 50,000 of them, of 4,000 MiB at most, so content of unknown
length may reach 20 TiB. https://learn.microsoft.com/azure/storage/blobs/scalability-targets"""

_ATTEMPTS = 8
"""Uploads of one content in a row that other writers of the same name may spoil."""


class Upload:
    """One content. ``put`` can be called again, with another name, after ``BlobExistsError``.

    ``copied`` is the URL of a blob of the same account that has this content, and which version of it that is.

    Used as a context manager, because content that cannot be read twice is kept in a temporary file meanwhile.
    """

    def __init__(self, blobs: Blobs, content: Any, *, copied: tuple[SecretStr, FileSource] | None = None) -> None:
        self._blobs = blobs
        self._source = content
        self._read: Content | None = None
        self._copied = copied
        self._connections = blobs.options.upload_max_conn

    @property
    def _content(self) -> Content:
        # Not a cached_property: Python 3.11 lets one thread at a time compute such a value, and this reads the source.
        if self._read is None:
            # azure-storage-blob's options for the size of requests may only make it smaller.
            largest = self._blobs.options.client_options.get("max_single_put_size", SINGLE_PUT)
            self._read = Content(self._source, small=min(SINGLE_PUT, largest))
        return self._read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._read is not None:
            self._read.close()

    def put(self, name: str, settings: FileSettings, write: Write = NEW) -> FileStat:
        """Store the content as the blob ``name``. Raises what the content raises, and ``BlobExistsError`` or
        ``BlobChangedError`` where a condition of ``write`` is not met.
        """
        if self._copied is not None:
            if write.creates:
                self._require_free(name)
            # Not by Copy Blob: that takes over the headers and the metadata of the source.
            url, source = self._copied
            block_ids = self._blobs.stage_from_url(name, url, source, connections=self._connections)
            if block_ids is not None:
                return self._blobs.commit_blocks(name, block_ids, settings, write, size=source.size)
            self._copied = None
        if (whole := self._content.whole) is not None:
            return self._blobs.create(name, whole, settings, write)
        found: FileStat | None = None
        for attempts_left in reversed(range(_ATTEMPTS)):
            if write.creates:
                # Only the commit is conditional: without a look all content would be sent for nothing.
                self._require_free(name)
            try:
                return self._put_blocks(name, settings, write)
            except BlobError as error:
                if error.error_code == "InvalidBlobOrBlock" and write.creates:
                    # Unfinished blocks of another client, with ids of another length, keep the name for a week.
                    raise self._taken(name) from error
                # A commit or a small upload under the same name drops everybody's staged blocks.
                if error.error_code != "InvalidBlockList" or not attempts_left:
                    raise
            if write.overwrite:
                before, found = found, self._found(name)
                if before is not None and found is not None and found.etag != before.etag:
                    # Another write of this name was completed during this call, as if right after this one. Writers
                    # that spoil each other in turn would otherwise fail in the end.
                    return found
        raise AssertionError("unreachable")  # pragma: no cover - the last attempt returns or raises

    def _found(self, name: str) -> FileStat | None:
        try:
            return self._blobs.head(name)
        except BlobNotFoundError:
            return None

    def _require_free(self, name: str) -> None:
        try:
            found = self._found(name)
        except BlobPermissionError:
            # A SAS that may write and not read: the commit will tell.
            return
        if found is not None:
            raise self._taken(name)

    def _taken(self, name: str) -> BlobError:
        message = "There is a blob of this name already."
        return self._blobs.error(BlobExistsError, message, name, "BlobAlreadyExists")

    def _put_blocks(self, name: str, settings: FileSettings, write: Write) -> FileStat:
        # Two writers of one name stage into the same place, so nobody else's blocks may have these ids.
        upload = uuid.uuid4().hex
        block_ids: list[str] = []
        # Azure computes one for a single put only; with it, files can be compared without being read. The digest of a
        # part of content that announces to be too large would be computed for nothing.
        wanted = settings.content_md5 is None and self._content.announced <= DIGESTED
        digest = hashlib.md5(usedforsecurity=False) if wanted else None
        size = 0
        largest = min(BLOCK, self._blobs.options.client_options.get("max_block_size", BLOCK))
        under_way: deque[Future[None]] = deque()
        workers = ThreadPoolExecutor(self._connections, thread_name_prefix="storage_router-save")
        try:
            for block in blocks(self._content.again(), block_sizes(self._connections, largest)):
                size += len(block)
                if size > DIGESTED:
                    digest = None
                if digest is not None:
                    digest.update(block)
                block_ids.append(block_id(upload, len(block_ids)))
                if len(under_way) >= self._connections:
                    under_way.popleft().result()
                under_way.append(started(workers, self._blobs.stage_block, name, block_ids[-1], block))
                del block
            while under_way:
                under_way.popleft().result()
        finally:
            # After an error nothing else is sent; what is under way ends within its time limit.
            workers.shutdown(cancel_futures=True)
        if digest is not None:
            settings = settings._replace(content_md5=digest.digest())
        return self._blobs.commit_blocks(name, block_ids, settings, write, size=size)


def temporary_folder() -> str | None:
    """Return where temporary files go: Django's ``FILE_UPLOAD_TEMP_DIR``, else the system's."""
    from django.conf import settings

    folder = settings.FILE_UPLOAD_TEMP_DIR
    return None if folder is None else os.fspath(folder)


def block_sizes(connections: int, largest: int = BLOCK) -> Iterator[int]:
    """Yield the size of each block: as large as the memory for all that are under way allows, growing without end.

    The first has at most ``largest`` bytes.
    """
    size = min(largest, max(_SMALLEST_BLOCK, IN_FLIGHT // (connections + 1)))
    while True:
        yield from itertools.repeat(size, GROWTH)
        size *= 2


def blocks(pieces: Iterable[bytes], sizes: Iterator[int]) -> Iterator[bytes]:
    """Yield ``pieces`` cut and joined to blocks of ``sizes``; the last block is what is left."""
    wanted = next(sizes)
    parts: list[bytes] = []
    length = 0
    for piece in pieces:
        parts.append(piece)
        length += len(piece)
        while length >= wanted:
            joined = b"".join(parts)
            yield joined[:wanted]
            # Without an empty part: one part alone is joined without a copy.
            parts = [rest] if (rest := joined[wanted:]) else []
            length -= wanted
            wanted = next(sizes)
    if length:
        yield b"".join(parts)


class Content:
    """What is stored, as bytes, as often as needed; ``close()`` it.

    ``whole`` is all of it where that is at most ``small`` bytes, else None. ``announced`` is how many bytes larger
    content says it has, 0 where it does not say; it may be wrong. What cannot be read twice is kept in a temporary file
    while it is read.
    """

    def __init__(self, source: Any, *, small: int) -> None:
        self.whole: bytes | None = None
        self._source = source
        self._copy: IO[bytes] | None = None
        plain = _is_plain(source)
        self._replayable = plain and _rewound(source)
        self._rest = _pieces(source, plain=plain)
        head: list[bytes] = []
        length = 0
        for piece in self._rest:
            head.append(piece)
            length += len(piece)
            if length > small:
                break
        else:
            self.whole = b"".join(head)
        self._rest = itertools.chain(_emptied(head), self._rest)
        self.announced = _announced_size(source) if self.whole is None and self._replayable else 0

    def again(self) -> Iterator[bytes]:
        """Yield the content from its beginning, however far it was read before."""
        if self._replayable:
            self._rest = iter(())
            self._source.seek(0)
            return _pieces(self._source, plain=True)
        return self._copied()

    def _copied(self) -> Iterator[bytes]:
        if self._copy is None:
            self._copy = tempfile.TemporaryFile(dir=temporary_folder())  # noqa: SIM115 - closed by close()
        self._copy.seek(0)
        yield from _reads(self._copy)
        for piece in self._rest:
            self._copy.write(piece)
            yield piece

    def close(self) -> None:
        if self._copy is not None:
            self._copy.close()


def _pieces(content: Any, *, plain: bool) -> Iterator[bytes]:
    """Yield what ``content`` holds, text as UTF-8: what ``chunks()`` gives, or larger pieces where that is
    ``plain``.
    """
    pieces: Iterable[Any] = _reads(content) if plain else content.chunks()
    for piece in pieces:
        if isinstance(piece, str):
            yield piece.encode()
        else:
            # Not bytes(piece) alone, which makes that many zeros of a number.
            yield piece if isinstance(piece, bytes) else bytes(memoryview(piece))


def _reads(file: Any) -> Iterator[Any]:
    while piece := file.read(BLOCK):
        yield piece


def _is_plain(content: Any) -> bool:
    """Whether ``chunks()`` is Django's own, on the class and on the instance: it reads the file from its beginning to
    its end, and so may we.
    """
    return getattr(content.chunks, "__func__", None) in (File.chunks, InMemoryUploadedFile.chunks)


def _rewound(content: Any) -> bool:
    """Go to the beginning of ``content`` and return True; return False for a stream, which is read from where it is."""
    # FileProxyMixin calls a file seekable that merely does not say that it is not.
    with contextlib.suppress(AttributeError, io.UnsupportedOperation):
        if content.seekable():
            content.seek(0)
            return True
    return False


def _announced_size(content: Any) -> float:
    """Return the bytes that ``content`` says it has, 0 if it does not. It may be wrong: of a gzip file it is."""
    with contextlib.suppress(AttributeError, OSError, TypeError, ValueError):
        return float(content.size)
    return 0


def _emptied(pieces: list[bytes]) -> Iterator[bytes]:
    while pieces:
        yield pieces.pop(0)
