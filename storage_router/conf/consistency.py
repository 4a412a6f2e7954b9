"""What the options of ``AzureStorage`` mean together: who authenticates, where the service is, what contradicts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic_core import PydanticCustomError

from . import shared_access
from .authentication import WITH_CLIENT_ID, Anonymous, Authentication, SasToken, SharedKey, TokenCredential
from .azure_fields import AzureFields
from .connection_string import ConnectionString, parse
from .report import Location, complaint

MAX_DELEGATION_SECS = 7 * 86400
"""A user delegation key lives at most seven days: https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key"""

Complaints = list[tuple[Location, PydanticCustomError]]

PRECEDENCE = ("connection_string", "account_key", "token_credential", "credential", "sas_token")
"""The options that authenticate, the one that wins first (O1)."""

_IMPLIED = "default"
"""The ``credential`` where no way to authenticate is given: an identity needs no secret, so there is none to forget."""


def winner(options: AzureFields) -> str | None:
    """Return the option that authenticates (O1), or None where none is given."""
    return next((name for name in PRECEDENCE if getattr(options, name) is not None), None)


def unused(options: AzureFields) -> tuple[str, ...]:
    """Return the authentication options that are given and do nothing."""
    won = winner(options)
    lost = [name for name in PRECEDENCE if name != won and getattr(options, name) is not None]
    by_name = won in ("credential", None) and (options.credential or _IMPLIED)
    if options.client_id is not None and by_name not in WITH_CLIENT_ID:
        lost.append("client_id")
    return tuple(lost)


def parsed(options: AzureFields) -> ConnectionString | None:
    """Return what the connection string says, or None without one."""
    return None if options.connection_string is None else parse(options.connection_string.get_secret_value())


def authentication(options: AzureFields) -> Authentication:
    """Return the way to authenticate that won. The options must be free of contradictions."""
    won = winner(options)
    if (string := parsed(options)) is not None:
        if string.account_key is not None:
            name = string.account_name or account_name(options) or ""
            return SharedKey(account_name=name, account_key=string.account_key, option="connection_string")
        return SasToken(sas_token=string.sas_token or SecretStr(""), option="connection_string")
    if won == "account_key" and options.account_key is not None:
        return SharedKey(account_name=account_name(options) or "", account_key=options.account_key)
    if won == "token_credential":
        return TokenCredential(source=options.token_credential, option="token_credential")
    if won == "sas_token" and options.sas_token is not None:
        return SasToken(sas_token=options.sas_token)
    if options.credential == "anonymous":
        return Anonymous()
    name = options.credential or _IMPLIED
    return TokenCredential(name=name, client_id=options.client_id if name in WITH_CLIENT_ID else None)


def endpoint(options: AzureFields) -> str:
    """Return the blob service's URL, without a trailing slash."""
    string = parsed(options)
    if options.account_url is not None:
        return options.account_url
    if string is not None and string.blob_endpoint is not None:
        return string.blob_endpoint
    secure = options.azure_ssl
    suffix = options.endpoint_suffix
    if string is not None:
        if string.scheme is not None and "azure_ssl" not in options.model_fields_set:
            secure = string.scheme == "https"
        suffix = string.endpoint_suffix or suffix
    return f"{'https' if secure else 'http'}://{account_name(options)}.blob.{suffix}"


def account_name(options: AzureFields) -> str | None:
    """Return the account's name: the option, the connection string's, or what the endpoint tells."""
    if options.account_name is not None:
        return options.account_name
    string = parsed(options)
    if string is not None and string.account_name is not None:
        return string.account_name
    url = options.account_url or (string.blob_endpoint if string is not None else None)
    return _account_in(url) if url is not None else None


def contradictions(options: AzureFields, wrong: Collection[str]) -> Complaints:
    """Return what is wrong with the options together; ``wrong`` are wrong by themselves and left out here."""
    given = {name for name in options.model_fields_set if getattr(options, name) is not None}
    found: Complaints = []
    if "connection_string" not in wrong:
        found += _against_connection_string(options, given)
        found += _endpoint_problems(options, given)
    if set(PRECEDENCE) & set(wrong):
        # Whoever misspelt a key has said how to authenticate; everything that follows from it would be a guess.
        return found
    won = winner(options)
    if {"account_name", "account_url"} & set(wrong):
        return found
    if account_name(options) is None and not _does_without_name(options):
        hint = "account_name is the storage account's name, as in https://<account_name>.blob.core.windows.net."
        message = f"{won} needs account_name" if won is not None else "there is neither account_name nor account_url"
        return [*found, (("account_name",), complaint(message, hint, id="E011"))]
    if won is None and endpoint(options).startswith("http:"):
        hint = "Give account_key or connection_string for an emulator; identities are for https only."
        return [*found, (("credential",), complaint("there is no way to authenticate over http", hint, id="E011"))]
    return found + _signing_problems(options, authentication(options), endpoint(options), wrong)


