"""A connection string, parsed into the same settings as the rest.

The format: https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from .report import complaint, suggestion

EMULATOR_ACCOUNT = "devstoreaccount1"
"""The emulator's public account."""

EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The emulator's public key, the same on every machine, as the page above prints it."""

_SERVICES = ("Blob", "BlobSecondary", "Queue", "QueueSecondary", "Table", "TableSecondary", "File", "FileSecondary")
_KEYS = {
    key.lower(): key
    for key in (
        "DefaultEndpointsProtocol",
        "AccountName",
        "AccountKey",
        "SharedAccessSignature",
        "EndpointSuffix",
        "UseDevelopmentStorage",
        "DevelopmentStorageProxyUri",
        *(f"{service}Endpoint" for service in _SERVICES),
        "DfsEndpoint",
        "WebEndpoint",
    )
}


@dataclass(frozen=True, kw_only=True)
class ConnectionString:
    """What a connection string says; None where it says nothing. ``scheme`` is that of the blob service."""

    account_name: str | None = None
    account_key: SecretStr | None = None
    sas_token: SecretStr | None = None
    blob_endpoint: str | None = None
    endpoint_suffix: str | None = None
    scheme: Literal["http", "https"] | None = None


def parse(text: str) -> ConnectionString:
    """Parse ``text``. Raises a complaint that names the key at fault, and never a value."""
    pairs = _pairs(text)
    if "usedevelopmentstorage" in pairs:
        return _emulator(pairs)
    if "developmentstorageproxyuri" in pairs:
        raise complaint(
            "the connection string has DevelopmentStorageProxyUri without UseDevelopmentStorage",
            "Put UseDevelopmentStorage=true in front of it.",
        )
    endpoint = pairs.get("blobendpoint", "").rstrip("/") or None
    protocol = _scheme(pairs.get("defaultendpointsprotocol"), "DefaultEndpointsProtocol must be https or http")
    if endpoint is not None:
        parts = _split(endpoint)
        _scheme(parts.scheme or "none", "BlobEndpoint must begin with https:// or http://")
        if not parts.hostname or parts.query or parts.fragment or parts.username:
            raise complaint(
                "BlobEndpoint of the connection string is not the URL of a blob service",
                "It looks like https://acmefiles.blob.core.windows.net; a SAS belongs into SharedAccessSignature.",
            )
        # The endpoint that is used decides; Azurite's own string may name another protocol for the other services.
        protocol = _scheme(parts.scheme, "")
    key, sas = pairs.get("accountkey"), pairs.get("sharedaccesssignature")
    if not key and not sas:
        raise complaint(
            "the connection string has neither AccountKey nor SharedAccessSignature",
            "Copy it whole from the portal ('Access keys'); for identities set account_name and credential instead.",
            id="E011",
        )
    if not pairs.get("accountname") and (key or endpoint is None):
        raise complaint("the connection string has no AccountName", "Copy it whole from the portal.", id="E011")
    return ConnectionString(
        account_name=pairs.get("accountname"),
        account_key=SecretStr(key) if key else None,
        sas_token=SecretStr(sas.removeprefix("?")) if sas else None,
        blob_endpoint=endpoint,
        endpoint_suffix=pairs.get("endpointsuffix"),
        scheme=protocol,
    )


def _pairs(text: str) -> dict[str, str]:
    """Return the pairs with lower-case keys, as Azure's own clients compare them, without those that have no value."""
    pairs: dict[str, str] = {}
    for pair in filter(None, map(str.strip, text.strip().split(";"))):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals:
            raise complaint(
                "the connection string has a part without '='",
                "It is made of pairs, such as 'AccountName=acmefiles;AccountKey=...'. Quotes belong to the shell.",
            )
        if key.lower() not in _KEYS:
            # The key itself may be a piece of a secret that was cut in two.
            raise complaint("the connection string has a key that Azure does not know", suggestion(key, _KEYS.values()))
        if key.lower() in pairs:
            raise complaint(f"the connection string has {_KEYS[key.lower()]} twice", "Leave one of them.")
        if value:
            pairs[key.lower()] = value
    if not pairs:
        raise complaint("the connection string is empty", "Copy it whole from the portal, or leave the option out.")
    return pairs


def _emulator(pairs: dict[str, str]) -> ConnectionString:
    if pairs["usedevelopmentstorage"].lower() != "true":
        raise complaint("UseDevelopmentStorage of the connection string can only be true", "Or leave it out.")
    if other := set(pairs) - {"usedevelopmentstorage", "developmentstorageproxyuri"}:
        names = ", ".join(sorted(_KEYS[key] for key in other))
        raise complaint(
            f"the connection string has UseDevelopmentStorage=true and {names}",
            "The emulator's account, key and address are fixed; leave out one or the other.",
            id="E008",
        )
    base = pairs.get("developmentstorageproxyuri", "http://127.0.0.1").rstrip("/")
    parts = _split(base)
    scheme = _scheme(parts.scheme or "none", "DevelopmentStorageProxyUri must begin with http:// or https://")
    if not parts.hostname or parts.path or parts.query or parts.fragment or parts.username:
        raise complaint("DevelopmentStorageProxyUri is not the URL of a host", "It looks like http://azurite.")
    # Azure's clients put the emulator's port behind the proxy's host; a port of one's own is respected here.
    address = base if parts.port else f"{base}:10000"
    return ConnectionString(
        account_name=EMULATOR_ACCOUNT,
        account_key=SecretStr(EMULATOR_KEY),
        blob_endpoint=f"{address}/{EMULATOR_ACCOUNT}",
        scheme=scheme,
    )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise complaint("the connection string has an endpoint that is not a URL") from None
    return parts


def _scheme(value: str | None, message: str) -> Literal["http", "https"] | None:
    if value is None:
        return None
    if value.lower() == "https":
        return "https"
    if value.lower() == "http":
        return "http"
    raise complaint(f"{message} in the connection string")
