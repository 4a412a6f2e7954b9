"""How content becomes a blob: one request where it is small, blocks in parallel where it is not, whole or not at all.

Content comes as Django's storages get it: files, uploads, text, streams that cannot seek, and anything with
``chunks()``.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import tempfile
import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import IO, Any, Self

from django.core.files.base import File
from django.core.files.uploadedfile import InMemoryUploadedFile

from storage_router.exceptions import BlobError, BlobExistsError, BlobNotFoundError

from .blobs import Blobs, BlobSettings, FileStat

SINGLE_PUT = 4 * 2**20
"""Bytes up to which content is one request. It is held in memory until the answer is there, so that a retry can
repeat it; above it, two connections are faster than one."""

_BLOCK = 4 * 2**20
_LEAST_BLOCK = 2**20
_IN_FLIGHT = 40 * 2**20
"""Bytes in memory at a time, whatever ``upload_max_conn`` is."""

_GROWTH = 5_000
"""Blocks after which their size doubles. Azure takes 50,000 of them, of 4,000 MiB at most, so content of unknown
length may reach 20 TiB. https://learn.microsoft.com/azure/storage/blobs/scalability-targets"""

DIGESTED = 64 * 2**20
"""Bytes up to which the MD5 of content that is sent in blocks is computed on the way. It takes as much of the
processor as all the rest of an upload; of larger content only those ask for it who compare files."""

_BLOCK_ID = 48
"""Characters of a block's id. All blocks staged for a name must have equally long ones, and those that a failed upload
left there stay for a week; so they are as long as those of the SDK's own uploads, which most tools use."""

_ATTEMPTS = 8
"""Uploads of one content in a row that other writers of the same name may spoil."""


class Upload:
    """One content on its way. ``put`` can be called again, with another name, after ``BlobExistsError``.

    Used as a context manager, because content that cannot be read twice is kept in a temporary file in ``folder``
    meanwhile. Content of up to ``digested`` bytes is stored with its MD5.
    """

    def __init__(
        self, blobs: Blobs, content: Any, *, connections: int, folder: str | None = None, digested: float = DIGESTED
    ) -> None:
        self._blobs = blobs
        self._content = content
        self._connections = connections
        self._folder = folder
        self._digested = digested
        self._copy: IO[bytes] | None = None
        self._whole: bytes | None = None
        self._plain = _is_plain(content)
        self._replayable = self._plain and _rewound(content)
        self._pieces = _pieces(content, plain=self._plain)
        head: list[bytes] = []
        length = 0
        for piece in self._pieces:
            head.append(piece)
            length += len(piece)
            if length > SINGLE_PUT:
                break
        else:
            self._whole = b"".join(head)
        self._head = head
        self._started = False
        # Else the digest of what comes first would be computed for nothing.
        self._too_large_to_digest = self._whole is None and self._replayable and _announced_size(content) > digested

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._copy is not None:
            self._copy.close()

    def put(
        self, name: str, settings: BlobSettings, *, overwrite: bool = False, if_match: str | None = None
    ) -> FileStat:
        """Store the content as the blob ``name``: created, or with ``overwrite`` or ``if_match`` put in another's
        place.

        Raises ``BlobExistsError`` without ``overwrite``, ``BlobChangedError`` with ``if_match``, and what the
        content raises.
        """
        if self._whole is not None:
            return self._blobs.create(
                name, self._whole, len(self._whole), settings, overwrite=overwrite, if_match=if_match
            )
        found: FileStat | None = None
        for attempts_left in reversed(range(_ATTEMPTS)):
            if not overwrite and if_match is None:
                # The condition is only on the commit: without a look the whole content would be sent for nothing.
                self._require_free(name)
            try:
                return self._put_blocks(name, settings, overwrite=overwrite, if_match=if_match)
            except BlobError as error:
                if error.error_code == "InvalidBlobOrBlock" and not overwrite and if_match is None:
                    # Unfinished blocks of another client, with ids of another length, keep the name for a week.
                    raise self._taken(name) from error
                # A commit or a small upload under the same name drops everybody's staged blocks.
                if error.error_code != "InvalidBlockList" or not attempts_left:
                    raise
            if overwrite:
                before, found = found, self._found(name)
                if before is not None and found is not None and found.etag != before.etag:
                    # Another write of this name was completed during this call: all is as if this one had come right
                    # before it. Writers that take turns at spoiling each other would otherwise fail in the end.
                    return found
        raise AssertionError("unreachable")  # pragma: no cover - the last attempt returns or raises

    def _found(self, name: str) -> FileStat | None:
        try:
            return self._blobs.head(name)
        except BlobNotFoundError:
            return None

    def _require_free(self, name: str) -> None:
        if self._found(name) is None:
            return
        raise self._taken(name)

    def _taken(self, name: str) -> BlobExistsError:
        return BlobExistsError(
            "There is a blob of this name already.",
            alias=self._blobs.alias,
            container=self._blobs.container,
            blob=name,
            error_code="BlobAlreadyExists",
        )

    def _put_blocks(self, name: str, settings: BlobSettings, **conditions: Any) -> FileStat:
        # Two writers of one name stage into the same place, so nobody else's blocks may have these ids.
        upload = uuid.uuid4().hex
        block_ids: list[str] = []
        # Azure computes one for a single put only; with it, files can be compared without being read.
        wanted = settings.content_md5 is None and not self._too_large_to_digest
        digest = hashlib.md5(usedforsecurity=False) if wanted else None
        size = 0
        under_way: deque[Future[None]] = deque()
        with _workers(self._connections) as workers:
            for block in _blocks(self._again(), _block_sizes(self._connections)):
                size += len(block)
                if size > self._digested:
                    digest = None
                if digest is not None:
                    digest.update(block)
                block_ids.append(f"{upload}{len(block_ids):0{_BLOCK_ID - len(upload)}d}")
                if len(under_way) >= self._connections:
                    under_way.popleft().result()
                under_way.append(workers.submit(self._blobs.stage_block, name, block_ids[-1], block))
                del block
            while under_way:
                under_way.popleft().result()
        if digest is not None:
            settings = replace(settings, content_md5=digest.digest())
        return self._blobs.commit_blocks(name, block_ids, settings, size=size, **conditions)

    def _again(self) -> Iterator[bytes]:
        """Yield the content from its beginning, the first time and every other."""
        if self._started:
            source = self._content if self._copy is None else self._copy
            source.seek(0)
            return _pieces(source, plain=True)
        self._started = True
        pieces = itertools.chain(_emptied(self._head), self._pieces)
        if self._replayable:
            return pieces
        self._copy = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed by __exit__
        return _copied(pieces, self._copy)


