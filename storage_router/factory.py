"""From validated models to storages: each backend built once, by its alias."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage
from django.utils.module_loading import import_string

from .azure.storage import AzureStorage
from .conf.backends import AzureBackend, Backend, DjangoBackend, FilesystemBackend
from .conf.document import RouterDocument
from .conf.loading import Configuration, load
from .conf.report import Locate, Location, problem
from .conf.startup import register_check
from .exceptions import ConfigurationError, Problem
from .historical import name_backend
from .routing import RouteTable

ROUTER = "storage_router.RouterStorage"
STATIC_FILES = "storage_router.StaticFilesStorage"
HASHED_STATIC_FILES = "storage_router.ManifestStaticFilesStorage"

# Long enough to tell something, and free of what is escaped: quotes, line breaks, what a URL percent-encodes.
_PIECE = re.compile(r"[A-Za-z0-9]{4,}")


def configure(config: Mapping[str, Any] | None = None, *, given_as: str = "OPTIONS") -> Configuration:
    """Read, merge and validate every source. ``config`` is what code gives, ``given_as`` how messages call it.

    Raises ``ConfigurationError`` with everything that is wrong, the routes included.
    """
    return load(config, given_as=given_as, validators=(_route_problems, _overlaps))


def storages(config: Mapping[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """Return the whole ``STORAGES`` setting: the router as ``default``, and static files through it,
    with hashed names where ``static.hashed`` says so.

    Never raises for an invalid configuration: Django ignores that exception in settings. The entry carries the error,
    and building the router raises it; ``"storage_router"`` in ``INSTALLED_APPS`` builds it when the process starts.
    """
    try:
        configuration: Configuration | ConfigurationError = configure(config, given_as="storages(config=…)")
    except ConfigurationError as error:
        register_check(error)
        configuration = error
    hashed = isinstance(configuration, Configuration) and configuration.document.static.hashed
    return {
        "default": {"BACKEND": ROUTER, "OPTIONS": {"configuration": configuration}},
        "staticfiles": {"BACKEND": HASHED_STATIC_FILES if hashed else STATIC_FILES},
    }


class Backends(Mapping[str, Storage]):
    """The storages of a configuration, by alias. Each is built at its first use, once for all threads.

    Building one raises ``ConfigurationError`` where a ``django`` backend cannot be imported or refuses its options.
    ``router`` is whose ``backends`` they are; its name and theirs stand for them in migrations and pickles.
    """

    def __init__(self, configuration: Configuration, *, router: Storage | None = None) -> None:
        self._configuration = configuration
        self._router = router
        self._built: dict[str, Storage] = {}
        self._lock = threading.RLock()

    def __getitem__(self, alias: str) -> Storage:
        if (storage := self._built.get(alias)) is not None:
            return storage
        backend = self._configuration.document.backends[alias]
        with self._lock:
            if alias not in self._built:
                storage = _build(alias, backend, self._place)
                if self._router is not None:
                    name_backend(storage, alias, self._router)
                self._built[alias] = storage
            return self._built[alias]

    def __iter__(self) -> Iterator[str]:
        return iter(self._configuration.document.backends)

    def __len__(self) -> int:
        return len(self._configuration.document.backends)

    def __repr__(self) -> str:
        return f"<Backends {', '.join(self)}>"

    def check(self) -> tuple[Problem, ...]:
        """Build every backend, which takes no request, and return what is wrong with those that cannot be built."""
        found: list[Problem] = []
        for alias in self:
            try:
                self[alias]
            except ConfigurationError as error:
                found += error.problems
        return tuple(found)

    def _place(self, location: Location) -> str:
        return self._configuration.origin(location).place


def _build(alias: str, backend: Backend, locate: Locate) -> Storage:
    if isinstance(backend, AzureBackend):
        return AzureStorage.from_options(backend, alias=alias)
    if isinstance(backend, DjangoBackend):
        return _build_by_path(backend, lambda key: locate(("backends", alias, key)))
    kind = FileSystemStorage if isinstance(backend, FilesystemBackend) else InMemoryStorage
    return kind(**backend.model_dump(exclude={"type"}, exclude_none=True))


def _build_by_path(backend: DjangoBackend, place: Any) -> Storage:
    try:
        kind = import_string(backend.backend)
    except Exception as error:
        # ImportError, and whatever a module raises that misses a package or a setting.
        hint = "Install the package that has it, or correct the dotted path."
        message = f"{backend.backend!r} cannot be imported: {_without_values(error, backend.options)}"
        raise ConfigurationError([problem("E003", place("backend"), message, hint)]) from error
    try:
        storage = kind(**backend.options)
    except Exception as error:  # noqa: BLE001 - whatever somebody else's code raises, the settings are what leads to it
        message = f"{backend.backend} refuses its options: {_without_values(error, backend.options)}"
        raise ConfigurationError(
            [problem("E003", place("backend"), message, "Its own documentation has them.")]
        ) from None
    if not isinstance(storage, Storage):
        message = f"{backend.backend!r} is no Django storage"
        raise ConfigurationError([problem("E003", place("backend"), message, "Name a subclass of Storage.")])
    return storage


def _without_values(error: Exception, options: Mapping[str, Any]) -> str:
    """Return what ``error`` says, unless it repeats an option's value, which nobody here knows to be harmless (C7)."""
    expected = isinstance(error, ImproperlyConfigured | TypeError | ValueError | ImportError)
    text = str(error) if expected else f"it raises {type(error).__name__}: {error}"
    if any(_repeats(text, str(value)) for value in _values(options)):
        return f"it raises {type(error).__name__}"
    return text


