"""The REST API of Blob Storage: requests, headers and XML, in terms of this package.

https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import uuid
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote, urlencode

from storage_router.exceptions import BlobError
from storage_router.files import Directory, FileSettings, FileStat
from storage_router.names import file_of

from .errors import OVERWRITE_REFUSED

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from azure.core.rest import HttpResponse

METADATA = "x-ms-meta-"
"""What the headers of metadata begin with."""

SAVE_MARKER = "storage_router_save"
"""Metadata key that each conditional write sets to a value of its own, so that a retry recognises the blob that it made
itself. It is not shown as metadata."""

LISTS_FROM = "2026-02-06"
"""The version of the API from which on listings can start at a name."""

_HEADERS = {
    "Creation-Time": "x-ms-creation-time",
    "AccessTier": "x-ms-access-tier",
    "AccessTierInferred": "x-ms-access-tier-inferred",
    "TagCount": "x-ms-tag-count",
}
"""Elements of listings that are not called as the header of the same meaning."""

_MONTHS = {"Jan": "01", "Feb": "02", "Mar": "03", "Apr": "04", "May": "05", "Jun": "06"}
_MONTHS |= {"Jul": "07", "Aug": "08", "Sep": "09", "Oct": "10", "Nov": "11", "Dec": "12"}


def parsed(answer: HttpResponse, root: str) -> Element:
    """Return the XML of an answer, whose outermost element must be ``root``. Raises ``DecodeError``."""
    from xml.etree import ElementTree as ET

    from azure.core.exceptions import DecodeError

    try:
        tree = ET.fromstring(answer.content)  # noqa: S314 - the service's own answer
        reason = f"it is <{tree.tag}>"
    except (ET.ParseError, ValueError) as error:
        tree, reason = None, str(error)
    if tree is None or tree.tag != root:
        raise DecodeError(f"The answer is no <{root}>: {reason}.")
    return tree


def misunderstood(error: Exception) -> BlobError:
    """Return what to raise for ``error``, which a missing or malformed part of an answer has caused."""
    return BlobError(
        f"The answer cannot be understood ({type(error).__name__}: {error}). Something between here and Azure "
        "removes or changes parts of answers."
    )


# Conditions and settings, as headers


def unchanged(etag: str | None) -> dict[str, str]:
    """Return the header for "only if the blob still has this ETag"; none for None."""
    return {} if etag is None else {"If-Match": etag}


class Write(NamedTuple):
    """The conditions of one write, and the marker that it leaves in the blob's metadata: ``save_id``, or a random one.

    With ``overwrite`` there are neither: done twice, it does the same twice. Otherwise the name must be free
    (``BlobExistsError``), or, with ``if_match``, the blob must still have that ETag (``BlobChangedError``). A write
    that was delivered twice, because its answer was lost or something on the way repeats requests, then fails by its
    own success, which the marker shows.
    """

    overwrite: bool = False
    if_match: str | None = None
    save_id: str | None = None

    @property
    def creates(self) -> bool:
        return not self.overwrite and self.if_match is None

    @property
    def conditions(self) -> dict[str, str]:
        return {"If-None-Match": "*"} if self.creates else unchanged(self.if_match)

    def marker(self) -> str | None:
        return self.save_id or (uuid.uuid4().hex if self.conditions else None)

    def may_have_caused(self, error: Exception) -> bool:
        """Whether ``error`` may be a conflict of the write with itself, or hide that it was done."""
        status = getattr(error, "status_code", None)
        conflict = status in (409, 412) or getattr(error, "error_code", None) == OVERWRITE_REFUSED
        # An answer without content, or one that leads elsewhere, is none to a write, which may have been done.
        return bool(self.conditions) and (conflict or (status is not None and status < 400))


NEW = Write()


def stored_with(settings: FileSettings, marker: str | None = None) -> dict[str, str]:
    """Return the headers for what is stored besides the bytes; ``marker`` goes to the metadata.

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
    found = {key: value for key, value in given.items() if value}
    if settings.metadata:
        # Servers strip the blanks around a header's value before they check the signature.
        found |= {METADATA + key.strip(): value.strip() for key, value in _without_marker(settings.metadata).items()}
    if marker:
        found[METADATA + SAVE_MARKER] = marker
    return found


# What answers say of a blob


def stat(name: str, headers: Mapping[str, str], *, size: int | None = None) -> FileStat:
    """Return what the headers of an answer say of a blob; ``size`` where they are about a part of it."""
    metadata = {key[len(METADATA) :]: headers[key] for key in headers if key.lower().startswith(METADATA)}
    return _stat(name, {key.lower(): value for key, value in headers.items()}, metadata, size)


