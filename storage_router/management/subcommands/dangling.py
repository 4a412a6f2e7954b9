"""``manage.py storage_router dangling``: rows of the database whose file is gone (M4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from storage_router.management.output import Output

from . import selection

HELP = "List the names in the database whose file does not exist. Exit status 1 if there are any."


def add_arguments(parser: CommandParser) -> None:
    selection.add_arguments(parser)
    parser.add_argument("--also", metavar="APP.MODEL.FIELD", action="append", default=[], help="A column with names.")
    parser.add_argument("--json", action="store_true", help="Print JSON.")


def run(output: Output, options: Mapping[str, Any]) -> int:
    """Compare the database with one listing."""
    from storage_router.moving import orphans

    router = selection.router(options)
    found = [(name, str(column)) for name, column in orphans.dangling(router, orphans.columns(router, options["also"]))]
    if options["json"]:
        output.json([{"name": name, "column": column} for name, column in found])
    else:
        output.table(("name", "column"), found)
    return 1 if found else 0
