"""The bytes of an answer, on their way from a backend to a reader: for WSGI, and for ASGI without holding a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from storage_router.files import Reading
from storage_router.forks import Lock, in_child

PIECE = 1024 * 1024
"""Bytes that go through the event loop at a time, at least; two pieces are in memory at most."""

PATIENCE = 20.0
"""Seconds after which a reader who takes nothing loses the backend's connection, until it reads on."""

_THREADS = 32


class Connections:
    """How many bodies this process reads from backends. They are counted, so that saves never wait for readers."""

    taken: int
    """How many are taken now."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.taken = 0
        self._threads: ThreadPoolExecutor | None = None
        in_child(self._forked)

    def take(self, most: int) -> bool:
        """Take one, if fewer than ``most`` are taken."""
        with self._lock:
            if self.taken >= most:
                return False
            self.taken += 1
            return True

    def give_back(self) -> None:
        """Give one back."""
        with self._lock:
            self.taken = max(0, self.taken - 1)

    def threads(self) -> ThreadPoolExecutor:
        """Return the threads that read for event loops."""
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="storage_router-delivery")
            return self._threads

    def _forked(self) -> None:
        self.taken = 0
        self._threads = None


connections = Connections()
"""Those of this process."""


class Body:
    """The bytes of ``reading``, whole or not at all: where the backend breaks off, an error breaks off the answer.

    ``resume`` reads on from a position, of the same version of the file, or is None; it is called once after an error,
    and each time after ``pause()``. ``most`` is the number of connections that ``connections`` may give; the caller has
    taken one. An iterator, for WSGI; ``AsyncBody`` is for ASGI.
    """

    def __init__(self, reading: Reading, resume: Callable[[int, int], Reading] | None, most: int) -> None:
        self._reading: Reading | None = reading
        self._resume = resume
        self._most = most
        self._position, self._end = reading.start, reading.start + reading.length
        self._may_retry = resume is not None
        # Held while a thread reads. Whoever closes or pauses meanwhile leaves the wish, and that thread obeys.
        self._lock = threading.Lock()
        self._pausing = self._closing = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        if piece := self.read(0):
            return piece
        raise StopIteration

    def read(self, least: int) -> bytes:
        """Return the next bytes, ``least`` if that many are left; none at the end."""
        try:
            with self._lock:
                parts: list[bytes] = []
                size = 0
                while self._position < self._end and (not parts or size < least):
                    parts.append(self._chunk())
                    size += len(parts[-1])
                return parts[0] if len(parts) == 1 else b"".join(parts)
        except BaseException:
            self._closing = True
            raise
        finally:
            if self._position >= self._end:
                self._closing = True
            self._obey()

    def _chunk(self) -> bytes:
        while True:
            try:
                chunk = next(self._open().chunks, b"")
                if not chunk or self._position + len(chunk) > self._end:
                    raise ConnectionError(f"The backend sent {self._position} bytes of {self._end}, or too many.")
            except OSError:
                if not self._may_retry or self._closing:
                    raise
                self._may_retry = False
                self._release()
            else:
                self._position += len(chunk)
                return chunk

    def _open(self) -> Reading:
        if self._reading is None:
            if self._closing or self._resume is None:
                raise ConnectionError("The answer was closed.")
            if not connections.take(self._most):
                raise ConnectionError("No connection is left to read on.")
            try:
                self._reading = self._resume(self._position, self._end - self._position)
            except BaseException:
                connections.give_back()
                raise
        return self._reading

    def pause(self) -> None:
        """Give the backend's connection back; the next ``read`` takes another."""
        if self._resume is not None:
            self._pausing = True
            self._obey()

    def close(self) -> None:
        """End the backend's request."""
        self._closing = True
        self._obey()

    def __del__(self) -> None:
        # Django drops the answers of requests that were cancelled while their view ran.
        self.close()

    def _obey(self) -> None:
        if (self._pausing or self._closing) and self._lock.acquire(blocking=False):
            self._pausing = False
            try:
                self._release()
            finally:
                self._lock.release()

    def _release(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            try:
                reading.close()
            finally:
                connections.give_back()


class AsyncBody:
    """A ``Body`` for ASGI. Threads of its own read, one piece ahead; none is held while the reader takes its time."""

    def __init__(self, body: Body) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        loop, threads = asyncio.get_running_loop(), connections.threads()
        least = 0
        ahead = loop.run_in_executor(threads, self._body.read, least)
        try:
            while piece := await ahead:
                least = PIECE
                ahead = loop.run_in_executor(threads, self._body.read, least)
                patience = loop.call_later(PATIENCE, threads.submit, self._body.pause)
                try:
                    yield piece
                finally:
                    patience.cancel()
        finally:
            # What was read ahead is of no interest any more, nor why it could not be.
            ahead.add_done_callback(lambda future: future.cancelled() or future.exception())
            self._body.close()

    def close(self) -> None:
        """End the backend's request."""
        self._body.close()
