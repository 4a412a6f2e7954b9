"""The files of one transfer, copied in parallel with bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from typing import Literal

from django.core.files.storage import Storage

THREADS = 32
"""Files that are on their way at the same time."""

MEMORY = 64 * 2**20
"""Bytes of content that are held in memory at the same time."""

HOPELESS = 20
"""Failures in a row after which the rest is not tried: the network or the credential is gone, and each would take its
time."""


Action = Literal["created", "replaced", "unmodified", "failed", "untried"]
"""What became of a copy; ``untried`` where too many others had failed before."""


@dataclass(frozen=True, kw_only=True)
class FileCopy:
    """One file to copy: ``source_name`` of ``source`` becomes ``name`` of the destination.

    ``cache_control`` replaces what the destination's configuration says, where the destination knows such a thing. The
    name of an ``immutable`` file holds its content's hash: where nothing is said of caching, it may be kept for ever. A
    ``fresh`` file is stored anew even if the same is there, so that its time says when that was done last. A
    ``finished`` one has been through the destination's own way of saving and goes to what the destination forwards to.
    """

    name: str
    source: Storage
    source_name: str
    cache_control: str | None = None
    immutable: bool = False
    fresh: bool = False
    finished: bool = False


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
    """Apply ``copy`` in ``threads`` threads and yield what it returns, as it comes.

    An exception of ``copy`` is an outcome like any other. If the caller stops (Ctrl-C), nothing new is begun, and what
    is under way is finished, so that nothing is left half-done.
    """
    rest = iter(copies)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="storage_router-copy")
    done: SimpleQueue[Future[Outcome]] = SimpleQueue()
    under_way: dict[Future[Outcome], FileCopy] = {}
    in_a_row = 0
    try:
        while True:
            # Twice as many as there are threads, so that none waits for this one.
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
    """Memory for what is on its way: ``with budget.of(size):`` waits until there is room."""

    def __init__(self, total: int = MEMORY) -> None:
        self._total = total
        self._left = total
        self._changed = threading.Condition()

    def of(self, size: int) -> _Share:
        """Return a context manager that holds ``size`` bytes, or all there are if that is less."""
        return _Share(self, min(size, self._total))

    def take(self, size: int) -> None:
        """Wait for ``size`` bytes and take them."""
        with self._changed:
            self._changed.wait_for(lambda: self._left >= size)
            self._left -= size

    def give(self, size: int) -> None:
        """Give ``size`` bytes back."""
        with self._changed:
            self._left += size
            self._changed.notify_all()


@dataclass(frozen=True)
class _Share:
    budget: Budget
    size: int

    def __enter__(self) -> None:
        self.budget.take(self.size)

    def __exit__(self, *_: object) -> None:
        self.budget.give(self.size)
