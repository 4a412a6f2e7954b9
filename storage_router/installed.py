"""This package's storages in ``STORAGES`` and in model fields: each built without a request, with its problems.

The start of a process, ``manage.py check`` and the commands all read them here, so they report the same.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from django.apps import apps
from django.conf import DEFAULT_STORAGE_ALIAS, settings
from django.contrib.staticfiles.storage import ManifestFilesMixin
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import InMemoryStorage, Storage, storages
from django.db.models import FileField
from django.utils.module_loading import import_string

from .conf.azure.options import AzureOptions
from .conf.loading import Configuration
from .conf.problems import suggestion
from .conf.table import Table
from .exceptions import ConfigurationError, NoRouteError, Problem
from .files import direct_store
from .names import SAMPLE_TENANT
from .references import BackendReference, DeconstructibleStorage, note
from .router import RouterStorage
from .staticfiles import StaticFilesStorage

PROBLEMS: Mapping[str, str] = {
    "E020": "a class in STORAGES that this package does not have",
    "E021": "an entry of STORAGES that cannot be built",
    "E022": "a setting STORAGE_ROUTER that storages() did not see",
    "E023": "a field whose router has no such backend",
    "E024": "a field with the storage of another package taken out of a router",
    "E025": "a setting that Django 5.1 removed, and nothing in its place",
    "E063": "a tenancy.current that is not there",
    "E060": "transactions of a database that DATABASES does not have",
    "E070": "a subscriber to events whose package is not installed",
}
"""Id (without the prefix ``storage_router.``) and meaning of the errors outside of the configuration itself."""

_CLASSES = ("AzureStorage", "ManifestStaticFilesStorage", "RouterStorage", "StaticFilesStorage")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """A storage of this package. ``name`` is its alias in ``STORAGES``, or the model field that holds it.

    ``storage`` is None where it could not be built. ``problems`` say why; otherwise they are warnings.
    """

    name: str
    place: str
    storage: Storage | None
    problems: tuple[Problem, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether it has no problems but warnings."""
        return all(one.is_warning for one in self.problems)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Used:
    """A storage that holds files itself: a backend of a router, or an entry without a router.

    ``name`` is unique among those of one call. ``options`` are its validated options, if it has any. ``quarantine`` is
    the directory of direct uploads, ``""`` where there is none. ``deliveries`` are those of all its routes;
    ``read_only`` says that every route is.
    ``router`` and ``known_as`` are the router that has it as a backend, and its alias there, with its tenant if it has
    one; ``in_fields`` says that fields name it themselves.
    """

    name: str
    storage: Storage
    options: Table | None
    alias: str = ""
    router: RouterStorage | None = None
    known_as: str = ""
    in_fields: bool = False
    read_only: bool = False
    deliveries: frozenset[str] = frozenset({"link"})
    quarantine: str = ""

    @property
    def of_tenants(self) -> bool:
        """Whether it has a place for each tenant."""
        return self.known_as != self.alias

    @property
    def is_sample(self) -> bool:
        """Whether it stands for those of all tenants, because no tenant was chosen."""
        return self.of_tenants and self.router is not None and self.router.backends.tenancy.explicit() is None


def entries() -> tuple[Entry, ...]:
    """Return this package's storages, those of ``STORAGES`` first. Raises nothing: see their ``problems``."""
    if not isinstance(settings.STORAGES, Mapping):
        message = f"the value ({type(settings.STORAGES).__name__}) is not a dict"
        return (_refused("STORAGES", message, "Write STORAGES = storage_router.storages(), with the parentheses."),)
    found = [_entry(alias, backend) for alias, backend in _ours()]
    for alias, parameters in settings.STORAGES.items():
        if isinstance(parameters, Mapping) and "BACKEND" not in parameters and "staticfiles" in parameters:
            hint = "storages() returns all entries: write STORAGES = storage_router.storages()."
            found.append(_refused(f"STORAGES[{alias!r}]", "one entry holds a whole STORAGES", hint))
    known = [entry.storage for entry in found]
    for entry in found:
        if isinstance(entry.storage, RouterStorage) and entry.is_sound:
            known += map(entry.storage.backends.sample, entry.storage.backends)
    for field in file_fields():
        storage = field.storage
        # type(), because isinstance() builds a lazy storage such as default_storage, which may be invalid.
        if issubclass(type(storage), DeconstructibleStorage) and not any(storage is one for one in known):
            known.append(storage)
            entry = _checked(str(field), str(field), type(storage), partial(getattr, field, "storage"))
            if _likeness(entry) not in map(_likeness, found):
                found.append(entry)
    return tuple(found)


def problems(found: Iterable[Entry]) -> tuple[Problem, ...]:
    """Return the problems of the entries, each once, errors before warnings."""
    every = dict.fromkeys(one for entry in found for one in entry.problems)
    return tuple(sorted(every, key=lambda one: one.is_warning))


