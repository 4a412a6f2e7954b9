"""The types of backend: one registry with the options of each type, its URL form, its builder and its place (C1, C3).

A type is added by an entry of ``BACKEND_TYPES``; validation, the JSON Schema, commands and the router follow.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from storage_router import names
from storage_router.records import Record

from .azure import rules
from .azure.options import AzureOptions
from .problems import Locate, collected, invalid, quoted, suggestion
from .table import Table
from .units import json_table

if TYPE_CHECKING:
    from django.core.files.storage import Storage

    from .django_backends import FilesystemBackend

_BASE_URL = r"(?!(?:\w+:)?//[^/]*@)[^\s?#\x00-\x1f]+"
_SAS_FIELDS = frozenset(
    ("sv", "sp", "se", "st", "sr", "sig", "spr", "sip", "ss", "srt", "si", "skoid", "sktid", "skt", "ske", "sks", "skv")
)


def public_base_url(value: str) -> str:
    """Return where files are served, with a slash at its end. Raises an error for what is no URL."""
    if not re.fullmatch(_BASE_URL, value):
        hint = "For example '/media/' or 'https://files.acme.example/'; every page shows it."
        raise invalid("the value is not a URL without user, query and fragment", hint)
    if not re.match(r"/|\w+://", value):
        raise invalid(f"{quoted(value)} is relative, so each page has another one", "Begin it with a slash: '/media/'.")
    # Django's own storages put the slash there themselves, but only after they were built.
    return value if value.endswith("/") else f"{value}/"


class Place(Record):
    """Where the files of a backend are: two backends with the same ``store`` and overlapping ``segments`` share some.

    ``text`` is for tables. Without a ``store`` nothing is known.
    """

    text: str
    store: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()


def _azure_place(backend: AzureOptions) -> Place:
    segments = tuple(filter(None, backend.location.split("/")))
    # The same account answers at both schemes, and a port that the scheme implies may be left out.
    url = urlsplit(backend.endpoint.lower())
    port = "" if url.port in (None, 80, 443) else str(url.port)
    store = ("container", f"{url.hostname}:{port}{url.path}", backend.azure_container)
    return Place(text="/".join((backend.endpoint, backend.azure_container, *segments)), store=store, segments=segments)


def _filesystem_place(backend: "FilesystemBackend") -> Place:
    # MEDIA_ROOT cannot be read while the settings are being imported.
    store = ("directory", "" if backend.location is not None else "MEDIA_ROOT")
    segments = Path(backend.location).absolute().parts if backend.location is not None else ()
    return Place(text=f"directory {backend.location or 'MEDIA_ROOT'}", store=store, segments=segments)


def _azure_url(address: str) -> dict[str, str]:
    if "@" in address:
        raise invalid("the URL has '@' before the account", "Keys are options: azure://account/container?account_key=…")
    account, _, path = address.partition("/")
    container, _, location = path.strip("/").partition("/")
    # Without an account, as in azure:///media?connection_string=..., an option names it.
    found = {"account_name": account, "azure_container": container, "location": location}
    return {option: value for option, value in found.items() if value}


def _file_url(address: str) -> dict[str, str]:
    if address and not address.startswith("/"):
        raise invalid(
            "the URL has no absolute path", "Three slashes: file:///srv/media. Without a path MEDIA_ROOT is used."
        )
    path = address[1:] if address[2:3] == ":" else address
    return {"location": path} if path else {}


def _memory_url(address: str) -> dict[str, str]:
    if address:
        raise invalid("the URL takes nothing between '://' and '?'", "Options come after '?'.")
    return {}


Builder = Callable[[str, Any, Locate], "Storage"]


class BackendType:
    """One type of backend.

    ``model``, a class or its dotted path, validates its options; its attribute ``type`` is the type's name. ``scheme``
    begins its URL form, if it has one, of which there is an ``example``; ``from_url`` turns the part before the ``?``
    into settings. ``builder``, a function or its dotted path, returns the storage for an alias, its options and their
    places. ``place`` says where the files are. ``of_tenants`` are the options that may hold ``{tenant}``, each with its
    rule. ``probes`` is the dotted path of the class by which ``doctor`` examines the storage.
    """

    def __init__(
        self,
        *,
        model: type[Table] | str,
        builder: Builder | str,
        place: Callable[[Any], Place],
        scheme: str = "",
        example: str = "",
        from_url: Callable[[str], dict[str, str]] = _memory_url,
        of_tenants: Mapping[str, Callable[[str], str]] | None = None,
        probes: str = "storage_router.doctor.probes.Probes",
    ) -> None:
        self._model = model
        self._builder = builder
        self.place = place
        self.scheme = scheme
        self.example = example
        self.from_url = from_url
        self.of_tenants = of_tenants or {}
        self.probes = probes

    @property
    def model(self) -> type[Table]:
        """The model of its options, imported with the first backend of the type."""
        model: type[Table] = _imported(self._model)
        return model

    def build(self, alias: str, options: Table, locate: Locate) -> "Storage":
        """Return the storage of one backend; no request is made. Raises ``ConfigurationError``."""
        build: Builder = _imported(self._builder)
        return build(alias, options, locate)


def _imported(given: Any) -> Any:
    from django.utils.module_loading import import_string

    return import_string(given) if isinstance(given, str) else given


BACKEND_TYPES: dict[str, BackendType] = {
    "azure": BackendType(
        model=AzureOptions,
        scheme="azure",
        example="azure://acmefiles/media?credential=default",
        builder="storage_router.factory.build_azure",
        from_url=_azure_url,
        place=_azure_place,
        of_tenants={"azure_container": rules.container_name, "location": rules.location},
        probes="storage_router.doctor.azure.AzureProbes",
    ),
    "filesystem": BackendType(
        model="storage_router.conf.django_backends.FilesystemBackend",
        scheme="file",
        example="file:///srv/media?base_url=/media/",
        builder="storage_router.factory.build_djangos_own",
        from_url=_file_url,
        place=_filesystem_place,
        of_tenants={"location": str, "base_url": public_base_url},
    ),
    "memory": BackendType(
        model="storage_router.conf.django_backends.MemoryBackend",
        scheme="memory",
        example="memory://",
        builder="storage_router.factory.build_djangos_own",
        place=lambda _: Place(text="memory"),
        of_tenants={"location": str, "base_url": public_base_url},
    ),
    "django": BackendType(
        model="storage_router.conf.django_backends.DjangoBackend",
        builder="storage_router.factory.build_django",
        place=lambda backend: Place(text=backend.backend),
    ),
}
"""The value of ``type`` -> what there is to know of it."""


def type_of(backend: Table) -> BackendType:
    """Return the registry's entry for a validated backend."""
    return BACKEND_TYPES[backend.type]


