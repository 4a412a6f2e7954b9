"""Where static files are copied to: in parallel, each whole or not at all, compared by content with one listing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path, PurePosixPath
from queue import SimpleQueue
from typing import Any, Literal

from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage

from storage_router.exceptions import TransferError
from storage_router.files import FileSettings, FileStat, file_store, holder_of, holders

from .content import compressed, compressed_settings, digest, is_compressed, is_text, opened, original, size_of

THREADS = 32
"""Files that are copied at the same time."""

MEMORY = 64 * 2**20
"""Bytes of content in memory at the same time."""

HOPELESS = 20
"""Failures in a row after which the rest is not tried: the network or the credential is gone."""

IMMUTABLE = "public,max-age=31536000,immutable"
"""A year is what caches take for ever; ``immutable`` (RFC 8246) saves even the question."""

_SMALL = 4 * 2**20
"""Bytes up to which a file is read into memory. Azure computes the MD5 of what arrives in one request."""

_LARGE = 48 * 2**20
"""Bytes that the upload of a large file holds in memory."""

_HEADERS = ("content_type", "content_encoding", "content_language", "content_disposition", "cache_control")

Action = Literal["created", "replaced", "unmodified", "failed", "untried"]
"""What became of a copy; ``untried`` where too many others had failed before."""

Progress = Callable[[str, int], AbstractContextManager[Callable[[], object]]]
"""Takes a word (``Copying``) and the number of files; the context manager gives a function to call after each."""


@contextmanager
def no_progress(doing: str, total: int) -> Iterator[Callable[[], object]]:  # noqa: ARG001 - a Progress
    """Show nothing."""
    yield lambda: None


@dataclass(frozen=True, kw_only=True)
class FileCopy:
    """One file to copy: ``source_name`` of ``source`` becomes ``name`` of the destination.

    ``cache_control`` replaces what the destination's configuration says. The name of an ``immutable`` file holds its
    content's hash: without a Cache-Control it may be cached for ever. A ``fresh`` file is stored again even where it is
    the same, so that its time says when. With ``compress`` text is stored gzip-encoded where that makes it smaller.
    """

    name: str
    source: Storage
    source_name: str
    cache_control: str | None = None
    immutable: bool = False
    fresh: bool = False
    compress: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one copy."""

    copy: FileCopy
    action: Action
    error: Exception | None = None

    @property
    def name(self) -> str:
        """The file's name at the destination."""
        return self.copy.name


