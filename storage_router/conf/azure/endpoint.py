"""The blob service's endpoint: its URL, and whether all options agree on the account (O2, O6)."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, unquote, urlsplit

from storage_router.conf.problems import invalid, quoted

EMULATOR_ACCOUNT = "devstoreaccount1"
"""The emulator's public account."""

_HOST = r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)*[^\W_](?:[\w-]{0,61}[^\W_])?\.?"

# The forms in which Azure itself publishes a host:
# https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-endpoints (standard, zones),
# https://learn.microsoft.com/azure/storage/common/network-routing-preference (…-internetrouting).
_AZURE_HOST = (
    r"(?P<account>[a-z0-9]{3,24})(?:-[a-z0-9]+)*(?P<zone>\.z\d+)?(?:\.privatelink)?"
    r"\.(?P<service>blob|dfs|web|file|queue|table)\.(?P<suffix>.+)"
)
_AZURE_SUFFIX = r"core\.[a-z0-9.-]+|storage\.azure\.net"

ZONES = {"storage.azure.net": "core.windows.net"}
"""The suffix of accounts in a DNS zone, and that of the cloud's other accounts, which the Azure CLI writes into the
connection string of any account. Zones of other clouds are not published."""


def url_parts(value: str) -> SplitResult | None:
    """Return the parts of an http or https URL with a legal host and neither query, fragment, user nor ``..``."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    if re.search(r'[\s\\\x00-\x1f?#"<>{}|^`]', value) or not (":" in host or re.fullmatch(_HOST, host)):
        return None
    if host in ("http", "https"):
        # Such as in https://https://acme.example.
        return None
    return None if {".", ".."} & set(unquote(parts.path).replace("\\", "/").split("/")) else parts


def _shown(value: str) -> str:
    """Return ``value`` for a message; what follows a ``?``, or precedes an ``@``, may be a secret."""
    return "the value" if set("?@#;") & set(value) else quoted(value)


def account_url(value: str, what: str = "") -> str:
    """The blob service's URL, without a slash at its end: an account's, never a container's (O6)."""
    what, parts = what or _shown(value), url_parts(value)
    if parts is None:
        raise invalid(
            f"{what} is not the URL of a blob service",
            "It looks like https://acmefiles.blob.core.windows.net; no query: a SAS belongs into sas_token, or into "
            "the SharedAccessSignature of a connection string.",
        )
    host, path = (parts.hostname or "").rstrip("."), parts.path.strip("/")
    service, suffix = found.group("service", "suffix") if (found := re.fullmatch(_AZURE_HOST, host)) else ("", "")
    if service not in ("", "blob") and re.fullmatch(_AZURE_SUFFIX, suffix):
        # Static websites have a zone even where the account's other services have none.
        zone = "" if suffix in ZONES else r"(?:\.z\d+)?"
        blob = re.sub(rf"{zone}\.{service}\.", ".blob.", host)
        message = f"{what} is the endpoint of another service: {service}"
        raise invalid(message, f"The blob service is at {parts.scheme}://{blob}.")
    if path and (service == "blob" or ("/" in path and named_by(f"//{host}/{path}")[0])):
        hint = "azure_container names the container, and location a directory in it."
        raise invalid(f"{what} has more in its path than an account's endpoint", hint)
    # A port that says what the scheme says would make another host of it.
    port = ":443" if parts.scheme == "https" else ":80"
    return _normalized(parts._replace(netloc=parts.netloc.removesuffix(port)))


def custom_domain(value: str) -> str:
    """A host, or a full URL with or without a path; without a slash at its end."""
    parts = url_parts(value if "://" in value else f"https://{value}")
    if parts is None:
        raise invalid(
            f"{_shown(value)} is neither a host nor a URL",
            "For example 'cdn.acme.example' or 'https://www.acme.example/files'.",
        )
    return _normalized(parts) if "://" in value else value.rstrip("/")


def _normalized(parts: SplitResult) -> str:
    """Return a URL with scheme and host in lower case and no slash at its end."""
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path}".rstrip("/")


def endpoint_suffix(value: str, what: str = "") -> str:
    """What follows ``<account>.blob.`` in the endpoint's host."""
    suffix = value.strip(".").lower()
    parts = url_parts(f"https://account.blob.{suffix}")
    if (
        not suffix
        or parts is None
        or parts.path
        or re.search(r"(?:^|\.)(?:blob|dfs)\.|^(?:z\d+|privatelink)\.", suffix)
    ):
        hint = (
            "For example 'core.windows.net' or 'core.chinacloudapi.cn'; '<account>.blob.' is put in front of it. "
            "Accounts in a DNS zone, and private links, have an account_url."
        )
        raise invalid(f"{what or _shown(value)} is not the end of a host name", hint)
    return suffix


def stays_here(url: str) -> bool:
    """Return whether requests to ``url`` do not leave this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def named_by(url: str) -> tuple[str | None, str | None]:
    """Return the account and the suffix that an endpoint names: in a host of Azure's own form, or an emulator's path.

    Other hosts (private endpoints, proxies, DNS names of one's own) may stand for any account.
    """
    parts = urlsplit(url)
    found = re.fullmatch(_AZURE_HOST, parts.netloc.rstrip("."))
    if found is not None and found["service"] == "blob":
        suffix = found["suffix"]
        return found["account"], suffix if not found["zone"] or suffix in ZONES else None
    if _is_emulator(parts.hostname or ""):
        name = parts.path.strip("/").partition("/")[0]
        return name if name.isascii() and name.isalnum() else None, None
    return None, None


def lacks_account(url: str, account: str) -> bool:
    """Return whether an endpoint is an emulator's, and does not name the account.

    The emulator's own account and this machine tell it; what is elsewhere may be a proxy of an account in Azure.
    """
    return not urlsplit(url).path and named_by(url)[0] is None and (account == EMULATOR_ACCOUNT or stays_here(url))


def _is_emulator(host: str) -> bool:
    """Return whether the path names the account: emulators are reached by address or bare name (localhost, azurite)."""
    return "." not in host or host.replace(".", "").isdigit() or host.endswith(".localhost")
