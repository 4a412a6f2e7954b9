"""Pages of a listing, one after the other, as files and directories.

The SDK makes a tree of models of each page, which takes 0.2 ms for each blob: forty times what Azure's own answer
takes to read. So its XML is read here.
https://learn.microsoft.com/rest/api/storageservices/list-blobs says what is in it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from storage_router.files import FileStat

from .properties import Directory, misunderstood, moment, quoted, without_marker
from .sending import send

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from azure.storage.blob import BlobServiceClient


def page(service: BlobServiceClient, container_url: str, query: Mapping[str, object]) -> Element:
    """Ask for one page of a container's listing and return its XML; ``query`` beside what every listing has.

    Raises what ``send`` raises.
    """
    from azure.core.exceptions import DecodeError
    from azure.core.pipeline.policies import ContentDecodePolicy

    asked = {"restype": "container", "comp": "list", "include": "metadata", **query}
    answer = send(service, "GET", container_url, expected=200, query=asked)
    tree: Element | None = answer.context.get(ContentDecodePolicy.CONTEXT_NAME)
    if getattr(tree, "tag", None) != "EnumerationResults":
        raise DecodeError("The answer is no listing.", response=answer.http_response)
    assert tree is not None
    return tree


def entries(fetch: Callable[[str], Element]) -> Iterator[FileStat | Directory]:
    """Yield what is on the pages, which ``fetch`` gets by their markers when they are needed. No directory comes twice.

    With Data Lake, a directory is listed as a stub ("photos") and, unless it is empty, as a prefix ("photos/"), on
    the same page or on a later one. Prefixes are taken first, so only stubs are remembered beyond their page.
    """
    stubs: set[str] = set()
    marker: str | None = ""
    while marker is not None:
        tree = fetch(marker)
        marker = tree.findtext("NextMarker") or None
        found = tree.find("Blobs")
        if found is None:
            continue
        prefixes = {_name(prefix).removesuffix("/"): None for prefix in found.iterfind("BlobPrefix")}
        for name in prefixes:
            if name not in stubs:
                yield Directory(name=name)
            stubs.discard(name)
        for blob in found.iterfind("Blob"):
            name = _name(blob)
            metadata = {item.tag: item.text or "" for item in blob.iterfind("Metadata/*")}
            if metadata.get("hdi_isfolder") != "true":
                yield _stat(name, blob, metadata)
            elif name not in prefixes:
                stubs.add(name)
                yield Directory(name=name)


def _name(entry: Element) -> str:
    """Return the name of a blob or a prefix; characters that XML does not know come percent-encoded."""
    element = entry.find("Name")
    assert element is not None
    text = element.text or ""
    return unquote(text) if element.get("Encoded") == "true" else text


def _stat(name: str, blob: Element, metadata: dict[str, str]) -> FileStat:
    found = {item.tag: item.text for item in blob.iterfind("Properties/*")}
    md5 = found.get("Content-MD5")
    created = found.get("Creation-Time")
    try:
        return FileStat(
            name=name,
            size=int(found["Content-Length"] or 0),
            etag=quoted(found["Etag"] or ""),
            modified=moment(found["Last-Modified"] or ""),
            created=moment(created) if created else None,
            content_type=found.get("Content-Type"),
            content_encoding=found.get("Content-Encoding"),
            content_language=found.get("Content-Language"),
            content_disposition=found.get("Content-Disposition"),
            cache_control=found.get("Cache-Control"),
            content_md5=base64.b64decode(md5) if md5 else None,
            metadata=without_marker(metadata),
            access_tier=found.get("AccessTier"),
        )
    except (KeyError, ValueError) as error:
        raise misunderstood(error) from None