def _repeats(text: str, value: str) -> bool:
    """Whether ``text`` may hold ``value`` or a part of it: messages cut, escape and encode what they quote."""
    if pieces := _PIECE.findall(value):
        return any(piece in text for piece in pieces)
    # Of what is not ASCII an encoding leaves nothing that could be looked for.
    return bool(value) and (value in text or not value.isascii())


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _values(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _values(item)
    elif not isinstance(value, bool | None):
        yield value


def _route_problems(document: RouterDocument, locate: Locate) -> Iterable[Problem]:
    return RouteTable(document.routes, document.default).problems(document.backends, locate)


def _overlaps(document: RouterDocument, locate: Locate) -> Iterable[Problem]:
    """Report backends that see the same files: what one overwrites or lists is the other's, too (W004)."""
    places = [(alias, place) for alias, backend in document.backends.items() if (place := _place_of(backend))]
    for (alias, (store, location)), (other, (other_store, other_location)) in itertools.combinations(places, 2):
        shorter = min(location, other_location, key=len)
        if store == other_store and location[: len(shorter)] == other_location[: len(shorter)]:
            what = "container" if len(store) == 3 else "directory"
            message = f"the backends {alias!r} and {other!r} are on the same {what}, and their locations overlap"
            hint = "Give each a 'location' of its own, unless both are meant to see the same files."
            yield problem("W004", locate(("backends", other, "location")), message, hint)


def _place_of(backend: Backend) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return where a backend's files are, as far as the configuration tells: the store, and the segments below it."""
    if isinstance(backend, AzureBackend):
        location = tuple(segment for segment in backend.location.replace("\\", "/").split("/") if segment)
        # The same account answers at both schemes, and a port that the scheme implies may be left out.
        url = urlsplit(backend.endpoint.lower())
        port = "" if url.port in (None, 80, 443) else str(url.port)
        return ("azure", f"{url.hostname}:{port}{url.path}", backend.azure_container), location
    if isinstance(backend, FilesystemBackend):
        # Without a location it is MEDIA_ROOT, which cannot be asked for while the settings are being imported.
        if backend.location is None:
            return ("filesystem", "MEDIA_ROOT"), ()
        from pathlib import Path

        return ("filesystem",), Path(backend.location).absolute().parts
    return None
