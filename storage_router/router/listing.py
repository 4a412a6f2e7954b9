"""``Listing``: the entries of all backends below a directory of a router, where their names lead back to them (R8)."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from django.core.files.storage import Storage

from storage_router.exceptions import InvalidNameError, NoRouteError
from storage_router.files import NOT_THERE, Directory, FileStat, ListingPage, file_store, in_order, merged_page
from storage_router.names import is_clean
from storage_router.routing import RouteTable, View

from .backends import raise_in_full


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What the routes can reach in the backends. Directories have no slash at their end; ``""`` is the root."""

    table: RouteTable
    backends: Mapping[str, Storage]

    def listdir(self, directory: str) -> tuple[list[str], list[str]]:
        """Return the names of the directories and of the files directly below ``directory``.

        Raises ``FileNotFoundError`` where no backend has the directory and no prefix goes through it, and
        ``NotImplementedError`` where a backend that may have files there cannot list: half a list would be wrong.
        """
        found = self._found(directory)
        children = self.table.prefix_children(directory)
        directories = itertools.chain(*(names for _, names, _ in found), children)
        files = itertools.chain(*(names for _, _, names in found))
        return list(dict.fromkeys(directories)), list(dict.fromkeys(files))

    def page(self, directory: str, *, limit: int, marker: str) -> ListingPage:
        """Return a part of what lies directly below ``directory``, by the rules of ``listdir``."""
        views = self.table.views(directory)
        children = (Directory(name=_joined(directory, name)) for name in self.table.prefix_children(directory))
        known = ListingPage(entries=tuple(sorted(children, key=in_order)))

        def fetch(view: View, marker: str) -> ListingPage:
            with _in_full(view, directory):
                page = file_store(self.backends[view.alias]).page(_inner(view, directory), limit=limit, marker=marker)
            entries = (entry._replace(name=f"{view.prefix}{entry.name}") for entry in page.entries)
            return page._replace(entries=tuple(entries))

        def is_shown(number: int, entry: FileStat | Directory) -> bool:
            if number == len(views):
                return True
            if isinstance(entry, Directory):
                return self._shows(views[number], entry.name)
            return self._leads_to(views[number], entry.name.removeprefix(views[number].prefix))

        pages: list[Callable[[str], ListingPage]] = [partial(fetch, view) for view in views]
        pages.append(lambda _: known)
        return merged_page(pages, limit=limit, marker=marker, is_shown=is_shown)

    def has_directory(self, directory: str) -> bool:
        """Return whether a backend shows something below ``directory``, or has it as an empty directory."""
        try:
            found = self._found(directory)
        except NOT_THERE:
            return False
        return any(
            directories or files or self.backends[view.alias].exists(f"{_inner(view, directory)}/")
            for view, directories, files in found
        )

    def walk(self, directory: str, start: str = "") -> Iterator[FileStat]:
        """Yield the files below ``directory`` in the order of their full names, beginning with ``start``.

        One listing is open for each backend that can have the next name, so memory is constant.
        """
        waiting = sorted(
            ((f"{where}/" if where else "", view) for view, where in self.table.views_below(directory)), reverse=True
        )
        listings: list[tuple[str, int, FileStat, Iterator[FileStat]]] = []
        opened = 0
        while waiting or listings:
            if waiting and (not listings or waiting[-1][0] <= listings[0][0]):
                below, view = waiting.pop()
                opened += 1
                files, number = self._files(view, below.removesuffix("/"), start), opened
            else:
                _, number, stat, files = heapq.heappop(listings)
                yield stat
            if (following := next(files, None)) is not None:
                heapq.heappush(listings, (following.name, number, following, files))

    def _files(self, view: View, directory: str, start: str) -> Iterator[FileStat]:
        """Yield the files of one backend by their full names."""
        prefix = view.prefix
        inside = start.startswith(prefix)
        if start > prefix and not inside:
            # Every name of this view comes before the start.
            return
        own_start = start[len(prefix) :] if inside else ""
        with _in_full(view, directory):
            for stat in file_store(self.backends[view.alias]).walk(_inner(view, directory), start=own_start):
                if self._leads_to(view, stat.name):
                    yield stat.named(f"{prefix}{stat.name}") if prefix else stat

    def _found(self, directory: str) -> list[tuple[View, list[str], list[str]]]:
        """Return the directories and files that each backend shows directly below ``directory``, where it has it."""
        found: list[tuple[View, list[str], list[str]]] = []
        missing: OSError | None = None
        for view in self.table.views(directory):
            inner = _inner(view, directory)
            try:
                with _in_full(view, directory):
                    directories, files = self.backends[view.alias].listdir(inner)
            except NOT_THERE as error:
                missing = missing or error
                continue
            shown = [name for name in directories if self._shows(view, _joined(directory, name))]
            found.append((view, shown, [name for name in files if self._leads_to(view, _joined(inner, name))]))
        if missing is not None and not found and not self.table.is_prefix(directory):
            raise missing
        return found

    def _leads_to(self, view: View, name: str) -> bool:
        """Return whether the routes send the full name of the backend's file ``name`` to this very file."""
        full_name = f"{view.prefix}{name}"
        try:
            return is_clean(full_name) and self.table.match(full_name).view == view
        except (InvalidNameError, NoRouteError):
            return False

    def _shows(self, view: View, directory: str) -> bool:
        try:
            return is_clean(directory) and view in self.table.views(directory)
        except (InvalidNameError, NoRouteError):
            return False


def _inner(view: View, directory: str) -> str:
    """Return the backend's own name for a directory at or below the view's prefix."""
    return f"{directory}/".removeprefix(view.prefix).removesuffix("/") if view.prefix else directory


def _joined(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name


@contextmanager
def _in_full(view: View, directory: str) -> Iterator[None]:
    """Raise a backend's errors in the caller's terms."""
    try:
        yield
    except NotImplementedError as error:
        where = repr(directory) if directory else "the root"
        raise NotImplementedError(
            f"The backend {view.alias!r} cannot list files, so the list of {where} would be without those that the "
            "routes send there."
        ) from error
    except OSError as error:
        raise_in_full(error, view.prefix, _inner(view, directory))
        raise
