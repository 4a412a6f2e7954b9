"""``manage.py storage_router explain NAME ...``: where names go, and why (R11)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from storage_router.conf.backends import AzureBackend, Backend
from storage_router.exceptions import InvalidNameError, NoRouteError
from storage_router.management.output import Output
from storage_router.names import check_blob_name
from storage_router.router import Explanation, RouterStorage

from . import selection

HELP = "Say where names go, and why. Exit status 1 if one of them goes nowhere."


def add_arguments(parser: CommandParser) -> None:
    """Add the arguments."""
    parser.add_argument("names", nargs="+", metavar="NAME", help="A name as a FileField holds it: private/a.pdf.")
    selection.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="Print JSON.")


def run(output: Output, options: Mapping[str, Any]) -> int:
    """Explain the names."""
    router = selection.router(options)
    found = [_explained(router, name) for name in options["names"]]
    if options["json"]:
        output.json(found)
    else:
        rows = [[it["name"], it["alias"] or "-", it["stored_as"] or "-", it["why"]] for it in found]
        output.table(["name", "backend", "stored as", "why"], rows)
    return 0 if all(it["alias"] for it in found) else 1


def _explained(router: RouterStorage, name: str) -> dict[str, Any]:
    """Return what there is to say of a name; without ``alias`` it goes nowhere."""
    nowhere: dict[str, Any] = dict.fromkeys(field.name for field in dataclasses.fields(Explanation))
    nowhere |= {"name": name, "stored_as": None}
    try:
        explanation = router.explain(name)
        stored_as = _stored_as(router.configuration.document.backends[explanation.alias], explanation.backend_name)
    except (InvalidNameError, NoRouteError) as error:
        return {**nowhere, "why": str(error)}
    why = f"{explanation.why}; the route is read_only" if explanation.read_only else explanation.why
    return {**dataclasses.asdict(explanation), "name": name, "stored_as": stored_as, "why": why}


def _stored_as(backend: Backend, name: str) -> str:
    """Return the backend's name with its location, the name to look for in the container."""
    if not isinstance(backend, AzureBackend):
        return name
    blob_name = "/".join(filter(None, (backend.location.strip("/"), name)))
    check_blob_name(blob_name)
    return f"{backend.azure_container}/{blob_name}"
