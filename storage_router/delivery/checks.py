"""The problems of private delivery that are found without a request, by Django's system checks (D1, D4, D5)."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, Storage
from django.db.models import FileField
from django.urls import LocalePrefixPattern, URLResolver, get_resolver
from django.utils.module_loading import import_string

from storage_router import media_types
from storage_router.conf.backends import place_of
from storage_router.exceptions import InvalidNameError, NoRouteError, Problem
from storage_router.references import BackendReference
from storage_router.router import RouterStorage
from storage_router.routing import Route

from .access import MODEL, field_of
from .view_paths import INCLUDE, view_url

PROBLEMS: Mapping[str, str] = {
    "E030": "two routes that lead to the same files and differ in who may read them",
    "E031": "an authorize that cannot be found",
    "E032": "a backend that cannot sign the links of its route",
    "E033": "accel without accel_secret",
    "E034": "a delivery or attachment for static files",
    "E035": "views of private files that the URLconf does not include",
    "E036": "views of private files whose path depends on the language",
}
"""Id (without the prefix ``storage_router.``) and meaning of the errors of private delivery."""

WARNINGS: Mapping[str, str] = {
    "W030": "a route without a prefix before a route of private files",
    "W031": "private files below MEDIA_ROOT or STATIC_ROOT",
    "W032": "a field that goes round the view of its files",
    "W033": "rows that are looked up without an index",
    "W034": "public files that browsers run",
}
"""Id and meaning of the warnings of private delivery."""

_SIGNING = ("account_key", "token")

_MOST = 500
"""Doors of each kind that are compared."""

_BY_END = re.compile(r"\*\*/\*(\.[\w.-]+)")
"""A glob that looks at the end of a name only."""

_LEAF = "zq7x/zq7y"
"""A name that no route speaks of."""


def problems(
    routers: Mapping[str, RouterStorage], fields: Iterable[FileField], static: Iterable[RouterStorage]
) -> Iterator[Problem]:
    """Yield what is found before any URLconf is imported. ``routers`` are those of ``STORAGES``, by alias; ``static``
    those that static files are stored in."""
    holding = set(static)
    for router in dict.fromkeys((*routers.values(), *holding)):
        ends = ("", ".css", ".js", ".svg") if router in holding else ()
        for route in router.table.routes:
            special = route.options.attachment or route.options.delivery != "link"
            if special and _takes_static(router, route, ends):
                message = "it claims static files, which have neither a delivery nor an attachment"
                yield problem("E034", _place(router, route), message, "Put a 'link' route for static files before it.")
    if not any(map(_delivered, routers.values())):
        return
    yield from _weaker_doors(routers)
    for alias, router in routers.items():
        document, delivered = router.configuration.document, _delivered(router)
        for route in delivered:
            options, place = route.options, _place(router, route)
            if options.authorize and options.authorize.startswith(MODEL):
                yield from _field(options.authorize, place)
            authentication = getattr(document.backends[options.backend], "authentication", None)
            if authentication and authentication.kind not in _SIGNING and options.delivery != "stream":
                message = f"delivery is {options.delivery!r}, and the backend {options.backend!r} cannot sign links"
                yield problem("E032", place, message, "Give it account_key or a token credential, or use 'stream'.")
            if options.delivery == "accel" and document.accel_secret is None:
                hint = "Set accel_secret, and let nginx send the same text as X-Storage-Router-Accel."
                yield problem("E033", place, "delivery is 'accel', and the document has no accel_secret", hint)
            for earlier in router.table.routes[: route.index]:
                if not earlier.prefixes and earlier.options.delivery == "link":
                    backend = earlier.options.backend
                    message = f"{earlier} comes before it and may take private files to the backend {backend!r}"
                    yield problem("W030", place, message, "Move the route of the private files up.")
            yield from _served(router.backends.sample(options.backend), place)
        reached = {route.backend for route in document.routes if route.delivery == "link"} | {document.default}
        yield from _fields(fields, alias, {route.options.backend for route in delivered} - reached)


def url_problems(routers: Mapping[str, RouterStorage]) -> Iterator[Problem]:
    """Yield what is found once the URLconf and the functions of ``authorize`` can be imported."""
    for router in routers.values():
        for route in _delivered(router):
            authorize = route.options.authorize
            if authorize and not authorize.startswith(MODEL) and not is_function(authorize):
                message = f"authorize: there is no function {authorize!r}"
                yield problem("E031", _place(router, route), message, "Correct the dotted path.")
        if not _delivered(router):
            continue
        try:
            view_url(router, "x", absolute=False)
        except ImproperlyConfigured:
            message = "routes deliver files by the views of storage_router.urls, and ROOT_URLCONF does not include them"
            yield problem("E035", "ROOT_URLCONF", message, f"Add: {INCLUDE}")
            return
        if _below_a_language(get_resolver()):
            message = "storage_router.urls is included in i18n_patterns, so the URL of a file depends on the language"
            yield problem("E036", "ROOT_URLCONF", message, "Include it outside of i18n_patterns.")
            return


def upload_problems(routers: Mapping[str, RouterStorage]) -> Iterator[Problem]:
    """Yield the public routes whose uploads browsers would run (``check --deploy``)."""
    for router in routers.values():
        for route in router.table.routes:
            options = route.options
            signed = getattr(router.configuration.document.backends[options.backend], "expiration_secs", None)
            covered = "active" in options.attachment or options.read_only or _takes_static(router, route, [""])
            if options.delivery == "link" and signed is None and not covered and _takes_active(route):
                message = "its files are public, and what users upload as HTML or SVG runs in browsers"
                hint = "Set attachment = ['active'], or silence this if only trusted people upload."
                yield problem("W034", _place(router, route), message, hint)


def _delivered(router: RouterStorage) -> list[Route]:
    return [route for route in router.table.routes if route.options.delivery != "link"]


def is_function(path: str) -> bool:
    """Return whether a dotted path leads to a function."""
    try:
        return callable(import_string(path))
    except ImportError:
        return False


def _place(router: RouterStorage, route: Route) -> str:
    return f"{router.configuration.origin(('routes', route.index)).place} ({route.text})"


def _takes_static(router: RouterStorage, route: Route, ends: Iterable[str]) -> bool:
    """Return whether the route is one for static files, or claims those that end in one of ``ends``."""
    prefix = router.configuration.document.static.prefix.strip("/")
    below = f"{prefix}/" if prefix else ""
    names = [f"{below}{_LEAF}{end}" for end in ends]
    if below:
        own = [f"{prefix}/{_LEAF}" for prefix in route.prefixes]
        own += [glob.text.replace("**", "zq7x").replace("*", "zq7y") for glob in route.globs]
        if route.types is not None:
            own += [f"{name}.{end}" for name in own for end in sorted(route.types.known | route.types.suffixes)[:3]]
        names += [name for name in own if name.startswith(below)]
    for name in names:
        with contextlib.suppress(InvalidNameError, NoRouteError):
            if router.table.without_tenants().match(name).route is route:
                return True
    return False


def _takes_active(route: Route) -> bool:
    if route.types is None:
        return True
    known = {media_types.TYPES.get(extension, "") for extension in route.types.known | route.types.suffixes}
    return any(map(media_types.is_active, known))


class _Door(NamedTuple):
    """A way to files: the router's entry in ``STORAGES``, the route (None: ``default``), its delivery and authorize.

    Files below ``directory`` of ``store`` have names that begin with ``prefix``, in the place of ``location``.
    """

    alias: str
    route: Route | None
    access: tuple[str, str | None]
    store: tuple[str, ...]
    location: tuple[str, ...]
    directory: tuple[str, ...]
    prefix: str

    @property
    def view(self) -> tuple[str, tuple[str, ...], str]:
        """What all doors share whose files have the same names."""
        return self.alias, self.location, self.prefix

    def name(self, directory: tuple[str, ...]) -> str:
        """Return the router's name of a directory of the store."""
        return self.prefix + "".join(f"{segment}/" for segment in directory[len(self.location) :])


