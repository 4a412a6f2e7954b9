"""``StaticFilesStorage``: the files below one prefix of a router, as the static files of the project."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.contrib.staticfiles.storage import HashedFilesMixin
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import File
from django.core.files.storage import Storage, storages
from django.utils.encoding import filepath_to_uri
from django.utils.module_loading import import_string

from storage_router.aio import AsyncMethods
from storage_router.conf.document import StaticOptions
from storage_router.delegation import delegated
from storage_router.exceptions import InvalidNameError, NoRouteError
from storage_router.files import FileStat, file_store, holder_of
from storage_router.router import RouterStorage

from .content import (
    SteadyFile,
    compressed,
    compressed_settings,
    decompressed,
    digest,
    is_compressed,
    is_text,
    original,
)

_KINDS = ("site.css", "site.js", "site.svg", "site.json", "site.txt")
"""Names of the kinds of files that are compressed."""


class StaticFilesStorage(AsyncMethods):
    """The static files of the project: ``css/a.css`` is ``static/css/a.css`` of the router.

    ``router`` is the alias in ``STORAGES`` of the ``RouterStorage`` to use; without it, the only entry that is one.
    ``prefix`` replaces the configuration's ``static.prefix`` (``"static/"``); ``""`` gives static files the entire
    router. Nothing is looked up before the first call, so the order of ``STORAGES`` does not matter.
    """

    def __init__(self, *, router: str | None = None, prefix: str | None = None) -> None:
        self._router_alias = router
        self._given_prefix = prefix
        self._router: RouterStorage | None = None

    @property
    def router(self) -> RouterStorage:
        """The storage that holds the files. Raises ``ImproperlyConfigured`` if ``STORAGES`` has none, or several."""
        if self._router is None:
            found = _find_router(self._router_alias)
            _require_class(self, found.configuration.document.static)
            self._router = found
        return self._router

    @property
    def static_options(self) -> StaticOptions:
        """The ``static`` table of the router's configuration."""
        return self.router.configuration.document.static

    @property
    def prefix(self) -> str:
        """What precedes a static file's name in the router, with its slash; ``""`` for nothing."""
        prefix = self.static_options.prefix if self._given_prefix is None else self._given_prefix
        return f"{prefix.rstrip('/')}/" if prefix else ""

    def check(self) -> None:
        """Raise ``ImproperlyConfigured`` where there is no router, where the ``static`` table does not fit,
        and where static files would be those of a tenant."""
        tenancy = self.router.backends.tenancy
        # Without a route for static files there are none.
        with suppress(NoRouteError):
            match = self.router.table.without_tenants().match(self.routed_name("x"))
            if tenancy is not None and (match.tenant is not None or tenancy.has(match.alias)):
                raise ImproperlyConfigured(
                    f"Static files belong to no tenant, and {self.routed_name('')!r} leads to files of tenants, in "
                    f"the backend {match.alias!r}. Add a route for static files to a backend without {{tenant}}."
                )
        if not self.static_options.compress:
            return
        for name in _KINDS:
            holder, _ = holder_of(self, name)
            if not file_store(holder).capabilities.settings:
                raise ImproperlyConfigured(
                    f"static.compress: {self.routed_name(name)} goes to a {type(holder).__name__}, which cannot store "
                    "a Content-Encoding. Remove static.compress, or route static files to a backend of type azure."
                )

    def routed_name(self, name: object) -> str:
        """Return the router's name for a static file."""
        text = str(name).replace("\\", "/")
        # The router refuses a leading slash; joined to the prefix it would only be an empty segment.
        return text if text.startswith("/") else f"{self.prefix}{text}"

    def forwarded(self, name: str) -> tuple[Storage, str]:
        """Return the router and its name for the file."""
        return self.router, self.routed_name(name)

    def walk(self, path: str = "") -> Iterator[FileStat]:
        """Return an iterator over every static file below ``path``, at any depth, where the router can list."""
        cut = len(self.prefix)
        return (stat.named(stat.name[cut:]) for stat in self.router.walk(self._directory(path)))

    def _directory(self, path: object) -> str:
        return self.routed_name(path) if path else self.prefix.rstrip("/")

    def open(self, name: str, mode: str = "rb") -> File[Any]:
        """Open the file as the backend does. What ``static.compress`` has compressed is read as it was before.

        Raises ``io.UnsupportedOperation`` in the modes that change such a file in place.
        """
        routed, kinds = self.routed_name(name), set(mode)
        if not self.static_options.compress or kinds & set("wx"):
            return self._opened(routed, mode)
        if kinds & set("a+"):
            with suppress(FileNotFoundError):
                if is_compressed(self.router.stat(routed)):
                    raise io.UnsupportedOperation(
                        f"{name} is stored compressed (static.compress) and cannot be changed in place: save it again."
                    )
            return self._opened(routed, mode)
        file = self._opened(routed, mode)
        if not is_compressed(self.router.stat(routed)):
            return file
        if "b" in kinds:
            return decompressed(file)
        file.close()
        binary = decompressed(self._opened(routed, "rb"))
        return File(io.TextIOWrapper(cast("BinaryIO", binary.file), encoding="utf-8"), binary.name)

    def _opened(self, routed: str, mode: str) -> File[Any]:
        file: File[Any] = self.router.open(routed, mode)
        return file

    def get_available_name(self, name: str, max_length: int | None = None) -> str:  # noqa: ARG002 - Django's
        """Return the name itself: what is saved replaces what is there."""
        return name

    def _save(self, name: str, content: Any) -> str:
        routed = self.routed_name(name)
        if not (self.static_options.compress and self._save_compressed(routed, content)):
            self.router.replace(routed, content)
        return name.replace("\\", "/")

    def _save_compressed(self, routed: str, content: Any) -> bool:
        holder: Any
        holder, name = holder_of(self.router, routed)
        if not file_store(holder).capabilities.settings or not is_text(options := holder.blob_settings(name, content)):
            return False
        file = SteadyFile(content, name)
        size, md5 = digest(file)
        if (smaller := compressed(file, size)) is None:
            return False
        with smaller:
            holder.replace(name, smaller, settings=compressed_settings(options, size, md5))
        return True

    def path(self, name: str) -> str:
        """Return the file's path on this machine; ``NotImplementedError`` where the backend has none."""
        if name:
            return self.router.path(self.routed_name(name))
        # Django's collectstatic asks for the root, to learn whether the destination is local. The root has no route.
        return self.router.path(self.routed_name("_"))[:-1]

    @property
    def location(self) -> str:
        """The path of the static files' root on this machine, ``""`` where they have none; django-pipeline reads it."""
        try:
            return self.path("").rstrip("/")
        except NotImplementedError:
            return ""

    def delete(self, name: str) -> None:
        """Delete the file; one that does not exist is no error."""
        # At once, also where other files are deleted on commit.
        storage, own_name = self.router.forwarded(self.routed_name(name))
        storage.delete(own_name)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Return the directories and the files directly below ``path``."""
        return self.router.listdir(self._directory(path))

    def size(self, name: str) -> int:
        """Return the file's size in bytes, before compression."""
        routed = self.routed_name(name)
        return original(self.router.stat(routed))[0] if self.static_options.compress else self.router.size(routed)

    def url(self, name: str | None, **options: Any) -> str:
        """Return the URL at which browsers fetch the file; ``options`` are the backend's.

        As with Django's own storage, ``.`` and ``..`` are resolved, and a name that no file can have is no error.
        """
        cleaned = static_name(name or "")
        try:
            return self.router.url(self.routed_name(cleaned), **options)
        except InvalidNameError:
            return self.router.url(self.prefix) + filepath_to_uri(cleaned)

    def _of_router(self, method: str, name: str) -> Any:
        return getattr(self.router, method)(self.routed_name(name))

    exists = delegated(Storage.exists, _of_router)
    get_accessed_time = delegated(Storage.get_accessed_time, _of_router)
    get_created_time = delegated(Storage.get_created_time, _of_router)
    get_modified_time = delegated(Storage.get_modified_time, _of_router)


