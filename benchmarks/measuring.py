"""Time, processor time, memory and requests of what a process does."""

from __future__ import annotations

import contextlib
import http.client
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

Figures = dict[str, float]
"""``seconds``, ``cpu`` (seconds) and ``requests`` of one operation; ``memory``: bytes that the work added at its
peak."""


def timed(operation: Callable[[int], Any], count: int, *, warm: int = 1) -> Figures:
    """Do ``operation`` ``count`` times, after ``warm`` times that do not count; return the figures of one."""
    for index in range(warm):
        operation(-1 - index)

    def work() -> None:
        for index in range(count):
            operation(index)

    return measured(work, count)


def measured(work: Callable[[], Any], count: int) -> Figures:
    """Return the figures of ``work``, which does ``count`` operations, for one of them."""
    with counted() as requests:
        reset_peak()
        memory, cpu, start = peak(), time.process_time(), time.perf_counter()
        work()
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {
        "seconds": seconds / count,
        "cpu": cpu / count,
        "memory": peak() - memory,
        "requests": len(requests) / count,
    }


def exhausted(items: Iterable[Any]) -> int:
    """Go through ``items`` without keeping them; return how many there were."""
    return sum(1 for _ in items)


@contextlib.contextmanager
def counted() -> Iterator[list[int]]:
    """Count the answers of http.client; ours, urllib3, requests and the SDK make their own of it."""
    found: list[int] = []
    make = http.client.HTTPResponse.__init__

    def counting(self: Any, *args: Any, **options: Any) -> None:
        make(self, *args, **options)
        found.append(1)

    http.client.HTTPResponse.__init__ = counting  # type: ignore[method-assign]
    try:
        yield found
    finally:
        http.client.HTTPResponse.__init__ = make  # type: ignore[method-assign]


def reset_peak() -> None:
    """Start the peak of the resident memory anew, where the system can."""
    # https://www.kernel.org/doc/html/latest/filesystems/proc.html: 5 resets the peak resident set size.
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """Return the peak of the resident memory in bytes."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
