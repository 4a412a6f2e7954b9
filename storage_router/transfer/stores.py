"""Where a file goes: the storage behind whatever forwards and routes its name, and how that replaces a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core.files.storage import FileSystemStorage, Storage

from storage_router.files import Capabilities

from .content import opened, size_of

_HOOKS = ("save", "_save", "delete", "open", "_open")


def home_of(storage: Storage) -> type[Storage] | None:
    """Return the class of this package that implements Django's methods for the storage, None for other storages."""
    for kind in storage.__class__.__mro__:
        if kind.__module__.partition(".")[0] == "storage_router" and "listdir" in vars(kind):
            return kind
    return None


def overridden(storage: Storage) -> tuple[str, ...]:
    """Return which methods for storing and reading files a subclass of this package's storages overrides."""
    kind, home = storage.__class__, home_of(storage)
    return tuple(hook for hook in _HOOKS if home and getattr(kind, hook, None) is not getattr(home, hook, None))


def holder_of(storage: Storage, name: str) -> tuple[Storage, str]:
    """Return the storage that a file of this name is written to, and its own name for the file.

    A storage that overrides how files are stored is not passed by. Raises ``ReadOnlyRouteError``, and what routing
    raises.
    """
    while hasattr(storage, "forwarded") and not overridden(storage):
        storage, name = storage.forwarded(name)
    return storage, name


def holders(storage: Storage) -> Iterator[Storage]:
    """Yield each storage that files of ``storage`` may be written to."""
    if not hasattr(storage, "forwarded") or overridden(storage):
        yield storage
        return
    behind = getattr(storage, "backends", None)
    for one in behind.values() if behind is not None else [storage.forwarded("")[0]]:
        yield from holders(one)


def capabilities_of(storage: Storage) -> Capabilities:
    """Return what the storage can do beyond Django's interface."""
    if home_of(storage) is None or overridden(storage):
        return Capabilities(parallel=_is_directory(storage))
    found: Capabilities = getattr(storage, "capabilities", Capabilities())
    return found


def replace_file(storage: Storage, name: str, file: Any) -> None:
    """Store the file under exactly this name by Django's interface.

    In a directory it takes the place of the old one in one step. Other storages do not overwrite, so the old file is
    deleted first, as Django's own ``collectstatic`` does.
    """
    if _is_directory(storage):
        # Its own name with something added could be too long for the file system.
        temporary = os.path.join(os.path.dirname(name), f".{uuid4().hex}")  # noqa: PTH118, PTH120 - names of a storage
        with _removed_after_an_error(storage, temporary):
            storage.save(temporary, file)
            os.replace(storage.path(temporary), storage.path(name))  # noqa: PTH105
        return
    if storage.exists(name):
        storage.delete(name)
    with _removed_after_an_error(storage, name):
        storage.save(name, file)


def has_content(storage: Storage, name: str, size: int, md5: bytes) -> bool:
    """Return whether the storage has a file of this content, and not a link to one."""
    if not storage.exists(name) or size_of(storage, name) not in (None, size):
        return False
    with suppress(NotImplementedError):
        if Path(storage.path(name)).is_symlink():  # by an earlier collectstatic --link
            return False
    with opened(storage, name) as file:
        return file.digest() == (size, md5)


@contextmanager
def _removed_after_an_error(storage: Storage, name: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # Some storages keep what had arrived by then.
        with suppress(Exception):
            storage.delete(name)
        raise


def _is_directory(storage: Storage) -> bool:
    """Return whether the storage is a ``FileSystemStorage`` that stores files as Django's does."""
    kind = storage.__class__
    return isinstance(storage, FileSystemStorage) and all(
        getattr(kind, hook) is getattr(FileSystemStorage, hook) for hook in _HOOKS
    )
