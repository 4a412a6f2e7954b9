"""Azure's rules for single options: names, keys, headers, metadata and tags (O3).

Sources: https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata,
https://learn.microsoft.com/azure/storage/common/storage-account-overview (account names),
https://learn.microsoft.com/rest/api/storageservices/set-blob-tags (tags).
"""

from __future__ import annotations

import base64
import datetime as dt
import inspect
import re
from typing import Any

from pydantic import SecretStr

from storage_router import names
from storage_router.conf.problems import invalid, quoted
from storage_router.conf.units import Form, refuse_quotes
from storage_router.exceptions import InvalidNameError

LONGEST_EXPIRY = 10**10
"""Seconds that a signed URL may live, some 300 years: a date in a URL ends with the year 9999."""

CREDENTIAL_CLASSES = {
    "DefaultAzureCredential": "default",
    "ManagedIdentityCredential": "managed_identity",
    "WorkloadIdentityCredential": "workload_identity",
    "EnvironmentCredential": "environment",
    "AzureCliCredential": "azure_cli",
}
"""Class of azure-identity -> its name as a value of ``credential``."""

# Compiled at their first use: a start needs few of them.
_DOTTED = r"[^\W\d]\w*(?:[.:][^\W\d]\w*)+"
_HEADER = r"(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?"
_MEDIA_TYPE = r"[\w.+-]+/[\w.+-]+\s*(?:;|\Z)"
_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"
_TAG = r"[A-Za-z0-9 +\-./:=_]*"
_METADATA_BYTES = 8 * 1024


account_name = Form(
    "[a-z0-9]{3,24}",
    "is not the name of a storage account",
    "An account's name has 3 to 24 characters, lower-case letters and digits only; a URL goes to account_url.",
)

container_name = Form(
    r"(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*|\$root|\$web|\$logs",
    "is not the name of a container",
    "A container's name has 3 to 63 characters: lower-case letters, digits and single dashes, neither first nor last; "
    "or it is $root, $web or $logs.",
)


client_id = Form(
    "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "is not a client id",
    "It is a UUID: '01234567-89ab-cdef-0123-456789abcdef', on the identity's overview page in the portal.",
    is_quoted=False,
)

api_version = Form(
    r"(?:2018-1[12]|(?:2019|20[2-9]\d)-(?:0\d|1[0-2]))-[0-3]\d",
    "is not a usable version of the REST API",
    "It is a date from '2018-11-09' on, such as '2025-11-05': older versions sign URLs in another way.",
)


def date_text(value: Any) -> Any:
    """A date as text: TOML and YAML read one without quotes as a date."""
    return value.isoformat() if type(value) is dt.date else value


def secret(value: SecretStr) -> SecretStr:
    """A secret as it was meant: variables that code reads by itself pass no source of the configuration."""
    text = value.get_secret_value().strip()
    refuse_quotes(text)
    if text.lower().startswith("@microsoft.keyvault"):
        hint = "App Service resolves it where its identity may read the vault; a router's configuration does so itself."
        raise invalid("the value is an unresolved Key Vault reference", hint)
    return value


def account_key(value: SecretStr) -> SecretStr:
    """Base64, as the portal shows it."""
    text = value.get_secret_value().strip()
    try:
        good = bool(base64.b64decode(text, validate=True))
    except ValueError:
        good = False
    if not good:
        raise invalid("the key is not base64", "Copy 'key1' or 'key2' whole from the portal ('Access keys').")
    return SecretStr(text)


def location(value: str) -> str:
    """A directory inside the container, without slashes at its ends."""
    try:
        cleaned = names.clean_directory(value.replace("\\", "/").strip("/"))
        if cleaned:
            names.check_blob_name(f"{cleaned}/x")
    except InvalidNameError:
        raise invalid(
            f"{quoted(value)} is not a directory in a container",
            "For example 'media' or 'sites/acme'; without empty, '.' or '..' segments, and none that ends in a dot.",
        ) from None
    return cleaned


