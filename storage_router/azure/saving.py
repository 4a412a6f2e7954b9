"""How content becomes a blob, whole or not at all: one request where it is small, else blocks in parallel."""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Self

from storage_router.exceptions import BlobError, BlobExistsError, BlobNotFoundError, BlobPermissionError

from .blocks import BLOCK, block_sizes, blocks
from .container import Blobs, FileSettings, FileStat
from .contents import Content

SINGLE_PUT = 4 * 2**20
"""Bytes up to which content is one request. It is held in memory until the answer is there, so that a retry can
repeat it; above it, two connections are faster than one."""

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
        # The SDK's options for what passes on the way may only make it smaller.
        self._largest_block = min(BLOCK, blobs.client_options.get("max_block_size", BLOCK))
        single_put = min(SINGLE_PUT, blobs.client_options.get("max_single_put_size", SINGLE_PUT))
        self._content = Content(content, small=single_put, folder=folder)
        self._connections = connections
        self._digested = digested

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._content.close()

    def put(
        self, name: str, settings: FileSettings, *, overwrite: bool = False, if_match: str | None = None
    ) -> FileStat:
        """Store the content as the blob ``name``: created, or with ``overwrite`` or ``if_match`` put in another's
        place.

        Raises ``BlobExistsError`` without ``overwrite``, ``BlobChangedError`` with ``if_match``, and what the
        content raises.
        """
        if (whole := self._content.whole) is not None:
            return self._blobs.create(name, whole, len(whole), settings, overwrite=overwrite, if_match=if_match)
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
        try:
            found = self._found(name)
        except BlobPermissionError:
            # A SAS that may write and not read: the commit will tell.
            return
        if found is not None:
            raise self._taken(name)

    def _taken(self, name: str) -> BlobExistsError:
        return BlobExistsError(
            "There is a blob of this name already.",
            alias=self._blobs.alias,
            container=self._blobs.container,
            blob=name,
            error_code="BlobAlreadyExists",
        )

    def _put_blocks(self, name: str, settings: FileSettings, **conditions: Any) -> FileStat:
        # Two writers of one name stage into the same place, so nobody else's blocks may have these ids.
        upload = uuid.uuid4().hex
        block_ids: list[str] = []
        # Azure computes one for a single put only; with it, files can be compared without being read.
        # Of content that says it is too large, the digest of what comes first would be computed for nothing.
        wanted = settings.content_md5 is None and self._content.announced <= self._digested
        digest = hashlib.md5(usedforsecurity=False) if wanted else None
        size = 0
        under_way: deque[Future[None]] = deque()
        with _workers(self._connections) as workers:
            for block in blocks(self._content.again(), block_sizes(self._connections, self._largest_block)):
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


@contextlib.contextmanager
def _workers(connections: int) -> Iterator[ThreadPoolExecutor]:
    workers = ThreadPoolExecutor(connections, thread_name_prefix="storage_router-save")
    try:
        yield workers
    finally:
        # After an error nothing else is sent; what is under way ends within its time limit.
        workers.shutdown(cancel_futures=True)
