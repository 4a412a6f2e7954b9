"""The problems of moves that are found without a request to a backend, by Django's system checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from django.apps import apps
from django.db import DatabaseError
from django.db.models import FileField

from storage_router.exceptions import InvalidNameError, NoRouteError, Problem
from storage_router.files import file_store
from storage_router.references import BackendReference
from storage_router.router import RouterStorage

PROBLEMS: Mapping[str, str] = {
    "E040": "a phase that needs a verification without differences",
    "E041": "a backend that a route cannot move from or to",
    "E042": "a move without the app storage_router.moving",
    "E043": "a move of static files",
    "E044": "a field that goes round the move of its backend",
    "E045": "a move from or to a backend with a place for each tenant",
}
"""Id (without the prefix ``storage_router.``) and meaning of the errors of moves."""

WARNINGS: Mapping[str, str] = {"W040": "a backend that still holds files after a move"}
"""Id and meaning of the warnings of moves."""


def problems(routers: Mapping[str, RouterStorage], fields: Iterable[FileField]) -> Iterator[Problem]:
    """Yield what is wrong with the routes that move. ``routers`` are those of ``STORAGES``, by alias."""
    moving: dict[tuple[str, str], str] = {}
    for alias, router in routers.items():
        document = router.configuration.document
        for index, route in enumerate(document.routes):
            if route.phase is None:
                continue
            place = f"routes[{index}]"
            sides = (str(route.moving_from), route.backend)
            moving |= {(alias, side): place for side in sides}
            for side in sides:
                if not (route.unique_names or file_store(router.backends.sample(side)).capabilities.conditional):
                    message = f"the backend {side!r} cannot create a file on condition that its name is free"
                    hint = "Let upload_to make names that are never used twice (UUIDs), then set unique_names = true."
                    yield _problem("E041", place, message, hint)
            if (tenancy := router.backends.tenancy) is not None and tenancy.has(router.table.routes[index].backend):
                message = "it moves from or to a backend with a place for each tenant, and nobody knows all tenants"
                hint = "Move routes of backends without {tenant}, which may be in the prefix."
                yield _problem("E045", place, message, hint)
            if _holds_static_files(router, index):
                message = "the route holds the static files"
                hint = "Collect them to the new backend (collectstatic), then change the route. Remove moving_from."
                yield _problem("E043", place, message, hint)
    if moving and not apps.is_installed("storage_router.moving"):
        hint = 'Add "storage_router.moving" to INSTALLED_APPS and run migrate.'
        yield _problem("E042", next(iter(moving.values())), "a route moves, and there is no table for it", hint)
    for field in fields:
        if type(field.storage) is not BackendReference:
            continue
        alias = field.storage.alias
        if (moved := moving.get((field.storage.router, alias))) is not None:
            message = f"its storage is backend({alias!r}), which {moved} moves: its files would not be moved along"
            yield _problem("E044", str(field), message, "Let the field use the router while the files move.")


def _holds_static_files(router: RouterStorage, index: int) -> bool:
    prefix = router.configuration.document.static.prefix.strip("/")
    try:
        return (
            router.table.without_tenants().match(f"{prefix}/_" if prefix else "_").route is router.table.routes[index]
        )
    except (InvalidNameError, NoRouteError):
        return False


def phase_problems(routers: Mapping[str, RouterStorage]) -> Iterator[Problem]:
    """Yield what the table of moves says against the phases and of finished moves. Asks the database."""
    if not apps.is_installed("storage_router.moving"):
        return
    from .models import Move
    from .routes import moving_routes

    try:
        moves = {(move.router, move.route, move.old, move.new): move for move in Move.objects.all()}
    except DatabaseError:
        # Before the first migrate, or without the database: other checks and commands say so.
        return
    for alias in routers:
        for route in moving_routes(alias):
            move = moves.pop((alias, route.name, route.old, route.new), None)
            if route.phase != "mirror" and (move is None or not move.is_clean):
                found, hint = "differs", "Deploy phase = 'switch' and run: manage.py storage_router move retry"
                if move is None or move.verified is None:
                    found, hint = (
                        "was never verified",
                        "Go back to 'mirror', and run: manage.py storage_router move start",
                    )
                message, hint = f"phase is {route.phase!r}, and the new backend {found}", f"{hint}, then move verify."
                yield _problem("E040", route.name, message, hint)
        for (router, _, old, _), move in moves.items():
            if router == alias and old in routers[alias].backends:
                hint = "Run: manage.py storage_router move finish --empty-old."
                yield _problem("W040", move.route, f"the move from {old!r} is not finished", hint)


def _problem(short: str, place: str, message: str, hint: str) -> Problem:
    assert short in PROBLEMS or short in WARNINGS
    return Problem(id=f"storage_router.{short}", place=place, message=message, hint=hint)
