"""What is known of a file, and what a storage can do beyond Django's interface.

Code that lists, compares, copies or delivers files asks a ``FileStore`` and its ``Capabilities``, never for the class
of a storage. ``AzureStorage`` and ``RouterStorage`` are file stores themselves; ``file_store()`` wraps any other.
"""

import contextlib
import datetime as dt
import errno
import heapq
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from stat import S_ISDIR
from typing import Any, NamedTuple, Protocol, Self, cast, runtime_checkable
from uuid import uuid4

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage

from .exceptions import FileChangedError
from .names import is_clean
from .records import Record

_CHUNK = 256 * 1024

NOT_THERE = (FileNotFoundError, NotADirectoryError, FileExistsError)
"""What storages raise for a file or directory that does not exist, and where a file is in the place of one of its
directories (``InMemoryStorage`` the last)."""

_UNFINISHED = ".storage_router-"
"""How the name of a file begins that is being written. It stays where the process is killed; walks skip it."""


class FileSettings(NamedTuple):
    """What is stored with a file besides its bytes. ``content_md5`` is the digest's 16 bytes, ``access_tier`` Azure's
    name."""

    content_type: str | None = None
    content_encoding: str | None = None
    content_language: str | None = None
    content_disposition: str | None = None
    cache_control: str | None = None
    content_md5: bytes | None = None
    metadata: Mapping[str, str] = {}
    tags: Mapping[str, str] = {}
    access_tier: str | None = None


class FileStat(NamedTuple):
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
    metadata: Mapping[str, str] = {}
    access_tier: str | None = None
    tag_count: int = 0
    """How many tags the file has, as far as the store says so."""

    save_id: str | None = None
    """Which write made the file, where the store keeps that: see ``create``. A copy keeps it."""

    def named(self, name: str) -> Self:
        """Return the same under another name."""
        # Walks do so with each file, and _replace() takes three times as long.
        return tuple.__new__(type(self), (name, *self[1:]))

    def settings(self) -> FileSettings:
        """Return what is stored with the file, as far as it is known: tags are not."""
        known = self._asdict()
        return FileSettings(**{one: known[one] for one in FileSettings._fields if one in known})


class Directory(NamedTuple):
    """A directory in a listing: names that begin with ``name`` and a slash. No trailing slash."""

    name: str


class ListingPage(NamedTuple):
    """What lies directly below a directory, or a part of it. ``marker`` leads to the next part; ``""`` at the end."""

    entries: tuple[FileStat | Directory, ...]
    marker: str = ""


class Capabilities(NamedTuple):
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

    @classmethod
    def of_all(cls, storages: Iterable[Any]) -> Self:
        """Return what all of the storages can do."""
        found = [file_store(storage).capabilities for storage in storages]
        return cls(**{one: all(getattr(capabilities, one) for capabilities in found) for one in cls._fields})


class FileNotModifiedError(Exception):
    """The file is still the version that the caller has; nothing was read."""


