"""``StaticFilesStorage``: the files below one prefix of a router, seen as the static files of the project."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import File
from django.core.files.storage import Storage, storages
from django.utils.module_loading import import_string

from storage_router.conf.static import StaticOptions
from storage_router.files import FileStat
from storage_router.router import RouterStorage

_HOOKS = ("get_available_name", "_save")


class StaticFilesStorage(Storage):
    """The static files of the project: ``css/a.css`` is ``static/css/a.css`` of the router.

    ``router`` is the alias in ``STORAGES`` of the ``RouterStorage`` to use; without it, the only entry that is one.
    ``prefix`` replaces the configuration's ``static.prefix`` (``"static/"``); ``""`` gives static files the whole
    router. Nothing is looked up before the first call, so that the order of ``STORAGES`` does not matter.
    """

    def __init__(self, *, router: str | None = None, prefix: str | None = None) -> None:
        self._router_alias = router
        self._given_prefix = prefix
        self._router: Storage | None = None

    @property
    def router(self) -> Storage:
        """The storage that holds the files. Raises ``ImproperlyConfigured`` if ``STORAGES`` has none, or several."""
        if self._router is None:
            self._router = _find_router(self._router_alias)
        return self._router

    @property
    def options(self) -> StaticOptions:
        """The ``static`` table of the router's configuration."""
        assert isinstance(self.router, RouterStorage)
        return self.router.configuration.document.static

    @property
    def prefix(self) -> str:
        """What precedes a static file's name in the router, with its slash; ``""`` for nothing."""
        prefix = self.options.prefix if self._given_prefix is None else self._given_prefix
        return f"{prefix.rstrip('/')}/" if prefix else ""

    def routed_name(self, name: object) -> str:
        """Return the router's name for a static file."""
        text = str(name).replace("\\", "/")
        # The router refuses a leading slash; joined to the prefix it would only be an empty segment.
        return text if text.startswith("/") else f"{self.prefix}{text}"

    def forwarded(self, name: str) -> tuple[Storage, str]:
        """Return the router and its name for the file."""
        return self.router, self.routed_name(name)

    @property
    def forwards_saving(self) -> bool:
        """Whether saving a file here is saving it in the router; a subclass may have more to do."""
        kind = type(self)
        return kind.save is StaticFilesStorage.save and kind._save is StaticFilesStorage._save

    def through(self, router: Storage) -> Self:
        """Return this storage, with whatever subclasses and settings changed of it, in front of another router."""
        twin = copy.copy(self)
        twin._router = router
        return twin

    def walk(self, path: str = "") -> Iterator[FileStat]:
        """Return an iterator over every static file below ``path``, at any depth, where the router can tell."""
        assert isinstance(self.router, RouterStorage)
        cut = len(self.prefix)
        return (replace(stat, name=stat.name[cut:]) for stat in self.router.walk(self._directory(path)))

    def _static_name(self, routed_name: str) -> str:
        return routed_name.removeprefix(self.prefix)

    def _directory(self, path: object) -> str:
        return self.routed_name(path) if path else self.prefix.rstrip("/")

    def open(self, name: str, mode: str = "rb") -> File[Any]:
        """Open the file as the backend does."""
        return self.router.open(self.routed_name(name), mode)

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        """Save the file and return the name that it got.

        A subclass with hooks of its own for this, ``get_available_name()`` or ``_save()``, has them called as in
        Django.
        """
        kind = type(self)
        if any(getattr(kind, hook) is not getattr(StaticFilesStorage, hook) for hook in _HOOKS):
            return str(super().save(name, content, max_length=max_length))
        return self._save(content.name if name is None else name, content, max_length)

    def _save(self, name: str, content: Any, max_length: int | None = None) -> str:
        # Django's HashedFilesMixin, too, calls this with a name that it knows to be free.
        return self._static_name(self.router.save(self.routed_name(name), content, max_length=self._longer(max_length)))

    def get_valid_name(self, name: str) -> str:
        """Return the file name as the backend would store it."""
        return self._static_name(self.router.get_valid_name(self.routed_name(name)))

    def get_alternative_name(self, file_root: str, file_ext: str) -> str:
        """Return the name that the backend tries next where one is taken."""
        return self._static_name(self.router.get_alternative_name(self.routed_name(file_root), file_ext))

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Return a free name."""
        routed = self.router.get_available_name(self.routed_name(name), max_length=self._longer(max_length))
        return self._static_name(routed)

    def is_name_available(self, name: str, max_length: int | None = None) -> bool:
        """Return whether a file could be saved under the name."""
        return self.router.is_name_available(self.routed_name(name), max_length=self._longer(max_length))

    def generate_filename(self, filename: str | os.PathLike[str]) -> str:
        """Return the name that the backend makes of an upload's."""
        return self._static_name(self.router.generate_filename(self.routed_name(filename)))

    def path(self, name: str) -> str:
        """Return the file's path on this machine; ``NotImplementedError`` where the backend has none."""
        if name:
            return self.router.path(self.routed_name(name))
        # Django's collectstatic asks for the root, to learn whether the destination is local. The root has no route.
        return self.router.path(self.routed_name("_"))[:-1]

    def delete(self, name: str) -> None:
        """Delete the file; one that is not there is no error."""
        self.router.delete(self.routed_name(name))

    def exists(self, name: str) -> bool:
        """Return whether there is such a file; the empty name is the root."""
        return self.router.exists(self.routed_name(name))

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Return the directories and the files directly below ``path``."""
        return self.router.listdir(self._directory(path))

    def size(self, name: str) -> int:
        """Return the file's size in bytes."""
        return self.router.size(self.routed_name(name))

    def url(self, name: str | None, **options: Any) -> str:
        """Return the address at which browsers fetch the file; ``options`` are the backend's."""
        return self.router.url(self.routed_name(name or ""), **options)

    def get_accessed_time(self, name: str) -> datetime:
        """Return when the file was last read, where the backend knows."""
        return self.router.get_accessed_time(self.routed_name(name))

    def get_created_time(self, name: str) -> datetime:
        """Return when the file was created."""
        return self.router.get_created_time(self.routed_name(name))

    def get_modified_time(self, name: str) -> datetime:
        """Return when the file was last changed."""
        return self.router.get_modified_time(self.routed_name(name))

    def _longer(self, max_length: int | None) -> int | None:
        return None if max_length is None else max_length + len(self.prefix)


