"""``manage.py storage_router uploads``: empty the quarantine of direct uploads (P4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

from storage_router.management.output import Output
from storage_router.uploads import cleaning

from . import selection

HELP = "Delete uploads that were begun and never saved, with their snapshots and staged blocks."


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("action", choices=["purge"])
    selection.add_arguments(parser)
    parser.add_argument("--older-than", default="2d", metavar="TIME", help="The age of what is deleted, such as 12h.")


def run(output: Output, options: Mapping[str, Any]) -> int:
    """Do what was asked for."""
    router = selection.router(options)
    try:
        count = sum(1 for _ in cleaning.purge(router, older_than=selection.age(options)))
    except LookupError as error:
        raise CommandError(str(error), returncode=selection.UNUSABLE) from None
    output.line(f"{count} uploads were deleted.")
    return 0
