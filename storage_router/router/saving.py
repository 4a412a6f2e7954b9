"""Where a name is judged on its way through a save: between Django's two halves of it, before anything is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage

from storage_router.azure.storage import AzureStorage

_TICK = 0.02
"""Seconds by which the time of a file may be behind the clock: systems count them in ticks."""


class Judged(Storage):
    """Another storage's two halves of ``save()``, put together by Django's own, with a look at the name in between.

    ``judge`` is given the free name and raises where nothing may be stored under it.
    """

    def __init__(self, storage: Any, judge: Callable[[str], object]) -> None:
        self._storage = storage
        self._judge = judge

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Return the storage's free name, if it may be used."""
        available: str = self._storage.get_available_name(name, max_length=max_length)
        self._judge(available)
        return available

    def _save(self, name: str, content: Any) -> str:
        saved: str = self._storage._save(name, content)
        return saved


def saved_by(backend: Storage, name: str, content: Any, max_length: int | None, judge: Callable[[str], object]) -> str:
    """Save the file and return the backend's name for it. ``judge`` has seen that name, unless ``_save()`` or a
    ``save()`` of the backend's own has chosen it.
    """
    if getattr(backend.save, "__func__", None) is Storage.save:
        saved = Judged(backend, judge).save(name, content, max_length=max_length)
    else:
        if max_length is not None and len(name) > max_length:
            # The name will be cut. Where overwriting is allowed, deleting afterwards could not bring back what was
            # there.
            name = backend.get_available_name(name, max_length=max_length)
            judge(name)
        saved = backend.save(name, content, max_length=max_length)
    return str(saved).replace("\\", "/")


def take_back(backend: Storage, alias: str, saved: str, *, since: float) -> tuple[str, Exception | None]:
    """Delete what was saved under a name that nobody asked for, if it is certain that it was not there before
    ``since`` (seconds since the epoch).

    Return a sentence that says what was left behind, empty if nothing was, and why.
    """
    still_there = f"it is still in {alias!r}, as {saved!r}."
    if not _is_new(backend, saved, since):
        return f" The file may have been there before and was not deleted: {still_there}", None
    try:
        backend.delete(saved)
    except Exception as error:  # noqa: BLE001 - whatever it is, the file is still there, and that has to be said
        return f" The file could not be deleted again: {still_there}", error
    return "", None


def _is_new(backend: Storage, name: str, since: float) -> bool:
    """Whether it is certain that a file was made since then: better a file too many than somebody's file deleted."""
    # These two take another name only if they can create it.
    if type(backend) in (AzureStorage, FileSystemStorage):
        return True
    # What others return may have been there for long, as where a name is made of the content. Of files on this machine
    # the times can be compared with its clock.
    if not isinstance(backend, FileSystemStorage | InMemoryStorage):
        return False
    try:
        return backend.get_created_time(name).timestamp() >= since - _TICK
    except Exception:  # noqa: BLE001 - a name that the storage itself cannot find tells nothing
        return False
