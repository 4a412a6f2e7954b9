"""Copying to any Django storage, by nothing but the methods that all of them have, and to a directory in one step."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TypeGuard
from uuid import uuid4

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

    In a directory the file takes the place of the old one in one step. Other storages do not overwrite, so there a file
    that differs is deleted first, as Django's own ``collectstatic`` does.
    """
    there = storage.exists(name)
    size = size_of(copy.source, copy.source_name) or 0
    with opened(copy.source, copy.source_name) as file:
        if there and not copy.fresh and not _is_link(storage, name) and _same(storage, name, copy, file):
            return Outcome(copy=copy, action="unmodified", size=size)
    action: Action = "replaced" if there and not copy.fresh else "created"
    if dry_run:
        return Outcome(copy=copy, action=action, size=size)
    with opened(copy.source, copy.source_name) as file:
        if is_directory(storage):
            _put_in_place(storage, name, file)
        else:
            _delete_and_save(storage, name, file, there=there)
    return Outcome(copy=copy, action=action, size=size)


def _put_in_place(storage: FileSystemStorage, name: str, file: SteadyFile) -> None:
    """Write the file beside its place, as Django writes it, and rename it: readers see the old one or the new."""
    # Its own name with something added could be too long for the file system.
    beside = os.path.join(os.path.dirname(name), f".{uuid4().hex}")  # noqa: PTH118, PTH120 - names of a storage
    try:
        storage.save(beside, file)
        os.replace(storage.path(beside), storage.path(name))  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            storage.delete(beside)
        raise


def _delete_and_save(storage: Storage, name: str, file: SteadyFile, *, there: bool) -> None:
    if there:
        storage.delete(name)
    try:
        storage.save(name, file)
    except BaseException:
        # Some storages leave what had arrived by then.
        with suppress(Exception):
            storage.delete(name)
        raise


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
