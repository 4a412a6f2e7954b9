"""Which storages of ``STORAGES`` a subcommand is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

from storage_router.exceptions import ConfigurationError
from storage_router.installed import Entry, entries, problems
from storage_router.router import RouterStorage
from storage_router.staticfiles import StaticFilesStorage

UNUSABLE = 2
"""Exit status where the question cannot be answered: wrong arguments, or a configuration with errors."""


def add_arguments(parser: CommandParser) -> None:
    """Add ``--storage``."""
    parser.add_argument("--storage", metavar="ALIAS", help="The entry of STORAGES to look at, where there are several.")


def sound_entries(options: Mapping[str, Any]) -> tuple[Entry, ...]:
    """Return the entries to look at; ``CommandError`` says what is wrong with them, or that there are none."""
    wanted = options["storage"]
    found = tuple(entry for entry in entries() if wanted in (None, entry.name))
    if not found:
        what = f"STORAGES[{wanted!r}] is not" if wanted else "No entry of STORAGES is"
        raise CommandError(f"{what} a storage of storage_router.", returncode=UNUSABLE)
    wrong = problems(found)
    if any(not problem.is_warning for problem in wrong):
        raise CommandError(str(ConfigurationError(wrong)), returncode=UNUSABLE)
    return found


def router(options: Mapping[str, Any]) -> RouterStorage:
    """Return the one router to look at; ``STORAGES["default"]`` goes before others."""
    routers = {
        entry.name: entry.storage for entry in sound_entries(options) if isinstance(entry.storage, RouterStorage)
    }
    if not routers and (wanted := options["storage"]):
        [entry] = sound_entries(options)
        message = f"STORAGES[{wanted!r}] is not a RouterStorage, so it has no routes of its own: {whose(entry)}"
        raise CommandError(message, returncode=UNUSABLE)
    if not routers:
        raise CommandError("No entry of STORAGES is a RouterStorage, so there are no routes.", returncode=UNUSABLE)
    if "default" in routers or len(routers) == 1:
        return routers.get("default") or next(iter(routers.values()))
    names = ", ".join(routers)
    raise CommandError(f"STORAGES has several routers: choose one of {names} with --storage.", returncode=UNUSABLE)


def whose(entry: Entry) -> str:
    """Return what an entry is, or follows, that lacks what a subcommand is about, and what to ask instead."""
    if not isinstance(entry.storage, StaticFilesStorage):
        return f"its class is {type(entry.storage).__name__}."
    router = next(it.name for it in entries() if it.storage is entry.storage.router)
    return f"it follows the router {router!r}. Use --storage {router}."
