"""What saving and reading small files costs, one after the other and from 32 threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from contenders import BODY, PlainRequests, storage
from measuring import Figures, measured, timed

COUNT = 200
WARM = 50
"""Operations that do not count: the interpreter adapts its code to what it runs."""

IN_THREADS = 640


def save(contender: str, endpoint: str) -> Figures:
    """Save 10 kB under a name that is free."""
    if contender == "floor":
        plain = PlainRequests(endpoint)
        return timed(lambda index: plain.put(_name(contender, index), BODY), COUNT, warm=WARM)
    return timed(_saving(contender, endpoint), COUNT, warm=WARM)


def read(contender: str, endpoint: str) -> Figures:
    """Open a file of 10 kB and read it."""
    name = _name(contender, 0)
    plain = PlainRequests(endpoint)
    plain.put(name, BODY)
    reading = (lambda _: plain.get(name)) if contender == "floor" else _reading(contender, endpoint, name)
    return timed(reading, COUNT, warm=WARM)


def save_in_threads(contender: str, endpoint: str) -> Figures:
    """Save from 32 threads that share a storage."""
    return _in_threads(_saving(contender, endpoint))


def read_in_threads(contender: str, endpoint: str) -> Figures:
    """Read in 32 threads that share a storage."""
    return _in_threads(_reading(contender, endpoint, "small.txt"))


def _saving(contender: str, endpoint: str) -> Callable[[int], Any]:
    from django.core.files.base import ContentFile

    made = storage(contender, endpoint)

    def operation(index: int) -> None:
        name = f"new/{_name(contender, index)}"
        assert made.save(name, ContentFile(BODY)) == name

    return operation


def _reading(contender: str, endpoint: str, name: str) -> Callable[[int], Any]:
    made = storage(contender, endpoint)

    def operation(_: int) -> None:
        with made.open(name) as file:
            assert len(file.read()) == len(BODY)

    return operation


def _name(contender: str, index: int) -> str:
    return f"small/{contender}-{os.getpid()}-{index}.txt"


def _in_threads(operation: Callable[[int], Any]) -> Figures:
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(operation, range(-64, 0)))
        return measured(lambda: list(pool.map(operation, range(IN_THREADS))), IN_THREADS)