def field_problems(found: Iterable[Entry]) -> Iterator[Problem]:
    """Yield the problems of fields with one backend of a router, where the router could be built."""
    routers = {entry.name: entry.storage for entry in found if isinstance(entry.storage, RouterStorage)}
    taken = [(one, router) for router, storage in routers.items() for one in _behind(storage, "")]
    for field in file_fields():
        for one, router in taken:
            if one.storage is field.storage and not isinstance(one.storage, DeconstructibleStorage):
                call = f"storage_router.backend({one.alias!r}{'' if router == 'default' else f', router={router!r}'})"
                kind = type(one.storage).__name__
                message = f"{kind} is the backend {one.alias!r}, and migrations would hold its options"
                yield _problem("E024", str(field), message, f"Write storage={call}.")
    for field, alias, router in _references():
        if router in routers and alias not in routers[router].backends:
            message = f"storage_router.backend({alias!r}): STORAGES[{router!r}] has no such backend"
            yield _problem("E023", str(field), message, suggestion(alias, routers[router].backends))


def used(found: Iterable[Entry]) -> Iterator[Used]:
    """Yield every backend and every storage without a router of the entries that could be built."""
    found = [entry for entry in found if entry.storage is not None]
    routers = [entry for entry in found if isinstance(entry.storage, RouterStorage)]
    for entry in found:
        if isinstance(entry.storage, RouterStorage):
            yield from _behind(entry.storage, f"{entry.name}:" if len(routers) > 1 else "")
        elif isinstance(entry.storage, DeconstructibleStorage):
            name = f"storages:{entry.name}" if routers and entry.name in settings.STORAGES else entry.name
            options = getattr(entry.storage, "options", None)
            yield Used(name=name, storage=entry.storage, options=options)


