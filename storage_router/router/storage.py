"""``RouterStorage``: a Django storage that dispatches each name to a named backend."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import File
from django.core.files.storage import Storage
from django.utils.module_loading import import_string

from storage_router import events
from storage_router.conf.loading import Configuration
from storage_router.conf.problems import is_reporting, register_check
from storage_router.delegation import delegated
from storage_router.exceptions import (
    ConfigurationError,
    InvalidNameError,
    NoRouteError,
    ReadOnlyRouteError,
    RouteChangedError,
)
from storage_router.factory import configure, configure_as_project
from storage_router.files import Capabilities, FileStat, FileStore, ListingPage, Reading, file_store
from storage_router.names import clean_directory, clean_name, normalized, refuse_traversal
from storage_router.references import DeconstructibleStorage
from storage_router.routing import Match, RouteTable

from .backends import Backends, Target, raise_in_full

if TYPE_CHECKING:
    from .explanation import Explanation
    from .listing import Listing

# A mode of open() with one of these writes.
_WRITES = frozenset("wax+")

# What asks url() for a link to read by.
_READS = ("r", "GET", "HEAD", None)

# What Django's save() calls on the storage.
_SAVE_HOOKS = frozenset({"_save", "exists", "get_alternative_name", "get_available_name", "is_name_available"})
_AVAILABILITY_HOOKS = frozenset({"exists", "get_alternative_name", "is_name_available"})

# What a file store does that changes a file.
_CHANGING = frozenset({"copy_from", "create", "replace"})

_TICK = 0.02
"""Seconds by which the time of a file may be behind the clock: systems count them in ticks."""


class RouterStorage(DeconstructibleStorage):
    """Every file in its own backend, as the routes say.

    Names that go in and come out are full ones: each that ``save`` and ``listdir`` return opens, deletes and gives a
    URL. Built from a ``Configuration``, from the parts of one (``backends=``, ``routes=``, ``default=``), which other
    sources complete, or without arguments as the project's router.

    Raises ``ConfigurationError`` with all problems. The methods raise ``InvalidNameError`` before routing,
    ``NoRouteError``, ``ReadOnlyRouteError`` and ``RouteChangedError``, and whatever the backend raises.
    """

    _import_path = "storage_router.RouterStorage"
    _of_this_instance = DeconstructibleStorage._of_this_instance | {"table", "backends", "pending_deletes", "_view_url"}
    _own_hooks: ClassVar[frozenset[str]] = frozenset()
    _view_url: Any

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        hooks = _SAVE_HOOKS | {"get_valid_name"}
        cls._own_hooks = frozenset(hook for hook in hooks if getattr(cls, hook) is not getattr(RouterStorage, hook))

    def __init__(self, *, configuration: Configuration | ConfigurationError | None = None, **config: Any) -> None:
        if configuration is not None and config:
            raise TypeError(f"RouterStorage takes a configuration or its parts, not both: {', '.join(sorted(config))}")
        self._postponed: ConfigurationError | None = None
        try:
            if configuration is None:
                configuration = configure(config, given_as=_place_of(config)) if config else configure_as_project()
            if isinstance(configuration, ConfigurationError):
                raise ConfigurationError(configuration.problems)
            self._use(configuration, Backends(configuration, router=self))
        except ConfigurationError as error:
            if not is_reporting():
                # The variables of these frames, and one of this one, have secrets in clear.
                traceback.clear_frames(error.__traceback__)
                config = {}
                raise
            # Models, which may build a storage, are imported before checks run.
            register_check(error)
            self._postponed = error

    def _use(self, configuration: Configuration, backends: Backends) -> None:
        self.configuration = configuration
        document = configuration.document
        self.table = RouteTable(document.routes, document.default, document.hidden, backends.tenancy)
        self.backends: Backends = backends
        self.pending_deletes: Any = None
        if document.transactions.deletes == "on_commit":
            pending = import_string("storage_router.transactions.PendingDeletes")
            self.pending_deletes = pending(document.transactions.database)
        if any(route.delivery != "link" for route in document.routes):
            self._view_url = import_string("storage_router.delivery.view_paths.view_url")

    def __getattr__(self, name: str) -> Any:
        # Only what _use() would have set gets here.
        postponed = vars(self).get("_postponed")
        if postponed is not None and name in ("configuration", "table", "backends", "pending_deletes"):
            raise ConfigurationError(postponed.problems)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "configuration" in state:
            self._use(self.configuration, Backends(self.configuration, router=self))

    def __copy__(self) -> Self:
        twin = super().__copy__()
        if isinstance(self.backends, Backends):
            twin._use(self.configuration, self.backends.copied_for(twin))
        return twin

    def __repr__(self) -> str:
        # Error reports show storages whose configuration was refused, too.
        if "configuration" not in vars(self):
            return f"<{type(self).__name__}, not configured>"
        document = self.configuration.document
        return f"<{type(self).__name__} {len(document.routes)} routes to {', '.join(document.backends)}>"

    # Routing

    def _target(self, name: object, table: RouteTable | None = None, *, writes: bool = False) -> Target:
        """Return the backend of a full name, and the match, which holds the backend's own name for it.

        Raises ``ReadOnlyRouteError`` for what ``writes`` or deletes where the route is ``read_only``.
        """
        match = (table or self.table).match(clean_name(name))
        if writes and match.read_only:
            message = f"{match.route} is read_only: {match.full_name} can be neither written nor deleted"
            raise ReadOnlyRouteError(message, name=str(match.full_name))
        return Target(self.backends[match.alias], match)

    def _overwritable(self, name: object, table: RouteTable | None = None) -> Target:
        """Return the same, for what writes exactly this name: a file that was to be deleted on commit is kept."""
        target = self._target(name, table, writes=True)
        if self.pending_deletes is not None:
            self.pending_deletes.cancel(target.backend, target.match.name)
        return target

    def forwarded(self, name: str) -> tuple[Storage, str]:
        """Return the backend that a file of this name is written to, and the backend's name for it.

        Raises ``ReadOnlyRouteError`` where the route is ``read_only``.
        """
        with self._overwritable(name) as (backend, match):
            return backend, str(match.name)

    def explain(self, name: str) -> Explanation:
        """Return route, backend and the backend's own name for a name, and why; makes no request."""
        from .explanation import Explanation

        return Explanation.of(self.table.match(clean_name(name)))

    # Opening and saving

    @events.observed
    def open(self, name: str, mode: str = "rb") -> File[Any]:
        """Open the file; opened again, it stays what the route allows. Django's file system gives the path as ``name``
        where the route neither strips a prefix nor is ``read_only``; otherwise it is the full name.
        """
        return self._open(name, mode)

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        # A file keeps the tenant that it was opened for.
        table = self.table.pinned()
        target = self._opening(name, table, mode)
        if target.match.prefix or target.match.read_only:
            from .file import RoutedFile

            return RoutedFile(partial(self._opening, target.match.full_name, table), mode)
        return target.backend.open(target.match.name, mode)

    def _opening(self, name: str, table: RouteTable, mode: str) -> Target:
        return self._target(name, table) if _WRITES.isdisjoint(mode) else self._overwritable(name, table)

    @events.observed
    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        """Save the file and return the full name that it got.

        A subclass with hooks of its own for this, such as ``get_available_name()``, has them called as in Django.
        Raises ``RouteChangedError`` where another name than ``name`` would lead elsewhere.
        """
        target = self._target(content.name if name is None else name, writes=True)
        if self._own_hooks.isdisjoint(_SAVE_HOOKS):
            return self._save_to(target, content, max_length)
        if not hasattr(content, "chunks"):
            content = File(content, name)
        full_name = str(target.match.full_name)
        available = self._required(target.match, self.get_available_name(full_name, max_length=max_length))
        return self._save(available, content)

    def _save(self, name: str, content: Any) -> str:
        return self._save_to(self._target(name, writes=True), content, None)

    def _save_to(self, target: Target, content: Any, max_length: int | None) -> str:
        started = time.time()
        with target as (backend, match):
            name, limit = match.name, _own_length(max_length, match)
            if self._is_to_be_deleted(target) and (limit is None or len(name) <= limit):
                # Code that deletes a file and saves another under its name expects that name.
                file_store(backend).replace(name, content)
                self.pending_deletes.cancel(backend, name)
                return _saved(content, backend, name, str(match.full_name))
            if self.table.has_globs or (limit is not None and len(name) > limit):
                # Another name keeps directory and extension, unless it is truncated, so only a glob can tell it apart.
                name = backend.get_available_name(name, max_length=limit)
                self._required(match, f"{match.prefix}{name}")
            saved = str(backend.save(name, content, max_length=limit)).replace("\\", "/")
            try:
                full_name = self._required(match, f"{match.prefix}{saved}")
            except RouteChangedError as error:
                # Another writer took the name that was free, or the backend names files itself.
                left_behind, cause = _take_back(backend, match.alias, saved, since=started)
                raise RouteChangedError(f"{error}{left_behind}", name=error.name) from cause
        return _saved(content, backend, saved, full_name)

    def _is_to_be_deleted(self, target: Target) -> bool:
        return self.pending_deletes is not None and bool(self.pending_deletes.has(target.backend, target.match.name))

    def _required(self, match: Match, full_name: str) -> str:
        """Return ``full_name``. Raises ``RouteChangedError`` where it leads elsewhere than the match."""
        if full_name != match.full_name:
            try:
                found = self.table.match(clean_name(full_name))
            except (InvalidNameError, NoRouteError):
                found = None
            if found is None or (found.route, found.view) != (match.route, match.view):
                raise RouteChangedError(
                    f"{str(match.full_name)!r} leads to the backend {match.alias!r}, but the backend would store it as "
                    f"{full_name!r}, which leads elsewhere. Widen the route that claims the first, or make the "
                    "field's max_length longer.",
                    name=str(match.full_name),
                )
        return full_name

    # Names before they are saved

    def _naming(self, name: str) -> Target:
        """Return the target of a name; a bare name without a ``default`` follows Django's rule."""
        try:
            return self._target(name)
        except NoRouteError as error:
            if "/" in error.name:
                raise
            return Target(Storage(), Match("", error.name, None, ""))

    def get_valid_name(self, name: str) -> str:
        """Return the last segment of ``name`` as the backend would store it, after the segments before it."""
        with self._naming(name) as (backend, match):
            directory, slash, file_name = match.full_name.rpartition("/")
            return f"{directory}{slash}{backend.get_valid_name(file_name)}"

    def get_alternative_name(self, file_root: str, file_ext: str) -> str:
        """Return the name that the backend tries where ``file_root`` plus ``file_ext`` is taken."""
        with self._naming(f"{file_root}{file_ext}") as (backend, match):
            return match.prefix + backend.get_alternative_name(match.name.removesuffix(file_ext), file_ext)

    @events.observed
    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Return a free name. Raises ``RouteChangedError`` where it would lead elsewhere than ``name`` does."""
        refuse_traversal(name)
        target = self._target(name)
        with target as (backend, match):
            if self._is_to_be_deleted(target) and (max_length is None or len(match.full_name) <= max_length):
                return str(match.full_name)
            if not self._own_hooks.isdisjoint(_AVAILABILITY_HOOKS):
                found = super().get_available_name(str(match.full_name), max_length=max_length)
                return self._required(match, found)
            found = backend.get_available_name(match.name, max_length=_own_length(max_length, match))
            return self._required(match, f"{match.prefix}{found}")

    @events.observed
    def is_name_available(self, name: str, max_length: int | None = None) -> bool:
        """Return whether a file can be saved under exactly this name."""
        target = self._target(name)
        with target as (backend, match):
            if max_length is not None and len(match.full_name) > max_length:
                return False
            if "exists" in self._own_hooks and not _overwrites(self, match.full_name):
                return not self.exists(name)
            return self._is_to_be_deleted(target) or bool(backend.is_name_available(match.name))

    def generate_filename(self, filename: str | os.PathLike[str]) -> str:
        """Return the name that the backend makes of an upload's, which is normalized first.

        Raises ``InvalidNameError`` for ``..`` and absolute names.
        """
        with self._target(normalized(filename)) as (backend, match):
            if "get_valid_name" in self._own_hooks:
                return str(super().generate_filename(match.full_name))
            return match.prefix + str(backend.generate_filename(match.name)).replace("\\", "/")

    # Django's other methods

    @events.observed
    def delete(self, name: str, *, if_match: str | None = None) -> None:
        """Delete the file, with ``if_match`` only if it has that ETag. One that does not exist is no error.

        With ``transactions.deletes = "on_commit"`` a file that is deleted inside an ``atomic`` block, without
        ``if_match``, is deleted when the transaction commits.
        """
        if not name:
            raise ValueError("The name must be given to delete().")
        with self._target(name, writes=True) as (backend, match):
            if if_match is not None:
                file_store(backend).delete(match.name, if_match=if_match)
            elif self.pending_deletes is None or not self.pending_deletes.add(backend, match.name):
                backend.delete(match.name)

    @events.observed
    def exists(self, name: str) -> bool:
        """Return whether there is such a file or directory. ``""`` is the root; a name that ends in a slash asks for a
        directory only.
        """
        directory = clean_directory(name)
        listing = self._pinned_listing()
        if listing.table.is_prefix(directory):
            return True
        if str(name).endswith(("/", "\\")):
            return listing.has_directory(directory)
        target = self._target(directory)
        with target as (backend, match):
            if not self._is_to_be_deleted(target) and backend.exists(match.name):
                return True
        # Files below it may be in other backends. One that cannot list, or may not, does not know of any.
        try:
            return listing.table.views(directory) != [match.view] and listing.has_directory(directory)
        except (NotImplementedError, PermissionError):
            return False

    def _pinned_listing(self) -> Listing:
        """Return the listing of the current tenant, which a listing that goes on keeps."""
        from .listing import Listing

        return Listing(table=self.table.pinned(), backends=self.backends)

    @events.observed
    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Return the names of the directories and of the files directly below ``path``, of all backends together.

        What the routes would send elsewhere is not shown; prefixes of routes are directories, even empty ones.
        """
        return self._pinned_listing().listdir(clean_directory(path))

    def url(self, name: str | None, *args: Any, **kwargs: Any) -> str:
        """Return the file's URL. More arguments (Azure: ``expire``, ``parameters``, ``mode``) go to the backend.

        Where a view delivers the route's files, the URL without arguments is that view's. A name that ends in a slash
        is a directory and keeps its slash; ``""`` and None are the root of the default backend. Raises
        ``ReadOnlyRouteError`` where the route is ``read_only`` and the URL would be good for more than reading.
        """
        if not name:
            default = self.table.default
            return "" if default is None else str(self.backends[default].url("", *args, **kwargs))
        # A directory has no extension, so it goes where a file without one would.
        is_directory = str(name)[-1] in "/\\"
        if is_directory:
            name = f"{clean_directory(name)}/_"
        if args or kwargs:
            # AzureStorage's mode is its fourth argument; the storage for S3 has http_method in its place.
            asked = (*args[2:], kwargs.get("mode"), kwargs.get("http_method"))
            if any(one not in _READS for one in asked):
                self._overwritable(name)
        match = self.table.match(clean_name(name))
        is_delivered = match.route is not None and match.route.options.delivery != "link"
        if is_delivered and all(value is None for value in (*args, *kwargs.values())):
            full_name = match.full_name[:-1] if is_directory else match.full_name
            return str(self._view_url(self, full_name, tenant=match.tenant))
        try:
            # No operation, so no ``Target``.
            return str(self.backends[match.alias].url(match.name[:-1] if is_directory else match.name, *args, **kwargs))
        except OSError as error:
            raise_in_full(error, match.prefix, match.name)
            raise

    def path(self, name: str) -> str:
        """Return the file's path on this machine; ``NotImplementedError`` where the backend has none.

        ``""`` has one where the router has one backend, whose root is the router's.
        """
        return str(self._only_backend.path("") if name == "" else self._by_backend("path", name))

    @property
    def location(self) -> str:
        """The path of the one backend's root, where there is one; else ``""``."""
        try:
            return self.path("") and str(getattr(self._only_backend, "location", ""))
        except NotImplementedError:
            return ""

    @property
    def base_url(self) -> Any:
        """The ``base_url`` of the one backend, where its root is on this machine; no attribute otherwise."""
        if not self.location:
            raise AttributeError("A router has no base_url, unless it has one backend on this machine.")
        return self._only_backend.base_url  # type: ignore[attr-defined]

    @property
    def _only_backend(self) -> Storage:
        has_one = len(self.backends) == 1 and self.backends.tenancy is None
        if has_one and not any(route.strip_prefix for route in self.table.routes):
            return next(iter(self.backends.values()))
        # It has no path, and says so.
        return Storage()

    # What Django's interface lacks: see ``files.FileStore``

    @property
    def capabilities(self) -> Capabilities:
        """What all backends can do beyond Django's interface."""
        return Capabilities.of_all(self.backends.sample(alias) for alias in self.backends)

    def walk(self, path: str = "", *, start: str = "") -> Iterator[FileStat]:
        """Return an iterator over every file below ``path``, at any depth, by the rules of ``listdir``.

        They come in the order of their names where the backends list in that order; ``start`` leaves out what comes
        before that name.
        """
        return events.steps(self._pinned_listing().walk(clean_directory(path), start), "walk", file=path)

    @events.observed
    def page(self, path: str = "", *, limit: int = 100, marker: str = "") -> ListingPage:
        """Return a part of what ``listdir`` shows, ``limit`` entries at most, with what is known of each file.

        Each backend lists no more than a page or two for it, where it can list by pages.
        """
        return self._pinned_listing().page(clean_directory(path), limit=limit, marker=marker)

    # What is asked of the backend, and nothing else

    def _by_backend(self, method: str, name: str) -> Any:
        with self._target(name) as (backend, match):
            return getattr(backend, method)(match.name)

    def _by_store(self, method: str, name: str, *args: Any, **options: Any) -> Any:
        with self._overwritable(name) if method in _CHANGING else self._target(name) as (backend, match):
            found = getattr(file_store(backend), method)(match.name, *args, **options)
        return found.named(str(match.full_name)) if isinstance(found, FileStat | Reading) else found

    size = events.observed(delegated(Storage.size, _by_backend))
    get_accessed_time = events.observed(delegated(Storage.get_accessed_time, _by_backend))
    get_created_time = events.observed(delegated(Storage.get_created_time, _by_backend))
    get_modified_time = events.observed(delegated(Storage.get_modified_time, _by_backend))
    stat = events.observed(delegated(FileStore.stat, _by_store))
    tags_of = events.observed(delegated(FileStore.tags_of, _by_store))
    read = events.observed(delegated(FileStore.read, _by_store))
    sign = delegated(FileStore.sign, _by_store)
    create = events.observed(delegated(FileStore.create, _by_store))
    replace = events.observed(delegated(FileStore.replace, _by_store))
    copy_from = events.observed(delegated(FileStore.copy_from, _by_store))


