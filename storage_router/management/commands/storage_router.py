"""``manage.py storage_router``: show what the configuration means, and test whether it works."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from storage_router.exceptions import BlobError, NoTenantError
from storage_router.management.output import Output
from storage_router.management.subcommands.selection import UNUSABLE

_SUBCOMMANDS = {
    name: import_module(f"storage_router.management.subcommands.{name}")
    for name in (
        *("routes", "explain", "config", "schema", "doctor", "provision"),
        *("move", "orphans", "dangling", "inventory", "uploads"),
    )
}


class Command(BaseCommand):
    """The command; each subcommand is a module of ``management.subcommands``."""

    help = "Show what storage_router's configuration means, and whether it works."
    # The subcommands report the problems themselves, and doctor runs with a broken database, too.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the subcommands."""
        subparsers = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)
        for name, module in _SUBCOMMANDS.items():
            subparser = subparsers.add_parser(name, help=module.HELP, description=module.HELP)
            module.add_arguments(subparser)
            _add_common(subparser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the subcommand. Exit status: 0 all is well; 1 the answer is no; 2 it cannot be answered."""
        output = Output(self.stdout, force_terminal=options["force_color"], style=self.style)
        try:
            status = _SUBCOMMANDS[options["subcommand"]].run(output, options)
        except BlobError as error:
            hint = f" Run: manage.py storage_router doctor --backend {error.alias}" if error.alias else ""
            raise CommandError(f"{error}.{hint}", returncode=UNUSABLE) from error
        except NoTenantError as error:
            raise CommandError(str(error), returncode=UNUSABLE) from None
        if status:
            sys.exit(status)


def _add_common(parser: CommandParser) -> None:
    """Accept Django's own options after the subcommand, too."""
    hidden: dict[str, Any] = {"default": argparse.SUPPRESS, "help": argparse.SUPPRESS}
    parser.add_argument("--settings", **hidden)
    parser.add_argument("--pythonpath", **hidden)
    parser.add_argument("-v", "--verbosity", type=int, choices=range(4), **hidden)
    for flag in ("--traceback", "--no-color", "--force-color"):
        parser.add_argument(flag, action="store_true", **hidden)