def _stat(name: str, headers: Mapping[str, str], metadata: Mapping[str, str], size: int | None = None) -> FileStat:
    created = headers.get("x-ms-creation-time")
    # For a part, Content-MD5 would be that of the part.
    md5 = headers.get("content-md5" if size is None else "x-ms-blob-content-md5")
    try:
        return FileStat(
            name=file_of(name),
            size=int(headers["content-length"]) if size is None else size,
            etag=quoted(headers["etag"]),
            modified=moment(headers["last-modified"]),
            created=moment(created) if created else None,
            content_type=headers.get("content-type"),
            content_encoding=headers.get("content-encoding"),
            content_language=headers.get("content-language"),
            content_disposition=headers.get("content-disposition"),
            cache_control=headers.get("cache-control"),
            content_md5=base64.b64decode(md5) if md5 else None,
            metadata=_without_marker(metadata),
            access_tier=None if headers.get("x-ms-access-tier-inferred") == "true" else headers.get("x-ms-access-tier"),
            tag_count=int(headers.get("x-ms-tag-count", 0)),
            save_id=next((value for key, value in metadata.items() if key.lower() == SAVE_MARKER), None),
        )
    except (KeyError, ValueError) as error:
        raise misunderstood(error) from None


def size_in(headers: Mapping[str, str]) -> int:
    """Return the size, in bytes, of the blob that an answer has a part of."""
    try:
        return int(headers["Content-Range"].rpartition("/")[2])
    except (KeyError, ValueError) as error:
        raise misunderstood(error) from None


def written(name: str, size: int, headers: Mapping[str, str], marker: str | None) -> FileStat:
    """Return what is known of a blob of ``size`` bytes from the answer to a write.

    The blob is stored: an answer whose ETag or date was lost on the way is no error.
    """
    etag, modified = "", dt.datetime.now(dt.UTC)
    with contextlib.suppress(KeyError, ValueError):
        etag = quoted(headers["ETag"])
        modified = moment(headers["Last-Modified"])
    return FileStat(name=file_of(name), size=size, etag=etag, modified=modified, save_id=marker)


def _without_marker(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return ``metadata`` without the marker, in whatever case a server on the way writes it."""
    return {key: value for key, value in metadata.items() if key.lower() != SAVE_MARKER}


@lru_cache(16)  # a blob that was stored once was created and modified at the same time
def moment(text: str) -> dt.datetime:
    """Return the time of an HTTP date, such as ``Fri, 20 Nov 2026 12:00:00 GMT``; 30 times as fast as strptime."""
    _, day, month, year, time, _ = text.split(" ")
    return dt.datetime.fromisoformat(f"{year}-{_MONTHS[month]}-{day}T{time}Z")


def quoted(etag: str) -> str:
    """Return an ETag as the header has it; listings leave the quotes out.

    Azure's are strong. Proxies mark them as weak, and a weak one never meets a condition.
    """
    etag = etag.removeprefix("W/")
    if not etag:
        raise ValueError("there is no ETag")
    return etag if etag.endswith('"') else f'"{etag}"'


def tags_in(answer: HttpResponse) -> dict[str, str]:
    return {tag.findtext("Key") or "": tag.findtext("Value") or "" for tag in parsed(answer, "Tags").iter("Tag")}


# Listings


def next_marker(tree: Element, marker: str) -> str | None:
    """Return the marker of the page after the one that ``marker`` led to; None after the last one."""
    following = tree.findtext("NextMarker") or None
    if following is not None and following == marker:
        raise misunderstood(ValueError("the next page of a listing is the same page"))
    return following


def entries(pages: Iterable[Element]) -> Iterator[FileStat | Directory]:
    """Yield what is on the pages of a listing. No directory comes twice.

    With Data Lake, a directory is listed as a stub ("photos") and, unless it is empty, as a prefix ("photos/"), on
    the same page or on a later one. Prefixes are taken first, so only stubs are remembered beyond their page.
    https://learn.microsoft.com/rest/api/storageservices/list-blobs
    """
    stubs: set[str] = set()
    for page in pages:
        prefixes = {_name(prefix).removesuffix("/"): None for prefix in page.iterfind("Blobs/BlobPrefix")}
        for name in prefixes:
            if name not in stubs:
                yield Directory(name=name)
            stubs.discard(name)
        for blob in page.iterfind("Blobs/Blob"):
            name = _name(blob)
            metadata = {item.tag: item.text or "" for item in _children(blob, "Metadata")}
            if metadata.get("hdi_isfolder") != "true":
                properties = {
                    _HEADERS.get(item.tag) or item.tag.lower(): item.text
                    for item in _children(blob, "Properties")
                    if item.text
                }
                yield _stat(name, properties, metadata)
            elif name not in prefixes:
                stubs.add(name)
                yield Directory(name=name)
        # Before the next page is made, or both are in memory.
        del page


def _children(entry: Element, tag: str) -> Iterable[Element]:
    # Much faster than iterfind() with a path, for each file of a listing.
    found = entry.find(tag)
    return () if found is None else found


def _name(entry: Element) -> str:
    """Return the name of a blob or a prefix; characters that XML does not know come percent-encoded."""
    element = entry.find("Name")
    text = element.text if element is not None else None
    if element is None or not text:
        raise misunderstood(ValueError(f"<{entry.tag}> without <Name>"))
    return unquote(text) if element.get("Encoded") == "true" else text