def credential(value: Any) -> Any:
    """The name of a credential, not of its class."""
    if isinstance(value, str) and value in CREDENTIAL_CLASSES:
        raise invalid(f"{value!r} is the name of a class, not of a credential", f"Write {CREDENTIAL_CLASSES[value]!r}.")
    return value


def token_credential(value: Any) -> Any:
    """An object with ``get_token``, a callable that returns one, or the dotted path of either (not imported here)."""
    if isinstance(value, str):
        if not re.fullmatch(_DOTTED, value):
            raise invalid(
                "the value is not a dotted path",
                "For example 'acme.identity.make_credential'; for azure-identity's own set credential = 'default'.",
            )
    elif value is not None and not hasattr(value, "get_token") and not callable(value):
        raise invalid(
            f"the value ({type(value).__name__}) is not a credential",
            "Give an object with get_token(), a callable that returns one, or the dotted path of either.",
        )
    elif is_asynchronous(value):
        raise invalid(
            "the credential is asynchronous, and storages are not",
            "Give the one of the same name of azure.identity, not of azure.identity.aio.",
        )
    return value


def is_asynchronous(credential: Any) -> bool:
    """Return whether ``get_token`` of a credential, or of a class of credentials, is a coroutine function."""
    return inspect.iscoroutinefunction(getattr(credential, "get_token", None))


def header(value: str, what: str = "the value") -> str:
    """What can be sent as an HTTP header: printable ASCII, on one line, no space at its ends."""
    if not re.fullmatch(_HEADER, value):
        raise invalid(
            f"{what} cannot be sent as a header",
            "A header is one line of printable ASCII without spaces at its ends; other characters in a file name are "
            "written as filename*=UTF-8''percent%20encoded.",
        )
    return value


def media_type(value: str, what: str = "the value") -> str:
    """A content type, such as ``text/plain; charset=utf-8``."""
    if not re.match(_MEDIA_TYPE, header(value, what)):
        raise invalid(f"{quoted(value)} is not a content type", "For example 'application/octet-stream'.")
    return value


def md5(value: Any) -> bytes:
    """The 16 bytes of an MD5, or their base64."""
    try:
        raw = base64.b64decode(value, validate=True) if isinstance(value, str) else bytes(memoryview(value))
    except (TypeError, ValueError):
        raw = b""
    if len(raw) != 16:
        raise invalid("the value is not an MD5", "Give its 16 bytes, or their base64.")
    return raw


def metadata(value: dict[str, str]) -> dict[str, str]:
    """Names are C# identifiers, values are headers; 8 KiB together."""
    for key, content in value.items():
        if not re.fullmatch(_IDENTIFIER, key):
            raise invalid(
                f"{quoted(key, 'a key')} cannot be the name of metadata",
                "Azure wants a C# identifier: letters, digits and underscores, no digit first.",
            )
        header(content, f"metadata {quoted(key, '')}")
    if len({key.lower() for key in value}) < len(value):
        raise invalid("two names of metadata differ in case only", "Azure compares them without case.")
    if sum(len(key) + len(content) for key, content in value.items()) > _METADATA_BYTES:
        raise invalid("the metadata is too large", "Names and values together have at most 8 KiB.")
    return value


def tags(value: dict[str, str]) -> dict[str, str]:
    """At most ten; names of 1 to 128 and values of at most 256 characters from Azure's set."""
    allowed = (
        "At most 10 tags; names have 1 to 128 and values at most 256 characters: letters, digits, space + - . / : = _."
    )
    if len(value) > 10:
        raise invalid(f"there are {len(value)} tags", allowed)
    for key, content in value.items():
        is_legal = 1 <= len(key) <= 128 and len(content) <= 256 and re.fullmatch(_TAG, key)
        if not is_legal or not re.fullmatch(_TAG, content):
            raise invalid(f"the tag {quoted(key, '')} is not one that Azure stores", allowed)
    return value
