"""What ``STORAGES`` holds of this package: each entry built offline, and everything that is wrong with it.

Startup, ``manage.py check`` and the commands all look through this window, so that they never tell different stories.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from django.apps import apps
from django.conf import DEFAULT_STORAGE_ALIAS, settings
from django.contrib.staticfiles.storage import ManifestFilesMixin
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import Storage, storages
from django.db.models import FileField
from django.utils.module_loading import import_string

from .azure.storage import AzureStorage
from .conf.loading import Configuration
from .conf.options import AzureOptions
from .conf.report import problem, suggestion
from .conf.sources import setting_adds
from .conf.startup import postponed
from .exceptions import ConfigurationError, Problem
from .factory import Backends
from .router import BackendReference, RouterStorage
from .staticfiles import StaticFilesStorage

PROBLEMS: Mapping[str, str] = {
    "E020": "a class in STORAGES that this package does not have",
    "E021": "an entry of STORAGES that cannot be built",
    "E022": "a setting STORAGE_ROUTER that storages() did not see",
    "E023": "a field whose router has no such backend",
}
"""Id (without the prefix ``storage_router.``) and meaning of what can be wrong beside the configuration itself."""

_CLASSES = ("AzureStorage", "ManifestStaticFilesStorage", "RouterStorage", "StaticFilesStorage")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry of ``STORAGES`` whose class is this package's, or derives from one of them.

    ``storage`` is None where it could not be built; ``problems`` says why, and holds the warnings of one that could.
    """

    alias: str
    storage: Storage | None
    problems: tuple[Problem, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Container:
    """An Azure container that some entry leads to: a backend of a router, or an ``AzureStorage`` of its own.

    ``name`` is its name in sentences, ``home`` its place; ``prefixes`` are those of the routes that lead to it,
    ``places`` the places of the options that were given, as far as they are known.
    """

    name: str
    home: str
    options: AzureOptions
    alias: str = ""
    prefixes: tuple[str, ...] = ()
    places: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def place(self, option: str) -> str:
        """Return where the option was given, or else the place of the whole."""
        return self.places.get(option, self.home)


def entries() -> tuple[Entry, ...]:
    """Return this package's entries of ``STORAGES``. What is wrong is in their ``problems``; nothing is raised."""
    return tuple(_entry(alias, backend) for alias, backend in _ours())


def problems(found: Iterable[Entry]) -> tuple[Problem, ...]:
    """Return everything that is wrong with the entries, each problem once, errors before warnings."""
    every = dict.fromkeys([*postponed(), *(one for entry in found for one in entry.problems)])
    return tuple(sorted(every, key=lambda one: one.is_warning))


def field_problems(found: Iterable[Entry]) -> Iterator[Problem]:
    """Yield what is wrong with ``FileField(storage=storage_router.backend(…))``, where the router could be built."""
    routers = {entry.alias: entry.storage for entry in found if isinstance(entry.storage, RouterStorage)}
    for field, alias, router in _references():
        if router in routers and alias not in routers[router].backends:
            message = f"storage_router.backend({alias!r}): STORAGES[{router!r}] has no such backend"
            yield _problem("E023", str(field), message, suggestion(alias, routers[router].backends))


def uploads_among(static: Storage) -> str | None:
    """Return why the files of ``static`` may not all be static ones, and what to do; None if they are.

    Without a prefix static files have the whole router, and what else is stored in it cannot be told from them.
    """
    if not isinstance(static, StaticFilesStorage) or static.prefix:
        return None
    if DEFAULT_STORAGE_ALIAS in settings.STORAGES and storages[DEFAULT_STORAGE_ALIAS] is static.router:
        other = f"STORAGES[{DEFAULT_STORAGE_ALIAS!r}]"
    elif (field := next(_fields_of(static.router), None)) is not None:
        other = str(field)
    else:
        return None
    return (
        f"The prefix of static files is empty, and {other} stores in the same router, so its files would be taken for "
        "static ones. Give static files a prefix (static.prefix = 'static/'), or a router of their own: "
        "STORAGES['staticfiles'] = {..., 'OPTIONS': {'router': 'assets'}}, and STORAGES['assets'], a RouterStorage."
    )


def _fields_of(router: Storage) -> Iterator[FileField]:
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, FileField) and field.storage is router:
                yield field
    for field, _, alias in _references():
        if alias in settings.STORAGES and storages[alias] is router:
            yield field


def _references() -> Iterator[tuple[FileField, str, str]]:
    """Yield each field whose storage is one backend of a router, with the alias of both."""
    for model in apps.get_models():
        for field in model._meta.get_fields():
            # isinstance() of the storage would ask default_storage for its class, which builds it: it may be broken.
            if isinstance(field, FileField) and type(field.storage) is BackendReference:
                _, (alias,), options = field.storage.deconstruct()
                yield field, alias, options.get("router", "default")


def containers(found: Iterable[Entry]) -> Iterator[Container]:
    """Yield every Azure container of the entries that could be built."""
    for entry in found:
        if isinstance(entry.storage, RouterStorage):
            yield from _behind(entry.storage.configuration)
        elif isinstance(entry.storage, AzureStorage):
            name = f"STORAGES[{entry.alias!r}]"
            yield Container(name=name, home=name, options=entry.storage.options)


