"""Files that lie where the routes do not lead: a route was changed, and its files were not moved (M5)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from storage_router.conf.backends import Place, place_of
from storage_router.doctor.findings import Finding, described, failed, ok, skipped, warning
from storage_router.doctor.probes import Probes
from storage_router.exceptions import InvalidNameError, NoRouteError
from storage_router.files import Directory, FileStore, file_store
from storage_router.names import SAMPLE_TENANT, TENANT, is_clean
from storage_router.router import RouterStorage
from storage_router.routing import Match, Route

_DIRECTORIES, _DEPTH, _ENTRIES = 20, 5, 10
"""A sample looks into so many directories at the root, and so many prefixes of routes; in each of them so many levels
down, at so many entries a level."""

_LOOKED_FOR = 5
"""Names that are looked for where the routes lead."""

_EXAMPLES = 3


def probe(probes: Probes) -> Finding:
    """Compare the files of the doctor's backend with the routes that lead to them."""
    backend = probes.backend
    assert backend.router is not None
    if backend.in_fields:
        return skipped("Not tried, because fields name this backend themselves.")
    return examine_routes(backend.router, backend.known_as)


def examine_routes(router: RouterStorage, alias: str) -> Finding:
    """Compare where a sample of a backend's files lies with where the routes lead.

    ``alias`` is that of the backend, with its tenant where it has one: ``media[acme]``.
    """
    try:
        names = dict.fromkeys(_sample(file_store(router.backends[alias]), router.table.routes))
        places = _Places(router, alias)
        files = {name: led for name in names if is_clean(name) and (led := places.matches(name))}
        wrong = {name: led[0] for name, led in files.items() if not any(places.is_here(one, name) for one in led)}
        looked_for = [match for match in wrong.values() if match][:_LOOKED_FOR]
        found = sum(map(places.has, looked_for))
    except NotImplementedError:
        return skipped("This storage cannot list, so its names cannot be compared with the routes.")
    except Exception as error:  # noqa: BLE001 - another package's storage raises what its SDK raises
        return skipped(f"No sample could be taken: {described(error)}")
    if not wrong:
        return ok(f"The routes lead to the {len(files)} files of a sample.")
    examples = ", ".join(
        f"{name!r} (leads to {match.alias!r})" if match else f"{name!r} (no route claims it)"
        for name, match in islice(wrong.items(), _EXAMPLES)
    )
    message = f"{len(wrong)} of {len(files)} files of a sample lie where no route leads: {examples}."
    if found:
        hint = "What a move has left is deleted by: manage.py storage_router move finish --empty-old"
        return warning(f"{message} Of {len(looked_for)} of them, {found} are where the routes lead, too.", hint)
    hint = (
        "If a route was changed, change it back, or give it moving_from and phase, and move its files. If they are "
        "another program's, give the backend a location of its own, or use --skip routes."
    )
    return failed(f"{message} The router does not find them.", hint)


def _sample(store: FileStore, routes: tuple[Route, ...]) -> Iterator[str]:
    """Yield names of files from all over the store, with a bounded number of small pages."""
    root = store.page("", limit=_DIRECTORIES).entries
    yield from (entry.name for entry in root if not isinstance(entry, Directory))
    prefixes = (prefix for route in routes for prefix in route.prefixes if "/" in prefix and TENANT not in prefix)
    starts = [entry.name for entry in root if isinstance(entry, Directory)]
    for start in dict.fromkeys([*starts, *islice(prefixes, _DIRECTORIES)]):
        waiting = [start]
        for _ in range(_DEPTH):
            if not waiting:
                break
            page = store.page(waiting[0], limit=_ENTRIES).entries
            yield from (entry.name for entry in page if not isinstance(entry, Directory))
            waiting = [entry.name for entry in page if isinstance(entry, Directory)]


class _Places:
    """Which of a backend's files the routes lead to. Tenants do not matter here: they share the routes."""

    def __init__(self, router: RouterStorage, alias: str) -> None:
        self._backends: Any = router.backends
        self._alias = alias.partition("[")[0]
        self._table = router.table.without_tenants()
        self._place = self._place_of(alias)
        self._prefixes = [
            f"{prefix}/".replace(TENANT, SAMPLE_TENANT)
            for route in self._table.routes
            if route.strip_prefix and self._alias in _sides(route)
            for prefix in route.prefixes
        ]

    def matches(self, name: str) -> list[Match | None]:
        """Return where the full names lead that a backend's file may have, its own name first; None where no route
        claims one. Empty for files that nobody is to reach: in the trash, or in the quarantine of uploads."""
        found: list[Match | None] = []
        for prefix in ("", *self._prefixes):
            try:
                found.append(self._table.match(f"{prefix}{name}"))
            except NoRouteError:
                found.append(None)
            except InvalidNameError:
                return []
        return found

    def has(self, match: Match) -> bool:
        """Return whether the file is there, as far as that can be known without a tenant."""
        try:
            return bool(self._backends[match.alias].exists(match.name))
        except (InvalidNameError, NoRouteError):
            return False

    def is_here(self, match: Match | None, name: str) -> bool:
        """Return whether a match leads to the backend's file ``name``."""
        if match is None:
            return False
        aliases = _sides(match.route) if match.route else [match.alias]
        if self._alias in aliases and match.name == name:
            return True
        # Two backends on one container, of which one signs its links, have the same files.
        store, segments = self._place.store, (*self._place.segments, *name.split("/"))
        others = map(self._place_of, aliases)
        return bool(store) and any(
            (other.store, (*other.segments, *match.name.split("/"))) == (store, segments) for other in others
        )

    def _place_of(self, alias: str) -> Place:
        return place_of(self._backends.options(alias))


def _sides(route: Route) -> list[str]:
    return [route.options.backend, *filter(None, [route.options.moving_from])]