def _doors(alias: str, router: RouterStorage) -> Iterator[_Door]:
    for route in router.table.routes:
        options = route.options
        for store, location in _stores(router, options.backend, options.moving_from):
            for prefix in route.prefixes or ("",):
                directory = location if route.strip_prefix or not prefix else (*location, *prefix.split("/"))
                start = f"{prefix}/" if route.strip_prefix else ""
                yield _Door(alias, route, (options.delivery, options.authorize), store, location, directory, start)
    for store, location in _stores(router, router.configuration.document.default):
        yield _Door(alias, None, ("link", None), store, location, location, "")


def _weaker_doors(routers: Mapping[str, RouterStorage]) -> Iterator[Problem]:
    """Compare who may read a file by each name that leads to it.

    Globs count as if they matched all names, unless they look at the end of the name only.
    """
    doors = [door for alias, router in routers.items() for door in _doors(alias, router)]
    private = [door for door in doors if door.access[0] != "link"][:_MOST]
    others = [*private, *(door for door in doors if door.access[0] == "link")][: 2 * _MOST]
    told = set()
    ends_of = functools.cache(_ends)

    # Many doors meet in one directory.
    @functools.cache
    def opened(door: _Door, directory: tuple[str, ...], ends: tuple[str, ...]) -> frozenset[str]:
        return frozenset(end for end in ends if _is_open(routers[door.alias], door, directory, end))

    for number, door in enumerate(private):
        for other in others[number + 1 :]:
            # Most doors of a router are of one view, in which a file has one name, so one route.
            if door.view == other.view or door.access == other.access or door.store != other.store:
                continue
            shorter, directory = sorted((door.directory, other.directory), key=len)
            same_name = door.alias == other.alias and door.name(directory) == other.name(directory)
            pair = (door.alias, door.route, other.alias, other.route)
            if directory[: len(shorter)] != shorter or same_name or pair in told:
                continue
            ends = ends_of(door.route) or ends_of(other.route) or ("",)
            if door.route and not opened(door, directory, ends).isdisjoint(opened(other, directory, ends)):
                told.add(pair)
                rival = f"STORAGES[{other.alias!r}], {other.route or 'default'}"
                message = f"its files are also reached by {rival}, with another delivery or authorize"
                hint = "Give the private files a container or a location of their own."
                yield problem("E030", _place(routers[door.alias], door.route), message, hint)