def _pieces(content: Any, *, plain: bool) -> Iterator[bytes]:
    """Yield what ``content`` holds, text as UTF-8: what ``chunks()`` gives, or larger pieces where that is
    ``plain``.
    """
    pieces: Iterable[Any] = _reads(content) if plain else content.chunks()
    for piece in pieces:
        if isinstance(piece, str):
            yield piece.encode()
        else:
            yield piece if isinstance(piece, bytes) else bytes(piece)


def _reads(file: Any) -> Iterator[Any]:
    while piece := file.read(_BLOCK):
        yield piece


def _is_plain(content: Any) -> bool:
    """Whether ``chunks()`` is Django's own: it reads the file from its beginning to its end, and so may we."""
    chunks = getattr(type(content), "chunks", None)
    return chunks is File.chunks or chunks is InMemoryUploadedFile.chunks


def _rewound(content: Any) -> bool:
    """Go to the beginning of ``content`` and return True, or return False for a stream, which is read from where it
    is.
    """
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


def _copied(pieces: Iterable[bytes], copy: IO[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        copy.write(piece)
        yield piece


def _emptied(pieces: list[bytes]) -> Iterator[bytes]:
    while pieces:
        yield pieces.pop(0)


def _block_sizes(connections: int) -> Iterator[int]:
    """Yield the size of each block: as large as the memory for all that are under way allows, growing without end."""
    size = max(_LEAST_BLOCK, min(_BLOCK, _IN_FLIGHT // (connections + 1)))
    while True:
        yield from itertools.repeat(size, _GROWTH)
        size *= 2


def _blocks(pieces: Iterable[bytes], sizes: Iterator[int]) -> Iterator[bytes]:
    """Yield ``pieces`` cut and joined to blocks of ``sizes``, the last as it comes."""
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


@contextlib.contextmanager
def _workers(connections: int) -> Iterator[ThreadPoolExecutor]:
    workers = ThreadPoolExecutor(connections, thread_name_prefix="storage_router-save")
    try:
        yield workers
    finally:
        # After an error nothing else is sent; what is under way ends within its time limit.
        workers.shutdown(cancel_futures=True)
