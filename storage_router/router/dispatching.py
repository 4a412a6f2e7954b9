"""The part of ``RouterStorage`` that finds the backend of a name, and what of the router is pickled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import Storage

from storage_router.conf.loading import Configuration
from storage_router.conf.startup import is_reporting, register_check
from storage_router.exceptions import ConfigurationError, InvalidNameError, NoRouteError, ReadOnlyRouteError
from storage_router.factory import Backends, configure
from storage_router.historical import DeconstructibleStorage
from storage_router.names import clean_name
from storage_router.routing import Match, RouteTable


class Target:
    """The backend that a name leads to, and the match: what a ``with`` gives to those who ask the backend something.

    An error that leaves the block and names the file as the backend does, as ``filename``, names it in full then.
    """

    __slots__ = ("backend", "match")

    def __init__(self, backend: Storage, match: Match) -> None:
        self.backend = backend
        self.match = match

    def __enter__(self) -> tuple[Storage, Match]:
        return self.backend, self.match

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is not None:
            name_in_full(error, self.match.prefix, self.match.name)


class DispatchingStorage(DeconstructibleStorage):
    """A storage with a configuration, its route table and its backends."""

    def __init__(self, *, configuration: Configuration | ConfigurationError | None = None, **config: Any) -> None:
        if configuration is not None and config:
            raise TypeError(f"RouterStorage takes a configuration or its parts, not both: {', '.join(sorted(config))}")
        self._postponed: ConfigurationError | None = None
        try:
            if isinstance(configuration, ConfigurationError):
                raise ConfigurationError(configuration.problems)
            self._use(configure(config or None, given_as=_place_of(config)) if configuration is None else configuration)
        except ConfigurationError as error:
            if not is_reporting():
                raise
            # Models, which may build a storage, are imported before checks run.
            register_check(error)
            self._postponed = error

    def _use(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.table = RouteTable(configuration.document.routes, configuration.document.default)
        self.backends: Mapping[str, Storage] = Backends(configuration, router=self)

    def __getattr__(self, name: str) -> Any:
        # Only what _use() would have set gets here.
        postponed = self.__dict__.get("_postponed")
        if postponed is not None and name in ("configuration", "table", "backends"):
            raise ConfigurationError(postponed.problems)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _target(self, name: object) -> Target:
        """Return the backend of a full name, and the match, which holds the backend's own name for it."""
        match = self.table.match(clean_name(name))
        return Target(self.backends[match.alias], match)

    def _writable(self, name: object) -> Target:
        """Return the same, for what changes files. Raises ``ReadOnlyRouteError`` where the route is ``read_only``."""
        match = self.table.match(clean_name(name))
        if match.read_only:
            message = f"{match.route} is read_only: {match.full_name} can be neither written nor deleted"
            raise ReadOnlyRouteError(message, name=match.full_name)
        return Target(self.backends[match.alias], match)

    def _leads_back(self, match: Match, full_name: str) -> bool:
        """Return whether ``full_name`` leads where the match does, with the same prefix stripped."""
        try:
            found = self.table.match(clean_name(full_name))
        except (InvalidNameError, NoRouteError):
            return False
        return (found.alias, found.prefix, found.full_name) == (match.alias, match.prefix, full_name)

    def __repr__(self) -> str:
        document = self.configuration.document
        return f"<{type(self).__name__} {len(document.routes)} routes to {', '.join(document.backends)}>"

    def __copy__(self) -> Self:
        # A second one of the same configuration would differ in nothing but the files that backends hold in memory, and
        # those have to be the same.
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    # What is pickled of a router without an alias

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key not in ("table", "backends")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._use(self.configuration)


def _place_of(config: Mapping[str, Any]) -> str:
    """Return what messages call the OPTIONS of a router: those of the entry that has them, for there may be several."""
    for alias, parameters in settings.STORAGES.items() if settings.configured else ():
        if isinstance(parameters, Mapping) and parameters.get("OPTIONS") == config:
            return f'STORAGES["{alias}"]["OPTIONS"]'
    return "OPTIONS"


def name_in_full(error: BaseException, prefix: str, name: str) -> None:
    """Where ``error`` is about the file that the backend calls ``name``, let it name the file as callers do.

    What else it may be about, such as a path on this machine or a container, stays.
    """
    if prefix and isinstance(error, OSError) and error.filename == name:
        error.filename = prefix + name


def shorter(max_length: int | None, match: Match) -> int | None:
    """Return how long the backend's name may be, so that the full one keeps to ``max_length``."""
    if max_length is None or not match.prefix:
        return max_length
    left = max_length - len(match.prefix)
    if left < 1:
        raise SuspiciousFileOperation(
            f'Storage can not find an available filename for "{match.full_name}". Please make sure that the '
            'corresponding file field allows sufficient "max_length".'
        )
    return left