def _ends(route: Route | None) -> tuple[str, ...]:
    """Return what names of a route with ``types``, or with globs such as ``**/*.psd``, end in, if that is all they have
    in common. Of media types only some: one may stand for a hundred.
    """
    if route is None:
        return ()
    if route.types:
        ends = sorted(route.types.known | route.types.suffixes)[:20]
        return tuple(f".{end}" for end in (*ends, *map(str.upper, ends)))
    found = [_BY_END.fullmatch(glob.text) for glob in route.globs]
    return tuple(end[1] for end in found if end) if all(found) else ()


def _is_open(router: RouterStorage, door: _Door, directory: tuple[str, ...], end: str) -> bool:
    """Return whether no other route takes all names of the directory with this end before the door does."""
    name = f"{door.name(directory)}{_LEAF}{end}"
    if (
        door.route
        and (own := _ends(door.route))
        and not (door.route.types.matches(name) if door.route.types else end in own)
    ):
        return False
    try:
        claimed = router.table.without_tenants().match(name).route
    except InvalidNameError:
        return False
    except NoRouteError:
        return True
    if claimed is None or (door.route is not None and claimed.index >= door.route.index):
        return True
    # By prefix, type or end it takes all of them; by other globs perhaps only some.
    return bool(claimed.globs) and (claimed.types is not None or not _ends(claimed))


def _stores(router: RouterStorage, *aliases: str | None) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Yield store and location of each backend."""
    for alias in filter(None, aliases):
        storage, place = router.backends.sample(alias), place_of(router.configuration.document.backends[alias])
        if isinstance(storage, FileSystemStorage):
            yield ("filesystem",), Path(storage.location).absolute().parts
        elif place.store:
            yield place.store, place.segments


def _field(authorize: str, place: str) -> Iterator[Problem]:
    try:
        model, field = field_of(authorize)
    except (LookupError, ValueError, FieldDoesNotExist) as error:
        yield problem("E031", place, f"authorize: {error}", "Write it as 'model:app.Model.field'.")
        return
    indexes = {name for index in model._meta.indexes for name in index.fields[:1]}
    if not (getattr(field, "db_index", False) or field.unique or field.name in indexes):
        message = f"authorize looks up each file in {model._meta.label}.{field.name}, which has no index"
        yield problem("W033", place, message, "Add db_index=True to the field, or an index to the model.")


def _served(backend: Storage, place: str) -> Iterator[Problem]:
    if not isinstance(backend, FileSystemStorage):
        return
    for setting in ("MEDIA_ROOT", "STATIC_ROOT"):
        root = getattr(settings, setting, None)
        if root and Path(backend.location).absolute().is_relative_to(Path(root).absolute()):
            message = f"its files are in {backend.location}, which is below {setting} and may be served to everybody"
            yield problem("W031", place, message, "Give the backend a 'location' elsewhere.")


def _fields(fields: Iterable[FileField], alias: str, private: set[str]) -> Iterator[Problem]:
    for field in fields:
        # type(), because isinstance() builds a lazy storage, which may be invalid.
        if type(field.storage) is not BackendReference or field.storage.router != alias:
            continue
        if (backend := field.storage.alias) in private:
            message = f"its URLs are those of the backend {backend!r}, whose files only views deliver otherwise"
            yield problem("W032", str(field), message, "Let the field use the router and a prefix of the route.")


def _below_a_language(resolver: URLResolver, below: bool = False) -> bool:
    return any(
        below
        if pattern.app_name == "storage_router"
        else _below_a_language(pattern, below or isinstance(pattern.pattern, LocalePrefixPattern))
        for pattern in resolver.url_patterns
        if isinstance(pattern, URLResolver)
    )


def problem(short: str, place: str, message: str, hint: str) -> Problem:
    """Return the problem with this id (without the prefix ``storage_router.``)."""
    return Problem(id=f"storage_router.{short}", place=place, message=message, hint=hint)
