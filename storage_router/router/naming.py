"""The name hooks of ``RouterStorage``: the backend's own rules, and full names in and out (R9)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from os import PathLike

from django.core.files.storage import Storage

from storage_router.exceptions import RouteChangedError
from storage_router.routing import Match

from .dispatching import DispatchingStorage, shorter


class NamingStorage(DispatchingStorage):
    """What becomes of a name before it is saved: decided by the backend that the name leads to."""

    def get_valid_name(self, name: str) -> str:
        """Return the last segment of ``name`` as the backend would store it, after the segments before it."""
        with self._target(name) as (backend, match):
            directory, slash, file_name = match.full_name.rpartition("/")
            return f"{directory}{slash}{backend.get_valid_name(file_name)}"

    def get_alternative_name(self, file_root: str, file_ext: str) -> str:
        """Return the name that the backend tries where ``file_root`` plus ``file_ext`` is taken."""
        with self._target(f"{file_root}{file_ext}") as (backend, match):
            root = match.name.removesuffix(file_ext)
            return match.prefix + backend.get_alternative_name(root, file_ext)

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Return a free name. Raises ``RouteChangedError`` where it would lead elsewhere than ``name`` does."""
        with self._target(name) as (backend, match):
            if self._overrides("exists", "get_alternative_name", "is_name_available"):
                own = self._overrides("get_alternative_name")
                loop = _ByHooks(self.is_name_available, (self if own else backend).get_alternative_name)
                available = loop.get_available_name(match.full_name, max_length=max_length)
                return self._require_same_route(match, available)
            available = backend.get_available_name(match.name, max_length=shorter(max_length, match))
            return self._full_name(match, available)

    def is_name_available(self, name: str, max_length: int | None = None) -> bool:
        """Return whether a file can be saved under exactly this name."""
        with self._target(name) as (backend, match):
            if self._overrides("exists"):
                return bool(super().is_name_available(name, max_length=max_length))
            # Django's own has the parameter since 5.1; False where the prefix alone is too long.
            if max_length is not None and len(match.prefix) >= max_length:
                return False
            return bool(backend.is_name_available(match.name, max_length=shorter(max_length, match)))

    def generate_filename(self, filename: str | PathLike[str]) -> str:
        """Return the name that the backend makes of an upload's.

        Raises ``RouteChangedError`` where it would lead elsewhere than the upload's own.
        """
        with self._target(filename) as (backend, match):
            if self._overrides("get_valid_name"):
                return self._require_same_route(match, super().generate_filename(match.full_name))
            return self._full_name(match, str(backend.generate_filename(match.name)).replace("\\", "/"))

    def _overrides(self, *hooks: str) -> bool:
        """Return whether a subclass has its own of one of ``hooks``: Django's ways lead through them then."""
        kinds = itertools.takewhile(lambda kind: not kind.__module__.startswith(f"{__package__}."), type(self).__mro__)
        return any(hook in vars(kind) for kind in kinds for hook in hooks)

    def _full_name(self, match: Match, name: str) -> str:
        """Return the full name of the backend's ``name``. Raises ``RouteChangedError`` if it leads elsewhere."""
        return self._require_same_route(match, match.prefix + name)

    def _require_same_route(self, match: Match, full_name: str) -> str:
        if full_name != match.full_name and not self._leads_back(match, full_name):
            message = (
                f"{match.full_name!r} leads to the backend {match.alias!r}, but the backend would store it as "
                f"{full_name!r}, which leads elsewhere. Widen the route that claims the first, or make the field's "
                "max_length longer."
            )
            raise RouteChangedError(message, name=match.full_name)
        return full_name


class _ByHooks(Storage):
    """Django's ``get_available_name`` over the hooks of a router."""

    def __init__(self, is_available: Callable[..., bool], alternative: Callable[[str, str], str]) -> None:
        self._is_available = is_available
        self._alternative = alternative
        self._overwrites = False

    def is_name_available(self, name: str, max_length: int | None = None) -> bool:
        return self._overwrites or self._is_available(name, max_length=max_length)

    def get_alternative_name(self, file_root: str, file_ext: str) -> str:
        other = self._alternative(file_root, file_ext)
        # So says a backend that overwrites; there is no end to asking it.
        self._overwrites = other == f"{file_root}{file_ext}"
        return other
