"""``AzureOptions``: every option of ``AzureStorage``, validated offline and resolved once."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    GetPydanticSchema,
    SecretStr,
    WithJsonSchema,
    model_validator,
)

from storage_router.conf import client_options as client_option_rules
from storage_router.conf.problems import Errors, Locate, collected, invalid, problem
from storage_router.conf.table import Table
from storage_router.conf.units import after, before, duration_within, json_table, size_within
from storage_router.exceptions import Problem

from . import authentication as authentications
from . import connection_string as connection_strings
from . import endpoint as endpoints
from . import rules
from .authentication import (
    MAX_DELEGATION_SECS,
    PRECEDENCE,
    WITH_CLIENT_ID,
    Anonymous,
    Authentication,
    SasToken,
    SharedAccess,
    SharedKey,
    TokenCredential,
)
from .connection_string import ConnectionString
from .endpoint import ZONES, lacks_account, named_by

SECRETS = ("connection_string", "account_key", "sas_token")
"""The options whose values are never shown."""

_IMPLIED = "default"
"""The ``credential`` where no way to authenticate is given: an identity needs no secret, so there is none to forget."""

_NO_STRING = ConnectionString("")

_FromText = before(json_table)
Header = Annotated[str | None, after(rules.header)]
Secret = Annotated[SecretStr | None, after(rules.secret)]

Metadata = Annotated[dict[str, str], after(rules.metadata), _FromText]
Tags = Annotated[dict[str, str], after(rules.tags), _FromText]
AccessTier = Literal["Hot", "Cool", "Cold", "Archive"]
Credential = Literal["default", "managed_identity", "workload_identity", "environment", "azure_cli", "anonymous"]


def _parameters() -> type[Table]:
    from .parameters import ObjectParameters

    return ObjectParameters


def _object_parameters(value: dict[str, Any]) -> dict[str, Any]:
    _parameters().model_validate(value)
    return value


def _parameters_schema(*_: Any) -> dict[str, Any]:
    names = _parameters().model_fields
    return {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
        "additionalProperties": False,
    }


class AzureOptions(Table):
    """One Azure container: every option of ``AzureStorage``. Secrets show as asterisks wherever they are printed."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    type: ClassVar = "azure"
    tables: ClassVar = {"object_parameters": _parameters}

    azure_container: Annotated[str, rules.container_name]
    """The container. It must exist: `manage.py storage_router provision` prints how to create it. For example
    `"media"` or `"$web"`.
    """

    account_name: Annotated[str | None, rules.account_name] = None
    """The storage account's name. For example `"acmefiles"`."""

    credential: Annotated[Credential | None, before(rules.credential)] = None
    """An identity by name, through azure-identity. `default` is DefaultAzureCredential, and is used where nothing else
    is given; `anonymous` reads public containers.
    """

    client_id: Annotated[str | None, rules.client_id] = None
    """The client id of a user-assigned identity. For example `"01234567-89ab-cdef-0123-456789abcdef"`."""

    token_credential: Annotated[
        Any,
        after(rules.token_credential),
        WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^\w+([.:]\w+)+$"}, {"type": "null"}]}),
    ] = Field(default=None, repr=False)
    """An object with `get_token()`, a callable that returns one, or the dotted path of either. For example
    `"acme.identity.make_credential"`.
    """

    account_key: Annotated[Secret, after(rules.account_key)] = None
    """The account's key, base64. It opens the entire account: prefer `credential`. For example `"<key1 from the
    portal>"`.
    """

    sas_token: Annotated[Secret, after(authentications.sas_token)] = None
    """A shared access signature for the container or the account. For example
    `"sv=2025-11-05&sr=c&sp=rcwdl&se=2030-01-01&sig=..."`.
    """

    connection_string: Annotated[Secret, after(connection_strings.connection_string)] = None
    """A connection string with a key or a SAS; `UseDevelopmentStorage=true` is the emulator. For example
    `"UseDevelopmentStorage=true"`.
    """

    account_url: Annotated[str | None, after(endpoints.account_url)] = None
    """The blob service's URL where it is not `https://<account>.blob.<endpoint_suffix>`: private endpoints, DNS-zone
    accounts, emulators. For example `"https://acmefiles.z12.blob.storage.azure.net"` or
    `"http://127.0.0.1:10000/devstoreaccount1"`.
    """

    azure_ssl: bool = True
    """Whether the endpoint is https."""

    endpoint_suffix: Annotated[str, after(endpoints.endpoint_suffix)] = "core.windows.net"
    """The end of the endpoint's host; another one for sovereign clouds. For example `"core.chinacloudapi.cn"` or
    `"core.usgovcloudapi.net"`.
    """

    location: Annotated[str, after(rules.location)] = ""
    """A directory in the container for everything. For example `"sites/acme"`."""

    overwrite_files: bool = False
    """Whether a save overwrites a file of the same name."""

    expiration_secs: Annotated[int, duration_within(1, rules.LONGEST_EXPIRY)] | None = None
    """How long URLs live. Without it they are public and unsigned. At most 7 days with an identity. For example `300`
    or `"5m"` or `"7d"`.
    """

    url_window_secs: Annotated[int, duration_within(0, rules.LONGEST_EXPIRY)] | None = None
    """How long signed URLs stay the same, so that browsers and CDNs cache; they live at most this much longer. Without
    it a quarter of the expiry, at most 1 hour; 0 turns it off. For example `"10m"` or `0`.
    """

    sas_token_in_urls: bool = False
    """Whether URLs may carry `sas_token` itself, which must be read-only then (`sp=r` or `sp=rl`)."""

    custom_domain: Annotated[str | None, after(endpoints.custom_domain)] = None
    """A host, or a URL, for URLs; never for requests. For example `"cdn.acme.example"` or
    `"https://www.acme.example/files"`.
    """

    container_in_url: bool | None = None
    """Whether URLs with `custom_domain` have the container. Without it yes, except for `$web`."""

    default_content_type: Annotated[str, after(rules.media_type)] = "application/octet-stream"
    """The content type where neither name nor upload has one."""

    cache_control: Header = None
    """The Cache-Control header of every blob that is saved. For example `"public,max-age=31536000,immutable"`."""

    object_parameters: Annotated[
        dict[str, Any],
        after(_object_parameters),
        _FromText,
        GetPydanticSchema(lambda source, handler: handler(source), _parameters_schema),
    ] = Field(default={})
    """Settings of saved blobs: content_type, content_encoding, content_language, content_disposition, cache_control,
    content_md5. For example `{"content_disposition": "attachment"}`.
    """

    metadata: Metadata = Field(default={})
    """Metadata of every blob that is saved. For example `{"source": "website"}`."""

    tags: Tags = Field(default={})
    """Index tags of every blob that is saved, at most ten. For example `{"project": "acme"}`."""

    access_tier: AccessTier | None = None
    """The tier of every blob that is saved; without it the account's own."""

    upload_max_conn: Annotated[int, Field(ge=1, le=64)] = 2
    """How many blocks of one large file are uploaded at the same time. For example `4`."""

    max_memory_size: Annotated[int, size_within(1)] = 2 * 1024 * 1024
    """How much of an open file is held in memory. For example `"2MiB"` or `"64MiB"`."""

    timeout: Annotated[int, duration_within(1, 86_400)] = 20
    """How long a request may take, enforced by the client. For example `20` or `"1m"`."""

    api_version: Annotated[str | None, rules.api_version, before(rules.date_text)] = None
    """The REST API's version; without it the SDK's own. For example `"2025-11-05"`."""

    client_options: Annotated[dict[str, Any], _FromText, after(client_option_rules.checked)] = Field(
        default={}, repr=False
    )
    """Options of azure-core's policies and transport; they have the last word. For example `{"retry_total": 5}`."""

    log_requests: bool = False
    """Whether the SDK's log of each request, at INFO, reaches the application's log."""

    @cached_property
    def authentication(self) -> Authentication:
        """The way to authenticate that won (O1)."""
        string, name = self._string, self.resolved_account_name
        if string.account_key is not None:
            return SharedKey(account_name=name, account_key=string.account_key, option="connection_string")
        if string.sas_token is not None:
            return SasToken(sas_token=string.sas_token, option="connection_string")
        if self.account_key is not None:
            return SharedKey(account_name=name, account_key=self.account_key)
        if self.token_credential is not None:
            return TokenCredential(source=self.token_credential, option="token_credential")
        if self.credential == "anonymous":
            return Anonymous()
        if self.credential is None and self.sas_token is not None:
            return SasToken(sas_token=self.sas_token)
        credential = self.credential or _IMPLIED
        return TokenCredential(name=credential, client_id=self.client_id if credential in WITH_CLIENT_ID else None)

    @cached_property
    def endpoint(self) -> str:
        """The blob service's URL, without a trailing slash."""
        if (url := self.account_url or self._string.blob_endpoint) is not None:
            return url
        scheme = self._string.scheme or ("https" if self.azure_ssl else "http")
        suffix = self._string.endpoint_suffix or self.endpoint_suffix
        return f"{scheme}://{self.resolved_account_name}.blob.{suffix}"

    @cached_property
    def resolved_account_name(self) -> str:
        """The account's name, from the option, the connection string or the endpoint, in this order."""
        url = self.account_url or self._string.blob_endpoint or ""
        return self.account_name or self._string.account_name or named_by(url)[0] or ""

    @cached_property
    def unused(self) -> tuple[str, ...]:
        """The authentication options, or parts of one, that were given and lost (O1)."""
        given = [name for name in PRECEDENCE if getattr(self, name) is not None]
        lost = given[1:]
        applies = given[:1] in ([], ["credential"]) and (self.credential or _IMPLIED) in WITH_CLIENT_ID
        if self.client_id is not None and not applies:
            lost.append("client_id")
        if self._string.account_key is not None and self._string.sas_token is not None:
            lost.append("connection_string.SharedAccessSignature")
        return tuple(lost)

    def warnings(self, title: str, locate: Locate) -> Iterator[Problem]:
        """Yield a problem for options that do nothing. ``title`` is the storage's; ``locate`` has options' places."""
        if self.unused:
            message = f"{title} authenticates by {self.authentication.option}; not used: {', '.join(self.unused)}"
            hint = f"Remove them. First wins: {', '.join(PRECEDENCE)}."
            yield problem("W001", locate((self.unused[0].partition(".")[0],)), message, hint)
        if idle := client_option_rules.without_effect(self.client_options):
            message = f"{title} has client options without effect: {', '.join(idle)}"
            hint = "Remove them: requests do not pass through azure-storage-blob's client."
            yield problem("W008", locate(("client_options",)), message, hint)

    @property
    def _string(self) -> ConnectionString:
        return self.connection_string if isinstance(self.connection_string, ConnectionString) else _NO_STRING

    @model_validator(mode="after")
    def _resolve(self) -> Self:
        """Refuse options that contradict each other, and resolve endpoint and authentication once."""
        if found := self._contradictions() + (self._missing() or self._signing_errors()):
            raise collected(type(self).__name__, found)
        return self

    def _contradictions(self) -> Errors:
        """Return an error for each option that names another account, scheme or suffix than the first that does."""
        found = Errors()
        first: dict[str, tuple[str, str]] = {}
        for subject, option, value in self._claims():
            if not value:
                continue
            other, known = first.setdefault(subject, (option, value))
            if ZONES.get(value, value) != ZONES.get(known, known):
                if option == other:
                    message = f"the connection string names both {known!r} and {value!r}"
                    hint = "Copy it whole from the portal, or remove one of the two from it."
                else:
                    message = f"{option} says {value!r}, {other} says {known!r}"
                    hint = f"Remove one of them; {other} decides."
                found.append(((option,), invalid(message, hint, id="E008")))
        return found

    def _claims(self) -> Iterator[tuple[str, str, str | None]]:
        """Yield what each option says of the endpoint, the first to be believed: subject, option, value."""
        string, given = self._string, self.model_fields_set
        yield "account", "connection_string", string.account_name
        yield "scheme", "connection_string", string.scheme
        yield "suffix", "connection_string", string.endpoint_suffix
        # An account_url is compared with a BlobEndpoint as a whole.
        yield "endpoint", "connection_string", string.blob_endpoint
        yield "endpoint", "account_url", self.account_url
        if url := string.blob_endpoint or self.account_url:
            option = "connection_string" if string.blob_endpoint else "account_url"
            account, suffix = named_by(url)
            yield "account", option, account
            yield "scheme", option, url.partition(":")[0]
            yield "suffix", option, suffix
        yield "account", "account_name", self.account_name
        yield "scheme", "azure_ssl", ("https" if self.azure_ssl else "http") if "azure_ssl" in given else None
        yield "suffix", "endpoint_suffix", self.endpoint_suffix if "endpoint_suffix" in given else None

    def _missing(self) -> Errors:
        """Return an error where the account, or a way to authenticate, is missing."""
        winner = next((name for name in PRECEDENCE if getattr(self, name) is not None), None)
        # Keys and identities sign URLs with the account's name; a SAS and anonymous reading need the endpoint only.
        can_sign = not isinstance(self.authentication, SasToken | Anonymous)
        is_located = self.account_url is not None or self._string.blob_endpoint is not None
        if not self.resolved_account_name and (can_sign or not is_located):
            hint = "account_name is the storage account's name, as in https://<account_name>.blob.core.windows.net."
            message = f"{winner or 'an identity'} needs account_name"
            if winner is None and not is_located:
                message = "there is neither account_name nor account_url"
            return [(("account_name",), invalid(message, hint, id="E011"))]
        if is_located and lacks_account(self.endpoint, self.resolved_account_name):
            option = "account_url" if self.account_url is not None else "connection_string"
            hint = f"Write {self.endpoint}/{self.resolved_account_name or '<account_name>'}."
            return [((option,), invalid(f"{option} has no account in its path: {self.endpoint}", hint))]
        if winner is None and self.endpoint.startswith("http:"):
            hint = "Give account_key or connection_string for an emulator; identities are for https only."
            return [(("credential",), invalid("there is no way to authenticate over http", hint, id="E011"))]
        return []

    def _signing_errors(self) -> Errors:
        how, expiry, found = self.authentication, self.expiration_secs, Errors()
        is_secure = self.endpoint.startswith("https:")
        access = SharedAccess.parse(how.sas_token.get_secret_value()) if isinstance(how, SasToken) else None
        if isinstance(how, TokenCredential) and not is_secure:
            message = f"{how.option} cannot be used over http: tokens are sent over https only"
            found.append(((how.option,), invalid(message, "Use https, or account_key for an emulator.", id="E008")))
        if isinstance(how, TokenCredential) and expiry is not None and expiry > MAX_DELEGATION_SECS:
            message = f"expiration_secs is {expiry}, but an identity signs URLs for 7 days at most"
            hint = "At most '7d', or sign with account_key."
            found.append((("expiration_secs",), invalid(message, hint, id="E012")))
        if access is not None and access.https_only and not is_secure:
            message = "the SAS is good for https only (spr=https), and the endpoint is http"
            found.append(((how.option,), invalid(message, "Use https, or a SAS with spr=https,http.", id="E008")))
        if self.sas_token_in_urls and access is None:
            message = f"sas_token_in_urls is set, but {how.option} authenticates, not a SAS"
            found.append((("sas_token_in_urls",), invalid(message, "Leave it out.", id="E008")))
        elif self.sas_token_in_urls and access is not None and not access.is_read_only:
            message = "sas_token_in_urls is set, but the SAS allows more than reading, or does not tell what it allows"
            hint = "Everybody who sees a URL could use it. Create one with sp=r or sp=rl."
            found.append((("sas_token_in_urls",), invalid(message, hint, id="E008")))
        elif not self.sas_token_in_urls and expiry is not None and isinstance(how, SasToken | Anonymous):
            message = f"expiration_secs asks for signed URLs, which {how.option} cannot sign"
            hint = "Leave expiration_secs out, or authenticate with account_key or an identity"
            hint += "; or set sas_token_in_urls if the SAS is read-only." if access is not None else "."
            found.append((("expiration_secs",), invalid(message, hint, id="E012")))
        return found


DJANGO_SETTINGS: Mapping[str, str] = {
    name: name.upper() if name.startswith("azure_") else f"AZURE_{name.upper()}" for name in AzureOptions.model_fields
} | {
    "timeout": "AZURE_CONNECTION_TIMEOUT_SECS",
    "max_memory_size": "AZURE_BLOB_MAX_MEMORY_SIZE",
    "expiration_secs": "AZURE_URL_EXPIRATION_SECS",
}
"""Option of ``AzureStorage`` -> the setting that gives it for every instance."""
