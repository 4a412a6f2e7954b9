"""The files of one transfer, copied in parallel with bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
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
    def name(self) -> str:
        """The file's name at the destination."""
        return self.copy.name


def outcomes(
    copies: Sequence[FileCopy], copy: Callable[[FileCopy], Outcome], *, threads: int = THREADS
) -> Iterator[Outcome]:
    """Apply ``copy`` in ``threads`` threads and yield the results as they come.

    An exception of ``copy`` is an outcome, too. If the caller stops (Ctrl-C), nothing new is started, and what is under
    way is finished.
    """
    rest, taking = iter(copies), threading.Lock()
    done: SimpleQueue[Outcome | None] = SimpleQueue()
    in_a_row = 0

    def work() -> None:
        # Each thread takes the next file by itself: one that waited to be given one would cost two changes of thread.
        nonlocal in_a_row
        try:
            while True:
                with taking:
                    each = next(rest, None) if in_a_row < HOPELESS else None
                if each is None:
                    return
                outcome = _attempted(copy, each)
                with taking:
                    if in_a_row < HOPELESS:
                        in_a_row = in_a_row + 1 if outcome.error else 0
                done.put(outcome)
        finally:
            done.put(None)

    with ThreadPoolExecutor(threads, thread_name_prefix="storage_router-copy") as pool:
        try:
            running = [pool.submit(work) for _ in range(min(threads, len(copies)))]
            for _ in running:
                yield from iter(done.get, None)
        finally:
            with taking:
                in_a_row = HOPELESS
    for thread in running:
        thread.result()
    for each in rest:
        yield Outcome(copy=each, action="untried")


def _attempted(copy: Callable[[FileCopy], Outcome], each: FileCopy) -> Outcome:
    try:
        return copy(each)
    except Exception as error:  # noqa: BLE001 - one file must not end the others
        return Outcome(copy=each, action="failed", error=error)


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