class Reading(Record):
    """A part of a file that is being read. ``close()`` it, or use it as a context manager."""

    stat: FileStat
    start: int
    length: int
    chunks: Iterator[bytes]
    on_close: Callable[[], object]

    def named(self, name: str) -> Self:
        """Return the same under another name."""
        return type(self)(**{**vars(self), "stat": self.stat.named(name)})

    def close(self) -> None:
        """End the backend's request."""
        self.on_close()

    def file(self) -> File:  # type: ignore[type-arg]
        """Return the chunks as a file that can be read once, as content of ``create`` and ``replace``."""
        return File(io.BufferedReader(_Stream(self.chunks)), self.stat.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@runtime_checkable
class FileStore(Protocol):
    """Files by name, with what Django's ``Storage`` lacks. Names are those of the storage.

    Errors are Python's: ``FileNotFoundError``, ``FileExistsError``, ``PermissionError``, ``TimeoutError``,
    ``ConnectionError``; a condition that does not hold is ``FileChangedError``. The methods with a body here are those
    of a store that has nothing better.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What the store can do."""

    def stat(self, name: str) -> FileStat:
        """Return what is known of the file: on Azure everything, elsewhere size and time of modification."""

    def walk(self, path: str = "", *, start: str = "") -> Iterator[FileStat]:
        """Return an iterator over every file below ``path``, at any depth, in constant memory.

        ``start`` leaves out what comes before that name (itself included in the result) in the order of the listing.
        """

    def page(self, path: str = "", *, limit: int = 100, marker: str = "") -> ListingPage:
        """Return what lies directly below ``path``: at most ``limit`` entries, in the order of the listing.

        It may be fewer, and none, although there are more: the marker says so. What does not exist is empty.
        """

    def tags_of(self, name: str) -> Mapping[str, str]:  # noqa: ARG002
        """Return the tags of the file; none where the store has no tags."""
        return {}

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

        ``save_id`` is the marker by which the write is recognised, in place of one of the store's own; a store
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
        """Store ``content`` under exactly this name, whatever was there, or only in place of that ETag.

        Where the store is not ``conditional``, the old file is deleted first: a failure in between loses it.
        """

    def delete(self, name: str, *, if_match: str | None = None) -> None:
        """Delete the file. One that does not exist is no error."""

    def copy_from(
        self,
        name: str,
        source: "FileStore",
        source_name: str,
        *,
        version: FileStat | None = None,
        if_match: str | None = None,
        overwrite: bool = False,
    ) -> FileStat:
        """Copy a file of another store to ``name``, on the server where that is possible, otherwise through here.

        Headers, metadata, tags and ``save_id`` are the source's, where both stores keep them. Without ``overwrite``
        or ``if_match`` (the ETag of the file to be replaced) a taken name is ``FileExistsError``.

        ``version`` is what ``stat`` or a listing says of the source, which saves the request that asks for it.
        ``FileChangedError`` where the source's ETag is another.
        """
        with source.read(source_name, if_match=version.etag if version else None) as reading:
            settings = reading.stat.settings() if source.capabilities.settings else None
            save_id = reading.stat.save_id
            if overwrite or if_match is not None:
                return self.replace(name, reading.file(), settings, if_match=if_match, save_id=save_id)
            return self.create(name, reading.file(), settings, save_id=save_id)

    def sign(
        self, name: str, seconds: float, parameters: Mapping[str, str] | None = None, *, custom_domain: bool = False
    ) -> str:
        """Return a link for reading the one file that ends after ``seconds``, without a window, with ``parameters``
        as the response headers. It leads to the service itself, or to the ``custom_domain`` that the storage has.

        ``NotImplementedError`` where the store cannot sign."""
        message = "This storage cannot sign links."
        raise NotImplementedError(message)


@runtime_checkable
class DirectStore(FileStore, Protocol):
    """What direct uploads need of a file store: others write to it, with a ticket, past this process."""

    def ticket(self, name: str, seconds: float) -> str:
        """Return a URL for creating this one file that ends after ``seconds``."""

    def staged(self, name: str) -> list[str]:
        """Return the ids of the blocks that have arrived for a file that is not complete."""

    def uploaded(self, name: str) -> FileStat:
        """Return what is known of a file that was stored with a ticket.

        Raises ``FileNotFoundError``, and ``ValueError`` for one that is not stored as uploads are.
        """

    def discard(self, name: str) -> None:
        """Delete a file that was stored with a ticket, with all that the ticket could make."""

    def leftovers(self, path: str) -> Iterator[str]:
        """Return an iterator over the files below ``path``, those that are not complete included."""


def direct_store(storage: Any) -> DirectStore | None:
    """Return ``storage`` if browsers can send files to it, else None."""
    store = file_store(storage)
    return store if isinstance(store, DirectStore) and store.capabilities.signs else None


class FileSource(Record):
    """Where content comes from: the attribute ``file_source`` of a content that is a version of another file.

    A storage may copy that version on the server; otherwise it reads the content as any other. ``saved()`` is called
    once it is stored, with the store and its name there.
    """

    store: FileStore
    name: str
    size: int
    etag: str
    saved: Callable[[FileStore, str], object] = lambda _, __: None


def file_store(storage: Any) -> FileStore:
    """Return ``storage`` itself where it is a file store, else a file store over Django's interface.

    A subclass that saves, opens or deletes files in a way of its own is used through Django's interface, whatever else
    it can do.
    """
    if overridden(storage):
        return PlainStore(storage)
    if hasattr(storage, "capabilities"):
        return cast("FileStore", storage)
    for family, adapter in ((FileSystemStorage, DirectoryStore), (InMemoryStorage, MemoryStore)):
        if isinstance(storage, family) and not overrides(storage.__class__, family, *OWN_WAYS):
            return adapter(storage)
    return PlainStore(storage)


OWN_WAYS = ("save", "_save", "delete", "open", "_open")
"""Methods of a storage that decide what becomes of a file's bytes."""


def home_of(kind: type) -> type[Storage] | None:
    """Return the class of this package that implements Django's methods for a class, None for other classes."""
    for one in kind.__mro__:
        if one.__module__.partition(".")[0] == "storage_router" and "listdir" in vars(one):
            return one
    return None


def overridden(storage: Any) -> tuple[str, ...]:
    """Return which of ``OWN_WAYS`` a subclass of this package's storages overrides."""
    return _overridden(storage.__class__)


@lru_cache
def _overridden(kind: type) -> tuple[str, ...]:
    home = home_of(kind)
    return tuple(method for method in OWN_WAYS if home and overrides(kind, home, method))


def holder_of(storage: Any, name: str) -> tuple[Any, str]:
    """Return the storage that a file of this name is written to, behind whatever forwards and routes names, and its own
    name for the file.

    A storage that overrides how files are stored is not passed by. Raises ``ReadOnlyRouteError``, and what routing
    raises.
    """
    while hasattr(storage, "forwarded") and not overridden(storage):
        storage, name = storage.forwarded(name)
    return storage, name


def holders(storage: Any) -> Iterator[Any]:
    """Yield each storage that files of ``storage`` may be written to."""
    if not hasattr(storage, "forwarded") or overridden(storage):
        yield storage
        return
    behind = getattr(storage, "backends", None)
    for one in behind.values() if behind is not None else [storage.forwarded("")[0]]:
        yield from holders(one)


def overrides(kind: type, family: type, *methods: str) -> bool:
    """Return whether ``kind``, a subclass of ``family``, overrides one of ``methods``."""
    return any(getattr(kind, method, None) is not getattr(family, method, None) for method in methods)


def _is_listed(name: str) -> bool:
    return is_clean(name.removesuffix("/")) and not name.rpartition("/")[2].startswith(_UNFINISHED)


class PlainStore(FileStore):
    """Any storage as a file store, through Django's interface. No condition holds, and nothing is signed."""

    capabilities = Capabilities()

    def __init__(self, storage: Any) -> None:
        self.storage = storage

    def stat(self, name: str) -> FileStat:
        """Return what is known of the file. Of a missing one other packages' storages raise what their SDK raises."""
        try:
            return self._asked(name)
        except OSError:
            raise
        except Exception:
            if self.storage.exists(name):
                raise
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name) from None

    def _asked(self, name: str) -> FileStat:
        modified = None
        with contextlib.suppress(NotImplementedError):
            modified = self.storage.get_modified_time(name).astimezone(dt.UTC)
        try:
            size = self.storage.size(name)
        except NotImplementedError:
            with self.storage.open(name) as file:
                size = sum(map(len, file.chunks()))
        return FileStat(name=name, size=size, etag="", modified=modified)

    def walk(self, path: str = "", *, start: str = "") -> Iterator[FileStat]:
        """Hold the entries of one directory for each level."""
        path = path.strip("/")
        waiting = [f"{path}/" if path else ""]
        while waiting:
            here = waiting.pop()
            if here and not here.endswith("/"):
                with contextlib.suppress(FileNotFoundError):
                    yield self.stat(here)
                continue
            # A directory that contains ``start`` comes before it.
            waiting += [
                name
                for name in reversed(self._below(here))
                if name >= start or (name.endswith("/") and start.startswith(name))
            ]

    def page(self, path: str = "", *, limit: int = 100, marker: str = "") -> ListingPage:
        """List the directory, which Django's interface does as a whole, and look at ``limit`` of its entries.

        The marker is the name of the last entry.
        """
        path = path.strip("/")
        names = [name for name in self._below(f"{path}/" if path else "") if name > marker]
        entries: list[FileStat | Directory] = []
        for name in names[:limit]:
            if name.endswith("/"):
                entries.append(Directory(name=name.removesuffix("/")))
                continue
            # It may have been deleted since.
            with contextlib.suppress(FileNotFoundError):
                entries.append(self.stat(name))
        return ListingPage(entries=tuple(entries), marker=names[limit - 1] if len(names) > limit else "")

    def _below(self, here: str) -> list[str]:
        """Return the names directly below a directory, in their order; those of directories end in a slash."""
        try:
            directories, files = self.storage.listdir(here.removesuffix("/"))
        except NOT_THERE:
            return []
        found = [*(f"{here}{name}/" for name in directories), *(f"{here}{name}" for name in files)]
        # A storage may list names that other programs wrote, such as "..".
        return sorted(name for name in found if _is_listed(name))

    def read(
        self,
        name: str,
        start: int = 0,
        length: int | None = None,
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Reading:
        file = self.storage.open(name, "rb")
        try:
            stat = self._stat_of(name, file)
            if self.capabilities.conditional and if_none_match == stat.etag:
                raise FileNotModifiedError(name)
            self._require(stat, if_match)
            left = max(0, stat.size - start)
            length = left if length is None else min(length, left)
            if file.seekable():
                file.seek(min(start, stat.size))
            else:
                for _ in _chunks(file, start):
                    pass
        except BaseException:
            file.close()
            raise
        return Reading(stat=stat, start=start, length=length, chunks=_chunks(file, length), on_close=file.close)

    def create(self, name: str, content: Any, *_: object, **__: object) -> FileStat:
        """Look whether the name is free, then save. Django's interface has no place for settings."""
        if self.storage.exists(name):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
        try:
            saved = self.storage.save(name, content)
        except FileExistsError:
            # Somebody else's, made in between.
            raise
        except BaseException:
            # Some storages keep what had arrived by then.
            with contextlib.suppress(Exception):
                self.storage.delete(name)
            raise
        if saved != name:
            # It may be an older file, as where a storage names files by their content, so it is not deleted.
            raise FileExistsError(errno.EEXIST, f"The storage has stored the file as {saved!r}", name)
        return self.stat(name)

    def replace(self, name: str, content: Any, *_: object, if_match: str | None = None, **__: object) -> FileStat:
        """Delete the old file, then save. A failure in between loses the file."""
        if if_match is not None or self.storage.exists(name):
            self.delete(name, if_match=if_match)
        return self.create(name, content)

    def delete(self, name: str, *, if_match: str | None = None) -> None:
        if self.capabilities.conditional and if_match is not None:
            try:
                self._require(self.stat(name), if_match)
            except FileNotFoundError:
                return
        self.storage.delete(name)

    def _stat_of(self, name: str, file: Any) -> FileStat:  # noqa: ARG002
        return self.stat(name)

    def _require(self, stat: FileStat, if_match: str | None) -> None:
        if self.capabilities.conditional and if_match not in (None, stat.etag):
            raise FileChangedError(errno.ESTALE, "The file was changed.", stat.name)


class DirectoryStore(PlainStore):
    """Django's ``FileSystemStorage``. The ETag is made of the time in nanoseconds, the size and the inode.

    ``create`` is atomic. ``replace`` and ``delete`` compare the ETag right before they act.
    """

    capabilities = Capabilities(parallel=True, conditional=True, lists=True)

    def stat(self, name: str) -> FileStat:
        found = os.stat(self.storage.path(name))  # noqa: PTH116
        if S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        return _stat_from(name, found)

    def create(self, name: str, content: Any, *_: object, **__: object) -> FileStat:
        """Save the file beside its place and link it there: nobody sees half of it."""
        with self._beside(name, content) as (beside, path):
            try:
                os.link(beside, path)
            except FileExistsError:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name) from None
            except OSError:
                # A file system without hard links, such as SMB: claim the name, then fill it.
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                os.replace(beside, path)  # noqa: PTH105
        return self.stat(name)

    def replace(self, name: str, content: Any, *_: object, if_match: str | None = None, **__: object) -> FileStat:
        """Save the file beside its place and rename it: readers see the old file or the new one."""
        with self._beside(name, content) as (beside, path):
            if if_match is not None:
                self._require(self.stat(name), if_match)
            os.replace(beside, path)  # noqa: PTH105
        return self.stat(name)

    @contextlib.contextmanager
    def _beside(self, name: str, content: Any) -> Iterator[tuple[str, str]]:
        """Save the content beside its place. Give both paths; what is there after the block is deleted."""
        # The file's own name with a suffix could be too long for the file system.
        beside = os.path.join(os.path.dirname(name), f"{_UNFINISHED}{uuid4().hex}")  # noqa: PTH118, PTH120
        try:
            beside = self.storage.save(beside, content)
            yield self.storage.path(beside), self.storage.path(name)
        finally:
            self.storage.delete(beside)

    def _stat_of(self, name: str, file: Any) -> FileStat:
        return _stat_from(name, os.fstat(file.fileno()))


