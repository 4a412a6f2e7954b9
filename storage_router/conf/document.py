"""``RouterDocument``: the whole configuration, validated."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, SecretStr

from storage_router.exceptions import Problem

from .backends import BACKEND_TYPES, read_backend
from .problems import MOST_SUGGESTIONS, Locate, Location, invalid, problem, quoted, suggestion
from .routes import RouteOptions
from .static import StaticOptions
from .table import Table, where_given
from .units import DOTTED_PATH, Alias, Form, json_list

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


def _uploads() -> type[Table]:
    from .uploads import UploadOptions

    return UploadOptions


class TenancyOptions(Table):
    """The table ``tenancy``."""

    current: Annotated[
        str | None,
        Form(
            f"django_tenants|{DOTTED_PATH}",
            "is not a dotted path",
            "Write 'django_tenants', or the dotted path of a function such as 'acme.tenants.current'.",
        ),
    ] = Field(
        default=None,
        description="Who the tenant is: `django_tenants` (the id of its connection's tenant), or the dotted path of "
        "a function without arguments that returns the tenant or None.",
        examples=["django_tenants", "acme.tenants.current"],
    )


class TransactionOptions(Table):
    """The table ``transactions``."""

    deletes: Literal["now", "on_commit"] = Field(
        default="now",
        description="When a file that is deleted inside an `atomic` block goes: `now`, as with Django's storages, or "
        "when the transaction commits.",
    )
    database: str = Field(default="default", description="The alias in DATABASES whose transactions count.")


class TelemetryOptions(Table):
    """The table ``telemetry``."""

    subscribers: Annotated[tuple[Literal["log", "opentelemetry", "prometheus"], ...], BeforeValidator(json_list)] = (
        Field(
            default=(),
            description="Where each operation of a storage is recorded: a log line, OpenTelemetry, Prometheus.",
        )
    )
    names: bool = Field(default=False, description="Record the names of files, too. They may be personal data.")


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

    backends: dict[Alias, Annotated[Any, PlainValidator(read_backend)]] = Field(
        min_length=1,
        description="The backends, by alias.",
        examples=[{"media": {"type": "azure", "account_name": "acmefiles", "azure_container": "media"}}],
    )
    routes: Annotated[tuple[RouteOptions, ...], BeforeValidator(_list)] = Field(
        default=(),
        description="Which names go to which backend; the first route that matches decides.",
        examples=[[{"prefix": "private/", "backend": "private"}]],
    )
    default: str | None = Field(
        default=None,
        description="The alias of the backend for names that no route claims; without it they are an error.",
        examples=["media"],
    )
    static: Annotated[StaticOptions, where_given(lambda: StaticOptions)] = Field(
        default=StaticOptions.model_construct(),
        description="How static files go through the router.",
        examples=[{"prefix": "static/"}],
    )
    uploads: Annotated[UploadOptions, where_given(_uploads)] | None = Field(
        default=None,
        description="Uploads from the browser straight to the storage service.",
        examples=[{"policies": {"documents": {"authorize": "acme.files.may_upload"}}}],
    )
    tenancy: Annotated[TenancyOptions, where_given(lambda: TenancyOptions)] = Field(
        default=TenancyOptions.model_construct(),
        description="Whose files the running code means, where names or backends hold `{tenant}`.",
        examples=[{"current": "django_tenants"}],
    )
    transactions: Annotated[TransactionOptions, where_given(lambda: TransactionOptions)] = Field(
        default=TransactionOptions.model_construct(),
        description="How files follow the transactions of the database.",
        examples=[{"deletes": "on_commit"}],
    )
    telemetry: Annotated[TelemetryOptions, where_given(lambda: TelemetryOptions)] = Field(
        default=TelemetryOptions.model_construct(),
        description="Who is notified of the operations of storages.",
        examples=[{"subscribers": ["opentelemetry"]}],
    )
    base_url: Annotated[
        str | None,
        Form(
            r"https?://[^\s/?#@]+(?:/[^\s?#]*)?",
            "is not an absolute http or https URL",
            "For example 'https://acme.example/files/', where the URLconf includes storage_router.urls.",
        ),
        AfterValidator(lambda url: f"{url.removesuffix('/')}/"),
    ] = Field(
        default=None,
        description="The absolute URL at which `storage_router.urls` is included, for URLs in e-mails. Without it "
        "the URLs of private files are paths.",
        examples=["https://acme.example/files/"],
    )
    stream_connections: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=32,
        description="How many files a process streams at a time; above it, 503.",
        examples=[64],
    )
    accel_secret: SecretStr | None = Field(
        default=None,
        description="What nginx sends as `X-Storage-Router-Accel`, so that only nginx gets internal links.",
        examples=["a long random text"],
    )

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
