"""``manage.py storage_router``: show what the configuration means, and test whether it works."""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import import_string

from storage_router.exceptions import BlobError, InvalidNameError, NoTenantError
from storage_router.management.output import Output
from storage_router.management.subcommand import Subcommand, unusable
from storage_router.tenancy import tenant

_SUBCOMMANDS = {
    "routes": "storage_router.management.routes.Routes",
    "explain": "storage_router.management.routes.Explain",
    "config": "storage_router.management.config.Config",
    "schema": "storage_router.management.schema.Schema",
    "doctor": "storage_router.doctor.command.Doctor",
    "provision": "storage_router.provision.commands.Provision",
    "move": "storage_router.moving.commands.MoveFiles",
    "orphans": "storage_router.moving.commands.Orphans",
    "dangling": "storage_router.moving.commands.Dangling",
    "inventory": "storage_router.moving.commands.Inventory",
    "uploads": "storage_router.uploads.cleaning.Uploads",
}
"""Name and class of each subcommand, in the room that it serves."""


class Command(BaseCommand):
    """The command. Its subcommands are in ``_SUBCOMMANDS``."""

    help = "Show what storage_router's configuration means, and whether it works."
    # The subcommands report the problems themselves, and doctor runs with a broken database, too.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the subcommands."""
        subparsers = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)
        for name, path in _SUBCOMMANDS.items():
            kind: type[Subcommand] = import_string(path)
            subparser = subparsers.add_parser(name, help=kind.help, description=kind.help)
            kind.add_arguments(subparser)
            _add_djangos(subparser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the subcommand. Exit status: 0 all is well; 1 the answer is no; 2 it cannot be answered."""
        output = Output(self.stdout, force_terminal=options["force_color"], style=self.style)
        subcommand: Subcommand = import_string(_SUBCOMMANDS[options["subcommand"]])(output, options)
        wanted = options.get("tenant")
        try:
            with contextlib.nullcontext() if wanted is None else tenant(wanted):
                status = subcommand.run()
        except BlobError as error:
            hint = f" Run: manage.py storage_router doctor --backend {error.alias}" if error.alias else ""
            raise CommandError(f"{error}.{hint}", returncode=2) from error
        except (InvalidNameError, NoTenantError) as error:
            raise unusable(str(error)) from None
        if status:
            sys.exit(status)


def _add_djangos(parser: CommandParser) -> None:
    """Accept Django's own options after the subcommand, too."""
    hidden: dict[str, Any] = {"default": argparse.SUPPRESS, "help": argparse.SUPPRESS}
    parser.add_argument("--settings", **hidden)
    parser.add_argument("--pythonpath", **hidden)
    parser.add_argument("-v", "--verbosity", type=int, choices=range(4), **hidden)
    for flag in ("--traceback", "--no-color", "--force-color"):
        parser.add_argument(flag, action="store_true", **hidden)