class Destination:
    """One storage that files are copied to.

    Where some of its files lie in a store whose listing has digests, they are listed once, at the first need, and
    everything asked of this object is answered from the listing. Other storages are asked for each file.

    ``threads`` files are copied at a time where the store can bear it; elsewhere, on a single connection for example,
    one. ``dry_run`` compares and copies nothing.
    """

    def __init__(
        self, storage: Storage, *, threads: int = THREADS, dry_run: bool = False, progress: Progress = no_progress
    ) -> None:
        self.storage = storage
        self.threads = threads
        self.dry_run = dry_run
        self._progress = progress
        self._budget = Budget()
        self._cleared: set[str] = set()

    @cached_property
    def listing(self) -> dict[str, FileStat] | None:
        """Each name with what is known of it, None for a storage that is not listed. Copied files are not added.

        Raises what the storage's listing raises, for example ``ContainerNotFoundError``.
        """
        storage: Any = self.storage
        capabilities = [file_store(holder).capabilities for holder in holders(storage)]
        if any(one.lists and one.settings for one in capabilities):
            # NotImplementedError: some of the files lie on a backend that cannot list, so each is asked for.
            with suppress(NotImplementedError):
                return {stat.name: stat for stat in storage.walk()}
        return None

    @cached_property
    def _directories(self) -> set[str]:
        return directories_of(self.listing or ())

    def exists(self, name: str) -> bool:
        """Return whether the storage has the file or directory; what is to be cleared counts as gone."""
        if self.listing is None:
            return name not in self._cleared and self.storage.exists(name)
        return (name in self.listing and name not in self._cleared) or name in self._directories

    def clear(self) -> list[str]:
        """Return the names of all files: ``sweep()`` deletes those to which nothing is copied before."""
        names = list(_below(self.storage, "") if self.listing is None else self.listing)
        self._cleared = set() if self.dry_run else set(names)
        return names

    def sweep(self) -> None:
        """Delete what was to be cleared and has not been replaced. Raises ``TransferError``."""
        self.delete_all(sorted(self._cleared))

    def delete_all(self, names: Iterable[str]) -> None:
        """Delete the files, in parallel. Raises ``TransferError`` with the names of those that are still there."""

        def delete(copy: FileCopy) -> Outcome:
            self.storage.delete(copy.name)
            return Outcome(copy=copy, action="replaced")

        copies = [FileCopy(name=name, source=self.storage, source_name=name) for name in names]
        self._all("Deleting", "deleted", copies, delete)

    def copy_all(self, copies: Sequence[FileCopy], *, succeeded: Callable[[Outcome], object] | None = None) -> None:
        """Copy the files that are not there already; call ``succeeded`` for each that is there then.

        Raises ``TransferError`` when all the others have been copied, and what the listing raises before anything is.
        """
        # A missing container is one error, not one for each file. Azure can have a file and a directory of one name.
        if self.listing is None and self._cleared:
            for directory in directories_of(copy.name for copy in copies) & self._cleared:
                self.storage.delete(directory)
                self._cleared.discard(directory)
        self._all("Copying", "copied", copies, self._copy_one, succeeded)

    def differs(self, copy: FileCopy) -> bool:
        """Return whether the file would be copied."""
        try:
            return self._copy_one(copy, dry_run=True).action != "unmodified"
        except Exception:  # noqa: BLE001 - copying it fails, too, and says why
            return True

    def _all(
        self,
        doing: str,
        done: str,
        copies: Sequence[FileCopy],
        do: Callable[[FileCopy], Outcome],
        succeeded: Callable[[Outcome], object] | None = None,
    ) -> None:
        """Do it for all ``copies``. Raises ``TransferError`` at the end if one has failed."""
        failures: dict[str, Exception] = {}
        untried: list[str] = []
        together: list[FileCopy] = []
        alone: list[FileCopy] = []
        for copy in copies:
            (together if self._bears_threads(copy.name) else alone).append(copy)
        results = chain(outcomes(together, do, threads=self.threads), outcomes(alone, do, threads=1))
        with self._progress(doing, len(copies)) as advance:
            for outcome in results:
                advance()
                if outcome.error is not None:
                    failures[outcome.name] = outcome.error
                elif outcome.action == "untried":
                    untried.append(outcome.name)
                else:
                    self._cleared.discard(outcome.name)
                    if succeeded is not None:
                        succeeded(outcome)
        if failures:
            raise TransferError(failures, untried, len(copies), done)

    def _bears_threads(self, name: str) -> bool:
        try:
            return file_store(holder_of(self.storage, name)[0]).capabilities.parallel
        except Exception:  # noqa: BLE001 - whoever copies the file gets the same error, and reports it
            return True

    def _copy_one(self, copy: FileCopy, *, dry_run: bool = False) -> Outcome:
        holder, name = holder_of(self.storage, copy.name)
        store: Any = file_store(holder)
        fresh = copy.fresh or copy.name in self._cleared
        with opened(copy.source, copy.source_name) as file:
            size = file.announced_size(copy.source)
            with self._budget.of(_LARGE if size is None else min(size, _LARGE)):
                # A small file is read once, a large one again when it is sent.
                source = ContentFile(file.read(), file.name) if size is not None and size <= _SMALL else file
                content = digest(source)
                upload: tuple[File[Any], FileSettings | None] | None = source, None
                if store.capabilities.settings:
                    known = None if fresh else self._known(copy.name, store, name)
                    there = known is not None
                    upload = _upload(copy, store.blob_settings(name), source, content, known)
                elif copy.compress:
                    raise ImproperlyConfigured(f"static.compress: {holder!r} cannot store a Content-Encoding.")
                elif (there := not fresh and holder.exists(name)) and _has_content(holder, name, *content):
                    upload = None
                if upload is not None:
                    with upload[0] as body:
                        if not (dry_run or self.dry_run):
                            store.replace(name, body, upload[1])
        return Outcome(copy=copy, action="unmodified" if upload is None else "replaced" if there else "created")

    def _known(self, name: str, store: Any, own_name: str) -> FileStat | None:
        if self.listing is not None:
            return self.listing.get(name)
        try:
            found: FileStat = store.stat(own_name)
        except FileNotFoundError:
            return None
        return found


