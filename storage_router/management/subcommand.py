"""What the subcommands of ``manage.py storage_router`` share: their arguments, and the storages that they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser
from pydantic_core import PydanticCustomError

from storage_router.conf.units import seconds
from storage_router.exceptions import ConfigurationError
from storage_router.installed import Entry, entries, problems
from storage_router.router import RouterStorage
from storage_router.staticfiles import StaticFilesStorage

from .output import Output

Arguments = Mapping[str, Mapping[str, Any]]
"""Names or flags of arguments, and what argparse's ``add_argument()`` takes for each."""

STORAGE: Arguments = {
    "--storage": {
        "metavar": "ALIAS",
        "help": "The entry of STORAGES to look at, where there are several, or a model field: app.Model.field.",
    }
}
TENANT: Arguments = {"--tenant": {"metavar": "TENANT", "help": "Whose files, where names or backends have tenants."}}
JSON: Arguments = {"--json": {"action": "store_true", "help": "Print JSON."}}


class Subcommand:
    """One subcommand with its ``options``."""

    help: ClassVar[str]
    arguments: ClassVar[Arguments]

    def __init__(self, output: Output, options: Mapping[str, Any]) -> None:
        self.output = output
        self.options = options

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the arguments."""
        for name, settings in cls.arguments.items():
            parser.add_argument(name, **settings)

    def run(self) -> int:
        """Do it. Return the exit status: 0 all is well, 1 the answer is no (something failed, is stale, goes nowhere).

        Raises ``CommandError``.
        """
        raise NotImplementedError

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The entries to look at. Raises ``CommandError`` for their problems, or where there are none."""
        wanted = self.options["storage"]
        found = tuple(entry for entry in entries() if wanted in (None, entry.name))
        if not found:
            what = f"STORAGES[{wanted!r}] is not" if wanted else "No entry of STORAGES, and no model field, has"
            raise unusable(f"{what} a storage of storage_router.")
        if not all(entry.is_sound for entry in found):
            raise unusable(str(ConfigurationError(problems(found))))
        return found

    @cached_property
    def router(self) -> RouterStorage:
        """The one router to look at; ``STORAGES["default"]`` goes before others. Raises ``CommandError``."""
        routers = {entry.name: entry.storage for entry in self.entries if isinstance(entry.storage, RouterStorage)}
        if not routers and self.options["storage"]:
            raise self.nothing("is not a RouterStorage, so it has no routes of its own")
        if not routers:
            raise unusable("No entry of STORAGES is a RouterStorage, so there are no routes.")
        if "default" in routers or len(routers) == 1:
            return routers.get("default") or next(iter(routers.values()))
        raise unusable(f"There are several routers: choose one of {', '.join(routers)} with --storage.")

    def show(self, data: Any, *lines: str) -> None:
        """Print ``data`` with ``--json``, else the lines."""
        if self.options["json"]:
            self.output.json(data)
        else:
            for line in lines:
                self.output.line(line)

    def show_rows(self, heading: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Print rows as a table, with ``--json`` as one object each."""
        if self.options["json"]:
            self.output.json([dict(zip(heading, row, strict=True)) for row in rows])
        else:
            self.output.table(heading, rows)

    def nothing(self, problem: str) -> CommandError:
        """Return the error for an entry that has not what is asked for: what it is, and what to ask instead."""
        entry = self.entries[0]
        whose = f"its class is {type(entry.storage).__name__}."
        if isinstance(entry.storage, StaticFilesStorage):
            router = next(one.name for one in entries() if one.storage is entry.storage.router)
            whose = f"it follows the router {router!r}. Use --storage {router}."
        return unusable(f"{entry.place} {problem}: {whose}")


def unusable(message: str) -> CommandError:
    """Return the error for a question that cannot be answered: wrong arguments, or an invalid configuration."""
    return CommandError(message, returncode=2)


def age(text: str) -> int:
    """Return ``--older-than`` in seconds. Raises ``CommandError`` for what is no duration."""
    try:
        return int(seconds(text))
    except PydanticCustomError as error:
        raise unusable(f"--older-than: {error.message()}. Write a duration such as '12h' or '7d'.") from None
