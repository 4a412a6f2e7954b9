"""The blob service's endpoint: connection strings, URLs, and whether all options agree on the account (O2, O6).

Connection strings: https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

from storage_router.conf.problems import Errors, invalid, suggestion

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
        *(f"{service}Endpoint" for service in (*_SERVICES, "Dfs", "Web")),
    )
}

_HOST = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)*[^\W_](?:[\w-]{0,61}[^\W_])?\.?")

# The forms in which Azure itself publishes a host:
# https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-endpoints (standard, zones),
# https://learn.microsoft.com/azure/storage/common/network-routing-preference (…routing); the SDK knows the others.
_AZURE_HOST = re.compile(
    r"(?P<account>[a-z0-9]{3,24})(?:-(?:secondary|ipv6|dualstack|internetrouting|microsoftrouting))*"
    r"(?P<zone>\.z\d+)?(?:\.privatelink)?\.(?P<service>blob|dfs|web|file|queue|table)\.(?P<suffix>.+)"
)
_AZURE_SUFFIX = re.compile(r"core\.[a-z0-9.-]+|storage\.azure\.net")
_SERVICE_IN_SUFFIX = re.compile(r"(?:.*\.)?(?:blob|dfs|web|file|queue|table)\.(?P<rest>.+)")

_ZONES = {"storage.azure.net": "core.windows.net"}
"""The suffix of accounts in a DNS zone, and that of the cloud's other accounts, which the Azure CLI writes into the
connection string of any account. Zones of other clouds are not published."""


class ConnectionString(SecretStr):
    """A connection string, parsed once. An attribute is None where the string does not have it.

    ``scheme`` is that of the blob service. Raises an error that names the key at fault, and never a value.
    """

    account_name: str | None = None
    account_key: SecretStr | None = None
    sas_token: SecretStr | None = None
    blob_endpoint: str | None = None
    endpoint_suffix: str | None = None
    scheme: Literal["http", "https"] | None = None

    def __init__(self, text: str) -> None:
        super().__init__(text)
        pairs = _pairs(text)
        if "usedevelopmentstorage" in pairs:
            if pairs != {"usedevelopmentstorage": "true"}:
                hint = "The emulator's account, key and address are fixed; at another address it is a BlobEndpoint."
                raise invalid("UseDevelopmentStorage=true must be all of the connection string", hint, id="E008")
            self.account_name, self.account_key = EMULATOR_ACCOUNT, SecretStr(EMULATOR_KEY)
            self.blob_endpoint, self.scheme = f"http://127.0.0.1:10000/{EMULATOR_ACCOUNT}", "http"
            return
        self.account_name = pairs.get("accountname")
        key, sas = pairs.get("accountkey"), pairs.get("sharedaccesssignature")
        self.account_key = SecretStr(key) if key else None
        self.sas_token = SecretStr(sas.removeprefix("?")) if sas else None
        self.scheme = _protocol(pairs.get("defaultendpointsprotocol"))
        if "blobendpoint" in pairs:
            self.blob_endpoint = account_url(pairs["blobendpoint"], "BlobEndpoint of the connection string")
            # Azurite's own string may name another protocol for the other services.
            self.scheme = _scheme_of(self.blob_endpoint)
        if "endpointsuffix" in pairs:
            self.endpoint_suffix = endpoint_suffix(pairs["endpointsuffix"], "EndpointSuffix of the connection string")
        if not key and not sas:
            raise invalid(
                "the connection string has neither AccountKey nor SharedAccessSignature",
                "Copy it whole from the portal ('Access keys'); for identities set account_name and credential "
                "instead.",
                id="E011",
            )
        if not self.account_name and (key or self.blob_endpoint is None):
            raise invalid("the connection string has no AccountName", "Copy it whole from the portal.", id="E011")


def _pairs(text: str) -> dict[str, str]:
    """Return the pairs with lower-case keys, as Azure's own clients compare them, without those that have no value."""
    pairs: dict[str, str] = {}
    for pair in filter(None, map(str.strip, text.strip().split(";"))):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals:
            raise invalid(
                "the connection string has a part without '='",
                "It is made of pairs, such as 'AccountName=acmefiles;AccountKey=...'. Quotes belong to the shell.",
            )
        if key.lower() not in _KEYS:
            # The key itself may be a piece of a secret that was cut in two.
            raise invalid("the connection string has a key that Azure does not know", suggestion(key, _KEYS.values()))
        if key.lower() in pairs:
            raise invalid(f"the connection string has {_KEYS[key.lower()]} twice", "Remove one of them.")
        if value:
            pairs[key.lower()] = value
    if not pairs:
        raise invalid("the connection string is empty", "Copy it whole from the portal, or leave the option out.")
    return pairs


