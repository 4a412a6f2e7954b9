"""The storages' methods for async views: Django's names with an ``a``, run in a bounded pool of threads of its own.

The pool is not asgiref's: a slow backend blocks neither the loop nor the threads in which Django runs other code.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

from django.core.files.storage import Storage

from .files import FileStat, FileStore, file_store
from .forks import Lock, in_child

THREADS = 32
"""Operations of async code that run at a time in a process; others wait for their turn."""

_PAGE = 500
"""Entries of a walk that are fetched at a time."""

_LINES = 64 * 2**10
"""Bytes or characters of lines that are read at a time."""

P = ParamSpec("P")
Result = TypeVar("Result")

_pool: ThreadPoolExecutor | None = None
_starting = Lock()


async def in_thread(
    function: Callable[..., Result],
    *args: Any,
    context: contextvars.Context | None = None,
    to_its_end: bool = False,
    **options: Any,
) -> Result:
    """Run ``function`` in a thread of the pool, in the caller's context, and return its result.

    Cancelled before its turn it does not run; afterwards it runs to its end, and the result is dropped. ``to_its_end``
    waits for that end, because callers close their files then.
    """
    if (pool := _pool) is None:
        pool = await asyncio.to_thread(_started)
    work = pool.submit((context or contextvars.copy_context()).run, function, *args, **options)
    try:
        return await asyncio.wrap_future(work)
    except asyncio.CancelledError:
        if to_its_end and not work.cancel():
            await asyncio.gather(asyncio.wrap_future(work), return_exceptions=True)
        raise


def _started() -> ThreadPoolExecutor:
    """Return the pool with all of its threads. The loop must not start them: it would wait until each one runs."""
    global _pool
    with _starting:
        if _pool is None:
            pool = ThreadPoolExecutor(THREADS, thread_name_prefix="storage_router-async")
            # The executor starts a thread for a task only where none is idle, so each waits until all are there.
            together = threading.Barrier(THREADS)
            for number in range(THREADS):
                try:
                    pool.submit(together.wait)
                except RuntimeError:
                    # The system gives no more threads: as many as there were have to do.
                    together.abort()
                    pool.shutdown()
                    pool = ThreadPoolExecutor(max(1, number), thread_name_prefix="storage_router-async")
                    break
            _pool = pool
        return _pool


@in_child
def _forget() -> None:  # pragma: no cover - runs in forked children, which the tests do not measure
    global _pool
    _pool = None


def _in_thread(
    method: Callable[Concatenate[Any, P], Result], *, to_its_end: bool = False
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, Result]]:
    """Return the async method whose work is that of ``method``, of an interface."""

    @functools.wraps(method)
    async def call(self: Any, /, *args: P.args, **options: P.kwargs) -> Result:
        work = functools.partial(getattr(self, method.__name__), *args, **options)
        return await in_thread(work, to_its_end=to_its_end)

    return call


class AsyncMethods(Storage):
    """The async methods of a storage. Each does what the method without the ``a`` does, and raises what it raises.

    A cancelled ``asave`` has either stored the whole file or nothing.
    """

    asave = _in_thread(Storage.save, to_its_end=True)
    adelete = _in_thread(Storage.delete)
    aexists = _in_thread(Storage.exists)
    asize = _in_thread(Storage.size)
    alistdir = _in_thread(Storage.listdir)

    async def aurl(self, name: str | None, *args: Any, **options: Any) -> str:
        """Return the file's URL; a signed one may need a key from the service."""
        return str(await in_thread(self.url, name, *args, **options))

    def aopen(self, name: str, mode: str = "rb") -> AsyncFile:
        """Return the file as an async context manager."""
        return AsyncFile(lambda: self.open(name, mode), writes=not {*"wax+"}.isdisjoint(mode))

    async def astat(self, name: str) -> FileStat:
        """Return what is known of the file."""
        return await in_thread(_store(self).stat, name)

    async def awalk(self, path: str = "", *, start: str = "") -> AsyncIterator[FileStat]:
        """Yield every file below ``path``, in constant memory."""
        context = contextvars.copy_context()
        entries = await in_thread(lambda: iter(_store(self).walk(path, start=start)), context=context)
        while page := await in_thread(lambda: list(islice(entries, _PAGE)), context=context):
            for entry in page:
                yield entry


class AsyncFile:
    """A file that async code reads or writes: ``async with storage.aopen(name) as file``."""

    def __init__(self, opener: Callable[[], Any], *, writes: bool) -> None:
        self._opener = opener
        self._writes = writes
        self._file: Any = None

    async def __aenter__(self) -> Self:
        opening = asyncio.ensure_future(in_thread(self._opener))
        try:
            self._file = await asyncio.shield(opening)
        except asyncio.CancelledError as error:
            # Nobody else will close it.
            opening.add_done_callback(functools.partial(_discard, error))
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._writes:
            # Closing it asks nobody anything.
            self._file.__exit__(kind, error, trace)
            return
        # A file that is written stores nothing if its block ends with an exception. Cancelled here it is closed, too.
        await asyncio.shield(in_thread(self._file.__exit__, kind, error, trace))

    async def aread(self, size: int = -1) -> Any:
        """Return the next ``size`` bytes, or all that are left."""
        return await in_thread(self._file.read, size)

    async def awrite(self, data: Any) -> Any:
        """Write to the file, and return what its ``write()`` does; it is stored at the end of the block."""
        return await in_thread(self._file.write, data)

    async def achunks(self, chunk_size: int | None = None) -> AsyncIterator[Any]:
        """Yield the file in pieces of ``chunk_size`` bytes."""
        pieces = await in_thread(lambda: iter(self._file.chunks(chunk_size)))
        while piece := await in_thread(next, pieces, b""):
            yield piece

    async def __aiter__(self) -> AsyncIterator[Any]:
        """Yield the file's lines."""
        lines = await in_thread(lambda: iter(self._file))
        while some := await in_thread(_next_lines, lines):
            for line in some:
                yield line

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._file, name)


def _store(storage: Any) -> FileStore:
    return cast("FileStore", storage) if hasattr(storage, "capabilities") else file_store(storage)


def _discard(error: BaseException, opening: asyncio.Future[Any]) -> None:
    if not opening.cancelled() and opening.exception() is None and _pool is not None:
        _pool.submit(opening.result().__exit__, type(error), error, None)


def _next_lines(lines: Iterator[Any]) -> list[Any]:
    """Return the next lines, as many as make up ``_LINES``: a thread for each would take longer than reading it."""
    found, size = [], 0
    for line in lines:
        found.append(line)
        size += len(line)
        if size >= _LINES:
            break
    return found
