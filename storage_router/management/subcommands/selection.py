"""The storages that a subcommand is about: those of ``STORAGES`` and of model fields, or one of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser
from pydantic_core import PydanticCustomError

from storage_router.conf.units import seconds
from storage_router.exceptions import ConfigurationError, InvalidNameError
from storage_router.installed import Entry, entries, problems
from storage_router.management.output import Output
from storage_router.router import RouterStorage
from storage_router.staticfiles import StaticFilesStorage
from storage_router.tenancy import tenant

UNUSABLE = 2
"""Exit status where the question cannot be answered: wrong arguments, or a configuration with errors."""


def add_arguments(parser: CommandParser) -> None:
    """Add ``--storage``."""
    parser.add_argument(
        "--storage",
        metavar="ALIAS",
        help="The entry of STORAGES to look at, where there are several, or a model field: app.Model.field.",
    )


def add_tenant(parser: CommandParser) -> None:
    """Add ``--tenant``."""
    parser.add_argument("--tenant", metavar="TENANT", help="Whose files, where names or backends have tenants.")


def for_tenant(run: Callable[[Output, Mapping[str, Any]], int]) -> Callable[[Output, Mapping[str, Any]], int]:
    """Run a subcommand with the tenant that it was given."""

    @functools.wraps(run)
    def call(output: Output, options: Mapping[str, Any]) -> int:
        if options["tenant"] is None:
            return run(output, options)
        try:
            with tenant(options["tenant"]):
                return run(output, options)
        except InvalidNameError as error:
            raise CommandError(str(error), returncode=UNUSABLE) from None

    return call


def age(options: Mapping[str, Any]) -> int:
    """Return ``--older-than`` in seconds. Raises ``CommandError`` for what is no duration."""
    try:
        return int(seconds(options["older_than"]))
    except PydanticCustomError as error:
        message = f"--older-than: {error.message()}. Write a duration such as '12h' or '7d'."
        raise CommandError(message, returncode=UNUSABLE) from None


def sound_entries(options: Mapping[str, Any]) -> tuple[Entry, ...]:
    """Return the entries to look at. Raises ``CommandError`` for their problems, or where there are none."""
    wanted = options["storage"]
    found = tuple(entry for entry in entries() if wanted in (None, entry.name))
    if not found:
        what = f"STORAGES[{wanted!r}] is not" if wanted else "No entry of STORAGES, and no model field, has"
        raise CommandError(f"{what} a storage of storage_router.", returncode=UNUSABLE)
    if not all(entry.is_sound for entry in found):
        raise CommandError(str(ConfigurationError(problems(found))), returncode=UNUSABLE)
    return found


def router(options: Mapping[str, Any]) -> RouterStorage:
    """Return the one router to look at; ``STORAGES["default"]`` goes before others."""
    found = sound_entries(options)
    routers = {entry.name: entry.storage for entry in found if isinstance(entry.storage, RouterStorage)}
    if not routers and options["storage"]:
        message = f"{found[0].place} is not a RouterStorage, so it has no routes of its own: {whose(found[0])}"
        raise CommandError(message, returncode=UNUSABLE)
    if not routers:
        raise CommandError("No entry of STORAGES is a RouterStorage, so there are no routes.", returncode=UNUSABLE)
    if "default" in routers or len(routers) == 1:
        return routers.get("default") or next(iter(routers.values()))
    names = ", ".join(routers)
    raise CommandError(f"There are several routers: choose one of {names} with --storage.", returncode=UNUSABLE)


def whose(entry: Entry) -> str:
    """Return what an entry is, or which router it follows, and what to ask instead."""
    if not isinstance(entry.storage, StaticFilesStorage):
        return f"its class is {type(entry.storage).__name__}."
    router = next(one.name for one in entries() if one.storage is entry.storage.router)
    return f"it follows the router {router!r}. Use --storage {router}."
