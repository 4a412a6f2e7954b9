"""The project's configuration, ``storages()``, and from validated options to the storage of a backend."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage
from django.utils.module_loading import import_string

from .azure.storage import AzureStorage
from .conf.azure.options import AzureOptions
from .conf.backends import has_tenants, place_of
from .conf.document import RouterDocument
from .conf.loading import Configuration, fetch_secret, load
from .conf.problems import Locate, is_secret_name, problem, register_check
from .exceptions import ConfigurationError, Problem
from .names import TENANT
from .routing import RouteTable, find_problems

if TYPE_CHECKING:
    from .conf.django_backends import DjangoBackend, FilesystemBackend, MemoryBackend

ROUTER = "storage_router.RouterStorage"
STATIC_FILES = "storage_router.StaticFilesStorage"
HASHED_STATIC_FILES = "storage_router.ManifestStaticFilesStorage"

_LOGIN_IN_URL = r"://[^/\s:@]*:([^\s@]+)@"


_WITHOUT_SECRETS = (["config"], ["schema"], ["routes"], ["explain"])
"""The commands that resolve no references to Azure Key Vault."""


def configure(config: Mapping[str, Any] | None = None, *, given_as: str = "OPTIONS") -> Configuration:
    """Read, merge and validate every source. ``config`` is what code gives, ``given_as`` how messages call it.

    Raises ``ConfigurationError`` with everything that is wrong, the routes included.
    """
    fetch = None if sys.argv[1:2] == ["storage_router"] and sys.argv[2:3] in _WITHOUT_SECRETS else fetch_secret
    return load(config, given_as=given_as, validators=(route_problems, _overlaps, _tenant_problems), fetch=fetch)


def configure_as_project() -> Configuration | ConfigurationError:
    """Return the configuration of the project's router, for a router that is built without arguments (R9).

    It is the one that ``storages()`` returned for ``STORAGES``, else that of ``STORAGES["default"]`` if this is a
    router, else what the other sources say.
    """
    entries = settings.STORAGES if settings.configured else {}
    default = entries.get("default", {})
    for entry in (default, *entries.values()):
        found = entry.get("OPTIONS", {}).get("configuration")
        if isinstance(found, Configuration | ConfigurationError):
            return found
    config = {key: value for key, value in default.get("OPTIONS", {}).items() if key in RouterDocument.model_fields}
    if config and hasattr(import_string(default["BACKEND"]), "explain"):
        return configure(config, given_as='STORAGES["default"]["OPTIONS"]')
    return configure()


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


def build_azure(alias: str, options: AzureOptions, _: Locate) -> Storage:
    """Build the storage of an ``azure`` backend."""
    return AzureStorage.from_options(options, alias=alias)


def build_djangos_own(_alias: str, options: FilesystemBackend | MemoryBackend, _: Locate) -> Storage:
    """Build the storage of a ``filesystem`` or ``memory`` backend."""
    kind = FileSystemStorage if options.type == "filesystem" else InMemoryStorage
    return kind(**options.model_dump(exclude_none=True))


def build_django(alias: str, options: DjangoBackend, locate: Locate) -> Storage:
    """Build the storage of a ``django`` backend."""
    place = locate(("backends", alias, "backend"))
    try:
        kind = import_string(options.backend)
    except Exception as error:
        # ImportError, and whatever a module raises that misses a package or a setting.
        hint = "Install the package that has it, or correct the dotted path."
        message = f"{options.backend!r} cannot be imported: {_without_secrets(error, {})}"
        raise ConfigurationError([problem("E003", place, message, hint)]) from error
    try:
        storage = kind(**options.options)
    except Exception as error:  # noqa: BLE001 - whatever another package raises, the settings are what leads to it
        message = f"{options.backend} refuses its options: {_without_secrets(error, options.options)}"
        raise ConfigurationError([problem("E003", place, message, "See its documentation.")]) from None
    if not isinstance(storage, Storage):
        message = f"{options.backend!r} is not a Django storage"
        raise ConfigurationError([problem("E003", place, message, "Name a subclass of Storage.")])
    return storage


def _without_secrets(error: Exception, options: Mapping[str, Any]) -> str:
    """Return what an error of another package says, unless it contains the value of a secret option (A16, C7)."""
    expected = isinstance(error, ImproperlyConfigured | TypeError | ValueError | ImportError)
    text = str(error) if expected else f"it raises {type(error).__name__}: {error}"
    if any(spelling in text for secret in _secrets(options, is_secret=False) for spelling in _spellings(secret)):
        return f"it raises {type(error).__name__}"
    return text


def _secrets(value: Any, *, is_secret: bool) -> Iterator[str]:
    """Yield the values of options that hold secrets, by their names, and the passwords of URLs."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _secrets(item, is_secret=is_secret or is_secret_name(name))
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _secrets(item, is_secret=is_secret)
    elif not isinstance(value, bool | None):
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        if is_secret:
            yield text
        if (found := re.search(_LOGIN_IN_URL, text)) is not None:
            # What follows a slash is no part of the password for a parser of URLs.
            yield from (found[1], re.split(r"[/?#]", found[1])[0])


def _spellings(secret: str) -> tuple[str, ...]:
    """Return how messages may write a value: as it is, escaped, or percent-encoded."""
    escaped = (repr(secret)[1:-1], json.dumps(secret)[1:-1], repr(secret.encode())[2:-1])
    return tuple(filter(None, (secret, *escaped, quote(secret, safe=""), quote_plus(secret))))


def route_problems(document: RouterDocument, locate: Locate) -> Iterable[Problem]:
    """Return what is wrong with the routes of a document."""
    return find_problems(RouteTable(document.routes, document.default), document.backends, locate)


def tells_tenants(document: RouterDocument) -> bool:
    """Return whether tenants have to do with the document. ``tenancy`` is imported only then."""
    prefixes = "".join(prefix for route in document.routes for prefix in route.prefix)
    return (
        document.tenancy.current is not None
        or TENANT in prefixes
        or TENANT in (document.base_url or "")
        or any(map(has_tenants, document.backends.values()))
    )


def _tenant_problems(document: RouterDocument, locate: Locate) -> Iterable[Problem]:
    if not tells_tenants(document):
        return ()
    found: Iterable[Problem] = import_string("storage_router.tenancy.problems")(document, locate)
    return found


def _overlaps(document: RouterDocument, locate: Locate) -> Iterator[Problem]:
    """Report backends that see the same files: what one overwrites or lists is the other's, too (W004)."""
    stores: dict[tuple[str, ...], list[tuple[tuple[str, ...], int, str]]] = {}
    for number, (alias, backend) in enumerate(document.backends.items()):
        if (place := place_of(backend)).store:
            stores.setdefault(place.store, []).append((place.segments, number, alias))
    for store, places in stores.items():
        above: list[tuple[tuple[str, ...], int, str]] = []
        for place_below in sorted(places):
            # In this order the directories above one are those that came before it and begin it.
            while above and place_below[0][: len(above[-1][0])] != above[-1][0]:
                above.pop()
            if above:
                (_, _, one), (_, _, other) = sorted((above[-1], place_below), key=lambda place: place[1])
                message = f"the backends {one!r} and {other!r} are on the same {store[0]}, and their locations overlap"
                hint = "Give each a 'location' of its own, unless both are meant to see the same files."
                yield problem("W004", locate(("backends", other, "location")), message, hint)
            above.append(place_below)
