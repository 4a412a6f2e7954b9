"""How far a command has come: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.management.base import OutputWrapper

INTERVAL = 10.0
"""Seconds between two lines in a log."""

_REDRAWN = 0.1
_WIDTH = 30


@contextmanager
def progress(stream: OutputWrapper, doing: str, total: int) -> Iterator[Callable[[], None]]:
    """Give a function to call after each of ``total`` files; ``doing`` is a word such as ``Copying``.

    On a terminal the bar is taken away at the end. Elsewhere a quick command prints nothing.
    """
    terminal = stream.isatty()
    done = 0
    due = time.monotonic() + (0 if terminal else INTERVAL)

    def advance() -> None:
        nonlocal done, due
        done += 1
        if (now := time.monotonic()) < due:
            return
        due = now + (_REDRAWN if terminal else INTERVAL)
        counted = f"{done:,} of {total:,} files"
        if terminal:
            bar = "#" * (_WIDTH * done // total)
            _write(stream, f"\r\x1b[K{doing} [{bar:<{_WIDTH}}] {counted}")
        else:
            _write(stream, f"{doing}: {counted}\n")

    try:
        yield advance
    finally:
        if terminal and done:
            _write(stream, "\r\x1b[K")


def _write(stream: OutputWrapper, text: str) -> None:
    # Django ends each write with a new line and paints what goes to stderr red.
    stream.write(text, style_func=str, ending="")
    stream.flush()
