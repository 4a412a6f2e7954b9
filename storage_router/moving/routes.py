"""The routes of a router that move, and what has moved: from the configuration to the files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.files.storage import storages
from django.core.management.base import CommandError

from storage_router.exceptions import InvalidNameError, NoRouteError
from storage_router.names import TENANT, is_clean

from .backfill import Files
from .models import Move
from .storage import MovingStorage


@dataclass(frozen=True, kw_only=True)
class MovingRoute:
    """One route with ``moving_from``. ``name`` is how commands and the table call it."""

    router: str
    name: str
    old: str
    new: str
    phase: str
    files: Files

    @property
    def move(self) -> Move | None:
        """The row of the move; None before ``move start``."""
        return Move.objects.filter(router=self.router, route=self.name, old=self.old, new=self.new).first()


def moves_tenants(storage: Any, route: Any) -> bool:
    """Return whether the route moves, from or to a backend with a place for each tenant: nobody knows all of them."""
    tenancy = storage.backends.tenancy
    return route.options.phase is not None and tenancy is not None and tenancy.has(route.backend)


def moving_routes(router: str = "default") -> Iterator[MovingRoute]:
    """Yield the routes of ``STORAGES[router]`` that move."""
    storage: Any = storages[router]
    for route in storage.table.routes:
        options = route.options
        if options.phase is not None and not moves_tenants(storage, route):
            moving = storage.backends[route.backend]
            assert isinstance(moving, MovingStorage)
            yield MovingRoute(
                router=router,
                name=route.text,
                old=options.moving_from,
                new=options.backend,
                phase=options.phase,
                files=_files(storage, route, moving),
            )


def moving_route(name: str | None, router: str = "default") -> MovingRoute:
    """Return the one route to look at. Raises ``CommandError`` where there is none, or where there are several."""
    found = [route for route in moving_routes(router) if name in (None, route.name)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(repr(route.name) for route in moving_routes(router))
    if not names:
        raise CommandError("No route has moving_from and phase, so nothing moves.", returncode=2)
    raise CommandError(f"Say which route with --route: {names}.", returncode=2)


def finished_move(name: str | None, router: str = "default") -> tuple[Move, Files]:
    """Return the move whose route has no ``moving_from`` any more, and its files. Raises ``CommandError``."""
    storage: Any = storages[router]
    under_way = {(route.name, route.old) for route in moving_routes(router)}
    found = [
        move
        for move in Move.objects.filter(router=router)
        if (move.route, move.old) not in under_way and name in (None, move.route)
    ]
    if len(found) != 1:
        names = ", ".join(repr(move.route) for move in found) or "none"
        raise CommandError(f"Say which finished move with --route. There are: {names}.", returncode=2)
    [move] = found
    missing = [alias for alias in (move.old, move.new) if alias not in storage.backends]
    if missing:
        raise CommandError(f"Keep [backends.{missing[0]}] in the configuration until this is done.", returncode=2)
    for route in storage.table.routes:
        if (route.text, route.options.backend) == (move.route, move.new):
            sides = MovingStorage(storage.backends[move.old], storage.backends[move.new], phase="settle")
            return move, _files(storage, route, sides)
    raise CommandError(f"{move}: the configuration has no such route any more.", returncode=2)


def files_of(move: Move) -> Files:
    """Return what moves, for a worker. Raises ``CommandError`` where the route does not move any more."""
    for route in moving_routes(move.router):
        if (route.name, route.old, route.new) == (move.route, move.old, move.new):
            require_copying(route.phase)
            return route.files
    raise CommandError(f"{move}: the configuration has no such move any more.", returncode=2)


def require_copying(phase: str) -> None:
    """Raise ``CommandError`` in *settle*: processes without ``moving_from`` may be saving on the new backend alone."""
    if phase == "settle":
        message = "In the phase 'settle' nothing is copied: other processes may write the new backend only."
        raise CommandError(f"{message} Deploy phase = 'switch' first.", returncode=2)


def _files(router: Any, route: Any, moving: MovingStorage) -> Files:
    # The name may tell the tenant, and the files of all of them move.
    table, prefixes = router.table.without_tenants(), route.prefixes
    stripped = f"{prefixes[0]}/" if route.options.strip_prefix and prefixes else ""

    def claims(name: str) -> bool:
        try:
            return is_clean(name) and table.match(f"{stripped}{name}").route is route
        except (InvalidNameError, NoRouteError):
            return False

    directory = prefixes[0].partition(f"/{TENANT}")[0] if len(prefixes) == 1 and not stripped else ""
    return Files(storage=moving, directory=directory, claims=claims)
