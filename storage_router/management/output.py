"""The output of the commands: aligned columns on a terminal, tab-separated lines in a pipe, JSON for scripts; progress.

Blob names and configuration values are other people's text: none reaches a terminal as a control sequence, and none
breaks a line or a column.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import shutil
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.core.management.base import OutputWrapper
from django.core.management.color import Style, no_style

NO_READER = 141
"""Exit status after the reader of the output has gone: what a shell reports of a command that SIGPIPE ends."""

INTERVAL = 10.0
"""Seconds between two lines of ``progress`` in a log."""

_REDRAWN = 0.1
_BAR = 30
_INDENT = "    "

# A longer cell does not make its column wider; the first of these with which the columns fit side by side.
_WIDEST = (32, 28, 24, 20)


def visible(value: object) -> str:
    """Return ``value`` as one line in which every character can be seen: ``\\x1b``, ``\\n``, ``\\u202e`` as escapes."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


class Output:
    """Where a subcommand prints. ``force_terminal`` treats a pipe as a terminal; ``style`` is Django's."""

    def __init__(self, stream: OutputWrapper, *, force_terminal: bool = False, style: Style | None = None) -> None:
        self._stream = stream
        self.style = style or no_style()
        self.is_terminal = bool(stream.isatty()) or force_terminal

    def line(self, text: object = "") -> None:
        """Print one line."""
        self._print(visible(text))

    def heading(self, text: object) -> None:
        """Print a heading on a terminal. In a pipe each line is complete by itself."""
        if self.is_terminal:
            self._print(f"\n{self.style.MIGRATE_HEADING(visible(text))}")

    def paragraph(self, text: object, label: str = "", paint: Callable[[str], str] = str) -> None:
        """Print words to the right of ``label``, wrapped at the terminal's width. A URL stays in one piece."""
        for line in _wrapped(visible(text), _width() - len(label)):
            self._print(f"{paint(label) if label.strip() else label}{line}")
            label = " " * len(label)

    def json(self, data: Any) -> None:
        """Print ``data`` as indented JSON in ASCII, which every terminal, pipe and log can show."""
        self._print(json.dumps(data, indent=2))

    def row(self, cells: Iterable[object]) -> None:
        """Print one line of cells, separated by tabs."""
        self._print("\t".join(map(visible, cells)))

    def table(self, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print ``rows`` below ``heading``. On a terminal empty columns are left out, and long rows are continued."""
        cells = [[visible(cell) for cell in row] for row in rows]
        if not self.is_terminal:
            for row in (heading, *cells):
                self.row(row)
            return
        used = [any(column) for column in zip(*cells, strict=True)] if cells else [True] * len(heading)
        cells = [list(itertools.compress(row, used)) for row in (heading, *cells)]
        widths = _widths(cells, _width())
        for number, row in enumerate(cells):
            lines = _flow(row, widths, _width())
            self._print("\n".join(map(self.style.MIGRATE_LABEL, lines) if number == 0 else lines))

    def _print(self, text: str) -> None:
        try:
            self._stream.write(text)
            # Each probe of doctor is seen when it ends, and a failure to write is raised here.
            self._stream.flush()
        except BrokenPipeError:
            # The reader, such as ``head``, has gone. The rest of the buffer would raise again when Python exits:
            # https://docs.python.org/3/library/signal.html#note-on-sigpipe
            with contextlib.suppress(io.UnsupportedOperation):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            raise SystemExit(NO_READER) from None


@contextlib.contextmanager
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
            bar = "#" * (_BAR * done // total)
            _draw(stream, f"\r\x1b[K{doing} [{bar:<{_BAR}}] {counted}")
        else:
            _draw(stream, f"{doing}: {counted}\n")

    try:
        yield advance
    finally:
        if terminal and done:
            _draw(stream, "\r\x1b[K")


def _width() -> int:
    return shutil.get_terminal_size().columns


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 20), break_long_words=False, break_on_hyphens=False) or [""]


def _widths(rows: Sequence[Sequence[str]], width: int) -> list[int]:
    columns = list(zip(*rows, strict=True))
    for widest in _WIDEST:
        widths = [max((len(cell) for cell in column if len(cell) <= widest), default=0) for column in columns]
        if sum(widths) + 2 * (len(widths) - 1) <= width:
            break
    return widths


def _flow(row: Sequence[str], widths: Sequence[int], width: int) -> list[str]:
    """Return the lines of a row: a cell that does not fit begins a new line, and is wrapped at blanks there."""
    lines = [""]
    for cell, column in zip(row, widths, strict=True):
        if lines[-1].strip() and len(lines[-1]) + len(cell) > width:
            lines += [_INDENT + line for line in _wrapped(cell, width - len(_INDENT))]
            lines[-1] += "  "
        else:
            lines[-1] += cell.ljust(column) + "  "
    return [line.rstrip() for line in lines]


def _draw(stream: OutputWrapper, text: str) -> None:
    # Django ends each write with a new line and paints what goes to stderr red.
    stream.write(text, style_func=str, ending="")
    stream.flush()
