"""Where the blob service is, from whichever options say so, and whether all that say something of it agree (O2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from .azure_fields import AzureFields
from .connection_string import ConnectionString, parse
from .report import Complaints, complaint

# The forms in which Azure itself publishes a host:
# https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-endpoints (standard, zones),
# https://learn.microsoft.com/azure/storage/common/network-routing-preference (…routing); the SDK knows the others.
_AZURES_HOST = re.compile(
    r"(?P<account>[a-z0-9]{3,24})(?:-(?:secondary|ipv6|dualstack|internetrouting|microsoftrouting))*"
    r"(?P<zone>\.z\d+)?(?:\.privatelink)?\.blob\.(?P<suffix>.+)"
)
_EMULATORS_PATH = re.compile(r"/([a-z0-9]+)(?:/|\Z)")

_ZONES = {"storage.azure.net": "core.windows.net"}
"""The suffix of accounts in a DNS zone, and that of the cloud's other accounts, which the Azure CLI writes into the
connection string of any account. Zones of other clouds are not published."""

_Subject = Literal["account", "scheme", "suffix"]


@dataclass(frozen=True, kw_only=True)
class _Claim:
    """What one source says of the endpoint. ``key`` is the part of ``option`` that says it, if it has parts."""

    subject: _Subject
    option: str
    value: str
    shown: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.option} {'says' if self.key else 'is'} {self.shown}"


def parsed(options: AzureFields) -> ConnectionString | None:
    """Return what the connection string says, or None without one."""
    return None if options.connection_string is None else parse(options.connection_string.get_secret_value())


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
    return _told(url)[0] if url is not None else None


def disagreements(options: AzureFields) -> Complaints:
    """Return what the sources of the endpoint say differently.

    For each of account, scheme and suffix all are compared with the first that says it, so no pair is left out.
    """
    string = parsed(options)
    found: Complaints = []
    if (
        string is not None
        and string.blob_endpoint is not None
        and options.account_url not in (None, string.blob_endpoint)
    ):
        message = f"account_url is {options.account_url!r}, connection_string says {string.blob_endpoint!r}"
        found.append((("account_url",), complaint(message, _remedy("account_url", "connection_string"), id="E008")))
    first: dict[_Subject, _Claim] = {}
    for claim in _claims(options, string):
        other = first.setdefault(claim.subject, claim)
        if claim.value == other.value:
            continue
        message = f"{claim}, {other}"
        if claim.option == other.option:
            message = f"{claim.option} contradicts itself: {other.key} says {other.shown}, {claim.key} {claim.shown}"
        found.append(((claim.option,), complaint(message, _remedy(claim.option, other.option), id="E008")))
    return found


def _claims(options: AzureFields, string: ConnectionString | None) -> Iterator[_Claim]:
    """Yield what each source says: the connection string, its own endpoint or ``account_url``, the single options."""
    said: list[tuple[_Subject, str, str, str | None]] = []
    option, key, url = "account_url", "account_url", options.account_url
    if string is not None:
        said += [
            ("account", "connection_string", "AccountName", string.account_name),
            ("scheme", "connection_string", "DefaultEndpointsProtocol", string.scheme),
            ("suffix", "connection_string", "EndpointSuffix", string.endpoint_suffix),
        ]
        if string.blob_endpoint is not None:
            # An account_url beside it has been compared with it as a whole.
            option, key, url = "connection_string", "BlobEndpoint", string.blob_endpoint
    if url is not None:
        account, suffix = _told(url)
        said += [("account", option, key, account), ("scheme", option, key, urlsplit(url).scheme)]
        said += [("suffix", option, key, suffix)]
    for subject, option, key, value in said:
        if value is not None:
            yield _claim(subject, option, value, key=key)
    if options.account_name is not None:
        yield _claim("account", "account_name", options.account_name)
    if "azure_ssl" in options.model_fields_set:
        yield _claim("scheme", "azure_ssl", "https" if options.azure_ssl else "http", shown=str(options.azure_ssl))
    if "endpoint_suffix" in options.model_fields_set:
        yield _claim("suffix", "endpoint_suffix", options.endpoint_suffix)


def _claim(subject: _Subject, option: str, value: str, *, key: str = "", shown: str = "") -> _Claim:
    shown = shown or (value if subject == "scheme" else repr(value))
    return _Claim(subject=subject, option=option, value=_ZONES.get(value, value), shown=shown, key=key)


def _remedy(wrong: str, right: str) -> str:
    if wrong == right:
        return "Copy the connection string again from the portal; its parts have to be of the same account."
    if right == "connection_string":
        return f"Leave {wrong} out, or change the connection string; it says all that is needed by itself."
    return f"Leave {wrong} out; {right} decides."


def _told(url: str) -> tuple[str | None, str | None]:
    """Return the account and the suffix that an endpoint names: in a host of Azure's own form, or an emulator's path.

    Other hosts (private endpoints, proxies, DNS names of one's own) may stand for any account.
    """
    parts = urlsplit(url)
    if (found := _AZURES_HOST.fullmatch(parts.netloc.rstrip("."))) is not None:
        suffix = found["suffix"]
        return found["account"], suffix if not found["zone"] or suffix in _ZONES else None
    host = parts.hostname or ""
    # An emulator is reached by address or by a bare name (localhost, azurite); elsewhere a path means something else.
    if "." not in host or host.replace(".", "").isdigit():
        path = _EMULATORS_PATH.match(parts.path)
        return path[1] if path else None, None
    return None, None
