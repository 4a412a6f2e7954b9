"""``manage.py storage_router inventory``: how many files there are, and their bytes, by directory and access tier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from storage_router.management.output import Output

from . import selection

HELP = "Count the files and their bytes, by first directory, backend and access tier."


def add_arguments(parser: CommandParser) -> None:
    selection.add_arguments(parser)
    parser.add_argument("path", nargs="?", default="", help="Only what is below this directory.")
    parser.add_argument("--json", action="store_true", help="Print JSON.")


def run(output: Output, options: Mapping[str, Any]) -> int:
    """Walk through one listing, in constant memory."""
    router = selection.router(options)
    start = len(options["path"].strip("/")) + 1 if options["path"].strip("/") else 0
    files: Counter[tuple[str, str, str]] = Counter()
    size: Counter[tuple[str, str, str]] = Counter()
    for stat in router.walk(options["path"]):
        directory = stat.name[start:].partition("/")
        key = (directory[0] + "/" if directory[1] else "", router.table.match(stat.name).alias, stat.access_tier or "")
        files[key] += 1
        size[key] += stat.size
    rows = [(*key, files[key], size[key]) for key in sorted(files)]
    if options["json"]:
        output.json([dict(zip(("directory", "backend", "tier", "files", "bytes"), row, strict=True)) for row in rows])
    else:
        output.table(("directory", "backend", "tier", "files", "bytes"), rows)
    return 0
