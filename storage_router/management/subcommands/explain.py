"""``manage.py storage_router explain NAME ...``: where names go, and why (R11)."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import Storage
from django.core.management.base import CommandParser
from pydantic import BaseModel

from storage_router.conf.backends import place_of
from storage_router.exceptions import InvalidNameError, NoRouteError
from storage_router.management.output import Output
from storage_router.names import check_blob_name
from storage_router.router import Explanation, RouterStorage

from . import selection

HELP = "Say where names go, why, and what their URLs are. Exit status 1 if one of them goes nowhere."

_COLUMNS = ("name", "backend", "stored as", "url", "signed", "why")


def add_arguments(parser: CommandParser) -> None:
    """Add the arguments."""
    parser.add_argument("names", nargs="+", metavar="NAME", help="A name as a FileField holds it: private/a.pdf.")
    selection.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="Print JSON.")


def run(output: Output, options: Mapping[str, Any]) -> int:
    """Explain the names. No request is made."""
    router = selection.router(options)
    found = [_explained(router, name) for name in options["names"]]
    rows = [[one["name"], one["alias"], one["stored_as"], one["url"], one["signed"], one["why"]] for one in found]
    rows = [["-" if cell is None else cell for cell in row] for row in rows]
    if options["json"]:
        output.json(found)
    elif output.is_terminal:
        for name, *cells in rows:
            output.heading(name)
            for label, cell in zip(_COLUMNS[1:], cells, strict=True):
                if cell != "-":
                    output.paragraph(cell, f"  {label:<11}")
    else:
        output.table(_COLUMNS, rows)
    return 0 if all(one["alias"] for one in found) else 1


def _explained(router: RouterStorage, name: str) -> dict[str, Any]:
    """Return what is known of a name; without ``alias`` it goes nowhere."""
    nowhere: dict[str, Any] = dict.fromkeys(field.name for field in dataclasses.fields(Explanation))
    nowhere |= {"name": name, "stored_as": None, "url": None, "signed": None}
    try:
        explanation = router.explain(name)
        options = router.configuration.document.backends.get(explanation.alias)
        # A route that moves has two backends.
        stored_as = explanation.backend_name if options is None else _stored_as(options, explanation.backend_name)
    except (InvalidNameError, NoRouteError) as error:
        return {**nowhere, "why": str(error)}
    delivery = "link" if explanation.index is None else router.configuration.document.routes[explanation.index].delivery
    if delivery == "link":
        url, signed = _url(router.backends[explanation.alias], explanation.backend_name)
    else:
        url, signed = None, f"no, a view delivers it ({delivery})"
        with contextlib.suppress(ImproperlyConfigured):
            url = router.url(name)
    why = f"{explanation.why}; the route is read_only" if explanation.read_only else explanation.why
    facts = {"name": name, "stored_as": stored_as, "url": url, "signed": signed, "why": why}
    return {**dataclasses.asdict(explanation), **facts}


def _stored_as(options: BaseModel, name: str) -> str:
    """Return the backend's name with its location, the name to look for in the container."""
    place = place_of(options)
    if place.store[:1] != ("container",):
        return name
    blob_name = "/".join((*place.segments, name))
    check_blob_name(blob_name)
    return f"{place.store[-1]}/{blob_name}"


def _url(storage: Storage, name: str) -> tuple[str | None, str | None]:
    """Return the URL of a file without its signature, and whether it gets one."""
    if hasattr(storage, "public_url"):
        options = storage.options  # type: ignore[attr-defined]
        if options.expiration_secs is not None:
            return storage.public_url(name), f"yes, for {options.expiration_secs:g} s"
        return storage.public_url(name), "yes, with sas_token" if options.sas_token_in_urls else "no"
    if getattr(storage, "base_url", None):
        return storage.url(name), "no"
    # Another package's storage may make a request for its URL, or sign it.
    return None, None
