"""Where files are copied to: what is there already, by one listing, and how each file gets there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any, cast

from django.core.files.base import File
from django.core.files.storage import Storage

from storage_router.azure.storage import AzureStorage
from storage_router.exceptions import BlobNotFoundError, TransferError
from storage_router.files import FileStat

from .azure import AzureWriter
from .copying import THREADS, Budget, FileCopy, Outcome, outcomes
from .plain import copy_to_storage, is_directory
from .ways import bears_threads, reaches_azure, way_to

Progress = Callable[[str, int], AbstractContextManager[Callable[[], object]]]
"""Takes a word (``Copying``) and how many files there are; the context manager gives a function to call after each."""


@contextmanager
def no_progress(doing: str, total: int) -> Iterator[Callable[[], object]]:  # noqa: ARG001 - a Progress
    """Show nothing."""
    yield lambda: None


class Destination:
    """One storage that files are copied to.

    Where its files lie on Azure they are listed once, with their digests, at the first need; everything asked of this
    object is then answered from the listing. Any other storage is asked for each file.

    ``threads`` files are on their way at a time on Azure and in a directory of Django's. Other storages may not bear
    that (one connection, for example, with one answer after the other), so there it is one.

    ``dry_run`` compares and copies nothing. ``direct=False`` leaves every request to the SDK.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        threads: int = THREADS,
        dry_run: bool = False,
        direct: bool = True,
        progress: Progress = no_progress,
    ) -> None:
        self.storage = storage
        self.threads = threads
        self.dry_run = dry_run
        self._direct = direct
        self._progress = progress
        self._budget = Budget()
        self._cleared: set[str] = set()
        self._writers: dict[int, AzureWriter] = {}
        self._azure = reaches_azure(storage)

    @cached_property
    def listing(self) -> dict[str, FileStat] | None:
        """Each name with what is known of it, or None for a storage that is not listed.

        Files that are copied are not added. Raises what the storage's listing raises, ``ContainerNotFoundError`` for
        one.
        """
        if not self._azure:
            return None
        try:
            return {stat.name: stat for stat in cast("Any", self.storage).walk()}
        except NotImplementedError:
            # Some of the files lie on a backend that cannot list, so each is asked for.
            return None

    @cached_property
    def _tree(self) -> dict[str, tuple[dict[str, None], list[str]]]:
        """Each directory of the listing with the directories and the files directly in it."""
        tree: dict[str, tuple[dict[str, None], list[str]]] = {"": ({}, [])}
        for name in self.listing or ():
            directory, _, file = name.rpartition("/")
            child = ""
            missing = directory
            while missing not in tree:
                tree[missing] = ({child: None} if child else {}, [])
                missing, _, child = missing.rpartition("/")
            if child:
                tree[missing][0][child] = None
            tree[directory][1].append(file)
        return tree

    def exists(self, name: str) -> bool:
        """Return whether the storage has the file or directory; what is to be cleared counts as gone."""
        if self.listing is None:
            return name not in self._cleared and self.storage.exists(name)
        return name in self._tree or (name in self.listing and name not in self._cleared)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Return the directories and the files directly below ``path``."""
        if self.listing is None:
            return self.storage.listdir(path)
        directories, files = self._tree.get(path, ({}, []))
        return list(directories), list(files)

    def open(self, name: str, mode: str = "rb") -> File[Any]:
        """Open the storage's file."""
        return self.storage.open(name, mode)

    def clear(self, name: str) -> None:
        """Delete the file at ``sweep()``, if no other is copied to its name before."""
        self._cleared.add(name)

    def keep(self, name: str) -> None:
        """Do not delete the file at ``sweep()``: something else than a copy has taken its place."""
        self._cleared.discard(name)

    def sweep(self) -> None:
        """Delete what was to be cleared and has not been replaced. Raises ``TransferError``."""
        names, self._cleared = sorted(self._cleared), set()
        if self.dry_run:
            return
        self.delete_all(names)
        if self.listing is not None:
            for name in names:
                self.listing.pop(name, None)
            vars(self).pop("_tree", None)

    def make_way(self, names: Iterable[str]) -> None:
        """Delete what is to be cleared and has the name of a directory that the files need."""
        if self.listing is not None or not self._cleared:
            return  # Azure can have both
        for name in names:
            directory = name
            while directory := directory.rpartition("/")[0]:
                if directory in self._cleared:
                    self.storage.delete(directory)
                    self._cleared.discard(directory)

    def delete_all(self, names: Iterable[str]) -> None:
        """Delete the files, in parallel. Raises ``TransferError`` with the names of those that are still there."""

        def delete(copy: FileCopy) -> Outcome:
            self.storage.delete(copy.name)
            return Outcome(copy=copy, action="replaced")

        copies = [FileCopy(name=name, source=self.storage, source_name=name) for name in names]
        with self._progress("Deleting", len(copies)) as advance:
            _require_success(_counted(self._outcomes(copies, delete), advance), "deleted")

    def copy_all(self, copies: Sequence[FileCopy], *, succeeded: Callable[[Outcome], object] | None = None) -> None:
        """Copy the files that are not there already; ``succeeded`` hears of each that is there then.

        Raises ``TransferError`` when all the others have been copied, and what the listing raises before anything is.
        """
        _ = self.listing  # a missing container is one error, not one for each file
        self.make_way(copy.name for copy in copies)
        with self._progress("Copying", len(copies)) as advance, self._closing():
            results = self._remembered(self._outcomes(copies, self._copy_one), succeeded)
            _require_success(_counted(results, advance), "copied")

    def differs(self, copy: FileCopy) -> bool:
        """Return whether the file would be copied."""
        try:
            return self._copy_one(copy, dry_run=True).action != "unmodified"
        except Exception:  # noqa: BLE001 - copying it fails, too, and says why
            return True

    def _outcomes(self, copies: Iterable[FileCopy], do: Callable[[FileCopy], Outcome]) -> Iterator[Outcome]:
        together: list[FileCopy] = []
        alone: list[FileCopy] = []
        for copy in copies:
            (together if bears_threads(self.storage, copy.name) else alone).append(copy)
        yield from outcomes(together, do, threads=self.threads)
        yield from outcomes(alone, do, threads=1)

    def _remembered(
        self, results: Iterator[Outcome], succeeded: Callable[[Outcome], object] | None
    ) -> Iterator[Outcome]:
        for outcome in results:
            if outcome.succeeded:
                self._cleared.discard(outcome.name)
                if succeeded is not None:
                    succeeded(outcome)
            yield outcome

    @contextmanager
    def _closing(self) -> Iterator[None]:
        try:
            yield
        finally:
            for writer in self._writers.values():
                writer.close()

    def _copy_one(self, copy: FileCopy, *, dry_run: bool = False) -> Outcome:
        start, name = self.storage, copy.name
        if copy.finished and hasattr(start, "forwarded"):
            start, name = start.forwarded(name)
        way = way_to(start, name)
        dry_run = dry_run or self.dry_run
        if copy.name in self._cleared:
            copy = replace(copy, fresh=True)
        if isinstance(way.storage, AzureStorage):
            known = None if copy.fresh else self._known(copy.name, way.storage, way.name)
            writer = self._writers.get(id(way.storage))
            if writer is None:
                writer = self._writers.setdefault(id(way.storage), AzureWriter(way.storage, direct=self._direct))
            return writer.copy(copy, way.name, known, saver=way.saver, budget=self._budget, dry_run=dry_run)
        if is_directory(way.storage) and way.saver is None:
            return copy_to_storage(copy, way.storage, way.name, dry_run=dry_run)
        return copy_to_storage(copy, start, name, dry_run=dry_run)

    def _known(self, name: str, storage: AzureStorage, own_name: str) -> FileStat | None:
        if self.listing is not None:
            return self.listing.get(name)
        try:
            return storage.stat(own_name)
        except BlobNotFoundError:
            return None


def _counted(results: Iterator[Outcome], advance: Callable[[], object]) -> Iterator[Outcome]:
    for outcome in results:
        advance()
        yield outcome


def _require_success(results: Iterator[Outcome], done: str) -> None:
    failures: dict[str, Exception] = {}
    untried: list[str] = []
    total = 0
    for outcome in results:
        total += 1
        if outcome.error is not None:
            failures[outcome.name] = outcome.error
        elif outcome.action == "untried":
            untried.append(outcome.name)
    if failures:
        raise TransferError(failures, untried, total, done)
