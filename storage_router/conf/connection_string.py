"""A connection string, parsed into the same settings as the rest.

The format: https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

from . import azure_rules
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
    endpoint, suffix = pairs.get("blobendpoint"), pairs.get("endpointsuffix")
    scheme = _protocol(pairs.get("defaultendpointsprotocol"))
    if endpoint is not None:
        endpoint = azure_rules.account_url(endpoint, "BlobEndpoint of the connection string")
        # The endpoint that is used decides; Azurite's own string may name another protocol for the other services.
        scheme = _scheme_of(endpoint)
    if suffix is not None:
        suffix = azure_rules.endpoint_suffix(suffix, "EndpointSuffix of the connection string")
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
        endpoint_suffix=suffix,
        scheme=scheme,
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
    proxy = azure_rules.url_parts(pairs.get("developmentstorageproxyuri", "http://127.0.0.1"))
    if proxy is None or proxy.path.strip("/"):
        raise complaint("DevelopmentStorageProxyUri is not the URL of a host", "It looks like http://azurite.")
    # Azure's clients put the emulator's port behind the proxy's host; a port of one's own is respected here.
    address = proxy.netloc if proxy.port else f"{proxy.netloc}:10000"
    endpoint = azure_rules.account_url(f"{proxy.scheme}://{address}/{EMULATOR_ACCOUNT}")
    return ConnectionString(
        account_name=EMULATOR_ACCOUNT,
        account_key=SecretStr(EMULATOR_KEY),
        blob_endpoint=endpoint,
        scheme=_scheme_of(endpoint),
    )


def _scheme_of(url: str) -> Literal["http", "https"]:
    return "https" if url.startswith("https:") else "http"


def _protocol(value: str | None) -> Literal["http", "https"] | None:
    match value.lower() if value is not None else None:
        case None | "http" | "https" as known:
            return known
    raise complaint("DefaultEndpointsProtocol must be https or http in the connection string")