class MemoryStore(PlainStore):
    """Django's ``InMemoryStorage``. The ETag is made of the time and the size. Conditions hold in one thread."""

    capabilities = Capabilities(conditional=True, lists=True)

    def stat(self, name: str) -> FileStat:
        found = super().stat(name)
        moment = found.modified.timestamp() if found.modified else 0
        return found._replace(etag=f'"{int(moment * 1_000_000):x}-{found.size:x}"')


def merged_page(
    pages: Sequence[Callable[[str], ListingPage]],
    *,
    limit: int,
    marker: str,
    is_shown: Callable[[int, FileStat | Directory], bool] = lambda *_: True,
) -> ListingPage:
    """Merge several listings into one, in the order of names; the first listing's entry is taken of several alike.

    ``pages`` are the functions that fetch a page by its marker; ``is_shown`` gets the number of one and an entry. The
    marker holds the last name that was shown, and for each listing the marker of its page, None at its end, with the
    last name that was taken from that page. Raises ``ValueError`` for what is not a marker.
    """
    shown, places = _position(marker, len(pages))

    def entries(number: int) -> Iterator[tuple[str, int, FileStat | Directory, _Place]]:
        """Yield the entries of a listing, each with the place that goes on after it."""
        while (here := places[number][0]) is not None:
            page = pages[number](here)
            following = (page.marker or None, "")
            # Not by the names on earlier pages: Data Lake's directories come before names that sort before them.
            left = [entry for entry in page.entries if in_order(entry) > places[number][1]]
            for entry in left:
                name = in_order(entry)
                yield name, number, entry, following if entry is left[-1] else (here, name)
            places[number] = following

    found: list[FileStat | Directory] = []
    last = shown
    for looked_at, (name, number, entry, place) in enumerate(heapq.merge(*map(entries, range(len(pages))))):
        if looked_at >= _MOST * limit and name != last:
            break
        places[number], last = place, name
        if name != shown and is_shown(number, entry):
            found.append(entry)
            shown = name
        if len(found) == limit:
            break
    is_end = all(here is None for here, _ in places)
    return ListingPage(entries=tuple(found), marker="" if is_end else json.dumps([shown, *chain(*places)]))


