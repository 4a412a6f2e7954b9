"""The storages that a name leads through to its file: which of them holds it, which saves it, what they bear."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.files.storage import Storage

from storage_router.azure.storage import AzureStorage
from storage_router.exceptions import ReadOnlyRouteError
from storage_router.names import clean_name
from storage_router.router import RouterStorage

from .plain import is_directory

Saver = tuple[Storage, str]
"""A storage that saves in its own way, and its name for the file."""

_SAVING = ("save", "_save", "replace")


@dataclass(frozen=True, kw_only=True)
class Way:
    """Where a name leads: the ``storage`` that holds the file, and its ``name`` there.

    ``saver`` is the first storage on the way, or at its end, that saves in its own way: no copy may go past it.
    """

    storage: Storage
    name: str
    saver: Saver | None


def way_to(storage: Storage, name: str) -> Way:
    """Follow ``name`` through whatever forwards and routes it.

    Raises ``ReadOnlyRouteError``, and what routing raises.
    """
    saver: Saver | None = None
    while True:
        if saver is None and _saves_in_its_own_way(storage):
            saver = storage, name
        if isinstance(storage, RouterStorage):
            match = storage.table.match(clean_name(name))
            if match.route is not None and match.route.read_only:
                raise ReadOnlyRouteError(
                    f"{match.route} is read_only: {name} can be neither written nor deleted", name=name
                )
            storage, name = storage.backends[match.alias], match.name
        elif (forwarded := getattr(storage, "forwarded", None)) is not None:
            storage, name = forwarded(name)
        else:
            return Way(storage=storage, name=name, saver=saver)


def bears_threads(storage: Storage, name: str) -> bool:
    """Whether files may be stored in parallel where ``name`` leads."""
    try:
        holder = way_to(storage, name).storage
    except Exception:  # noqa: BLE001 - whoever stores the file gets the same, and says so
        return True
    return isinstance(holder, AzureStorage) or is_directory(holder)


def reaches_azure(storage: Storage) -> bool:
    """Whether some of the storage's files lie on Azure."""
    if isinstance(storage, RouterStorage):
        return any(isinstance(backend, AzureStorage) for backend in storage.backends.values())
    if (forwarded := getattr(storage, "forwarded", None)) is not None:
        return reaches_azure(forwarded("")[0])
    return isinstance(storage, AzureStorage)


def _saves_in_its_own_way(storage: Storage) -> bool:
    """Whether the storage is a subclass of one of this package's, and saves otherwise than that."""
    for family in (AzureStorage, RouterStorage):
        if isinstance(storage, family):
            kind = storage.__class__
            return any(getattr(kind, method) is not getattr(family, method) for method in _SAVING)
    return not getattr(storage, "forwards_saving", True)