def _place_of(config: Mapping[str, Any]) -> str:
    """Return what messages call the OPTIONS of a router: the entry that has them, because there may be several."""
    for alias, parameters in settings.STORAGES.items() if settings.configured else ():
        if isinstance(parameters, Mapping) and parameters.get("OPTIONS") == config:
            return f'STORAGES["{alias}"]["OPTIONS"]'
    return "OPTIONS"


def _own_length(max_length: int | None, match: Match) -> int | None:
    """Return how long the backend's name may be, so that the full one keeps to ``max_length``."""
    if max_length is None or not match.prefix:
        return max_length
    left = max_length - len(match.prefix)
    if left < 1:
        raise SuspiciousFileOperation(
            f'Storage can not find an available filename for "{match.full_name}". Please make sure that the '
            'corresponding file field allows sufficient "max_length".'
        )
    return left


def _saved(content: Any, backend: Storage, name: str, full_name: str) -> str:
    if (source := getattr(content, "file_source", None)) is not None:
        source.saved(file_store(backend), name)
    return full_name


def _take_back(backend: Storage, alias: str, saved: str, *, since: float) -> tuple[str, Exception | None]:
    """Delete a file that was saved under a name that nobody asked for, if it is certain that this save made it.

    Return a sentence that says what is left behind, empty if nothing is, and why.
    """
    still_there = f"it is still in {alias!r}, as {saved!r}."
    try:
        # A conditional create makes a new file, unless the storage overwrites. What other storages return may have
        # existed for years, as where a name is made of the content.
        is_new = not _overwrites(backend, saved) and (
            file_store(backend).capabilities.conditional
            or since - _TICK <= backend.get_created_time(saved).timestamp() <= time.time() + _TICK
        )
    except Exception:  # noqa: BLE001 - a storage that does not know, or that cannot find the name
        is_new = False
    if not is_new:
        return f" The file may have been there before and was not deleted: {still_there}", None
    try:
        backend.delete(saved)
    except Exception as error:  # noqa: BLE001 - whatever it is, the file is still there, and the caller must know
        return f" The file could not be deleted again: {still_there}", error
    return "", None


def _overwrites(storage: Storage, name: str) -> bool:
    """Return whether the storage stores in place of what is there: it then knows no other name."""
    root, extension = os.path.splitext(name)  # noqa: PTH122 - a name, not a path
    return storage.get_alternative_name(root, extension) == name
