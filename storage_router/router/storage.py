"""``RouterStorage``: a Django storage that dispatches each name to a named backend."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from django.core.files.base import File
from django.core.files.storage import Storage

from storage_router.azure.storage import AzureStorage
from storage_router.exceptions import RouteChangedError
from storage_router.files import FileStat
from storage_router.names import clean_directory, clean_name

from . import listing
from .dispatching import Target, shorter
from .explanation import Explanation
from .files import RoutedFile
from .naming import NamingStorage
from .saving import Judged, saved_by, take_back
from .view_paths import view_url

# A mode with one of these writes.
_WRITES = frozenset("wax+")

# What asks url() for a link to read by.
_READS = ("r", "GET", "HEAD", None)

# What Django's save() asks the storage itself for.
_HOOKS = ("_save", "exists", "get_alternative_name", "get_available_name", "is_name_available")


class RouterStorage(NamingStorage):
    """Every file in its own backend, as the routes say.

    Names that go in and come out are full ones: each that ``save`` and ``listdir`` return opens, deletes and gives a
    URL. Built from a ``Configuration``, from the parts of one (``backends=``, ``routes=``, ``default=``), which other
    sources complete, or from those sources alone.

    Raises ``ConfigurationError`` with everything that is wrong. The methods raise ``InvalidNameError`` before routing,
    ``NoRouteError``, ``ReadOnlyRouteError`` and ``RouteChangedError``, and whatever the backend raises.
    """

    _import_path = "storage_router.RouterStorage"

    # Django's storage interface

    def open(self, name: str, mode: str = "rb") -> File[Any]:
        """Open the file; opened again, it stays what the route allows. Django's file system gives the path as ``name``
        where the route neither strips a prefix nor is ``read_only``; otherwise it is the full name.
        """
        return self._open(name, mode)

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        target = self._opening(name, mode)
        if target.match.prefix or target.match.read_only:
            return RoutedFile(partial(self._opening, target.match.full_name), mode)
        return target.backend.open(target.match.name, mode)

    def _opening(self, name: str, mode: str) -> Target:
        return self._target(name) if _WRITES.isdisjoint(mode) else self._writable(name)

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        """Save the file and return the full name that it got.

        A subclass with hooks of its own for this, such as ``get_available_name()``, has them called as in Django.
        Raises ``RouteChangedError`` where the name would lead elsewhere; its message says if anything is left behind.
        """
        if name is None:
            name = content.name
        if not self._overrides(*_HOOKS):
            return self._save(name, content, max_length)
        with self._writable(name) as (_, match):
            judge = partial(self._require_same_route, match)
            return Judged(self, judge).save(match.full_name, content, max_length=max_length)

    def _save(self, name: str, content: Any, max_length: int | None = None) -> str:
        with self._writable(name) as (backend, match):
            judge, started = partial(self._full_name, match), time.time()
            saved = saved_by(backend, match.name, content, shorter(max_length, match), judge)
            try:
                return self._full_name(match, saved)
            except RouteChangedError as error:
                left_behind, cause = take_back(backend, match.alias, saved, since=started)
                raise RouteChangedError(f"{error}{left_behind}", name=error.name) from cause

    def delete(self, name: str) -> None:
        """Delete the file. One that does not exist is no error."""
        if not name:
            raise ValueError("The name must be given to delete().")
        with self._writable(name) as (backend, match):
            backend.delete(match.name)

    def exists(self, name: str) -> bool:
        """Return whether there is such a file. ``""`` is the root; a name that ends in a slash asks for a directory."""
        if name == "":
            return True
        if str(name).endswith(("/", "\\")):
            return listing.has_directory(self, clean_directory(name))
        with self._target(name) as (backend, match):
            return bool(backend.exists(match.name))

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Return the names of the directories and of the files directly below ``path``, of all backends together.

        What the routes would send elsewhere is not shown; prefixes of routes are directories, even empty ones.
        """
        return listing.listdir(self, clean_directory(path))

    def size(self, name: str) -> int:
        """Return the file's size in bytes."""
        with self._target(name) as (backend, match):
            return int(backend.size(match.name))

    def url(self, name: str | None, *args: Any, **kwargs: Any) -> str:
        """Return the file's URL. More arguments (Azure: ``expire``, ``parameters``, ``mode``) go to the backend.

        Where a view delivers the route's files, the URL without arguments is that view's. A name that ends in a slash
        is a directory and keeps its slash. Raises ``ReadOnlyRouteError`` where the route is ``read_only`` and the URL
        would be good for more than reading.
        """
        find = self._writable if (args or kwargs) and not _only_reads(args, kwargs) else self._target
        if str(name).endswith(("/", "\\")):
            # A directory has no extension, so it goes where a file without one would.
            with find(f"{clean_name(clean_directory(name))}/_") as (backend, match):
                if match.has_view and not _any_given(args, kwargs):
                    return view_url(self, match.full_name[:-1])
                return str(backend.url(match.name[:-1], *args, **kwargs))
        with find(name) as (backend, match):
            if match.has_view and not _any_given(args, kwargs):
                return view_url(self, match.full_name)
            return str(backend.url(match.name, *args, **kwargs))

    def path(self, name: str) -> str:
        """Return the file's path on this machine; ``NotImplementedError`` where the backend has none."""
        with self._target(name) as (backend, match):
            return str(backend.path(match.name))

    def get_accessed_time(self, name: str) -> dt.datetime:
        """Return when the file was last read, where the backend knows."""
        with self._target(name) as (backend, match):
            return backend.get_accessed_time(match.name)

    def get_created_time(self, name: str) -> dt.datetime:
        """Return when the file was created, where the backend knows."""
        with self._target(name) as (backend, match):
            return backend.get_created_time(match.name)

    def get_modified_time(self, name: str) -> dt.datetime:
        """Return when the file was last changed."""
        with self._target(name) as (backend, match):
            return backend.get_modified_time(match.name)

    # What Django's interface lacks

    def stat(self, name: str) -> FileStat:
        """Return what the backend knows of the file: Azure all of it, others the size and perhaps the time of
        modification.
        """
        with self._target(name) as (backend, match):
            return replace(listing.stat(backend, match.name), name=match.full_name)

    def walk(self, path: str = "") -> Iterator[FileStat]:
        """Return an iterator over every file below ``path``, at any depth, by the rules of ``listdir``."""
        return listing.walk(self, clean_directory(path))

    def forwarded(self, name: str) -> tuple[Storage, str]:
        """Return the backend that a file of this name is written to, and the backend's name for it.

        Raises ``ReadOnlyRouteError`` where the route is ``read_only``.
        """
        with self._writable(name) as (backend, match):
            return backend, match.name

    def replace(self, name: str, content: Any) -> str:
        """Store ``content`` under exactly this name, whatever was there, and return the name.

        Azure does it in one step. For other backends the old file is deleted first, so a failure in between loses it.
        """

        def judge(free: str) -> None:
            if free != match.name:
                raise FileExistsError(f"{match.full_name} was written by somebody else at the same time")

        with self._writable(name) as (backend, match):
            if isinstance(backend, AzureStorage):
                backend.replace(match.name, content)
                return match.full_name
            backend.delete(match.name)
            started = time.time()
            saved = saved_by(backend, match.name, content, None, judge)
            if saved == match.name:
                return match.full_name
            left_behind, cause = take_back(backend, match.alias, saved, since=started)
            message = f"{match.full_name} was not stored: its backend has made {match.prefix + saved!r} of the name."
            raise FileExistsError(f"{message}{left_behind}") from cause

    def explain(self, name: str) -> Explanation:
        """Return route, backend and the backend's own name for a name, and why; makes no request."""
        return Explanation.of(self.table.match(clean_name(name)))


def _any_given(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    return any(value is not None for value in (*args, *kwargs.values()))


def _only_reads(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Return whether what else ``url()`` is given asks for a link to read by: AzureStorage's ``mode``, which is its
    fourth argument, and the ``http_method`` that S3's has in its place.
    """
    asked = (*args[2:], kwargs.get("mode"), kwargs.get("http_method"))
    return all(one in _READS for one in asked)
