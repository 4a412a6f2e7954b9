"""``manage.py storage_router orphans``: files that no row of the database names (M4)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

from storage_router.management.output import Output

from . import selection

HELP = "List the files that no row of the database names; delete those that an earlier report has, too."


def add_arguments(parser: CommandParser) -> None:
    selection.add_arguments(parser)
    parser.add_argument("--older-than", metavar="AGE", default="7d", help="Leave younger files out. Default: 7d.")
    parser.add_argument("--also", metavar="APP.MODEL.FIELD", action="append", default=[], help="A column with names.")
    parser.add_argument("--report", metavar="FILE", help="Write what was found, for a later --delete.")
    parser.add_argument("--delete", metavar="FILE", help="Delete what this report names and is still an orphan.")
    parser.add_argument("--at-most", metavar="N", type=int, help="Delete up to so many. Default: 5 %% of the files.")
    parser.add_argument("--no-trash", action="store_true", help="Delete at once, without a copy in the trash.")
    parser.add_argument("--json", action="store_true", help="Print JSON.")


def run(output: Output, options: Mapping[str, Any]) -> int:
    """Look for orphans; delete them where a report is given."""
    from storage_router.moving import orphans

    router = selection.router(options)
    if any(route.phase is not None for route in router.configuration.document.routes):
        raise CommandError("A route moves: files are on two backends now. Finish the move first.", returncode=2)
    earlier = None if options["delete"] is None else orphans.Report.read(options["delete"])
    age = dt.timedelta(seconds=selection.age(options))
    found = orphans.search(router, orphans.columns(router, options["also"]), older_than=age)
    if options["report"]:
        found.write(options["report"])
    if earlier is not None:
        trash = not options["no_trash"]
        deleted, changed = orphans.delete(router, earlier, found, at_most=options["at_most"], trash=trash)
        facts = {"deleted": deleted, "changed": changed}
        if options["json"]:
            output.json(facts)
        else:
            output.line(f"{deleted} files were deleted; {changed} had changed and were kept.")
        return 0
    if options["json"]:
        output.json({"rows": found.rows, "files": found.files, "orphans": list(found.orphans)})
    else:
        for name in found.orphans:
            output.line(name)
        output.line(f"{len(found.orphans)} of {found.files} files are named by none of {found.rows} rows.")
    return 1 if found.orphans else 0