_MOST = 20
"""Times as many entries are looked at as are asked for, where most of them are not shown."""

_Place = tuple[str | None, str]


def _position(marker: str, listings: int) -> tuple[str, list[_Place]]:
    if not marker:
        return "", [("", "")] * listings
    found = json.loads(marker)
    if not isinstance(found, list) or len(found) != 2 * listings + 1:
        raise ValueError(f"not a marker: {marker[:100]!r}")
    shown, *rest = (None if one is None else str(one) for one in found)
    return shown or "", [(here, done or "") for here, done in zip(rest[::2], rest[1::2], strict=True)]


def in_order(entry: FileStat | Directory) -> str:
    """Return the key by which entries of a listing are sorted."""
    return f"{entry.name}/" if isinstance(entry, Directory) else entry.name


def _stat_from(name: str, found: os.stat_result) -> FileStat:
    modified = dt.datetime.fromtimestamp(found.st_mtime, dt.UTC)
    etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"'
    return FileStat(name=name, size=found.st_size, etag=etag, modified=modified)


def _chunks(file: Any, length: int) -> Iterator[bytes]:
    while length > 0 and (chunk := file.read(min(_CHUNK, length))):
        length -= len(chunk)
        yield chunk


class _Stream(io.RawIOBase):
    """Chunks as a stream, which Django's ``File`` can wrap."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest and (chunk := next(self._chunks, b"")):
            self._rest = memoryview(chunk)
        taken = self._rest[: len(buffer)]
        self._rest = self._rest[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)
