"""``manage.py storage_router provision``: what the configuration needs in Azure (V5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from storage_router import provision
from storage_router.exceptions import BlobError
from storage_router.management.output import Output

from . import origins, selection

HELP = "Print what the configuration needs in Azure as commands of the Azure CLI, or create it with --apply."


def add_arguments(parser: CommandParser) -> None:
    selection.add_arguments(parser)
    selection.add_tenant(parser)
    parser.add_argument(
        "--apply", action="store_true", help="Create containers and CORS rules through the storage accounts themselves."
    )
    parser.add_argument("--format", choices=["az"], default="az", help="Commands of the Azure CLI, the only format.")
    origins.add_arguments(parser)


@selection.for_tenant
def run(output: Output, options: Mapping[str, Any]) -> int:
    """Print the commands, or apply; return 1 if an account refuses something."""
    pages = origins.of_site(options)
    accounts = provision.needs(selection.sound_entries(options))
    if not accounts:
        output.line("# No backend is on Azure, so nothing is needed there.")
    status = 0
    for account in accounts:
        output.line(f"# {account.options.endpoint}")
        if not options["apply"]:
            for reason, command in provision.commands(account, pages):
                output.line(f"# {reason}")
                if command:
                    output.line(command)
            output.line()
            continue
        try:
            for done in provision.apply(account, pages):
                output.line(done)
        except BlobError as error:
            output.line(f"failed: {error}")
            status = 1
    return status
