"""A blob as a file that can be read anywhere, by as few requests as that takes.

The first request brings the first 4 MiB, which for most files is all. Of larger blobs, windows are fetched on
demand: small ones after a seek, large ones, and two of them ahead, once reading goes on where the last window
ended. All of them are pinned to the ETag of the first answer, so that two versions of a blob are never mixed.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING

from storage_router.files import FileStat

if TYPE_CHECKING:
    from collections.abc import Buffer, Callable

FIRST = 4 * 2**20
"""Bytes of the first request. A blob up to this size takes no other."""

AHEAD = 2
"""Windows that are fetched ahead. More do not help: two connections keep one reading thread busy."""

AFTER_SEEK = 512 * 2**10
"""Bytes fetched after a seek: an index or a header, not yet a reason to fetch megabytes."""

_LEAST = 64 * 2**10


class BlobReader(io.RawIOBase):
    """A blob's bytes, seekable. Making one is the first request and raises what that raises. ``fetch`` is
    ``Blobs.read`` of the blob.

    ``size`` is in bytes; ``stat`` is what else is known, None of an empty blob.
    ``max_memory_size`` (bytes) bounds what is kept in memory of what was read, except for the window that is being
    read; the first 4 MiB go to a temporary file in ``folder`` if they are more than that. A window is at most 4 MiB
    and at most twice ``max_memory_size``, so that the default gives windows of 4 MiB: with 2 MiB, reading 1 GiB to the
    end takes half as long again (``make bench``, row "1 GiB down"). Two of them come on top, fetched ahead.
    """

    def __init__(
        self, fetch: Callable[..., tuple[bytes, FileStat | None]], *, max_memory_size: int, folder: str | None = None
    ) -> None:
        self._fetch = fetch
        self._head: IO[bytes] | None = None
        self._workers: ThreadPoolExecutor | None = None
        self._ahead: deque[tuple[int, Future[bytes]]] = deque()
        self._process = os.getpid()
        self._position = 0
        # How often reading went on where the last window ended. After a seek one window more may be all that is wanted,
        # the member of an archive for example; from the beginning on it rarely is.
        self._run = 1
        self._capacity = max_memory_size
        self._folder = folder
        self._window_size = max(_LEAST, min(FIRST, 2 * max_memory_size))
        # Most recently used last.
        self._windows: list[tuple[int, bytes]] = []
        head, self.stat = fetch(0, FIRST)
        self.size = self.stat.size if self.stat is not None else 0
        self._etag = self.stat.etag if self.stat is not None else None
        self._head_size = self._frontier = len(head)
        self._head = _kept(head, max_memory_size, folder)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._require_open()
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}.get(whence)
        if start is None:
            raise ValueError(f"invalid whence ({whence}, should be 0, 1 or 2)")
        if start + offset < 0:
            raise ValueError(f"negative seek value {start + offset}")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill ``buffer`` as far as one window goes. Raises ``BlobChangedError`` if the blob is no longer the one
        opened.
        """
        view = memoryview(buffer).cast("B")
        part = self._next(len(view))
        view[: len(part)] = part
        return len(part)

    def readall(self) -> bytes:
        part = self._next(self.size - self._position)
        if self._position >= self.size:
            return bytes(part)
        # Parts that are joined at the end would need the memory twice.
        whole = io.BytesIO()
        while part:
            whole.write(part)
            part = self._next(self.size - self._position)
        return whole.getvalue()

    def close(self) -> None:
        """Forget what was read. Requests under way end in their own time; nobody waits for them."""
        self._drop_ahead()
        if self._workers is not None and self._process == os.getpid():
            self._workers.shutdown(wait=False, cancel_futures=True)
        self._workers = None
        self._windows.clear()
        if self._head is not None:
            self._head.close()
        super().close()

    def _require_open(self) -> IO[bytes]:
        if self.closed or self._head is None:
            raise ValueError("I/O operation on closed file.")
        return self._head

    def _next(self, wanted: int) -> bytes | memoryview:
        """Read up to ``wanted`` bytes, as many as are in one place."""
        if self._process != os.getpid():  # pragma: no cover - in the tests' child, which ends unmeasured
            self._begin_in_child()
        head = self._require_open()
        part: bytes | memoryview
        if wanted <= 0 or self._position >= self.size:
            return b""
        if self._position < self._head_size:
            head.seek(self._position)
            part = head.read(wanted)
        else:
            start, window = self._window_at(self._position, wanted)
            part = memoryview(window)[self._position - start :][:wanted]
        self._position += len(part)
        return part

    def _begin_in_child(self) -> None:  # pragma: no cover - as its caller
        """Go on in a forked child without what is its parent's: futures of threads that it has not, and a temporary
        file, whose position is one for both.
        """
        self._process = os.getpid()
        self._ahead.clear()
        self._workers = None
        if self._head is not None and not isinstance(self._head, io.BytesIO):
            with self._head as shared:
                head = os.pread(shared.fileno(), self._head_size, 0)
            self._head = _kept(head, self._capacity, self._folder)

    def _window_at(self, position: int, wanted: int) -> tuple[int, bytes]:
        """Return a window that holds ``position``, and where it starts."""
        for index, (start, window) in enumerate(self._windows):
            if start <= position < start + len(window):
                self._windows.append(self._windows.pop(index))
                return start, window
        return self._keep(*self._new_window(position, wanted))

    def _new_window(self, position: int, wanted: int) -> tuple[int, bytes]:
        while self._ahead and self._ahead[0][0] + self._window_size <= position:
            self._ahead.popleft()[1].cancel()
        if not self._ahead and position == self._frontier:
            self._run += 1
            self._look_ahead(1)
        if self._ahead and self._ahead[0][0] <= position:
            start, future = self._ahead.popleft()
            self._frontier = start + self._window_size
            if self._run > 1:
                self._look_ahead(AHEAD)
            return start, future.result()
        self._drop_ahead()
        self._run = 0
        length = min(max(AFTER_SEEK, wanted), self._window_size)
        # What is looked up at the end, an archive's directory or a footer, starts before what was asked for first.
        start = max(self._head_size, min(position, self.size - length))
        return start, self._read(start, length)

    def _look_ahead(self, windows: int) -> None:
        """Have the next ``windows`` fetched by threads of this file's own, as far as they are not on their way.

        An interpreter that is ending starts no threads; then the windows are fetched when they are read.
        """
        if self._workers is None:
            self._workers = ThreadPoolExecutor(AHEAD, thread_name_prefix="storage_router-read")
        start = self._frontier + len(self._ahead) * self._window_size
        while len(self._ahead) < windows and start < self.size:
            try:
                self._ahead.append((start, self._workers.submit(self._read, start, self._window_size)))
            except RuntimeError:
                return
            start += self._window_size

    def _keep(self, start: int, window: bytes) -> tuple[int, bytes]:
        self._frontier = start + len(window)
        self._windows.append((start, window))
        held = sum(len(kept) for _, kept in self._windows)
        while len(self._windows) > 1 and held > self._capacity:
            held -= len(self._windows.pop(0)[1])
        return start, window

    def _read(self, start: int, length: int) -> bytes:
        return self._fetch(start, min(length, self.size - start), if_match=self._etag)[0]

    def _drop_ahead(self) -> None:
        while self._ahead:
            self._ahead.popleft()[1].cancel()


def _kept(head: bytes, max_memory_size: int, folder: str | None) -> IO[bytes]:
    if len(head) <= max_memory_size:
        return io.BytesIO(head)
    # Without a buffer: what is in one moves the file's place when it is closed, for a parent and its forked children.
    file = tempfile.TemporaryFile(buffering=0, dir=folder)  # noqa: SIM115 - the reader closes it
    left = memoryview(head)
    while left:
        left = left[file.write(left) :]
    return file
