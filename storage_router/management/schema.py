"""``manage.py storage_router schema``: the JSON Schemas that editors complete and validate with (C9)."""

from __future__ import annotations

from pathlib import Path

from django.core.management.base import CommandParser

from storage_router.conf import schema

from .subcommand import Subcommand, unusable


class Schema(Subcommand):
    """Prints, writes or checks the schemas."""

    help = "Print the JSON Schema of storage_router.toml, write the schemas, or check that they are up to date."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--options", action="store_true", help="Print the schema of AzureStorage's OPTIONS instead.")
        what.add_argument(
            "--check", action="store_true", help="Compare the files with the models; exit status 1 if stale."
        )
        what.add_argument("--write", action="store_true", help="Write the files.")
        parser.add_argument("--directory", type=Path, help="Where the files are. Default: the package's own.")

    def run(self) -> int:
        options = self.options
        if not (options["check"] or options["write"]):
            self.output.json(schema.azure_storage_schema() if options["options"] else schema.document_schema())
            return 0
        # In the installed package, or next to it in a checkout.
        package = Path(schema.__file__).parent.parent
        installed = package / "schemas"
        directory = options["directory"] or (installed if installed.is_dir() else package.parent / "schemas")
        if not directory.is_dir():
            raise unusable(f"There is no directory {directory}.")
        if options["write"]:
            schema.write(directory)
        stale = schema.stale(directory)
        for name in schema.SCHEMAS:
            self.output.line(f"{name}: {'stale; write it again with --write' if name in stale else 'up to date'}")
        return 1 if stale else 0
