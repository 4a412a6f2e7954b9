"""``AzureStorage``: one container as a Django storage."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.utils import validate_file_name

from storage_router.exceptions import BlobError, BlobExistsError, BlobNotFoundError
from storage_router.files import Capabilities
from storage_router.names import clean_name

from .container import Directory, FileSettings, FileStat
from .files import AzureFile
from .naming import NamingStorage, candidates, is_reachable
from .object_settings import settings_for
from .opening import Opener, named, temporary_folder
from .saving import DIGESTED, Upload

_DIRECTORY_ENDS = ("", "/", "\\")

_NAME_HOOKS = ("exists", "is_name_available", "get_available_name")


class AzureStorage(NamingStorage):
    """Files in one container, below ``location``. Thread-safe; building one makes no request and loads nothing of
    the SDK.

    Options (docs/azure-storage.md) come from the constructor, else from attributes of a subclass, else from the
    project's ``AZURE_*`` settings. Each but the secrets is an attribute of the instance. ``alias`` is the backend's
    name in a router's configuration, None outside of one.

    Raises ``ConfigurationError`` with everything that is wrong. The methods raise ``BlobError`` and its kinds,
    which are Python's own errors for files, and ``InvalidNameError`` for names, before any request.
    """

    _import_path = "storage_router.AzureStorage"

    capabilities = Capabilities(parallel=True, conditional=True, lists=True, settings=True, signs=True, copies=True)

    # Django's storage interface

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        """Store ``content`` under ``name`` or, if that is taken, a free name like it; return the name.

        Small content is one request. Content is read from its beginning, where it can be.
        """
        if self._overrides("_save"):
            return str(super().save(name, content, max_length=max_length))
        if name is None:
            name = content.name
        if not hasattr(content, "chunks"):
            content = File(content, name)
        validate_file_name(name, allow_relative_path=True)
        if self._overrides(*_NAME_HOOKS):
            return self._store(self._names_by_hooks(name, max_length), content)
        length = self._longest(name, max_length)
        return self._store(candidates(str(name), max_length=length, alternative=self.get_alternative_name), content)

    def _save(self, name: str, content: Any) -> str:
        return self._store(itertools.chain((name,), self._names_by_hooks(name)), content)

    def replace(
        self, name: str, content: Any, *, settings: FileSettings | None = None, digested: float = DIGESTED
    ) -> str:
        """Store ``content`` under exactly this name, whatever was there and whatever ``overwrite_files`` says.

        ``settings`` take the place of ``blob_settings()``. Content of up to ``digested`` bytes is stored with its MD5.
        """
        return self._store(iter((name,)), content, overwrite=True, settings=settings, digested=digested)

    def _store(
        self,
        names: Iterator[str],
        content: Any,
        *,
        overwrite: bool | None = None,
        settings: FileSettings | None = None,
        digested: float = DIGESTED,
    ) -> str:
        overwrite = self.options.overwrite_files if overwrite is None else overwrite
        if not hasattr(content, "chunks"):
            content = File(content)
        name = clean_name(next(names))
        # Before the content is touched.
        self.blob_name(name)
        with Upload(
            self._blobs,
            content,
            connections=self.options.upload_max_conn,
            folder=temporary_folder(),
            digested=digested,
        ) as upload:
            while True:
                try:
                    with named(name):
                        stored_with = settings or self.blob_settings(str(name), content)
                        upload.put(self.blob_name(name), stored_with, overwrite=overwrite)
                except BlobExistsError:
                    if overwrite:
                        # No other name helps, and an overwriting storage's next one would be the same.
                        raise
                    taken, name = name, clean_name(next(names))
                    if name == taken:
                        raise
                else:
                    return str(name)

    def _open(self, name: str, mode: str = "rb") -> AzureFile:
        blob = self.blob_name(name)
        opener = Opener(
            blobs=self._blobs,
            blob=blob,
            name=name,
            settings=partial(self.blob_settings, str(clean_name(name))),
            connections=self.options.upload_max_conn,
            max_memory_size=self.options.max_memory_size,
            folder=temporary_folder(),
        )
        return AzureFile(str(name), mode, opener)

    def delete(self, name: str) -> None:
        """Delete the file. One that does not exist is no error."""
        if not name:
            raise ValueError("The name must be given to delete().")
        with named(name):
            self._blobs.delete(self.blob_name(name))

    def exists(self, name: str) -> bool:
        """Return whether there is such a file. ``""`` is the root; a name that ends in a slash asks for a
        directory.
        """
        if name == "":
            return True
        if str(name).endswith(("/", "\\")):
            return next(self._blobs.list(self._directory(name)), None) is not None
        try:
            self.stat(name)
        except BlobNotFoundError:
            return False
        return True

    def listdir(self, path: str = "") -> tuple[list[str], list[str]]:
        """Return the names of the directories and of the files directly below ``path``. What is not there is
        empty.
        """
        prefix = self._directory(path)
        directories: dict[str, None] = {}
        files: list[str] = []
        for entry in self._blobs.list(prefix, delimiter="/"):
            name = entry.name[len(prefix) :]
            # As a whole: "a:b" alone would be taken for a drive's.
            if not name or not is_reachable(entry.name[len(self._prefix) :]):
                continue
            if isinstance(entry, Directory):
                directories[name] = None
            else:
                files.append(name)
        return list(directories), files

    def size(self, name: str) -> int:
        """Return the file's size in bytes."""
        return self.stat(name).size

    def url(  # type: ignore[override]
        self,
        name: str,
        expire: float | None = None,
        parameters: Mapping[str, str | None] | None = None,
        mode: str = "r",
    ) -> str:
        """Return the file's URL: public, or signed where ``expire`` or ``expiration_secs`` say for how many seconds.

        ``parameters`` are response headers of a signed URL, ``mode`` is its permission (``r``, ``w``, ``c``, ``d``
        …). A name that ends in a slash, and ``""``, is a directory, whose URL is never signed.
        """
        setup = self._setup
        if str(name)[-1:] in _DIRECTORY_ENDS:
            return setup.urls.public_url(self._directory(name))
        expire = setup.options.expiration_secs if expire is None else expire
        try:
            return setup.urls.url(self.blob_name(name), expire=expire, parameters=parameters, permission=mode)
        except BlobError:
            # Not around it all: a context manager takes as long as an unsigned URL.
            with named(name):
                raise

    def public_url(self, name: str) -> str:
        """Return the file's URL without a signature. No request is made."""
        return self._setup.urls.public_url(self.blob_name(name))

    def get_modified_time(self, name: str) -> dt.datetime:
        """Return when the file was stored: aware in UTC with ``USE_TZ``, else naive in the system's zone."""
        return _as_django_says(self.stat(name).modified)

    def get_created_time(self, name: str) -> dt.datetime:
        """Return when a file of this name was first stored; as ``get_modified_time``."""
        stat = self.stat(name)
        return _as_django_says(stat.created or stat.modified)

    def get_accessed_time(self, name: str) -> dt.datetime:
        """Raise ``NotImplementedError``."""
        raise NotImplementedError("Azure Blob Storage does not tell when a blob was last read.")

    # What Django's interface lacks

    def get_object_parameters(self, name: str) -> dict[str, Any]:  # noqa: ARG002 - for subclasses
        """Return what to store with a file beside its bytes: ``object_parameters``, unless a subclass says otherwise.

        Content settings by name, and ``metadata``, ``tags`` and ``access_tier``. ``name`` is the storage's name for
        the file.
        """
        return dict(self.options.object_parameters)

    def blob_settings(self, name: str, content: Any = None) -> FileSettings:
        """Return what ``content`` would be stored with under ``name`` beside its bytes: all options considered."""
        options = self.options
        return settings_for(
            name,
            content,
            self.get_object_parameters(name),
            defaults={
                "cache_control": options.cache_control,
                "metadata": options.metadata,
                "tags": options.tags,
                "access_tier": options.access_tier,
            },
            default_content_type=options.default_content_type,
        )

    def stat(self, name: str) -> FileStat:
        """Return size, times, content type and the rest, with one request. Raises ``BlobNotFoundError``."""
        with named(name):
            return replace(self._blobs.head(self.blob_name(name)), name=str(clean_name(name)))

    def walk(self, path: str = "") -> Iterator[FileStat]:
        """Return an iterator over every file below ``path``, at any depth, in constant memory. Names are full."""
        return self._walk(self._directory(path), len(self._prefix))

    def _walk(self, prefix: str, cut: int) -> Iterator[FileStat]:
        for entry in self._blobs.list(prefix):
            if isinstance(entry, FileStat) and is_reachable(name := entry.name[cut:]):
                yield replace(entry, name=name)

    def copy(self, src: str, dst: str) -> str:
        """Copy a file within the container, on the server; return ``dst``. Raises ``BlobExistsError`` if ``dst`` is
        taken.

        With ``overwrite_files`` the copy takes its place.
        """
        return self._on_the_server(self._blobs.copy, src, dst)

    def move(self, src: str, dst: str) -> str:
        """Copy a file on the server, then delete the original; otherwise as ``copy``.

        Raises ``BlobChangedError`` if the original was overwritten after it was copied: both files are there then.
        """
        if clean_name(src) == clean_name(dst):
            return self.copy(src, dst)
        return self._on_the_server(self._blobs.move, src, dst)

    def _on_the_server(self, work: Callable[..., FileStat], src: str, dst: str) -> str:
        source, target = self.blob_name(src), self.blob_name(dst)
        with named(src, of=source), named(dst, of=target):
            work(source, target, overwrite=self.options.overwrite_files)
        return str(clean_name(dst))

    def _overrides(self, *methods: str) -> bool:
        kind = type(self)
        return any(getattr(kind, method) is not getattr(AzureStorage, method) for method in methods)


def _as_django_says(moment: dt.datetime | None) -> dt.datetime:
    assert moment is not None  # only other storages may not tell
    zone = dt.UTC if settings.USE_TZ else None
    return dt.datetime.fromtimestamp(moment.timestamp(), tz=zone)