def _find_router(alias: str | None) -> RouterStorage:
    if alias is None:
        alias = _only_router(settings.STORAGES)
    found = storages[alias]
    if not isinstance(found, RouterStorage):
        raise ImproperlyConfigured(
            f"Static files need a storage_router.RouterStorage, and STORAGES[{alias!r}] is a {type(found).__name__}."
        )
    return found


def _only_router(entries: Mapping[str, Mapping[str, Any]]) -> str:
    aliases = [alias for alias, entry in entries.items() if _is_router(entry.get("BACKEND"))]
    if len(aliases) == 1:
        return aliases[0]
    if not aliases:
        raise ImproperlyConfigured(
            "Static files need a router, and STORAGES has no entry whose BACKEND is 'storage_router.RouterStorage'. "
            "Add one as STORAGES['default'], or use STORAGES = storage_router.storages()."
        )
    raise ImproperlyConfigured(
        f"STORAGES has several routers: {', '.join(aliases)}. Say which one holds the static files: "
        "STORAGES['staticfiles'] = {'BACKEND': 'storage_router.StaticFilesStorage', 'OPTIONS': {'router': 'default'}}."
    )


def _is_router(backend: object) -> bool:
    kind = import_string(backend) if isinstance(backend, str) else backend
    return isinstance(kind, type) and issubclass(kind, RouterStorage)
