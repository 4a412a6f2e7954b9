"""What a router shows below a directory: the entries of all backends concerned, if their names lead back (R8)."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage

from storage_router.azure.storage import AzureStorage
from storage_router.exceptions import InvalidNameError, NoRouteError
from storage_router.files import FileStat
from storage_router.names import clean_name
from storage_router.routing import RouteTable, View

from .dispatching import DispatchingStorage, name_in_full

# What Django's storages raise for a directory that is not there, and for a file in its place (in memory the last).
_NOT_THERE = (FileNotFoundError, NotADirectoryError, FileExistsError)


@dataclass(kw_only=True)
class _Found:
    """What the backends have directly below a directory. ``views`` are those that have it, or do not say that they
    do not; ``missing`` is what the first of the others raised.
    """

    directories: dict[str, None] = field(default_factory=dict)
    files: dict[str, None] = field(default_factory=dict)
    views: list[View] = field(default_factory=list)
    missing: OSError | None = None


def listdir(router: DispatchingStorage, directory: str) -> tuple[list[str], list[str]]:
    """Return the names of the directories and of the files directly below ``directory``, ``""`` for the root.

    Raises ``FileNotFoundError`` where no backend has the directory and no prefix goes through it, and
    ``NotImplementedError`` where a backend that may have files there cannot list: half a list would be a wrong one.
    """
    found = _find(router, directory)
    if found.missing is not None and not found.views and not router.table.is_prefix(directory):
        raise found.missing
    children = router.table.prefix_children(directory)
    return list(found.directories | dict.fromkeys(children)), list(found.files)


def has_directory(router: DispatchingStorage, directory: str) -> bool:
    """Return whether there is such a directory: a listing shows it, or it is an empty one of Django's file system."""
    if router.table.is_prefix(directory):
        return True
    found = _find(router, directory)
    return bool(found.directories or found.files) or any(_tells(router.backends[view.alias]) for view in found.views)


def _find(router: DispatchingStorage, directory: str) -> _Found:
    found = _Found()
    table = router.table
    for view in table.views(directory):
        inner = _inner(view, directory)
        try:
            below, here = _listdir(view, router.backends[view.alias], inner)
        except _NOT_THERE as error:
            found.missing = found.missing or error
            continue
        except NotImplementedError as error:
            raise _cannot_list(view, directory) from error
        found.views.append(view)
        found.files |= {name: None for name in here if leads_to(table, view, _joined(inner, name))}
        found.directories |= {name: None for name in below if _may_reach(table, view, _joined(directory, name))}
    return found


def _tells(backend: Storage) -> bool:
    """Return whether the list of a directory that is not there is an error, as with Django's own storages; elsewhere it
    is as empty as that of an empty one.
    """
    return isinstance(backend, FileSystemStorage | InMemoryStorage)


def walk(router: DispatchingStorage, directory: str) -> Iterator[FileStat]:
    """Yield every file below ``directory``, at any depth, by its full name. What is not there is empty."""
    for view, start in router.table.views_below(directory):
        backend = router.backends[view.alias]
        for found in _walk(router.table, view, backend, _inner(view, start)):
            if leads_to(router.table, view, found.name):
                yield replace(found, name=view.prefix + found.name)


def stat(backend: Storage, name: str) -> FileStat:
    """Return what ``backend`` knows of a file: Azure all of it, others the size and perhaps when it was changed."""
    if isinstance(backend, AzureStorage):
        return backend.stat(name)
    modified = None
    # Django leaves it to a storage whether it tells times.
    with contextlib.suppress(NotImplementedError):
        modified = backend.get_modified_time(name).astimezone(dt.UTC)
    return FileStat(name=name, size=backend.size(name), etag="", modified=modified)


def leads_to(table: RouteTable, view: View, name: str) -> bool:
    """Return whether the routes send the full name of the backend's file ``name`` to this very file."""
    full_name = view.prefix + name
    try:
        match = table.match(full_name) if clean_name(full_name) == full_name else None
    except (InvalidNameError, NoRouteError):
        return False
    return match is not None and (match.alias, match.prefix, match.name) == (view.alias, view.prefix, name)


def _walk(table: RouteTable, view: View, backend: Storage, directory: str) -> Iterator[FileStat]:
    # Only the package's own: other storages may well have a walk() that means something else.
    if isinstance(backend, AzureStorage):
        yield from backend.walk(directory)
        return
    waiting = [directory]
    while waiting:
        here = waiting.pop()
        try:
            directories, files = _listdir(view, backend, here)
        except _NOT_THERE:
            continue
        except NotImplementedError as error:
            raise _cannot_list(view, view.prefix + here) from error
        for name in files:
            if leads_to(table, view, path := _joined(here, name)):
                yield _stat(view, backend, path)
        below = [_joined(here, name) for name in directories]
        waiting += [path for path in reversed(below) if _is_on_the_way(table, view, view.prefix + path)]


def _stat(view: View, backend: Storage, name: str) -> FileStat:
    try:
        return stat(backend, name)
    except OSError as error:
        name_in_full(error, view.prefix, name)
        raise


def _listdir(view: View, backend: Storage, directory: str) -> tuple[list[str], list[str]]:
    try:
        return backend.listdir(directory)
    except OSError as error:
        name_in_full(error, view.prefix, directory)
        raise
    except ValueError:
        # Django's memory, asked for a directory two levels below a file, trips while it words its NotADirectoryError.
        if isinstance(backend, InMemoryStorage):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), view.prefix + directory) from None
        raise


def _inner(view: View, directory: str) -> str:
    """Return the backend's own name for a directory at or below the view's prefix."""
    return f"{directory}/".removeprefix(view.prefix).removesuffix("/") if view.prefix else directory


def _joined(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name


def _may_reach(table: RouteTable, view: View, directory: str) -> bool:
    try:
        return clean_name(directory) == directory and view in table.views(directory)
    except InvalidNameError:
        return False


def _is_on_the_way(table: RouteTable, view: View, directory: str) -> bool:
    try:
        return clean_name(directory) == directory and (view in table.views(directory) or table.is_prefix(directory))
    except InvalidNameError:
        return False


def _cannot_list(view: View, directory: str) -> Exception:
    where = repr(directory) if directory else "the root"
    return NotImplementedError(
        f"The backend {view.alias!r} cannot list files, so the list of {where} would be without those that the routes "
        "send there."
    )
