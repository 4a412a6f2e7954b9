"""``manage.py storage_router routes``: the table of routes, in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from storage_router.conf.backends import AzureBackend, Backend, DjangoBackend, FilesystemBackend
from storage_router.conf.routes import RouteOptions
from storage_router.management.output import Output

from . import selection

HELP = "Print the routes in the order in which they are tried, and where each leads."


def add_arguments(parser: CommandParser) -> None:
    """Add the arguments."""
    selection.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="Print JSON.")


def run(output: Output, options: Mapping[str, Any]) -> int:
    """Print the routes."""
    document = selection.router(options).configuration.document
    if options["json"]:
        output.json(
            {
                "routes": [route.model_dump(mode="json") for route in document.routes],
                "default": document.default,
                "backends": {alias: destination(backend) for alias, backend in document.backends.items()},
            }
        )
        return 0
    rows = [
        [
            str(index),
            _several(route.prefix),
            _several(route.glob),
            _several(route.types),
            route.backend,
            destination(document.backends[route.backend]),
            ", ".join([*_flags(route), *([] if route.delivery == "link" else [f"delivery: {route.delivery}"])]),
        ]
        for index, route in enumerate(document.routes)
    ]
    if document.default is None:
        rows.append(["else", "", "", "", "(none)", "an error: no default is set", ""])
    else:
        rows.append(["else", "", "", "", document.default, destination(document.backends[document.default]), "default"])
    output.table(["route", "prefix", "glob", "types", "backend", "leads to", "notes"], rows)
    return 0


def destination(backend: Backend) -> str:
    """Return in a few words what a backend is: never more than its place."""
    if isinstance(backend, AzureBackend):
        location = f"/{backend.location.strip('/')}" if backend.location else ""
        return f"{backend.endpoint}/{backend.azure_container}{location}"
    if isinstance(backend, FilesystemBackend):
        return f"directory {backend.location or 'MEDIA_ROOT'}"
    if isinstance(backend, DjangoBackend):
        return backend.backend
    return "memory"


def _flags(route: RouteOptions) -> list[str]:
    return [flag for flag in ("strip_prefix", "read_only") if getattr(route, flag)]


def _several(values: tuple[str, ...]) -> str:
    return ", ".join(values)
