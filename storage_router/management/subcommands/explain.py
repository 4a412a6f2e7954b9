"""``manage.py storage_router explain NAME ...``: where names go, and why (R11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from storage_router.management.output import Output
from storage_router.router.explanation import explained

from . import selection

HELP = "Say where names go, why, and what their URLs are. Exit status 1 if one of them goes nowhere."

_COLUMNS = ("name", "backend", "stored as", "url", "signed", "why")


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("names", nargs="+", metavar="NAME", help="A name as a FileField holds it: private/a.pdf.")
    selection.add_arguments(parser)
    selection.add_tenant(parser)
    parser.add_argument("--json", action="store_true", help="Print JSON.")


@selection.for_tenant
def run(output: Output, options: Mapping[str, Any]) -> int:
    """Explain the names. No request is made."""
    router = selection.router(options)
    found = [explained(router, name) for name in options["names"]]
    rows = [[one["name"], one["alias"], one["stored_as"], one["url"], one["signed"], one["why"]] for one in found]
    rows = [["-" if cell is None else cell for cell in row] for row in rows]
    if options["json"]:
        output.json(found)
    elif output.is_terminal:
        for name, *cells in rows:
            output.heading(name)
            for label, cell in zip(_COLUMNS[1:], cells, strict=True):
                if cell != "-":
                    output.paragraph(cell, f"  {label:<11}")
    else:
        output.table(_COLUMNS, rows)
    return 0 if all(one["alias"] for one in found) else 1
