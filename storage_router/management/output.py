"""How the subcommands print: tables on a terminal, tab-separated lines in a pipe, JSON where a script asks for it.

Blob names and configuration values are other people's text. Nothing of it reaches a terminal as a control sequence or as
rich's markup, and no value can break a line or a column.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.management.base import OutputWrapper

STATUS_STYLES: Mapping[str, str] = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}
"""Words that are coloured where they stand alone in a cell."""


def visible(value: object) -> str:
    """Return ``value`` as text of one line in which every character can be seen: ``\\x1b``, ``\\n`` and ``\\u202e`` as escapes."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


class Output:
    """Where a subcommand prints. ``colour`` forces colours on or off; None leaves it to the terminal."""

    def __init__(self, stream: OutputWrapper, *, colour: bool | None = None) -> None:
        self._stream = stream
        self._colour = colour
        self.is_terminal = bool(stream.isatty()) or colour is True

    def line(self, text: object = "") -> None:
        """Print one line."""
        self._stream.write(visible(text))

    def json(self, data: Any) -> None:
        """Print ``data`` as JSON, indented, in ASCII: it survives every terminal, pipe and log."""
        self._stream.write(json.dumps(data, indent=2))

    def table(self, heading: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
        """Print ``rows`` below ``heading``; empty cells are fine. In a pipe the columns are separated by one tab each."""
        cells = [[visible(cell) for cell in row] for row in rows]
        if title and self.is_terminal:
            self._stream.write(f"\n{visible(title)}")
        if not self.is_terminal:
            self._stream.write("\n".join("\t".join(row) for row in [list(heading), *cells]))
        elif (drawn := self._drawn(heading, cells)) is not None:
            self._stream.write(drawn)
        else:
            self._stream.write(_aligned([list(heading), *cells]))

    def _drawn(self, heading: Sequence[str], cells: Sequence[Sequence[str]]) -> str | None:
        """Return the table as rich draws it, or None where the extra ``cli`` is not installed."""
        try:
            from rich import box
            from rich.console import Console
            from rich.table import Table
            from rich.text import Text
        except ImportError:
            return None
        console = Console(force_terminal=True, no_color=True if self._colour is False else None, highlight=False)
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
        for name in heading:
            # Folding shows a long value whole; rich's default would cut it with an ellipsis.
            table.add_column(name, overflow="fold")
        for row in cells:
            table.add_row(*(Text(cell, style=STATUS_STYLES.get(cell, "")) for cell in row))
        with console.capture() as captured:
            console.print(table)
        return captured.get().rstrip("\n")


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)
