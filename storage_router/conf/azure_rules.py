"""Azure's rules for what a configuration names: accounts, containers, hosts, credentials; before any request (O3).

Sources: https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata,
https://learn.microsoft.com/azure/storage/common/storage-account-overview (account names).
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import inspect
import ipaddress
import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from storage_router import names
from storage_router.exceptions import InvalidNameError

from .report import complaint, shown

_ACCOUNT = re.compile(r"\A[a-z0-9]{3,24}\Z")
_ACCOUNT_URL = re.compile(r"\A(?:https?://)?(?P<name>[a-z0-9]{3,24})\.(?:blob|dfs|z\d+)\.|\Ahttps?://", re.IGNORECASE)
_CONTAINER = re.compile(r"\A(?=.{3,63}\Z)[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_SPECIAL_CONTAINERS = ("$root", "$web", "$logs")
_HOST = re.compile(r"\A(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)*[^\W_](?:[\w-]{0,61}[^\W_])?\.?\Z")
_VERSION = re.compile(r"\A\d{4}-\d{2}-\d{2}\Z")
_UUID = re.compile(r"\A[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_DOTTED = re.compile(r"\A[^\W\d]\w*(?:[.:][^\W\d]\w*)+\Z")

LONGEST_EXPIRY = 10**10
"""Seconds that a signed URL may live, some 300 years: a date in a URL ends with the year 9999."""

OLDEST_API_VERSION = "2019-02-02"
"""The oldest of the versions that azure-storage-blob takes. It refuses all that are not in its list, which grows with
every release: whether the installed one knows a newer version shows when its client is built."""


def account_name(value: str) -> str:
    """3 to 24 lower-case letters and digits."""
    if not _ACCOUNT.match(value):
        hint = "An account's name has 3 to 24 characters, lower-case letters and digits only."
        if (url := _ACCOUNT_URL.match(value)) is not None:
            name = f"Give {url['name'].lower()!r} alone" if url["name"] else "Give the account's name alone"
            hint = f"{name}; a URL goes to account_url."
        # What is pasted as a URL may end in a SAS.
        raise complaint(f"{shown(value.partition('?')[0]) or 'the value'} is not the name of a storage account", hint)
    return value


def container_name(value: str) -> str:
    """3 to 63 lower-case letters, digits and single dashes, or one of Azure's own containers."""
    if value not in _SPECIAL_CONTAINERS and not _CONTAINER.match(value):
        raise complaint(
            f"{shown(value) or 'the value'} is not the name of a container",
            "A container's name has 3 to 63 characters: lower-case letters, digits and single dashes, neither first "
            "nor last; or it is $root, $web or $logs.",
        )
    return value


def account_key(value: SecretStr) -> SecretStr:
    """Base64, as the portal shows it."""
    text = value.get_secret_value().strip()
    try:
        good = bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        good = False
    if not good:
        raise complaint("the key is not base64", "Copy 'key1' or 'key2' whole from the portal ('Access keys').")
    return SecretStr(text)


def location(value: str) -> str:
    """A directory inside the container, without slashes at its ends."""
    try:
        cleaned = names.clean_directory(value.replace("\\", "/").strip("/"))
        if cleaned:
            names.check_blob_name(f"{cleaned}/x")
    except InvalidNameError:
        raise complaint(
            f"{shown(value) or 'the value'} is no directory in a container",
            "For example 'media' or 'sites/acme'; without empty, '.' or '..' segments, and none that ends in a dot.",
        ) from None
    return cleaned


def url_parts(value: str) -> SplitResult | None:
    """Return the parts of an http or https URL with a legal host and neither query, fragment nor user; else None."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username:
        return None
    if re.search(r"[\s\\\x00-\x1f?#]", value) or not (":" in host or _HOST.match(host)):
        return None
    return parts


def account_url(value: str, what: str = "the value") -> str:
    """The blob service's URL, without a slash at its end."""
    parts = url_parts(value)
    if parts is None:
        raise complaint(
            f"{what} is not the URL of a blob service",
            "It looks like https://acmefiles.blob.core.windows.net; no query: a SAS belongs into sas_token, or into "
            "the SharedAccessSignature of a connection string.",
        )
    # A port that says what the scheme says would make another host of it.
    port = ":443" if parts.scheme == "https" else ":80"
    return _spelt(parts._replace(netloc=parts.netloc.removesuffix(port)))


def custom_domain(value: str) -> str:
    """A host, or a full URL with or without a path; without a slash at its end."""
    parts = url_parts(value if "://" in value else f"https://{value}")
    if parts is None:
        raise complaint(
            "the value is neither a host nor a URL",
            "For example 'cdn.acme.example' or 'https://www.acme.example/files'.",
        )
    return _spelt(parts) if "://" in value else value.rstrip("/")


def _spelt(parts: SplitResult) -> str:
    """Return a URL in its one spelling: schemes and hosts mean the same in capitals."""
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path}".rstrip("/")


def endpoint_suffix(value: str, what: str = "the value") -> str:
    """What follows ``<account>.blob.`` in the endpoint's host."""
    host, _, port = value.strip(".").partition(":")
    if not _HOST.match(host) or (port and not port.isdigit()):
        raise complaint(
            f"{what} is not the end of a host name", "For example 'core.windows.net' or 'core.chinacloudapi.cn'."
        )
    return value.strip(".").lower()


def api_version(value: str) -> str:
    """A date, as Azure numbers its REST versions."""
    try:
        good = bool(_VERSION.match(value)) and bool(dt.date.fromisoformat(value))
    except ValueError:
        good = False
    if not good:
        raise complaint(
            f"{shown(value) or 'the value'} is not a version of the REST API", "It is a date: '2025-11-05'."
        )
    if value < OLDEST_API_VERSION:
        raise complaint(
            f"{value!r} is a version of the REST API that azure-storage-blob does not know",
            f"The oldest is '{OLDEST_API_VERSION}'. Leave api_version out for the newest.",
        )
    return value


def iso_date(value: Any) -> Any:
    """TOML and YAML read an unquoted date as a date."""
    return value.isoformat() if type(value) is dt.date else value


def client_id(value: str) -> str:
    """The client id of a user-assigned identity: a UUID."""
    if not _UUID.match(value):
        raise complaint(
            "the value is not a client id",
            "It is a UUID: '01234567-89ab-cdef-0123-456789abcdef', on the identity's overview page in the portal.",
        )
    return value


def token_credential(value: Any) -> Any:
    """An object with ``get_token``, a callable that returns one, or the dotted path of either (not imported here)."""
    if isinstance(value, str):
        if not _DOTTED.match(value):
            raise complaint(
                "the value is not a dotted path",
                "For example 'acme.identity.make_credential'; for azure-identity's own set credential = 'default'.",
            )
    elif value is not None and not hasattr(value, "get_token") and not callable(value):
        raise complaint(
            f"the value ({type(value).__name__}) is not a credential",
            "Give an object with get_token(), a callable that returns one, or the dotted path of either.",
        )
    elif is_asynchronous(value):
        raise complaint(
            "the credential is asynchronous, and storages are not",
            "Give the one of the same name of azure.identity, not of azure.identity.aio.",
        )
    return value


def is_asynchronous(credential: Any) -> bool:
    """Return whether a credential, or a class of them, gives tokens to those who await them only."""
    return inspect.iscoroutinefunction(getattr(credential, "get_token", None))


def stays_here(url: str) -> bool:
    """Return whether requests to ``url`` do not leave this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
