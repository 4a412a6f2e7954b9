"""Azure's rules for single values, checked before the first request (O3).

Sources: https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata,
https://learn.microsoft.com/azure/storage/common/storage-account-overview (account names),
https://learn.microsoft.com/rest/api/storageservices/set-blob-tags (tags).
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr
from pydantic_core import PydanticCustomError

from storage_router import names
from storage_router.exceptions import InvalidNameError

from .report import complaint, gathered, shown, suggestion

OBJECT_PARAMETERS = (
    "content_type",
    "content_encoding",
    "content_language",
    "content_disposition",
    "cache_control",
    "content_md5",
)

_ACCOUNT = re.compile(r"\A[a-z0-9]{3,24}\Z")
_CONTAINER = re.compile(r"\A(?=.{3,63}\Z)[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_SPECIAL_CONTAINERS = ("$root", "$web", "$logs")
_HOST = re.compile(r"\A(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)*[^\W_](?:[\w-]{0,61}[^\W_])?\.?\Z")
_VERSION = re.compile(r"\A\d{4}-\d{2}-\d{2}\Z")
_UUID = re.compile(r"\A[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_HEADER = re.compile(r"\A(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?\Z")
_IDENTIFIER = re.compile(r"\A[A-Za-z_][A-Za-z0-9_]*\Z")
_TAG = re.compile(r"\A[A-Za-z0-9 +\-./:=_]*\Z")
_DOTTED = re.compile(r"\A[^\W\d]\w*(?:[.:][^\W\d]\w*)+\Z")

_METADATA_BYTES = 8 * 1024

LONGEST_EXPIRY = 10**10
"""Seconds that a signed URL may live, some 300 years: a date in a URL ends with the year 9999."""


def account_name(value: str) -> str:
    """3 to 24 lower-case letters and digits."""
    if not _ACCOUNT.match(value):
        raise complaint(
            f"{shown(value) or 'the value'} is not the name of a storage account",
            "An account's name has 3 to 24 characters, lower-case letters and digits only.",
        )
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


def account_url(value: str) -> str:
    """The blob service's URL, without a slash at its end."""
    if url_parts(value) is None:
        raise complaint(
            "the value is not the URL of a blob service",
            "It looks like https://acmefiles.blob.core.windows.net; no query: a SAS belongs into sas_token.",
        )
    return value.rstrip("/")


def custom_domain(value: str) -> str:
    """A host, or a full URL with or without a path; without a slash at its end."""
    if url_parts(value if "://" in value else f"https://{value}") is None:
        raise complaint(
            "the value is neither a host nor a URL",
            "For example 'cdn.acme.example' or 'https://www.acme.example/files'.",
        )
    return value.rstrip("/")


def endpoint_suffix(value: str) -> str:
    """What follows ``<account>.blob.`` in the endpoint's host."""
    host, _, port = value.strip(".").partition(":")
    if not _HOST.match(host) or (port and not port.isdigit()):
        raise complaint(
            "the value is not the end of a host name", "For example 'core.windows.net' or 'core.chinacloudapi.cn'."
        )
    return value.strip(".")


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
    return value


def header(value: str, what: str = "the value") -> str:
    """What can be sent as an HTTP header: printable ASCII, on one line, no space at its ends."""
    if not _HEADER.match(value):
        raise complaint(
            f"{what} cannot be sent as a header",
            "A header is one line of printable ASCII without spaces at its ends; other characters in a file name are "
            "written as filename*=UTF-8''percent%20encoded.",
        )
    return value


def media_type(value: str) -> str:
    """A content type, such as ``text/plain; charset=utf-8``."""
    if not re.match(r"\A[\w.+-]+/[\w.+-]+\s*(?:;|\Z)", header(value)):
        raise complaint(
            f"{shown(value) or 'the value'} is not a content type", "For example 'application/octet-stream'."
        )
    return value


def object_parameters(value: dict[str, Any]) -> dict[str, Any]:
    """Blob settings by name; ``content_md5`` as 16 bytes or their base64."""
    wrong = []
    for key, content in value.items():
        try:
            _object_parameter(key, content)
        except PydanticCustomError as error:
            wrong.append(error)
    if wrong:
        raise gathered("object_parameters", [((), error) for error in wrong])
    return value


def _object_parameter(key: str, content: Any) -> None:
    if key not in OBJECT_PARAMETERS:
        raise complaint(f"there is no object parameter {shown(key)}", suggestion(key, OBJECT_PARAMETERS), id="E001")
    if key == "content_md5":
        _md5(content)
    elif not isinstance(content, str):
        raise complaint(f"{key} is not a text")
    else:
        header(content, key)


def _md5(value: Any) -> None:
    try:
        raw = base64.b64decode(value, validate=True) if isinstance(value, str) else bytes(memoryview(value))
    except (TypeError, ValueError):
        raw = b""
    if len(raw) != 16:
        raise complaint("content_md5 is not an MD5", "Give its 16 bytes, or their base64.")


def metadata(value: dict[str, str]) -> dict[str, str]:
    """Names are C# identifiers, values are headers; 8 KiB together."""
    for key, content in value.items():
        if not _IDENTIFIER.match(key):
            raise complaint(
                f"{shown(key) or 'a key'} cannot be the name of metadata",
                "Azure wants a C# identifier: letters, digits and underscores, no digit first.",
            )
        header(content, f"metadata {shown(key)}")
    if len({key.lower() for key in value}) < len(value):
        raise complaint("two names of metadata differ in case only", "Azure compares them without case.")
    if sum(len(key) + len(content) for key, content in value.items()) > _METADATA_BYTES:
        raise complaint("the metadata is too large", "Names and values together have at most 8 KiB.")
    return value


def tags(value: dict[str, str]) -> dict[str, str]:
    """At most ten; names of 1 to 128 and values of at most 256 characters from Azure's set."""
    allowed = (
        "At most 10 tags; names have 1 to 128 and values at most 256 characters: letters, digits, space + - . / : = _."
    )
    if len(value) > 10:
        raise complaint(f"there are {len(value)} tags", allowed)
    for key, content in value.items():
        if not 1 <= len(key) <= 128 or len(content) > 256 or not _TAG.match(key) or not _TAG.match(content):
            raise complaint(f"the tag {shown(key)} is not one that Azure stores", allowed)
    return value