def _protocol(value: str | None) -> Literal["http", "https"] | None:
    match value.lower() if value is not None else None:
        case None | "http" | "https" as known:
            return known
    raise invalid("DefaultEndpointsProtocol must be https or http in the connection string")


def _scheme_of(url: str) -> Literal["http", "https"]:
    return "https" if url.startswith("https:") else "http"


def url_parts(value: str) -> SplitResult | None:
    """Return the parts of an http or https URL with a legal host and neither query, fragment, user nor ``..``."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    if re.search(r"[\s\\\x00-\x1f?#]", value) or not (":" in host or _HOST.fullmatch(host)):
        return None
    if host in ("http", "https"):
        # Such as in https://https://acme.example.
        return None
    return None if {".", ".."} & set(unquote(parts.path).replace("\\", "/").split("/")) else parts


def account_url(value: str, what: str = "the value") -> str:
    """The blob service's URL, without a slash at its end: an account's, never a container's (O6)."""
    parts = url_parts(value)
    if parts is None:
        raise invalid(
            f"{what} is not the URL of a blob service",
            "It looks like https://acmefiles.blob.core.windows.net; no query: a SAS belongs into sas_token, or into "
            "the SharedAccessSignature of a connection string.",
        )
    host, path = (parts.hostname or "").rstrip("."), parts.path.strip("/")
    if (azure := _AZURE_HOST.fullmatch(host)) is not None:
        if azure["service"] != "blob" and _AZURE_SUFFIX.fullmatch(azure["suffix"]):
            raise invalid(
                f"{what} is the endpoint of another service: {azure['service']}",
                f"The blob service is at {parts.scheme}://{host.replace('.' + azure['service'] + '.', '.blob.')}.",
            )
        if azure["service"] == "blob" and path:
            raise invalid(f"{what} has a path, and an account's endpoint has none", _CONTAINER_HINT)
    elif "/" in path and _named_by(f"//{host}/{path}")[0]:
        raise invalid(f"{what} has more in its path than the account's name", _CONTAINER_HINT)
    # A port that says what the scheme says would make another host of it.
    port = ":443" if parts.scheme == "https" else ":80"
    return _normalized(parts._replace(netloc=parts.netloc.removesuffix(port)))


_CONTAINER_HINT = "azure_container names the container, and location a directory in it."


def custom_domain(value: str) -> str:
    """A host, or a full URL with or without a path; without a slash at its end."""
    parts = url_parts(value if "://" in value else f"https://{value}")
    if parts is None:
        raise invalid(
            "the value is neither a host nor a URL",
            "For example 'cdn.acme.example' or 'https://www.acme.example/files'.",
        )
    return _normalized(parts) if "://" in value else value.rstrip("/")


def _normalized(parts: SplitResult) -> str:
    """Return a URL with scheme and host in lower case and no slash at its end."""
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path}".rstrip("/")


def endpoint_suffix(value: str, what: str = "the value") -> str:
    """What follows ``<account>.blob.`` in the endpoint's host."""
    suffix = value.strip(".").lower()
    host, _, port = suffix.partition(":")
    if not _HOST.fullmatch(host) or (port and not port.isdigit()):
        raise invalid(
            f"{what} is not the end of a host name", "For example 'core.windows.net' or 'core.chinacloudapi.cn'."
        )
    if (service := _SERVICE_IN_SUFFIX.fullmatch(suffix)) is not None:
        raise invalid(f"{what} has the service in it, which is put in front of it", f"Write {service['rest']!r}.")
    return suffix


