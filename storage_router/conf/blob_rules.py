"""Azure's rules for what is stored with a blob beside its bytes: headers, metadata, tags; before any request (O3).

Sources: https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata,
https://learn.microsoft.com/rest/api/storageservices/set-blob-tags (tags).
"""

from __future__ import annotations

import base64
import re
from typing import Any

from pydantic_core import PydanticCustomError

from .report import complaint, gathered, shown, suggestion

OBJECT_PARAMETERS = (
    "content_type",
    "content_encoding",
    "content_language",
    "content_disposition",
    "cache_control",
    "content_md5",
)

_HEADER = re.compile(r"\A(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?\Z")
_IDENTIFIER = re.compile(r"\A[A-Za-z_][A-Za-z0-9_]*\Z")
_TAG = re.compile(r"\A[A-Za-z0-9 +\-./:=_]*\Z")

_METADATA_BYTES = 8 * 1024


def header(value: str, what: str = "the value") -> str:
    """What can be sent as an HTTP header: printable ASCII, on one line, no space at its ends."""
    if not _HEADER.match(value):
        raise complaint(
            f"{what} cannot be sent as a header",
            "A header is one line of printable ASCII without spaces at its ends; other characters in a file name are "
            "written as filename*=UTF-8''percent%20encoded.",
        )
    return value


def media_type(value: str, what: str = "the value") -> str:
    """A content type, such as ``text/plain; charset=utf-8``."""
    if not re.match(r"\A[\w.+-]+/[\w.+-]+\s*(?:;|\Z)", header(value, what)):
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
    elif key == "content_type":
        media_type(content, key)
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
