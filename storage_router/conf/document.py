"""``RouterDocument``: the whole configuration, validated."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainValidator, SecretStr

from storage_router.exceptions import Problem

from .azure.rules import header
from .backends import BACKEND_TYPES, read_backend
from .problems import MOST_SUGGESTIONS, Locate, Location, invalid, problem, quoted, suggestion
from .routes import RouteOptions, prefix_of_names
from .table import Table, where_given
from .units import DOTTED_PATH, Alias, Form, after, before, json_list, path_text

if TYPE_CHECKING:
    from .uploads import UploadOptions
else:
    # Few projects have uploads, and theirs are the dearest models.
    UploadOptions = Any


def _list(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        hint = """Write [[routes]] for each, or all at once: '[{"prefix": "private/", "backend": "private"}]'."""
        raise invalid("the routes are not a list", hint)
    return value


def _accel_secret(value: SecretStr) -> SecretStr:
    if not value.get_secret_value():
        # Requests that did not pass through nginx, and have no header, would be taken for nginx's.
        raise invalid("the value is empty", "Give it a long random text (is it missing where it is set?).")
    return value


def _uploads() -> type[Table]:
    from .uploads import UploadOptions

    return UploadOptions


def _static_prefix(value: str) -> str:
    return prefix_of_names(value) if value else value


class StaticOptions(Table):
    """The table ``static``."""

    prefix: Annotated[str, after(_static_prefix)] = "static/"
    """What is put before the names of static files, so that a route can claim them."""

    manifest: Annotated[str | None, before(path_text)] = None
    """A local file that the manifest is read from, instead of the storage. collectstatic writes it; ship it with the
    release. For example `"/srv/app/staticfiles.json"`.
    """

    hashed: bool | None = None
    """Put a hash of the content into names: storages() then chooses ManifestStaticFilesStorage. In a written-out
    STORAGES it has to agree with the class.
    """

    compress: Annotated[tuple[Literal["gzip"], ...], Field(max_length=1), before(json_list)] = ()
    """Store text files gzip-encoded where that makes them smaller."""

    hashed_cache_control: Annotated[str | None, after(header)] = None
    """Cache-Control of files with hashed names. Without it the backend's cache_control, else
    'public,max-age=31536000,immutable'. For example `"public,max-age=31536000,immutable"`.
    """


class TenancyOptions(Table):
    """The table ``tenancy``."""

    current: Annotated[
        str | None,
        Form(
            f"django_tenants|{DOTTED_PATH}",
            "is not a dotted path",
            "Write 'django_tenants', or the dotted path of a function such as 'acme.tenants.current'.",
        ),
    ] = None
    """Who the tenant is: `django_tenants` (the id of its connection's tenant), or the dotted path of a function
    without arguments that returns the tenant or None. For example `"django_tenants"` or `"acme.tenants.current"`.
    """


class TransactionOptions(Table):
    """The table ``transactions``."""

    deletes: Literal["now", "on_commit"] = "now"
    """When a file that is deleted inside an `atomic` block goes: `now`, as with Django's storages, or when the
    transaction commits.
    """

    database: str = "default"
    """The alias in DATABASES whose transactions count."""


class TelemetryOptions(Table):
    """The table ``telemetry``."""

    subscribers: Annotated[tuple[Literal["log", "opentelemetry", "prometheus"], ...], before(json_list)] = ()
    """Where each operation of a storage is recorded: a log line, OpenTelemetry, Prometheus."""

    names: bool = False
    """Record the names of files, too. They may be personal data."""


class RouterDocument(Table):
    """Everything that the sources give together."""

    tables: ClassVar = {
        "routes": lambda: RouteOptions,
        "static": lambda: StaticOptions,
        "telemetry": lambda: TelemetryOptions,
        "tenancy": lambda: TenancyOptions,
        "transactions": lambda: TransactionOptions,
        "uploads": _uploads,
    }

    backends: dict[Alias, Annotated[Any, PlainValidator(read_backend)]] = Field(min_length=1)
    """The backends, by alias. For example `{"media": {"type": "azure", "account_name": "acmefiles", "azure_container":
    "media"}}`.
    """

    routes: Annotated[tuple[RouteOptions, ...], before(_list)] = ()
    """Which names go to which backend; the first route that matches decides. For example `[{"prefix": "private/",
    "backend": "private"}]`.
    """

    default: str | None = None
    """The alias of the backend for names that no route claims; without it they are an error. For example `"media"`.
    """

    static: Annotated[StaticOptions, where_given(lambda: StaticOptions)] = StaticOptions.model_construct()
    """How static files go through the router. For example `{"prefix": "static/"}`."""

    uploads: Annotated[UploadOptions, where_given(_uploads)] | None = None
    """Uploads from the browser straight to the storage service. For example `{"policies": {"documents": {"authorize":
    "acme.files.may_upload"}}}`.
    """

    tenancy: Annotated[TenancyOptions, where_given(lambda: TenancyOptions)] = TenancyOptions.model_construct()
    """Whose files the running code means, where names or backends hold `{tenant}`. For example `{"current":
    "django_tenants"}`.
    """

    transactions: Annotated[TransactionOptions, where_given(lambda: TransactionOptions)] = (
        TransactionOptions.model_construct()
    )
    """How files follow the transactions of the database. For example `{"deletes": "on_commit"}`."""

    telemetry: Annotated[TelemetryOptions, where_given(lambda: TelemetryOptions)] = TelemetryOptions.model_construct()
    """Who is notified of the operations of storages. For example `{"subscribers": ["opentelemetry"]}`."""

    base_url: Annotated[
        str | None,
        Form(
            r"https?://[^\s/?#@]+(?:/[^\s?#]*)?",
            "is not an absolute http or https URL",
            "For example 'https://acme.example/files/', where the URLconf includes storage_router.urls.",
        ),
        after(lambda url: f"{url.removesuffix('/')}/"),
    ] = None
    """The absolute URL at which `storage_router.urls` is included, for URLs in e-mails. Without it the URLs of private
    files are paths. For example `"https://acme.example/files/"`.
    """

    stream_connections: Annotated[int, Field(ge=1, le=10_000)] = 32
    """How many files a process streams at a time; above it, 503. For example `64`."""

    accel_secret: Annotated[SecretStr | None, after(_accel_secret)] = None
    """What nginx sends as `X-Storage-Router-Accel`, so that only nginx gets internal links. For example `"a long
    random text"`.
    """

    @property
    def hidden(self) -> tuple[str, ...]:
        """The prefixes below which no method of the router finds a file."""
        return (self.uploads.quarantine,) if self.uploads is not None else ()


def allowed_keys(given: Any, location: Location) -> Iterable[str]:
    """Return the keys that the table at ``location`` of ``given`` may have."""
    if location[:1] != ("backends",) or len(location) < 2:
        return RouterDocument.keys_at(location)
    return BACKEND_TYPES[given["backends"][location[1]]["type"]].model.keys_at(location[2:])


def alias_problems(document: RouterDocument, locate: Locate) -> Iterator[Problem]:
    """Yield a problem for each route, and for ``default``, that names a backend which does not exist."""
    named: list[tuple[Location, str | None]] = [(("default",), document.default)]
    for index, route in enumerate(document.routes):
        named += [(("routes", index, key), getattr(route, key)) for key in ("backend", "moving_from")]
    unknown = [(location, alias) for location, alias in named if alias is not None and alias not in document.backends]
    for number, (location, alias) in enumerate(unknown):
        # A comparison with each alias takes time: thousands of problems are not read.
        hint = suggestion(alias, document.backends) if number < MOST_SUGGESTIONS else ""
        yield problem("E004", locate(location), f"there is no backend {quoted(alias, 'of this name')}", hint)
