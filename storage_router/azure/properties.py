"""What a blob has beside its bytes, in our terms and as HTTP headers."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from storage_router.exceptions import BlobError
from storage_router.files import FileSettings, FileStat

METADATA = "x-ms-meta-"
"""What the headers of metadata begin with."""

SAVE_MARKER = "storage_router_save"
"""Metadata key that each conditional write sets to a value of its own, by which a retry knows the blob that it made
itself. It is not shown as metadata."""

_RANGE = re.compile(r"bytes (\d+)-(\d+)/")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, kw_only=True)
class Directory:
    """A directory: names that begin with ``name`` and a slash, or a stub of Data Lake. No trailing slash."""

    name: str


def stored_with(settings: FileSettings, marker: str | None = None) -> dict[str, str]:
    """Return the headers for what is stored beside the bytes; ``marker`` goes to the metadata.

    https://learn.microsoft.com/rest/api/storageservices/put-blob#request-headers-all-blob-types
    """
    md5 = settings.content_md5
    given = {
        "x-ms-blob-content-type": settings.content_type,
        "x-ms-blob-content-encoding": settings.content_encoding,
        "x-ms-blob-content-language": settings.content_language,
        "x-ms-blob-content-disposition": settings.content_disposition,
        "x-ms-blob-cache-control": settings.cache_control,
        "x-ms-blob-content-md5": base64.b64encode(md5).decode() if md5 is not None else None,
        "x-ms-access-tier": settings.access_tier,
        "x-ms-tags": urlencode(settings.tags, quote_via=quote) if settings.tags else None,
    }
    # Servers take the blanks around a header's value away before they check the signature.
    metadata = {METADATA + key.strip(): value.strip() for key, value in without_marker(settings.metadata).items()}
    return {key: value for key, value in given.items() if value} | metadata | marked(marker)


def marked(marker: str | None) -> dict[str, str]:
    """Return the header of a write's marker, if it has one."""
    return {METADATA + SAVE_MARKER: marker} if marker else {}


def stat(name: str, headers: Mapping[str, str], *, size: int | None = None) -> FileStat:
    """Return what the headers of an answer say of a blob; ``size`` where they are about a part of it."""
    created = headers.get("x-ms-creation-time")
    # Of a part, Content-MD5 would be that of the part.
    md5 = headers.get("Content-MD5" if size is None else "x-ms-blob-content-md5")
    try:
        return FileStat(
            name=name,
            size=int(headers["Content-Length"]) if size is None else size,
            etag=quoted(headers["ETag"]),
            modified=moment(headers["Last-Modified"]),
            created=moment(created) if created else None,
            content_type=headers.get("Content-Type"),
            content_encoding=headers.get("Content-Encoding"),
            content_language=headers.get("Content-Language"),
            content_disposition=headers.get("Content-Disposition"),
            cache_control=headers.get("Cache-Control"),
            content_md5=base64.b64decode(md5) if md5 else None,
            metadata=metadata_of(headers),
            access_tier=headers.get("x-ms-access-tier"),
        )
    except (KeyError, ValueError) as error:
        raise misunderstood(error) from None


def size_in(headers: Mapping[str, str]) -> int:
    """Return the size, in bytes, of the blob that an answer has a part of."""
    try:
        return int(headers["Content-Range"].rpartition("/")[2])
    except (KeyError, ValueError) as error:
        raise misunderstood(error) from None


def require_whole(headers: Mapping[str, str], body: bytes) -> None:
    """Raise ``ValueError`` for a part that is shorter than it says, as from a proxy that stored half an answer."""
    if found := _RANGE.match(headers.get("Content-Range", "")):
        expected = int(found[2]) - int(found[1]) + 1
        if expected != len(body):
            raise ValueError(f"The answer holds {len(body)} bytes and announces {expected}.")


def written(name: str, size: int, headers: Mapping[str, str]) -> FileStat:
    """Return what is known of a blob of ``size`` bytes by the answer to a write.

    The blob is stored: an answer whose ETag or date was lost on the way is no error.
    """
    modified = dt.datetime.now(dt.UTC)
    with contextlib.suppress(KeyError, ValueError):
        modified = moment(headers["Last-Modified"])
    return FileStat(name=name, size=size, etag=quoted(headers.get("ETag", "")), modified=modified)


def misunderstood(error: Exception) -> BlobError:
    """Return what to raise for ``error``, which a missing or malformed part of an answer has caused."""
    return BlobError(
        f"The answer cannot be understood ({type(error).__name__}: {error}). Something between here and Azure "
        "takes headers away or changes them."
    )


def metadata_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the metadata that the headers of an answer tell, without the marker."""
    found = {key[len(METADATA) :]: value for key, value in headers.items() if key.lower().startswith(METADATA)}
    return without_marker(found)


def without_marker(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return ``metadata`` without the marker, however a server on the way spells it."""
    return {key: value for key, value in metadata.items() if key.lower() != SAVE_MARKER}


def moment(text: str) -> dt.datetime:
    """Return the moment of an HTTP date, such as ``Fri, 20 Nov 2026 12:00:00 GMT``; ten times as fast as strptime."""
    _, day, month, year, time, _ = text.split(" ")
    hour, minute, second = time.split(":")
    clock = int(hour), int(minute), int(second)
    return dt.datetime(int(year), _MONTHS.index(month) + 1, int(day), *clock, tzinfo=dt.UTC)


def quoted(etag: str) -> str:
    """Return an ETag as the header has it; listings leave the quotes out."""
    return etag if etag.endswith('"') else f'"{etag}"'
