"""``Backends``: the storages of a configuration, each built once; ``Target``: the one that a name leads to."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.files.storage import Storage
from django.utils.module_loading import import_string

from storage_router import events
from storage_router.conf.backends import type_of
from storage_router.conf.loading import Configuration
from storage_router.conf.problems import Location, problem
from storage_router.conf.table import Table
from storage_router.exceptions import ConfigurationError, InvalidNameError, Problem, StorageRouterError
from storage_router.factory import tells_tenants
from storage_router.forks import RLock
from storage_router.names import SAMPLE_TENANT
from storage_router.references import note_backend
from storage_router.routing import Match

REMEMBERED = 1000
"""Storages of tenants that a process keeps. They share account, connections and delegation key."""


class Backends(Mapping[str, Storage]):
    """The storages of a configuration, by alias. Each is built at its first use, once for all threads.

    ``media[acme]`` is the backend ``media`` of the tenant ``acme``, ``a > b (mirror)`` the two of a route that moves.
    Building one raises ``ConfigurationError`` where a ``django`` backend cannot be imported or refuses its options.
    ``router`` is whose ``backends`` they are; its name and theirs stand for them in migrations and pickles.
    """

    def __init__(self, configuration: Configuration, *, router: Storage | None = None) -> None:
        self._configuration = configuration
        self._document = configuration.document
        self._router = router
        self._built: dict[str, Storage] = {}
        self._lock = RLock()
        self.tenancy: Any = None
        """The tenants, None where the configuration has none."""

        if tells_tenants(self._document):
            self.tenancy = import_string("storage_router.tenancy.Tenancy")(self._document)

    def __getitem__(self, alias: str) -> Storage:
        if (storage := self._built.get(alias)) is not None:
            return storage
        if self._has_tenants(alias):
            return self[f"{alias}[{self.tenancy.tenant(None, alias)}]"]
        with self._lock:
            if alias not in self._built:
                self._built[alias] = self._build(alias)
                of_tenants = [one for one in self._built if one.endswith("]")]
                for one in of_tenants[:-REMEMBERED]:
                    del self._built[one]
            return self._built[alias]

    def _build(self, alias: str) -> Storage:
        base, _, tenant = alias.removesuffix("]").partition("[")
        if tenant and not self._has_tenants(base):
            raise KeyError(alias)
        if base not in self._document.backends:
            return self._moving(base, tenant)
        options = self.options(alias)
        assert options is not None
        storage = type_of(options).build(base, options, self._place)
        if hasattr(storage, "is_attachment") and any(route.attachment for route in self._document.routes):
            attachments = import_string("storage_router.delivery.presentation.Attachments")
            vars(storage)["is_attachment"] = attachments(base, self._document.routes, self._document.default)
        if self._router is not None:
            note_backend(storage, alias, self._router)
        return storage

    def _moving(self, alias: str, tenant: str) -> Storage:
        """Return the two backends of a route that moves, as one storage. Raises ``KeyError`` for an unknown alias."""
        for route in self._document.routes:
            if route.phase is not None and alias == route.target:
                build = import_string("storage_router.moving.storage.MovingStorage")
                aliases = (str(route.moving_from), route.backend)
                sides = [self[f"{one}[{tenant}]" if tenant and self._has_tenants(one) else one] for one in aliases]
                moving: Storage = build(*sides, phase=route.phase, mirror_errors=route.mirror_errors)
                return moving
        raise KeyError(alias)

    def _has_tenants(self, alias: str) -> bool:
        return self.tenancy is not None and self.tenancy.has(alias)

    def options(self, alias: str) -> Table | None:
        """Return the options of a backend, with the tenant that its alias has; None for a route that moves."""
        base, _, tenant = alias.removesuffix("]").partition("[")
        backend: Table | None = self._document.backends.get(base)
        return self.tenancy.options(base, tenant) if tenant and backend is not None else backend

    def sample(self, alias: str) -> Storage:
        """Return the storage of a backend, for what needs no request: that of no tenant, where it has tenants."""
        return self[f"{alias}[{SAMPLE_TENANT}]" if self._has_tenants(alias) else alias]

    def copied_for(self, router: Storage) -> Backends:
        """Return the same backends for a copy of their router: twins of each, which share account and connections."""
        twins = Backends(self._configuration, router=router)
        for alias in self:
            if not self._has_tenants(alias):
                twins._built[alias] = copy.copy(self[alias])
                note_backend(twins._built[alias], alias, router)
        return twins

    def __iter__(self) -> Iterator[str]:
        return iter(self._document.backends)

    def __len__(self) -> int:
        return len(self._document.backends)

    def __repr__(self) -> str:
        return f"<Backends {', '.join(self)}>"

    def check(self) -> tuple[Problem, ...]:
        """Build every backend, which takes no request, and return what is wrong with those that cannot be built."""
        found: list[Problem] = []
        for alias in self:
            try:
                self.sample(alias)
            except ConfigurationError as error:
                found += error.problems
            except InvalidNameError as error:
                found.append(problem("E003", self._place(("backends", alias)), str(error)))
        return tuple(found)

    def _place(self, location: Location) -> str:
        return self._configuration.origin(location).place


class Target:
    """The backend that a name leads to, and the match, as a context manager.

    The operation under way gets the alias and the route. An error that leaves the block and whose ``filename`` is the
    backend's name for the file names it in full.
    """

    __slots__ = ("backend", "match")

    def __init__(self, backend: Storage, match: Match) -> None:
        self.backend = backend
        self.match = match

    def __enter__(self) -> tuple[Storage, Match]:
        if (event := events.current()) is not None:
            event.alias = event.alias or self.match.alias.partition("[")[0]
            event.route = event.route or (self.match.route.text if self.match.route else "default")
        return self.backend, self.match

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise_in_full(error, self.match.prefix, self.match.name)


def raise_in_full(error: OSError, prefix: str, name: str) -> None:
    """Raise ``error`` with the full name, where it is about the file that the backend calls ``name``.

    What else it may be about, such as a path on this machine or a container, stays; so do errors of other packages.
    """
    if not prefix or error.filename != name:
        return
    if isinstance(error, StorageRouterError):
        error.filename = f"{prefix}{name}"
        return
    if type(error).__module__ == "builtins":
        raise type(error)(error.errno, error.strerror, f"{prefix}{name}") from error