def uploads_among(static: Storage) -> str | None:
    """Return why not all files of ``static`` need be static files, and the cure; None if they are.

    Without a prefix static files have the entire router, and other files in it cannot be told from them.
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


def file_fields() -> Iterator[FileField]:
    """Yield every ``FileField`` of every model."""
    for model in apps.get_models():
        yield from (field for field in model._meta.local_fields if isinstance(field, FileField))


def _fields_of(router: Storage) -> Iterator[FileField]:
    yield from (field for field in file_fields() if field.storage is router)
    for field, _, alias in _references():
        if alias in settings.STORAGES and storages[alias] is router:
            yield field


def _references() -> Iterator[tuple[FileField, str, str]]:
    """Yield each field whose storage is ``storage_router.backend(…)``, with the alias of backend and router."""
    for field in file_fields():
        if type(field.storage) is BackendReference:
            yield field, field.storage.alias, field.storage.router


def _likeness(entry: Entry) -> tuple[object, object]:
    """Return what is the same in the entries of twenty fields with ``PrivateStorage()``: class and options."""
    storage = entry.storage
    if storage is None:
        prefix = f"{entry.place}: "
        return None, [one._replace(place=one.place.removeprefix(prefix)) for one in entry.problems]
    options = (
        storage.configuration.document if isinstance(storage, RouterStorage) else getattr(storage, "options", None)
    )
    return type(storage), storage if options is None else options


def _behind(router: RouterStorage, qualifier: str) -> Iterator[Used]:
    document = router.configuration.document
    waiting, quarantine = _quarantine(router)
    in_fields = {alias for _, alias, _ in _references()}
    for alias in document.backends:
        tenancy = router.backends.tenancy
        known_as = alias
        if tenancy is not None and tenancy.has(alias):
            known_as = f"{alias}[{tenancy.explicit() or SAMPLE_TENANT}]"
        try:
            storage, options = router.backends[known_as], router.backends.options(known_as)
        except ConfigurationError:
            continue
        routes = [route for route in document.routes if alias in (route.backend, route.moving_from)]
        only_routes = bool(routes) and document.default != alias
        yield Used(
            name=f"{qualifier}{alias}",
            storage=storage,
            options=options,
            alias=alias,
            router=router,
            known_as=known_as,
            in_fields=alias in in_fields,
            read_only=only_routes and all(route.read_only for route in routes),
            deliveries=frozenset(route.delivery for route in routes) | (frozenset() if only_routes else {"link"}),
            quarantine=quarantine if alias == waiting else "",
        )


def _quarantine(router: RouterStorage) -> tuple[str, str]:
    """Return the alias of the backend where direct uploads wait, and the directory there; ``""`` where none do."""
    uploads = router.configuration.document.uploads
    if uploads is None or not uploads.policies:
        return "", ""
    with contextlib.suppress(NoRouteError):
        match = router.table.match(f"{uploads.quarantine.strip('/')}/x", hidden=True)
        if direct_store(router.backends[match.alias]) is not None:
            return match.alias, match.name.rpartition("/")[0]
    return "", ""


def _ours() -> Iterator[tuple[str, str]]:
    for alias, parameters in settings.STORAGES.items():
        backend = parameters.get("BACKEND") if isinstance(parameters, dict) else None
        if not isinstance(backend, str):
            continue  # Django reports it.
        if backend.partition(".")[0] == __package__:
            yield alias, backend
            continue
        try:
            found = import_string(backend)
        except Exception:  # noqa: BLE001, S112 - another package's: Django reports it when the entry is used
            continue
        if isinstance(found, type) and issubclass(found, DeconstructibleStorage | StaticFilesStorage):
            yield alias, backend


def _refused(place: str, message: str, hint: str) -> Entry:
    return Entry(name=place, place=place, storage=None, problems=(_problem("E021", place, message, hint),))


def _entry(alias: str, backend: str) -> Entry:
    place = f"STORAGES[{alias!r}]"
    try:
        kind = import_string(backend)
    except ImportError:
        hint = suggestion(backend, [f"{__package__}.{name}" for name in _CLASSES])
        wrong = _problem("E020", place, f"there is no {backend!r}", hint)
        return Entry(name=alias, place=place, storage=None, problems=(wrong,))

    def build() -> Storage:
        if issubclass(kind, ManifestFilesMixin) and not issubclass(kind, StaticFilesStorage):
            # It reads its manifest when it is built: a request. An empty storage has none.
            options = settings.STORAGES[alias].get("OPTIONS", {})
            storage: Storage = kind(**{**options, "manifest_storage": InMemoryStorage()})
        else:
            storage = storages[alias]
        note(storage, alias)
        return storage

    return _checked(alias, place, kind, build)


def _checked(name: str, place: str, kind: type, build: Callable[[], Storage]) -> Entry:
    """Return the entry of a storage, with the problems of building it, and those that building does not raise."""
    try:
        storage = build()
        return Entry(name=name, place=place, storage=storage, problems=tuple(_of(storage, place)))
    except ConfigurationError as error:
        found = error.problems
        # The problems of a router name their places themselves; those of static files are their router's.
        if not issubclass(kind, RouterStorage | StaticFilesStorage):
            found = tuple(one._replace(place=f"{place}: {one.place}") for one in found)
    except (ImproperlyConfigured, TypeError) as error:
        found = (_problem("E021", place, str(error)),)
    except Exception as error:  # noqa: BLE001 - a subclass may raise anything; the text may hold an option's value
        found = (_problem("E021", place, f"the class cannot be built: it raises {type(error).__name__}"),)
    return Entry(name=name, place=place, storage=None, problems=found)


def _of(storage: Storage, place: str) -> Iterator[Problem]:
    if isinstance(storage, RouterStorage):
        # It builds its backends at their first use. A process that cannot have one of them should not start.
        yield from storage.backends.check()
        named = {storage.configuration.origin(("backends", alias)).place for _, alias, _ in _references()}
        for one in storage.configuration.warnings:
            # Loading does not know of fields, which are another way to reach a backend.
            if not (one.id.endswith("W003") and one.place in named):
                yield one
        yield from _unseen_setting(storage.configuration)
        current = storage.configuration.document.tenancy.current
        if current is not None and not _tells_tenant(current):
            where = storage.configuration.origin(("tenancy", "current")).place
            hint = "Correct the dotted path, or add django_tenants to INSTALLED_APPS."
            yield _problem("E063", where, f"tenancy.current: there is no {current!r}", hint)
        transactions = storage.configuration.document.transactions
        if transactions.deletes == "on_commit" and transactions.database not in settings.DATABASES:
            message = f"files follow the transactions of {transactions.database!r}, which DATABASES does not have"
            where = storage.configuration.origin(("transactions", "database")).place
            yield _problem("E060", where, message, suggestion(transactions.database, settings.DATABASES))
    elif isinstance(storage, StaticFilesStorage):
        storage.check()
    elif isinstance(options := getattr(storage, "options", None), AzureOptions):
        yield from options.warnings("it", lambda _: place)


def _tells_tenant(current: str) -> bool:
    if current == "django_tenants":
        return apps.is_installed(current)
    try:
        return callable(import_string(current))
    except ImportError:
        return False


def _unseen_setting(configuration: Configuration) -> Iterator[Problem]:
    """There are no settings while settings.py is imported, so ``storages()`` does not read ``STORAGE_ROUTER``."""
    given = getattr(settings, "STORAGE_ROUTER", None)
    # What code has instead of a key of the setting is meant so.
    seen = configuration.code
    if given and seen is not None and not (isinstance(given, Mapping) and given.keys() <= seen.keys()):
        yield _problem(
            "E022",
            "STORAGE_ROUTER",
            "nothing reads this setting, or not all of it: storages() is called before there are settings",
            "Pass it: STORAGES = storage_router.storages(STORAGE_ROUTER).",
        )


def _problem(short: str, place: str, message: str, hint: str = "") -> Problem:
    assert short in PROBLEMS
    return Problem(id=f"{__package__}.{short}", place=place, message=message, hint=hint)