def outcomes(
    copies: Sequence[FileCopy], copy: Callable[[FileCopy], Outcome], *, threads: int = THREADS
) -> Iterator[Outcome]:
    """Apply ``copy`` in ``threads`` threads and yield the results as they come.

    An exception of ``copy`` is an outcome, too. If the caller stops (Ctrl-C), nothing new is started, and what is under
    way is finished.
    """
    rest, taking = iter(copies), threading.Lock()
    done: SimpleQueue[Outcome | None] = SimpleQueue()
    in_a_row = 0

    def work() -> None:
        # Each thread takes the next file by itself: one that waited to be given one would cost two changes of thread.
        nonlocal in_a_row
        try:
            while True:
                with taking:
                    each = next(rest, None) if in_a_row < HOPELESS else None
                if each is None:
                    return
                try:
                    outcome = copy(each)
                except Exception as error:  # noqa: BLE001 - one file must not end the others
                    outcome = Outcome(copy=each, action="failed", error=error)
                with taking:
                    if in_a_row < HOPELESS:
                        in_a_row = in_a_row + 1 if outcome.error else 0
                done.put(outcome)
        finally:
            done.put(None)

    with ThreadPoolExecutor(threads, thread_name_prefix="storage_router-copy") as pool:
        try:
            running = [pool.submit(work) for _ in range(min(threads, len(copies)))]
            for _ in running:
                yield from iter(done.get, None)
        finally:
            with taking:
                in_a_row = HOPELESS
    for thread in running:
        thread.result()
    for each in rest:
        yield Outcome(copy=each, action="untried")


class Budget:
    """Memory for what is being copied: ``with budget.of(size):`` waits until there is room."""

    def __init__(self, total: int = MEMORY) -> None:
        self._total = self._left = total
        self._changed = threading.Condition()

    @contextmanager
    def of(self, size: int) -> Iterator[None]:
        """Hold ``size`` bytes, or all there are if that is less."""
        size = min(size, self._total)
        with self._changed:
            self._changed.wait_for(lambda: self._left >= size)
            self._left -= size
        try:
            yield
        finally:
            with self._changed:
                self._left += size
                self._changed.notify_all()


def directories_of(names: Iterable[str]) -> set[str]:
    """Return each directory that the files are in; ``"."`` is the root."""
    return {str(parent) for name in names for parent in PurePosixPath(name).parents}


def _has_content(storage: Storage, name: str, size: int, md5: bytes) -> bool:
    """Return whether the storage's file has this content, and is not a link to one."""
    if size_of(storage, name) not in (None, size):
        return False
    with suppress(NotImplementedError):
        if Path(storage.path(name)).is_symlink():  # by an earlier collectstatic --link
            return False
    with opened(storage, name) as file:
        return digest(file) == (size, md5)


def _below(storage: Storage, path: str) -> Iterator[str]:
    """Yield the names of all files, links that lead nowhere included."""
    try:
        directories, files = storage.listdir(path)
    except FileNotFoundError:
        return  # before the first run there may be no directory
    yield from (f"{path}{name}" for name in files)
    for directory in directories:
        yield from _below(storage, f"{path}{directory}/")


def _upload(
    copy: FileCopy, settings: FileSettings, source: File[Any], content: tuple[int, bytes], known: FileStat | None
) -> tuple[File[Any], FileSettings] | None:
    """Return what to store, or None where ``known`` is the same content with the same headers."""
    caching = copy.cache_control or settings.cache_control or (IMMUTABLE if copy.immutable else None)
    settings = settings._replace(cache_control=caching)
    same = known if known is not None and original(known) == content else None
    if copy.compress and is_text(settings):
        smaller = compressed_settings(settings, *content)
        if same and _fits(same, smaller):
            return None
        if (file := compressed(source, content[0])) is not None:
            return file, smaller
    if same and _fits(same, settings):
        return None
    if content[0] > _SMALL and not settings.content_md5:
        settings = settings._replace(content_md5=content[1])
    return source, settings


def _fits(known: FileStat, settings: FileSettings) -> bool:
    """Return whether the file has these headers; Azure returns a header without a value as missing."""
    same_headers = all((getattr(known, name) or "") == (getattr(settings, name) or "") for name in _HEADERS)
    return same_headers and is_compressed(known) == is_compressed(settings)
