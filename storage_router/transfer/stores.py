"""Where a file goes: the store behind whatever forwards and routes its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from django.core.files.storage import Storage

from storage_router.files import overridden

from .content import digest, opened, size_of


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


def has_content(storage: Storage, name: str, size: int, md5: bytes) -> bool:
    """Return whether the storage has a file of this content, and not a link to one."""
    if not storage.exists(name) or size_of(storage, name) not in (None, size):
        return False
    with suppress(NotImplementedError):
        if Path(storage.path(name)).is_symlink():  # by an earlier collectstatic --link
            return False
    with opened(storage, name) as file:
        return digest(file) == (size, md5)