def stays_here(url: str) -> bool:
    """Return whether requests to ``url`` do not leave this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """The blob service's URL without a trailing slash, and the account's name where one is known."""

    url: str
    account_name: str | None

    @property
    def is_secure(self) -> bool:
        """Whether it is https."""
        return self.url.startswith("https:")


@dataclass(frozen=True, kw_only=True)
class EndpointOptions:
    """The options that say where the blob service is; None for what was not given."""

    connection_string: ConnectionString | None = None
    account_name: str | None = None
    account_url: str | None = None
    azure_ssl: bool | None = None
    endpoint_suffix: str | None = None

    def resolved(self) -> Endpoint:
        """Return the endpoint that the options mean. They must agree."""
        string = self.connection_string
        url = self.account_url or (string.blob_endpoint if string is not None else None)
        name = self.account_name or (string.account_name if string is not None else None)
        if url is not None:
            return Endpoint(url=url, account_name=name or _named_by(url)[0])
        secure = self.azure_ssl is not False
        if self.azure_ssl is None and string is not None and string.scheme is not None:
            secure = string.scheme == "https"
        suffix = (string.endpoint_suffix if string is not None else None) or self.endpoint_suffix or "core.windows.net"
        return Endpoint(url=f"{'https' if secure else 'http'}://{name}.blob.{suffix}", account_name=name)

    def contradictions(self) -> Errors:
        """Return an error for each option that names another account, scheme or suffix than the first that does."""
        found = Errors()
        first: dict[str, tuple[str, str]] = {}
        for subject, option, value in self._claims():
            if value is None:
                continue
            other, known = first.setdefault(subject, (option, value))
            if _ZONES.get(value, value) == _ZONES.get(known, known):
                continue
            message = f"{option} says {value!r}, {other} says {known!r}"
            hint = f"Remove {option}; {other} decides."
            if option == other:
                message = f"{option} names two of one kind: {known!r} and {value!r}"
                hint = "Copy the connection string again from the portal; its parts have to be of the same account."
            found.append(((option,), invalid(message, hint, id="E008")))
        return found

    def _claims(self) -> Iterator[tuple[str, str, str | None]]:
        """Yield what each option says of the endpoint, the first to be believed: subject, option, value."""
        string, option, url = self.connection_string, "account_url", self.account_url
        if string is not None:
            yield "account", "connection_string", string.account_name
            yield "scheme", "connection_string", string.scheme
            yield "suffix", "connection_string", string.endpoint_suffix
            if string.blob_endpoint is not None:
                # An account_url is compared with it as a whole.
                yield "endpoint", "connection_string", string.blob_endpoint
                yield "endpoint", "account_url", self.account_url
                option, url = "connection_string", string.blob_endpoint
        if url is not None:
            account, suffix = _named_by(url)
            yield "account", option, account
            yield "scheme", option, _scheme_of(url)
            yield "suffix", option, suffix
        yield "account", "account_name", self.account_name
        if self.azure_ssl is not None:
            yield "scheme", "azure_ssl", "https" if self.azure_ssl else "http"
        yield "suffix", "endpoint_suffix", self.endpoint_suffix


def _named_by(url: str) -> tuple[str | None, str | None]:
    """Return the account and the suffix that an endpoint names: in a host of Azure's own form, or an emulator's path.

    Other hosts (private endpoints, proxies, DNS names of one's own) may stand for any account.
    """
    parts = urlsplit(url)
    found = _AZURE_HOST.fullmatch(parts.netloc.rstrip("."))
    if found is not None and found["service"] == "blob":
        suffix = found["suffix"]
        return found["account"], suffix if not found["zone"] or suffix in _ZONES else None
    if _is_emulator(parts.hostname or ""):
        name = parts.path.strip("/").partition("/")[0]
        return name if name.isascii() and name.isalnum() else None, None
    return None, None


def _is_emulator(host: str) -> bool:
    """Return whether the path names the account: emulators are reached by address or bare name (localhost, azurite)."""
    return "." not in host or host.replace(".", "").isdigit() or host.endswith(".localhost")
