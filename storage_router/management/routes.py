"""``manage.py storage_router routes`` and ``explain``: which names go where, and why (R11)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from storage_router.conf.backends import place_of
from storage_router.conf.routes import RouteOptions
from storage_router.router.explanation import explained

from .subcommand import JSON, STORAGE, TENANT, Subcommand

_COLUMNS = ("name", "backend", "stored as", "url", "signed", "why")


class Routes(Subcommand):
    """Prints the routes. No request is made."""

    help = "Print the routes in the order in which they are tried, and where each leads."
    arguments: ClassVar = {**STORAGE, **JSON}

    def run(self) -> int:
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
                ", ".join(notes(route)),
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
    arguments: ClassVar = {
        "names": {"nargs": "+", "metavar": "NAME", "help": "A name as a FileField holds it: private/a.pdf."},
        **STORAGE,
        **TENANT,
        **JSON,
    }

    def run(self) -> int:
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


def notes(route: RouteOptions) -> Iterator[str]:
    """Yield what else a route does, in the words of its options."""
    yield from (flag for flag in ("strip_prefix", "read_only") if getattr(route, flag))
    if route.delivery != "link":
        yield f"delivery: {route.delivery}"
    if route.phase is not None:
        yield f"moves from {route.moving_from}: {route.phase}"
