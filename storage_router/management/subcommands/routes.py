"""``manage.py storage_router routes``: the routes in the order in which they are tried (R11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.management.base import CommandParser

from storage_router.conf.backends import place_of
from storage_router.conf.routes import RouteOptions
from storage_router.management.output import Output

from . import selection

HELP = "Print the routes in the order in which they are tried, and where each leads."


def add_arguments(parser: CommandParser) -> None:
    selection.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="Print JSON.")


def run(output: Output, options: Mapping[str, Any]) -> int:
    """Print the routes."""
    document = selection.router(options).configuration.document
    destinations = {alias: place_of(backend).text for alias, backend in document.backends.items()}
    if options["json"]:
        routes = [route.model_dump(mode="json") for route in document.routes]
        output.json({"routes": routes, "default": document.default, "backends": destinations})
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
    output.table(["route", "prefix", "glob", "types", "backend", "notes", "leads to"], rows)
    return 0


def _notes(route: RouteOptions) -> Iterator[str]:
    yield from (flag for flag in ("strip_prefix", "read_only") if getattr(route, flag))
    if route.delivery != "link":
        yield f"delivery: {route.delivery}"
    if route.phase is not None:
        yield f"moves from {route.moving_from}: {route.phase}"