def _behind(configuration: Configuration) -> Iterator[Container]:
    document = configuration.document
    for alias, backend in document.backends.items():
        if isinstance(backend, AzureOptions):
            yield Container(
                name=f"the backend {alias!r}",
                home=f"backends.{alias}",
                options=backend,
                alias=alias,
                prefixes=tuple(
                    prefix for route in document.routes if route.backend == alias for prefix in route.prefix
                ),
                places={
                    str(location[2]): origin.place
                    for location, origin in configuration.origins.items()
                    if location[:2] == ("backends", alias) and len(location) == 3
                },
            )


def _ours() -> Iterator[tuple[str, str]]:
    for alias, parameters in settings.STORAGES.items():
        backend = parameters.get("BACKEND") if isinstance(parameters, dict) else None
        if not isinstance(backend, str):
            continue  # Django's to complain about
        if backend.partition(".")[0] == __package__:
            yield alias, backend
            continue
        try:
            found = import_string(backend)
        except Exception:  # noqa: BLE001, S112 - another package's: Django says so where the entry is used, and not before
            continue
        if isinstance(found, type) and issubclass(found, RouterStorage | AzureStorage | StaticFilesStorage):
            yield alias, backend


def _entry(alias: str, backend: str) -> Entry:
    place = f"STORAGES[{alias!r}]"
    try:
        import_string(backend)
    except ImportError:
        hint = suggestion(backend, [f"{__package__}.{name}" for name in _CLASSES])
        return Entry(alias=alias, storage=None, problems=(_problem("E020", place, f"there is no {backend!r}", hint),))
    try:
        storage = _built(alias, import_string(backend))
        return Entry(alias=alias, storage=storage, problems=tuple(_of(storage, place)))
    except ConfigurationError as error:
        # A router's problems name their places themselves; static files only repeat those of their router.
        placed = _placed(error.problems, place) if issubclass(import_string(backend), AzureStorage) else error.problems
        return Entry(alias=alias, storage=None, problems=tuple(placed))
    except (ImproperlyConfigured, TypeError) as error:
        return Entry(alias=alias, storage=None, problems=(_problem("E021", place, str(error)),))
    except Exception as error:  # noqa: BLE001 - whatever a subclass raises; what it says may hold an option's value
        message = f"the class cannot be built: it raises {type(error).__name__}"
        return Entry(alias=alias, storage=None, problems=(_problem("E021", place, message),))


def _built(alias: str, kind: type) -> Storage:
    """Return the entry's storage without a request."""
    if not (issubclass(kind, AzureStorage) and issubclass(kind, ManifestFilesMixin)):
        return storages[alias]
    # Django's mixin reads its manifest while it is built, which would make every command wait for the service.
    options = dict(settings.STORAGES[alias].get("OPTIONS", {}))
    options.pop("manifest_storage", None)
    storage: AzureStorage = kind.__new__(kind)
    AzureStorage.__init__(storage, **options)
    return storage


def _of(storage: Storage, place: str) -> Iterator[Problem]:
    """Yield what is wrong with a storage that could be built."""
    if isinstance(storage, RouterStorage):
        # It builds its backends at their first use; a process that cannot have one of them should not start.
        assert isinstance(storage.backends, Backends)
        yield from storage.backends.check()
        used = {f"the backend {alias!r}" for _, alias, _ in _references()}
        for one in storage.configuration.warnings:
            # Loading cannot know of fields, which are another way to reach a backend.
            if not (one.id.endswith("W003") and one.message.endswith(tuple(used))):
                yield one
        yield from _unseen_setting(storage.configuration)
    elif isinstance(storage, AzureStorage) and storage.options.unused:
        options = storage.options
        message = f"it authenticates by {options.authentication.option}; not used: {', '.join(options.unused)}"
        yield problem("W001", place, message, "Remove what is not used.")
    elif isinstance(storage, StaticFilesStorage):
        # Looked up at the first use, too: here is where it may fail.
        _ = storage.router


def _unseen_setting(configuration: Configuration) -> Iterator[Problem]:
    """While settings.py is imported there are no settings yet, so what it says beside ``storages()`` is not read."""
    given = getattr(settings, "STORAGE_ROUTER", None)
    if given and configuration.code is not None and setting_adds(given, configuration.code):
        yield _problem(
            "E022",
            "STORAGE_ROUTER",
            "nothing reads this setting, or not all of it: storages() is called before there are settings",
            "Hand it over: STORAGES = storage_router.storages(STORAGE_ROUTER).",
        )


def _placed(found: Iterable[Problem], place: str) -> Iterator[Problem]:
    return (dataclasses.replace(one, place=f"{place}: {one.place}") for one in found)


def _problem(short: str, place: str, message: str, hint: str = "") -> Problem:
    assert short in PROBLEMS
    return Problem(id=f"{__package__}.{short}", place=place, message=message, hint=hint)