def static_name(name: str) -> str:
    """Return the name that a page means, as a browser would resolve it within the static root."""
    if not name:
        return name
    resolved = posixpath.normpath(f"/{name.replace(chr(92), '/')}").lstrip("/")
    return f"{resolved}/" if resolved and name.endswith(("/", "\\")) else resolved


def _require_class(storage: Storage, static: StaticOptions) -> None:
    hashes = isinstance(storage, HashedFilesMixin)
    if static.hashed not in (None, hashes):
        fitting = "ManifestStaticFilesStorage" if static.hashed else "StaticFilesStorage"
        given = type(storage).__name__
        raise ImproperlyConfigured(
            f"static.hashed is {str(static.hashed).lower()}, and STORAGES['staticfiles'] is a {given}, "
            f"which {'hashes' if hashes else 'does not hash'} names. Name storage_router.{fitting} in STORAGES, or "
            "remove static.hashed."
        )


def _find_router(alias: str | None) -> RouterStorage:
    if alias is None:
        aliases = [alias for alias, entry in settings.STORAGES.items() if _is_router(entry.get("BACKEND"))]
        if not aliases:
            raise ImproperlyConfigured(
                "Static files need a router, and STORAGES has no entry whose BACKEND is 'storage_router.RouterStorage'."
                " Add one as STORAGES['default'], or use STORAGES = storage_router.storages()."
            )
        alias, *others = aliases
        if others:
            raise ImproperlyConfigured(
                f"STORAGES has several routers: {', '.join(aliases)}. Name the one that holds the static files: "
                "STORAGES['staticfiles'] = "
                "{'BACKEND': 'storage_router.StaticFilesStorage', 'OPTIONS': {'router': 'default'}}."
            )
    found = storages[alias]
    if not isinstance(found, RouterStorage):
        raise ImproperlyConfigured(
            f"Static files need a storage_router.RouterStorage, and STORAGES[{alias!r}] is a {type(found).__name__}."
        )
    return found


def _is_router(backend: object) -> bool:
    kind = import_string(backend) if isinstance(backend, str) else backend
    return isinstance(kind, type) and issubclass(kind, RouterStorage)
