"""The files of one transfer, copied in parallel with bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from typing import Literal

from django.core.files.storage import Storage

THREADS = 32
"""Files that are copied at the same time."""

MEMORY = 64 * 2**20
"""Bytes of content in memory at the same time."""

HOPELESS = 20
"""Failures in a row after which the rest is not tried: the network or the credential is gone."""

Action = Literal["created", "replaced", "unmodified", "failed", "untried"]
"""What became of a copy; ``untried`` where too many others had failed before."""


@dataclass(frozen=True, kw_only=True)
class FileCopy:
    """One file to copy: ``source_name`` of ``source`` becomes ``name`` of the destination.

    ``cache_control`` replaces what the destination's configuration says. The name of an ``immutable`` file holds its
    content's hash: without a Cache-Control it may be cached for ever. A ``fresh`` file is stored again even where it is
    the same, so that its time says when. With ``compress`` text is stored gzip-encoded where that makes it smaller.
    """

    name: str
    source: Storage
    source_name: str
    cache_control: str | None = None
    immutable: bool = False
    fresh: bool = False
    compress: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one copy."""

    copy: FileCopy
    action: Action
    size: int = 0
    error: Exception | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the destination has the file now; in a dry run, whether it would have."""
        return self.action in ("created", "replaced", "unmodified")

    @property
    def name(self) -> str:
        """The file's name at the destination."""
        return self.copy.name


def outcomes(
    copies: Iterable[FileCopy], copy: Callable[[FileCopy], Outcome], *, threads: int = THREADS
) -> Iterator[Outcome]:
    """Apply ``copy`` in ``threads`` threads and yield the results as they come.

    An exception of ``copy`` is an outcome, too. If the caller stops (Ctrl-C), nothing new is started, and what is under
    way is finished.
    """
    rest = iter(copies)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="storage_router-copy")
    done: SimpleQueue[Future[Outcome]] = SimpleQueue()
    under_way: dict[Future[Outcome], FileCopy] = {}
    in_a_row = 0
    try:
        while True:
            # Twice as many as there are threads, so that none waits for this loop.
            for each in islice(rest, 2 * threads - len(under_way)) if in_a_row < HOPELESS else ():
                future = pool.submit(copy, each)
                under_way[future] = each
                future.add_done_callback(done.put)
            if not under_way:
                break
            future = done.get()
            if future.cancelled():
                yield Outcome(copy=under_way.pop(future), action="untried")
                continue
            outcome = _outcome(future, under_way.pop(future))
            if in_a_row < HOPELESS:
                in_a_row = in_a_row + 1 if outcome.error else 0
                if in_a_row == HOPELESS:
                    for waiting in list(under_way):
                        waiting.cancel()
            yield outcome
        for each in rest:
            yield Outcome(copy=each, action="untried")
    finally:
        pool.shutdown(cancel_futures=True)


def _outcome(future: Future[Outcome], copy: FileCopy) -> Outcome:
    error = future.exception()
    if error is None:
        return future.result()
    if not isinstance(error, Exception):
        raise error
    return Outcome(copy=copy, action="failed", error=error)


class Budget:
    """Memory for what is being copied: ``with budget.of(size):`` waits until there is room."""

    def __init__(self, total: int = MEMORY) -> None:
        self._total = self._left = total
        self._changed = threading.Condition()

    @contextmanager
    def of(self, size: int) -> Iterator[None]:
        """Hold ``size`` bytes, or all there are if that is less."""
        size = min(size, self._total)
        with self._changed:
            self._changed.wait_for(lambda: self._left >= size)
            self._left -= size
        try:
            yield
        finally:
            with self._changed:
                self._left += size
                self._changed.notify_all()