def place_of(backend: Table) -> Place:
    """Return where the files of a validated backend are."""
    return type_of(backend).place(backend)


def option_names() -> frozenset[str]:
    """Return the names of the options of all types."""
    return frozenset(["type", *(name for one in BACKEND_TYPES.values() for name in one.model.model_fields)])


def read_backend(given: Any) -> Table:
    """Validate one entry of ``backends``; its ``type`` says by which model."""
    if isinstance(given, Table) and given.type:
        return given
    if isinstance(given, str):
        given = parse_url(given)
    if not isinstance(given, Mapping):
        raise invalid("the value is not a table of keys and values", "A backend has a 'type' and its options.")
    kind = given.get("type")
    if kind is None:
        hint = suggestion("", BACKEND_TYPES)
        if "BACKEND" in given:
            hint = "A storage class is type = 'django', with its path as 'backend' and its OPTIONS as 'options'."
        wrong = invalid("'type' is missing", hint, id="E002")
        raise collected("backend", [(("type",), wrong)])
    if not isinstance(kind, str) or kind not in BACKEND_TYPES:
        wrong = invalid(f"there is no type {quoted(kind, 'of this name')}", suggestion(kind, BACKEND_TYPES))
        raise collected("backend", [(("type",), wrong)])
    of_tenants = _of_tenants(BACKEND_TYPES[kind], given)
    samples = {key: value.replace(names.TENANT, names.SAMPLE_TENANT) for key, value in of_tenants.items()}
    options = {key: value for key, value in given.items() if key != "type"}
    backend = BACKEND_TYPES[kind].model.model_validate(options | samples)
    return backend.model_copy(update=of_tenants) if of_tenants else backend


def _of_tenants(kind: BackendType, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the options that hold ``{tenant}``."""
    found = {key: given[key] for key in kind.of_tenants if names.TENANT in str(given.get(key))}
    if found.get("azure_container") == names.TENANT:
        # A tenant that chooses its name could have the container of another backend.
        message, hint = "the container is {tenant} alone", "Put literal text beside it: 'tenant-{tenant}'."
        raise collected("backend", [(("azure_container",), invalid(message, hint, id="E061"))])
    return found


def has_tenants(backend: Table) -> bool:
    """Return whether a validated backend has a place for each tenant."""
    return any(names.TENANT in str(getattr(backend, key)) for key in type_of(backend).of_tenants)


def parse_url(text: str) -> dict[str, Any]:
    """Return the settings of a whole backend in one string (C3): a URL, or a JSON object.

    The parts of a URL are percent-decoded and a plus is a plus, so that base64 can be pasted. Raises an error that
    never quotes the string.
    """
    text = text.strip()
    if text.startswith("{"):
        return dict(json_table(text))
    scheme, separator, rest = text.partition("://")
    kinds = {one.scheme: kind for kind, one in BACKEND_TYPES.items() if one.scheme}
    if not separator or scheme.lower() not in kinds:
        forms = ", ".join(one.example for one in BACKEND_TYPES.values() if one.scheme)
        raise invalid("the value is not a backend URL", f"For example {forms}.")
    kind = kinds[scheme.lower()]
    address, _, query = rest.partition("?")
    found = {"type": kind} | {name: unquote(part) for name, part in BACKEND_TYPES[kind].from_url(address).items()}
    options = [pair.partition("=") for pair in query.split("&") if pair]
    names_given = [unquote(name) for name, _, _ in options]
    if pasted := _SAS_FIELDS.intersection(names_given):
        raise invalid(
            f"the URL has {', '.join(sorted(pasted))} as options: they are parts of a SAS whose '&' are not escaped",
            "Write each '&' in the SAS as '%26': azure://account/container?sas_token=sv=…%26sp=…%26sig=…",
        )
    if not all(equals for _, equals, _ in options):
        hint = "Options are separated by '&'; write '%26' for an ampersand in a value, as in a SAS."
        raise invalid("an option in the URL does not have the form 'name=value'", hint)
    if len({*names_given, *found}) < len(names_given) + len(found):
        raise invalid("the URL gives an option twice", "The parts before the '?' are options, too: remove one of them.")
    return found | {name: unquote(value) for name, (_, _, value) in zip(names_given, options, strict=True)}
