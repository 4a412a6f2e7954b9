"""What is known of a file, and what a storage can do beyond Django's interface.

Code that lists, compares, copies or delivers files asks a ``FileStore`` and its ``Capabilities``, never for the class
of a storage. ``AzureStorage`` and ``RouterStorage`` are file stores themselves; ``file_store()`` wraps any other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, runtime_checkable


@dataclass(frozen=True, kw_only=True)
class FileSettings:
    """What is stored with a file besides its bytes. ``content_md5`` is the digest's 16 bytes, ``access_tier`` Azure's
    name."""

    content_type: str | None = None
    content_encoding: str | None = None
    content_language: str | None = None
    content_disposition: str | None = None
    cache_control: str | None = None
    content_md5: bytes | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    access_tier: str | None = None


@dataclass(frozen=True, kw_only=True)
class FileStat:
    """What is known of a file. ``size`` is in bytes, times are aware UTC, ``etag`` has its quotes.

    ``name`` is the file's name in the storage that was asked. What a storage does not know is None, ``etag`` is then
    ``""``.
    """

    name: str
    size: int
    etag: str
    modified: dt.datetime | None
    created: dt.datetime | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    content_language: str | None = None
    content_disposition: str | None = None
    cache_control: str | None = None
    content_md5: bytes | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    access_tier: str | None = None
    save_id: str | None = None
    """Which write made the file, where the store keeps that: see ``create``. A copy keeps it."""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a file store does better than by Django's interface. Each is False unless the store says otherwise."""

    parallel: bool = False
    """Several threads may write at a time."""

    conditional: bool = False
    """``create`` fails for a taken name without a race; ``if_match`` of ``read``, ``replace`` and ``delete`` holds."""

    lists: bool = False
    """``walk`` makes one listing, in the order of names, and knows size, ETag and time of each file."""

    settings: bool = False
    """``FileSettings`` are stored with the file."""

    signs: bool = False
    """``sign`` returns links that end."""

    copies: bool = False
    """``copy_from`` can copy on the server."""


class FileNotModifiedError(Exception):
    """The file is still the version that the caller has; nothing was read."""


@dataclass(kw_only=True)
class Reading:
    """A part of a file that is being read. ``close()`` it, or use it as a context manager."""

    stat: FileStat
    start: int
    length: int
    chunks: Iterator[bytes]
    on_close: Callable[[], object] = lambda: None

    def close(self) -> None:
        """End the backend's request."""
        self.on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@runtime_checkable
class FileStore(Protocol):
    """Files by name, with what Django's ``Storage`` lacks. Names are those of the storage.

    Errors are Python's: ``FileNotFoundError``, ``FileExistsError``, ``PermissionError``, ``TimeoutError``,
    ``ConnectionError``; a condition that does not hold is ``FileChangedError``.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What the store can do."""

    def stat(self, name: str) -> FileStat:
        """Return what is known of the file; one request."""

    def walk(self, path: str = "", *, start: str = "") -> Iterator[FileStat]:
        """Return an iterator over every file below ``path``, at any depth, in constant memory.

        ``start`` leaves out what comes before that name (itself included in the result) in the order of the listing.
        """

    def read(
        self,
        name: str,
        start: int = 0,
        length: int | None = None,
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Reading:
        """Return the bytes from ``start`` on, ``length`` of them at most; one request. There are none, and it is no
        error, where ``start`` is at or beyond the end.

        Raises ``FileChangedError`` where the file's ETag is another than ``if_match``, and ``FileNotModifiedError``
        where it is still ``if_none_match``; stores that are not ``conditional`` take no notice of either.
        """

    def create(
        self, name: str, content: Any, settings: FileSettings | None = None, *, save_id: str | None = None
    ) -> FileStat:
        """Store ``content`` under exactly this name. Raises ``FileExistsError`` where the name is taken.

        ``save_id`` is the marker by which the write is recognised (A11), in place of one of the store's own; a store
        without metadata ignores it.
        """

    def replace(
        self,
        name: str,
        content: Any,
        settings: FileSettings | None = None,
        *,
        if_match: str | None = None,
        save_id: str | None = None,
    ) -> FileStat:
        """Store ``content`` under exactly this name, whatever was there, or only in place of that ETag."""

    def delete(self, name: str, *, if_match: str | None = None) -> None:
        """Delete the file. One that does not exist is no error."""

    def copy_from(
        self,
        name: str,
        source: FileStore,
        source_name: str,
        *,
        if_source_match: str | None = None,
        if_match: str | None = None,
        overwrite: bool = False,
    ) -> FileStat:
        """Copy a file of another store to ``name``, on the server where that is possible, otherwise through here.

        Headers, metadata and ``save_id`` are the source's. Without ``overwrite`` or ``if_match`` (the ETag of the file
        to be replaced) a taken name is ``FileExistsError``. ``FileChangedError`` where the source's ETag is not
        ``if_source_match``.
        """

    def sign(
        self, name: str, seconds: float, parameters: Mapping[str, str] | None = None, *, custom_domain: bool = False
    ) -> str:
        """Return a link for reading the one file that ends after ``seconds``, without a window, with ``parameters``
        as the response headers. It leads to the service itself, or to the ``custom_domain`` that the storage has.

        ``NotImplementedError`` where the store cannot sign."""
