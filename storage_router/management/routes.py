"""``manage.py storage_router routes`` and ``explain``: which names go where, and why (R11)."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.management.base import CommandParser

from storage_router.conf.backends import place_of
from storage_router.conf.routes import RouteOptions
from storage_router.router.explanation import explained

from .subcommand import Subcommand

_COLUMNS = ("name", "backend", "stored as", "url", "signed", "why")


class Routes(Subcommand):
    """Prints the routes. No request is made."""

    help = "Print the routes in the order in which they are tried, and where each leads."

    def run(self) -> int:
        """Print the routes."""
        document = self.router.configuration.document
        destinations = {alias: place_of(backend).text for alias, backend in document.backends.items()}
        if self.options["json"]:
            routes = [route.model_dump(mode="json") for route in document.routes]
            self.output.json({"routes": routes, "default": document.default, "backends": destinations})
            return 0
        rows = [
            [
                index,
                *(", ".join(values) for values in (route.prefix, route.glob, route.types)),
                route.backend,
                ", ".join(_notes(route)),
                destinations[route.backend],
            ]
            for index, route in enumerate(document.routes)
        ]
        if document.default is None:
            rows.append(["else", "", "", "", "(none)", "", "an error: no default is set"])
        else:
            rows.append(["else", "", "", "", document.default, "default", destinations[document.default]])
        self.output.table(["route", "prefix", "glob", "types", "backend", "notes", "leads to"], rows)
        return 0


class Explain(Subcommand):
    """Explains names. No request is made."""

    help = "Say where names go, why, and what their URLs are. Exit status 1 if one of them goes nowhere."
    shared = ("storage", "tenant", "json")

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the names."""
        parser.add_argument("names", nargs="+", metavar="NAME", help="A name as a FileField holds it: private/a.pdf.")

    def run(self) -> int:
        """Explain the names."""
        found = [explained(self.router, name) for name in self.options["names"]]
        rows = [[one["name"], one["alias"], one["stored_as"], one["url"], one["signed"], one["why"]] for one in found]
        rows = [["-" if cell is None else cell for cell in row] for row in rows]
        if self.options["json"]:
            self.output.json(found)
        elif self.output.is_terminal:
            for name, *cells in rows:
                self.output.heading(name)
                for label, cell in zip(_COLUMNS[1:], cells, strict=True):
                    if cell != "-":
                        self.output.paragraph(cell, f"  {label:<11}")
        else:
            self.output.table(_COLUMNS, rows)
        return 0 if all(one["alias"] for one in found) else 1


def _notes(route: RouteOptions) -> Iterator[str]:
    yield from (flag for flag in ("strip_prefix", "read_only") if getattr(route, flag))
    if route.delivery != "link":
        yield f"delivery: {route.delivery}"
    if route.phase is not None:
        yield f"moves from {route.moving_from}: {route.phase}"
