"""How the subcommands print: tables on a terminal, tab-separated lines in a pipe, JSON where a script asks for it.

Blob names and configuration values are other people's text. Nothing of it reaches a terminal as a control sequence or
as rich's markup, and no value can break a line or a column.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.core.management.base import OutputWrapper
from django.core.management.color import Style, no_style

STATUS_ROLES: Mapping[str, str] = {"ok": "SUCCESS", "warning": "WARNING", "failed": "ERROR"}
"""Which of Django's colours a status has; ``DJANGO_COLORS`` sets them."""

NO_READER = 141
"""Exit status after the reader of the output has gone: what a shell reports of a command that SIGPIPE ends."""


def visible(value: object) -> str:
    """Return ``value`` as one line in which every character can be seen: ``\\x1b``, ``\\n``, ``\\u202e`` as escapes."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


class Output:
    """Where a subcommand prints. ``colour`` is on, off, or None for what the terminal can; ``style`` is Django's."""

    def __init__(self, stream: OutputWrapper, *, colour: bool | None = None, style: Style | None = None) -> None:
        self._stream = stream
        self._colour = colour
        self._style = style or no_style()
        self.is_terminal = bool(stream.isatty()) or colour is True

    def line(self, text: object = "") -> None:
        """Print one line."""
        self._print(visible(text))

    def heading(self, text: object) -> None:
        """Print a line that begins something, on a terminal; in a pipe every line says itself what it belongs to."""
        if self.is_terminal:
            self._print(f"\n{self._style.MIGRATE_HEADING(visible(text))}")

    def finding(self, backend: str, probe: str, status: str, message: str, hint: str) -> None:
        """Print how a probe went. Hints are not wrapped, so that the commands in them can be copied."""
        cells = [visible(cell) for cell in (backend, probe, status, message, hint)]
        if not self.is_terminal:
            self._print("\t".join(cells))
            return
        paint = getattr(self._style, STATUS_ROLES.get(status, ""), str)
        self._print(f"  {paint(f'{cells[2]:<8}')} {cells[1]:<15} {cells[3]}")
        if hint:
            self._print(f"{'':27}{cells[4]}")

    def json(self, data: Any) -> None:
        """Print ``data`` as JSON, indented, in ASCII: it survives every terminal, pipe and log."""
        self._print(json.dumps(data, indent=2))

    def table(
        self,
        heading: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        title: str = "",
        faint: Collection[int] = (),
    ) -> None:
        """Print ``rows`` below ``heading``. In a pipe the columns are separated by one tab each.

        On a terminal, columns in which nothing stands are left out, and the rows whose numbers are in ``faint`` stand
        back.
        """
        cells = [[visible(cell) for cell in row] for row in rows]
        if title:
            self.heading(title)
        if self.is_terminal and cells:
            used = [any(column) for column in zip(*cells, strict=True)]
            heading = list(itertools.compress(heading, used))
            cells = [list(itertools.compress(row, used)) for row in cells]
        if not self.is_terminal:
            self._print("\n".join("\t".join(row) for row in [list(heading), *cells]))
        elif (drawn := self._drawn(heading, cells, faint)) is not None:
            self._print(drawn)
        else:
            self._print(_aligned([list(heading), *cells]))

    def _print(self, text: str) -> None:
        try:
            self._stream.write(text)
            # Whoever waits for doctor sees each probe when it is done; and what fails, fails here.
            self._stream.flush()
        except BrokenPipeError:
            # ``head`` has seen enough. What is still in the buffer would raise once more at the interpreter's end:
            # https://docs.python.org/3/library/signal.html#note-on-sigpipe
            with contextlib.suppress(io.UnsupportedOperation):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            raise SystemExit(NO_READER) from None

    def _drawn(self, heading: Sequence[str], cells: Sequence[Sequence[str]], faint: Collection[int]) -> str | None:
        """Return the table as rich draws it, or None where the extra ``cli`` is not installed."""
        try:
            from rich import box
            from rich.console import Console
            from rich.table import Table
            from rich.text import Text
        except ImportError:
            return None
        console = Console(force_terminal=True, color_system=None if self._colour is False else "auto", highlight=False)
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
        for name in heading:
            # Folding shows a long value whole; rich's default would cut it with an ellipsis.
            table.add_column(name, overflow="fold")
        for number, row in enumerate(cells):
            table.add_row(*map(Text, row), style="dim" if number in faint else None)
        with console.capture() as captured:
            console.print(table)
        return captured.get().rstrip("\n")


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)
