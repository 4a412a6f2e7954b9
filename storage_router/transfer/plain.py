"""Copying to any Django storage, by nothing but the methods that all of them have."""

from __future__ import annotations

from pathlib import Path
from typing import TypeGuard

from django.core.files.storage import FileSystemStorage, Storage

from .copying import Action, FileCopy, Outcome
from .sources import SteadyFile, opened, size_of

_WRITING = ("save", "_save", "delete")


def is_directory(storage: Storage) -> TypeGuard[FileSystemStorage]:
    """Whether the storage is Django's ``FileSystemStorage``, or a subclass that stores files as that does."""
    kind = storage.__class__
    return isinstance(storage, FileSystemStorage) and all(
        getattr(kind, method) is getattr(FileSystemStorage, method) for method in _WRITING
    )


def copy_to_storage(copy: FileCopy, storage: Storage, name: str, *, dry_run: bool) -> Outcome:
    """Copy one file to ``name`` of the storage, unless the same content is there.

    Django's storages do not overwrite, so a file that differs is deleted first, as Django's own ``collectstatic`` does.
    """
    there = storage.exists(name)
    size = size_of(copy.source, copy.source_name) or 0
    with opened(copy.source, copy.source_name) as file:
        if there and not _is_link(storage, name) and _same(storage, name, copy, file):
            return Outcome(copy=copy, action="unmodified", size=size)
    action: Action = "replaced" if there else "created"
    if dry_run:
        return Outcome(copy=copy, action=action, size=size)
    with opened(copy.source, copy.source_name) as file:
        if there:
            storage.delete(name)
        storage.save(name, file)
    return Outcome(copy=copy, action=action, size=size)


def _same(storage: Storage, name: str, copy: FileCopy, file: SteadyFile) -> bool:
    sizes = size_of(storage, name), size_of(copy.source, copy.source_name)
    if None not in sizes and sizes[0] != sizes[1]:
        return False
    with opened(storage, name) as stored:
        return stored.digest() == file.digest()


def _is_link(storage: Storage, name: str) -> bool:
    """Whether an earlier ``collectstatic --link`` left a link there; a copy has to take its place."""
    try:
        return Path(storage.path(name)).is_symlink()
    except NotImplementedError:
        return False
