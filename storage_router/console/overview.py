"""What the overview shows of a storage: its routes, its backends, the lines between them, and the last health."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from django.conf import DEFAULT_STORAGE_ALIAS, settings
from django.core import checks
from django.core.cache import cache
from django.core.files.storage import Storage, storages
from django.utils import timezone
from pydantic import BaseModel

from storage_router import health
from storage_router.conf.backends import place_of
from storage_router.conf.routes import RouteOptions
from storage_router.doctor.findings import described
from storage_router.installed import entries
from storage_router.management.routes import notes
from storage_router.router import RouterStorage
from storage_router.router.explanation import signature
from storage_router.staticfiles import StaticFilesStorage

MOST_ROUTES = 50
"""Routes that the picture shows."""

COLOURS = 6
"""Colours that the style sheet has for backends."""

_PROBE_SECONDS = 15
_KEPT_SECONDS = 7 * 24 * 3600


def shown_storages() -> dict[str, Storage]:
    """Return the storages that the console shows: this package's in ``STORAGES``, else the default one.

    Static files are shown by the router that they use.
    """
    found = {
        entry.name: entry.storage
        for entry in entries()
        if entry.name in settings.STORAGES and entry.storage is not None
    }
    found = {alias: one for alias, one in found.items() if not isinstance(one, StaticFilesStorage)}
    return found or {DEFAULT_STORAGE_ALIAS: storages[DEFAULT_STORAGE_ALIAS]}


def picture(alias: str, storage: Storage) -> dict[str, Any]:
    """Return what the picture of a storage shows: its routes on the left, backends on the right, lines between them.

    Places from the top (``y`` of a route, ``to`` of a backend) are in percent, ``height`` is in pixels. A storage
    without routes has one backend, itself. Makes no request.
    """
    if isinstance(storage, RouterStorage):
        document = storage.configuration.document
        options: dict[str, Any] = dict(document.backends)
        routes, default = storage.table.routes, document.default
    else:
        options, routes, default = {alias: getattr(storage, "options", None)}, (), alias
    aliases = list(options)
    places = {name: (number + 0.5) * 100 / len(aliases) for number, name in enumerate(aliases)}
    shown = routes[:MOST_ROUTES]
    number_of_rows = len(shown) + (default is not None)

    def row(number: int, text: str, more: str, backend: str, moving_from: str | None = None) -> dict[str, Any]:
        y = (number + 0.5) * 100 / number_of_rows
        lines = [
            {"y": y, "to": places[name], "colour": aliases.index(name) % COLOURS, "is_old": name == moving_from}
            for name in filter(None, (backend, moving_from))
        ]
        return {"text": text, "notes": more, "backend": backend, "colour": lines[0]["colour"], "lines": lines}

    rows = [
        row(number, route.text, ", ".join(notes(route.options)), route.options.backend, route.options.moving_from)
        for number, route in enumerate(shown)
    ]
    if default is not None:
        rows.append(row(len(rows), "everything else" if rows else "everything", "default", default))
    backends = [
        {
            "alias": name,
            "kind": _kind(one, options[name]),
            "where": _where(one, options[name]),
            "access": ", ".join(_access(one, name, storage)),
            "authentication": _authentication(options[name]),
            "colour": number % COLOURS,
            "health": cache.get(_key(alias, name)),
        }
        for number, (name, one) in enumerate(_backends(alias, storage).items())
    ]
    height = max(len(rows) * 52, len(backends) * 140)
    return {"routes": rows, "backends": backends, "hidden_routes": len(routes) - len(shown), "height": height}


def warnings() -> list[checks.CheckMessage]:
    """Return what ``manage.py check --tag storage_router`` reports, with ``--deploy`` where DEBUG is off."""
    found = checks.run_checks(tags=["storage_router"], include_deployment_checks=not settings.DEBUG)
    return [message for message in found if not message.is_silenced()]


def probe(alias: str) -> None:
    """Ask every backend for one file, all at a time, and remember what they answered for the overview.

    Backends with a place for each tenant are asked where there is a current one.
    """
    executor = ThreadPoolExecutor(max_workers=8)
    started = {executor.submit(health.probed, name, one): name for name, one in health.backends(alias).items()}
    done, late = wait(started, timeout=_PROBE_SECONDS)
    executor.shutdown(wait=False, cancel_futures=True)
    silent = {"ok": False, "text": f"No answer within {_PROBE_SECONDS} seconds.", "seconds": _PROBE_SECONDS}
    found = {_key(alias, started[one]): silent for one in late}
    for one in done:
        its = one.result()
        text = "It answers." if its.error is None else described(its.error)
        found[_key(alias, its.alias)] = {"ok": its.ok, "text": text, "seconds": its.seconds}
    now = timezone.now()
    cache.set_many({key: {**one, "when": now} for key, one in found.items()}, _KEPT_SECONDS)


def _backends(alias: str, storage: Storage) -> dict[str, Storage]:
    """Return the backends of the configuration by their aliases; a storage without routes is its own."""
    if isinstance(storage, RouterStorage):
        return {name: storage.backends.sample(name) for name in storage.backends}
    return {alias: storage}


def _key(alias: str, name: str) -> str:
    return f"storage_router_console:health:{alias}:{name}"


def _kind(storage: Storage, options: BaseModel | None) -> str:
    kind = getattr(options, "type", None)
    if kind in (None, "django"):
        return type(storage).__name__
    return str(kind)


def _where(storage: Storage, options: Any) -> str:
    if hasattr(options, "azure_container"):
        account = options.account_name or options.endpoint.partition("://")[2]
        return " / ".join(filter(None, (account, options.azure_container, options.location)))
    if options is not None and (text := place_of(options).text):
        return text
    return str(getattr(storage, "location", "") or type(storage).__name__)


def _access(storage: Storage, name: str, router: Storage) -> Iterator[str]:
    """Yield who can read the files: what the routes that lead here say, and whether links are signed."""
    routes: tuple[RouteOptions, ...] = ()
    if isinstance(router, RouterStorage):
        document = router.configuration.document
        routes = tuple(route for route in document.routes if name in (route.backend, route.moving_from))
    views = dict.fromkeys(route.delivery for route in routes if route.delivery != "link")
    for delivery in views:
        yield f"asks who may read ({delivery})"
    if len(views) == 0 or any(route.delivery == "link" for route in routes):
        signed = signature(storage)
        if signed is not None:
            yield "public links" if signed == "no" else f"signed links{signed.removeprefix('yes')}"


def _authentication(options: Any) -> str:
    given = getattr(options, "authentication", None)
    if given is None:
        return ""
    name = getattr(given, "name", None)
    kind = {"account_key": "account key", "token": "identity", "sas": "SAS", "anonymous": "anonymous"}[given.kind]
    return f"{kind} ({name})" if name and name != given.kind else kind