def _against_connection_string(options: AzureFields, given: Collection[str]) -> Complaints:
    string = parsed(options)
    if string is None:
        return []
    found: Complaints = []

    def differ(option: str, message: str) -> None:
        hint = "Leave the option out, or change the connection string; it says all that is needed by itself."
        found.append(((option,), complaint(message, hint, id="E008")))

    if string.account_name is not None and options.account_name not in (None, string.account_name):
        differ(
            "account_name", f"account_name is {options.account_name!r}, connection_string says {string.account_name!r}"
        )
    if string.scheme is not None and "azure_ssl" in given and options.azure_ssl != (string.scheme == "https"):
        differ("azure_ssl", f"azure_ssl is {options.azure_ssl}, connection_string says {string.scheme}")
    if string.blob_endpoint is not None and options.account_url not in (None, string.blob_endpoint):
        differ("account_url", "account_url and the BlobEndpoint of connection_string differ")
    suffix = string.endpoint_suffix
    if suffix is not None and "endpoint_suffix" in given and options.endpoint_suffix != suffix:
        differ("endpoint_suffix", f"endpoint_suffix differs from that of connection_string, {suffix!r}")
    return found


def _endpoint_problems(options: AzureFields, given: Collection[str]) -> Complaints:
    if options.account_url is None:
        return []
    found: Complaints = []
    url = urlsplit(options.account_url)
    if "azure_ssl" in given and options.azure_ssl != (url.scheme == "https"):
        message = f"azure_ssl is {options.azure_ssl}, account_url says {url.scheme}"
        found.append((("azure_ssl",), complaint(message, "Leave azure_ssl out; account_url decides.", id="E008")))
    if "endpoint_suffix" in given and not url.netloc.endswith(options.endpoint_suffix):
        message = "endpoint_suffix and account_url name different services"
        found.append(
            (("endpoint_suffix",), complaint(message, "Leave endpoint_suffix out; account_url decides.", id="E008"))
        )
    named = _account_in(options.account_url)
    if named is not None and options.account_name not in (None, named):
        message = f"account_name is {options.account_name!r}, account_url names {named!r}"
        found.append(
            (("account_name",), complaint(message, "Leave account_name out; account_url tells it.", id="E008"))
        )
    return found


def _signing_problems(options: AzureFields, how: Authentication, url: str, wrong: Collection[str]) -> Complaints:
    found: Complaints = []
    secure = url.startswith("https:")
    expiry = options.expiration_secs if "expiration_secs" not in wrong else None
    if isinstance(how, TokenCredential):
        if not secure:
            message = f"{how.option} cannot be used over http: tokens are sent over https only"
            found.append(((how.option,), complaint(message, "Use https, or account_key for an emulator.", id="E008")))
        if expiry is not None and expiry > MAX_DELEGATION_SECS:
            longest = dt.timedelta(seconds=MAX_DELEGATION_SECS).days
            message = f"expiration_secs is {expiry}, but an identity signs URLs for {longest} days at most"
            found.append(
                (
                    ("expiration_secs",),
                    complaint(message, f"At most '{longest}d', or sign with account_key.", id="E012"),
                )
            )
    access = shared_access.parse(how.sas_token.get_secret_value()) if isinstance(how, SasToken) else None
    if access is not None and access.https_only and not secure:
        message = "the SAS is good for https only (spr=https), and the endpoint is http"
        found.append(((how.option,), complaint(message, "Use https, or a SAS with spr=https,http.", id="E008")))
    if options.sas_token_in_urls and "sas_token_in_urls" not in wrong:
        if access is None:
            message = f"sas_token_in_urls is set, but {how.option} authenticates, not a SAS"
            found.append((("sas_token_in_urls",), complaint(message, "Leave it out.", id="E008")))
        elif not access.is_read_only:
            message = "sas_token_in_urls is set, but the SAS allows more than reading, or does not tell what it allows"
            hint = "Everybody who sees a URL could use it. Create one with sp=r or sp=rl."
            found.append((("sas_token_in_urls",), complaint(message, hint, id="E008")))
    elif expiry is not None and isinstance(how, SasToken | Anonymous):
        message = f"expiration_secs asks for signed URLs, which {how.option} cannot sign"
        hint = "Leave expiration_secs out, or authenticate with account_key or an identity"
        hint += "; or set sas_token_in_urls if the SAS is read-only." if access is not None else "."
        found.append((("expiration_secs",), complaint(message, hint, id="E012")))
    return found


def _does_without_name(options: AzureFields) -> bool:
    """Keys and identities sign URLs with the account's name; a SAS and anonymous reading only need to know where."""
    string = parsed(options)
    if string is not None:
        return string.account_key is None and string.blob_endpoint is not None
    won = winner(options)
    cannot_sign = won == "sas_token" or (won == "credential" and options.credential == "anonymous")
    return options.account_url is not None and cannot_sign


def _account_in(url: str) -> str | None:
    """Return the account that an endpoint names: in the host before ``.blob.``, or in the path of an emulator's."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    label, _, rest = host.partition(".")
    if rest.startswith("blob.") or ".blob." in rest:
        return label.removesuffix("-secondary")
    # An emulator is reached by address or by a bare name (localhost, azurite); elsewhere a path means something else.
    if "." not in host or host.replace(".", "").isdigit():
        return parts.path.strip("/").partition("/")[0] or None
    return None
