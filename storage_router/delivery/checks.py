"""The problems of private delivery that are found without a request, by Django's system checks (D1, D4, D5)."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from django.conf import settings
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, Storage
from django.db.models import FileField
from django.urls import LocalePrefixPattern, URLResolver, get_resolver
from django.utils.module_loading import import_string

from storage_router import media_types
from storage_router.conf.backends import place_of
from storage_router.conf.routes import RouteOptions
from storage_router.exceptions import InvalidNameError, NoRouteError, Problem
from storage_router.references import BackendReference
from storage_router.router import RouterStorage
from storage_router.router.view_paths import INCLUDE, view_url
from storage_router.routing import Match, Route, View

from .access import MODEL, field_of

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
_File = tuple[tuple[str, ...], tuple[str, ...]]

_MOST = 500
_LEAF = "zq7x/zq7y"
"""A name that no route speaks of."""


def problems(
    routers: Mapping[str, RouterStorage], fields: Iterable[FileField], static: Iterable[RouterStorage]
) -> Iterator[Problem]:
    """Yield what is found before any URLconf is imported. ``routers`` are those of ``STORAGES``, by alias; ``static``
    those that static files are stored in."""
    holding = set(static)
    for router in dict.fromkeys((*routers.values(), *holding)):
        for route, options in _routes(router):
            ends = ("", ".css", ".js", ".svg") if router in holding else ()
            if (options.attachment or options.delivery != "link") and _takes_static(router, route, ends):
                message = "it claims static files, which have neither a delivery nor an attachment"
                yield _problem("E034", _place(router, route), message, "Put a 'link' route for static files before it.")
    if not any(map(_delivered, routers.values())):
        return
    yield from _weaker_doors(routers)
    for alias, router in routers.items():
        document, delivered = router.configuration.document, _delivered(router)
        for route, options in delivered:
            place = _place(router, route)
            if options.authorize and options.authorize.startswith(MODEL):
                yield from _field(options.authorize, place)
            authentication = getattr(document.backends[options.backend], "authentication", None)
            if authentication and authentication.kind not in _SIGNING and options.delivery != "stream":
                message = f"delivery is {options.delivery!r}, and the backend {options.backend!r} cannot sign links"
                yield _problem("E032", place, message, "Give it account_key or a token credential, or use 'stream'.")
            if options.delivery == "accel" and document.accel_secret is None:
                hint = "Set accel_secret, and let nginx send the same text as X-Storage-Router-Accel."
                yield _problem("E033", place, "delivery is 'accel', and the document has no accel_secret", hint)
            for earlier, its in _routes(router)[: route.index]:
                if not earlier.prefixes and its.delivery == "link":
                    message = f"{earlier} comes before it and may take private files to the backend {its.backend!r}"
                    yield _problem("W030", place, message, "Move the route of the private files up.")
            yield from _served(router.backends.sample(options.backend), place)
        reached = {options.backend for _, options in _routes(router) if options.delivery == "link"} | {document.default}
        yield from _fields(fields, alias, {options.backend for _, options in delivered} - reached)


def url_problems(routers: Mapping[str, RouterStorage]) -> Iterator[Problem]:
    """Yield what is found once the URLconf and the functions of ``authorize`` can be imported."""
    for router in routers.values():
        for route, options in _delivered(router):
            if options.authorize and not options.authorize.startswith(MODEL) and not _is_function(options.authorize):
                message = f"authorize: there is no function {options.authorize!r}"
                yield _problem("E031", _place(router, route), message, "Correct the dotted path.")
        if not _delivered(router):
            continue
        try:
            view_url(router, "x", absolute=False)
        except ImproperlyConfigured:
            message = "routes deliver files by the views of storage_router.urls, and ROOT_URLCONF does not include them"
            yield _problem("E035", "ROOT_URLCONF", message, f"Add: {INCLUDE}")
            return
        if _below_a_language(get_resolver()):
            message = "storage_router.urls is included in i18n_patterns, so the URL of a file depends on the language"
            yield _problem("E036", "ROOT_URLCONF", message, "Include it outside of i18n_patterns.")
            return


def upload_problems(routers: Mapping[str, RouterStorage]) -> Iterator[Problem]:
    """Yield the public routes whose uploads browsers would run (``check --deploy``)."""
    for router in routers.values():
        for route, options in _routes(router):
            signed = getattr(router.configuration.document.backends[options.backend], "expiration_secs", None)
            covered = "active" in options.attachment or options.read_only or _takes_static(router, route, [""])
            if options.delivery == "link" and signed is None and not covered and _takes_active(route):
                message = "its files are public, and what users upload as HTML or SVG runs in browsers"
                hint = "Set attachment = ['active'], or silence this if only trusted people upload."
                yield _problem("W034", _place(router, route), message, hint)


def _routes(router: RouterStorage) -> list[tuple[Route, RouteOptions]]:
    return list(zip(router.table.routes, router.configuration.document.routes, strict=True))


def _delivered(router: RouterStorage) -> list[tuple[Route, RouteOptions]]:
    return [(route, options) for route, options in _routes(router) if options.delivery != "link"]


def _is_function(path: str) -> bool:
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
        heads = (*(f"{prefix}/" for prefix in route.prefixes), "")
        found = ("".join(parts) for parts in itertools.product(heads, _starts(route), _ends(route)))
        names += [name for name in found if name.startswith(below)]
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


def _weaker_doors(routers: Mapping[str, RouterStorage]) -> Iterator[Problem]:
    """Compare who may read a file by each name that leads to it; some names are tried in each place of a route."""
    leads = [(alias, *lead) for alias, router in routers.items() for lead in _leads(router)]
    leads.sort(key=lambda lead: lead[2] is None or lead[2].options.delivery == "link")
    views: dict[tuple[str, View], None] = {}
    own: dict[_File, None] = {}
    stores: dict[_File, None] = {}
    directories: dict[str, None] = {"": None}
    starts: dict[str, None] = {}
    ends: dict[str, None] = {}
    for alias, backend, route in leads[:_MOST]:
        its_starts, its_ends = _starts(route), _ends(route)
        starts |= dict.fromkeys(its_starts)
        ends |= dict.fromkeys(its_ends)
        stores |= dict.fromkeys(_stores(routers[alias], backend))
        for prefix in (route.prefixes[:_MOST] if route is not None else ()) or ("",):
            strips = route is not None and route.strip_prefix
            views[alias, View(backend, f"{prefix}/" if strips else "")] = None
            directory = f"{prefix}/" if prefix else ""
            directories[directory] = None
            below = ["" if strips else directory]
            own |= dict.fromkeys(_files(_stores(routers[alias], backend), below, its_starts, its_ends))
    # What one route speaks of may be a part of the names of another.
    nested = map("".join, itertools.product(directories, repeat=2))
    files = dict.fromkeys(itertools.islice(itertools.chain(own, _files(stores, nested, starts, ends)), _MOST))
    told = set()
    for store, path in files:
        doors: dict[tuple[str, str | None], tuple[str, Route | None]] = {}
        for alias, view in itertools.islice(views, _MOST):
            if (reached := _reached(routers[alias], view, store, path)) is not None:
                doors.setdefault(_access(routers[alias], reached.route), (alias, reached.route))
        private = next((door for (delivery, _), door in doors.items() if delivery != "link"), None)
        other = next((door for door in doors.values() if door != private), None)
        if private is None or private[1] is None or other is None or (private, other) in told:
            continue
        told.add((private, other))
        rival = f"STORAGES[{other[0]!r}], {other[1] or 'default'}"
        message = f"its files are also reached by {rival}, with another delivery or authorize"
        hint = "Give the private files a container or a location of their own."
        yield _problem("E030", _place(routers[private[0]], private[1]), message, hint)


def _starts(route: Route | None) -> list[str]:
    """Return what files of a route may be called, without their ends, with the prefix or without it."""
    if route is None:
        return [_LEAF]
    found = [glob.text.replace("**", "zq7x").replace("*", "zq7y") for glob in route.globs]
    for depth in {prefix.count("/") + 1 for prefix in route.prefixes}:
        found += [example.split("/", depth)[-1] for example in found]
    return [_LEAF, *found]


def _ends(route: Route | None) -> list[str]:
    found = [glob.text.rpartition(".")[2] for glob in (route.globs if route is not None else ())]
    ends = [f".{end}" for end in found if end.isalnum()]
    types = route.types if route is not None else None
    if types is not None:
        return [*(f".{end}" for end in sorted(types.known | types.suffixes)[:3]), *ends]
    return ["", ".zq7z", *ends]


def _files(
    stores: Iterable[_File], directories: Iterable[str], starts: Iterable[str], ends: Iterable[str]
) -> Iterator[_File]:
    for directory in directories:
        for end, start, (store, segments) in itertools.product(ends, starts, stores):
            yield store, (*segments, *f"{directory}{start}{end}".split("/"))


def _leads(router: RouterStorage) -> Iterator[tuple[str, Route | None]]:
    yield from ((route.backend, route) for route in router.table.routes)
    if (default := router.configuration.document.default) is not None:
        yield default, None


def _access(router: RouterStorage, route: Route | None) -> tuple[str, str | None]:
    options = None if route is None else router.configuration.document.routes[route.index]
    return ("link", None) if options is None else (options.delivery, options.authorize)


def _reached(router: RouterStorage, view: View, store: tuple[str, ...], path: tuple[str, ...]) -> Match | None:
    """Return the match by which ``router`` leads to the file in this view, if it does."""
    for own, location in _stores(router, view.alias):
        if own != store or path[: len(location)] != location:
            continue
        try:
            match = router.table.without_tenants().match(view.prefix + "/".join(path[len(location) :]))
        except (InvalidNameError, NoRouteError):
            continue
        if match.view == view:
            return match
    return None


def _stores(router: RouterStorage, alias: str) -> list[_File]:
    """Return where the files of a backend are, of both backends for a route that moves."""
    backends = router.configuration.document.backends
    aliases = [alias]
    if alias not in backends:
        route = next(route.options for route in router.table.routes if route.backend == alias)
        aliases = [route.backend, str(route.moving_from)]
    found: list[_File] = []
    for each in aliases:
        storage, place = router.backends.sample(each), place_of(backends[each])
        if isinstance(storage, FileSystemStorage):
            found.append((("filesystem",), Path(storage.location).absolute().parts))
        elif place.store:
            found.append((place.store, place.segments))
    return found


def _field(authorize: str, place: str) -> Iterator[Problem]:
    try:
        model, field = field_of(authorize)
    except (LookupError, ValueError, FieldDoesNotExist) as error:
        yield _problem("E031", place, f"authorize: {error}", "Write it as 'model:app.Model.field'.")
        return
    indexes = {name for index in model._meta.indexes for name in index.fields[:1]}
    if not (getattr(field, "db_index", False) or field.unique or field.name in indexes):
        message = f"authorize looks up each file in {model._meta.label}.{field.name}, which has no index"
        yield _problem("W033", place, message, "Add db_index=True to the field, or an index to the model.")


def _served(backend: Storage, place: str) -> Iterator[Problem]:
    if not isinstance(backend, FileSystemStorage):
        return
    for setting in ("MEDIA_ROOT", "STATIC_ROOT"):
        root = getattr(settings, setting, None)
        if root and Path(backend.location).absolute().is_relative_to(Path(root).absolute()):
            message = f"its files are in {backend.location}, which is below {setting} and may be served to everybody"
            yield _problem("W031", place, message, "Give the backend a 'location' elsewhere.")


def _fields(fields: Iterable[FileField], alias: str, private: set[str]) -> Iterator[Problem]:
    for field in fields:
        # type(), because isinstance() builds a lazy storage, which may be invalid.
        if type(field.storage) is not BackendReference or field.storage.router != alias:
            continue
        if (backend := field.storage.alias) in private:
            message = f"its URLs are those of the backend {backend!r}, whose files only views deliver otherwise"
            yield _problem("W032", str(field), message, "Let the field use the router and a prefix of the route.")


def _below_a_language(resolver: URLResolver, below: bool = False) -> bool:
    return any(
        below if pattern.app_name == "storage_router" else _below_a_language(pattern, below or _is_localized(pattern))
        for pattern in resolver.url_patterns
        if isinstance(pattern, URLResolver)
    )


def _is_localized(resolver: URLResolver) -> bool:
    return isinstance(resolver.pattern, LocalePrefixPattern)


def _problem(short: str, place: str, message: str, hint: str) -> Problem:
    return Problem(id=f"storage_router.{short}", place=place, message=message, hint=hint)
