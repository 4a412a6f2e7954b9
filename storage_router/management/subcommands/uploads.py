"""``manage.py storage_router uploads``: empty the quarantine of direct uploads (P4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.files.storage import storages
from django.core.management.base import CommandError, CommandParser
from pydantic_core import PydanticCustomError

from storage_router.conf.units import seconds
from storage_router.management.output import Output
from storage_router.router import RouterStorage
from storage_router.uploads import cleaning

HELP = "Delete uploads that were begun and never saved, with their snapshots and staged blocks."


def add_arguments(parser: CommandParser) -> None:
    """Add the arguments."""
    parser.add_argument("action", choices=["purge"])
    parser.add_argument("--storage", metavar="ALIAS", default="default", help="The router in STORAGES.")
    parser.add_argument("--older-than", default="2d", metavar="TIME", help="The age of what is deleted, such as 12h.")


def run(output: Output, options: Mapping[str, Any]) -> int:
    """Do what was asked for."""
    try:
        age = seconds(options["older_than"])
    except PydanticCustomError as error:
        raise CommandError(f"--older-than: {error.message()}", returncode=2) from None
    alias = options["storage"]
    router = storages[alias] if alias in storages.backends else None
    if not isinstance(router, RouterStorage):
        raise CommandError(f"STORAGES[{alias!r}] is no router.", returncode=2)
    try:
        count = sum(1 for _ in cleaning.purge(router, older_than=age))
    except LookupError as error:
        raise CommandError(str(error), returncode=2) from None
    output.line(f"{count} uploads were deleted.")
    return 0
