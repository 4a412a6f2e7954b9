"""The options of ``AzureStorage``, one by one: type, default, rule, description, examples."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, WithJsonSchema

from . import azure_rules, blob_rules, shared_access
from . import client_options as client_option_rules
from . import connection_string as connection_strings
from .nesting import parsed
from .report import complaint
from .units import duration_within, size_within


def decoded(value: Any) -> Any:
    """Return a table. Variables hold text: there a table is written as JSON."""
    if not isinstance(value, str):
        return value
    try:
        table = parsed(value)
    except ValueError:
        table = None
    if not isinstance(table, dict):
        raise complaint("the text is not a JSON object", """Write it as '{"key": "value"}'.""")
    return table


def _connection_string(value: SecretStr) -> SecretStr:
    parsed = connection_strings.parse(value.get_secret_value())
    if parsed.account_name is not None:
        azure_rules.account_name(parsed.account_name)
    if parsed.account_key is not None:
        azure_rules.account_key(parsed.account_key)
    elif parsed.sas_token is not None:  # pragma: no branch - a string without either is refused by parse()
        shared_access.checked(parsed.sas_token)
    return value


_FromText = BeforeValidator(decoded)
_Header = Annotated[str, AfterValidator(blob_rules.header)]


def _pattern(pattern: str) -> WithJsonSchema:
    """For editors only: the rules in ``azure_rules`` and ``blob_rules`` decide, with messages that say more."""
    return WithJsonSchema({"type": "string", "pattern": pattern})


_Secret = WithJsonSchema({"type": "string", "writeOnly": True})

Metadata = Annotated[dict[str, str], AfterValidator(blob_rules.metadata), _FromText]
Tags = Annotated[dict[str, str], AfterValidator(blob_rules.tags), _FromText]
AccessTier = Literal["Hot", "Cool", "Cold", "Archive"]
Credential = Literal["default", "managed_identity", "workload_identity", "environment", "azure_cli", "anonymous"]


class AzureFields(BaseModel):
    """Each option by itself; what they mean together is the business of ``consistency`` and ``options``."""

    # The document builds what it needs of its parts; building each of them at import as well would take 20 ms more.
    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True, defer_build=True
    )

    azure_container: Annotated[
        str, AfterValidator(azure_rules.container_name), _pattern(r"^(\$root|\$web|\$logs|[a-z0-9](-?[a-z0-9]){2,62})$")
    ] = Field(
        description="The container. It must exist; `manage.py storage_router doctor` says how to create it.",
        examples=["media", "$web"],
    )
    account_name: Annotated[str, AfterValidator(azure_rules.account_name), _pattern("^[a-z0-9]{3,24}$")] | None = Field(
        default=None, description="The storage account's name.", examples=["acmefiles"]
    )
    credential: Credential | None = Field(
        default=None,
        description="An identity by name, through azure-identity; no secret is needed. `default` is "
        "DefaultAzureCredential, and is meant where no way to authenticate is given; `anonymous` reads a public "
        "container without any credential.",
        examples=["default", "managed_identity"],
    )
    client_id: (
        Annotated[
            str, AfterValidator(azure_rules.client_id), _pattern("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
        ]
        | None
    ) = Field(
        default=None,
        description="The client id of a user-assigned identity, for `credential` = `default`, `managed_identity` or "
        "`workload_identity`.",
        examples=["01234567-89ab-cdef-0123-456789abcdef"],
    )
    token_credential: Annotated[
        Any,
        AfterValidator(azure_rules.token_credential),
        WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^\w+([.:]\w+)+$"}, {"type": "null"}]}),
    ] = Field(
        default=None,
        repr=False,
        description="A credential of one's own: an object with `get_token()`, a callable that returns one, or the "
        "dotted path of either.",
        examples=["acme.identity.make_credential"],
    )
    account_key: Annotated[SecretStr, AfterValidator(azure_rules.account_key), _Secret] | None = Field(
        default=None,
        description="The account's key, base64. It opens the whole account: prefer `credential`.",
        examples=["<key1 from the portal>"],
    )
    sas_token: Annotated[SecretStr, AfterValidator(shared_access.checked), _Secret] | None = Field(
        default=None,
        description="A shared access signature for the container or the account, with or without a leading `?`.",
        examples=["sv=2025-11-05&sr=c&sp=rcwdl&se=2030-01-01&sig=..."],
    )
    connection_string: Annotated[SecretStr, AfterValidator(_connection_string), _Secret] | None = Field(
        default=None,
        description="A connection string with an AccountKey or a SharedAccessSignature, or "
        "`UseDevelopmentStorage=true` for the emulator on its standard port.",
        examples=["UseDevelopmentStorage=true"],
    )
    account_url: Annotated[str, AfterValidator(azure_rules.account_url)] | None = Field(
        default=None,
        description="The blob service's URL where it is not `https://<account>.blob.<endpoint_suffix>`: private "
        "endpoints, DNS-zone accounts, emulators.",
        examples=["https://acmefiles.z12.blob.storage.azure.net", "http://127.0.0.1:10000/devstoreaccount1"],
    )
    azure_ssl: bool = Field(default=True, description="Whether the endpoint is https.", examples=[True])
    endpoint_suffix: Annotated[str, AfterValidator(azure_rules.endpoint_suffix)] = Field(
        default="core.windows.net",
        description="The end of the endpoint's host; another one for sovereign clouds.",
        examples=["core.chinacloudapi.cn", "core.usgovcloudapi.net"],
    )
    location: Annotated[str, AfterValidator(azure_rules.location)] = Field(
        default="", description="A directory in the container in which everything is kept.", examples=["sites/acme"]
    )
    overwrite_files: bool = Field(
        default=False,
        description="Whether a save overwrites a file of the same name; otherwise the new one gets another name.",
        examples=[False],
    )
    expiration_secs: Annotated[int, duration_within(1, azure_rules.LONGEST_EXPIRY)] | None = Field(
        default=None,
        description="How long URLs live. Without it they are public and unsigned. At most 7 days with an identity.",
        examples=[300, "5m", "7d"],
    )
    url_window_secs: Annotated[int, duration_within(0, azure_rules.LONGEST_EXPIRY)] | None = Field(
        default=None,
        description="How long signed URLs stay the same, so that browsers and CDNs cache; they live at most this much "
        "longer than asked. Without it a quarter of the expiry, at most 1 hour; 0 turns it off.",
        examples=["10m", 0],
    )
    sas_token_in_urls: bool = Field(
        default=False,
        description="Whether URLs may carry `sas_token` itself, which must be read-only then (`sp=r` or `sp=rl`).",
        examples=[False],
    )
    custom_domain: Annotated[str, AfterValidator(azure_rules.custom_domain)] | None = Field(
        default=None,
        description="A host, or a URL with or without a path, for URLs; it is never used for API calls.",
        examples=["cdn.acme.example", "https://www.acme.example/files"],
    )
    container_in_url: bool | None = Field(
        default=None,
        description="Whether the container stays in the path behind `custom_domain`. Without it yes, except for "
        "`$web`.",
        examples=[False],
    )
    default_content_type: Annotated[str, AfterValidator(blob_rules.media_type)] = Field(
        default="application/octet-stream",
        description="The content type where neither name nor upload tells one.",
        examples=["application/octet-stream"],
    )
    cache_control: _Header | None = Field(
        default=None,
        description="The Cache-Control header of every blob that is saved.",
        examples=["public,max-age=31536000,immutable"],
    )
    object_parameters: Annotated[
        dict[str, Any],
        AfterValidator(blob_rules.object_parameters),
        _FromText,
        WithJsonSchema(
            {
                "type": "object",
                "properties": {name: {"type": "string"} for name in blob_rules.OBJECT_PARAMETERS},
                "additionalProperties": False,
            }
        ),
    ] = Field(
        default={},
        description="Settings of every blob that is saved: content_type, content_encoding, content_language, "
        "content_disposition, cache_control, content_md5.",
        examples=[{"content_disposition": "attachment"}],
    )
    metadata: Metadata = Field(
        default={}, description="Metadata of every blob that is saved.", examples=[{"source": "website"}]
    )
    tags: Tags = Field(
        default={}, description="Index tags of every blob that is saved, at most ten.", examples=[{"project": "acme"}]
    )
    access_tier: AccessTier | None = Field(
        default=None,
        description="The tier of every blob that is saved; without it the account's own.",
        examples=["Cool"],
    )
    upload_max_conn: Annotated[int, Field(ge=1, le=64)] = Field(
        default=2, description="How many blocks of one large file are uploaded at the same time.", examples=[4]
    )
    max_memory_size: Annotated[int, size_within(1)] = Field(
        default=2 * 1024 * 1024,
        description="How much of an open file is held in memory.",
        examples=["2MiB", "64MiB"],
    )
    timeout: Annotated[int, duration_within(1, 86_400)] = Field(
        default=20, description="How long a request may take, enforced by the client.", examples=[20, "1m"]
    )
    api_version: (
        Annotated[
            str,
            BeforeValidator(azure_rules.iso_date),
            AfterValidator(azure_rules.api_version),
            _pattern(r"^\d{4}-\d{2}-\d{2}$"),
        ]
        | None
    ) = Field(default=None, description="The REST API's version; without it the SDK's own.", examples=["2025-11-05"])
    client_options: Annotated[dict[str, Any], _FromText, AfterValidator(client_option_rules.checked)] = Field(
        default={},
        repr=False,
        description="Keyword arguments for the SDK's clients; they have the last word.",
        examples=[{"retry_total": 5}],
    )
    log_requests: bool = Field(
        default=False,
        description="Whether the SDK's own log of every request, at INFO, reaches the application's log.",
        examples=[False],
    )
