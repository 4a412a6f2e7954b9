"""What a copy on the server takes along, and how its end is awaited where Azure makes it in the background."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

from storage_router.exceptions import BlobError

from .properties import METADATA, marked, metadata_of

COPIED_PER_SECOND = 20 * 2**20
"""Bytes that a copy makes at least: what is slower hangs."""

Send = Callable[..., Any]
"""Sends a request about one blob: ``Blobs.send`` with its name."""


def taken_along(send: Send, source: Mapping[str, str], marker: str | None) -> dict[str, str]:
    """Return the headers for what Azure does not copy by itself, tags and tier, and for metadata with ``marker``.

    ``source`` are the headers of an answer about the source. Tags, where there are any, take a request. A tier that was
    never set is the account's default, here as there.
    """
    # Metadata that is given replaces the source's, so the marker takes the source's along.
    given = {METADATA + key: value for key, value in metadata_of(source).items()}
    given |= marked(marker)
    if int(source.get("x-ms-tag-count") or 0):
        # The service's own answer, as the pipeline parses it, too.
        tree = ET.fromstring(send("GET", expected=200, query={"comp": "tags"}).content)  # noqa: S314
        tags = {tag.findtext("Key") or "": tag.findtext("Value") or "" for tag in tree.iter("Tag")}
        given["x-ms-tags"] = urlencode(tags, quote_via=quote)
    if "x-ms-access-tier" in source and source.get("x-ms-access-tier-inferred") != "true":
        given["x-ms-access-tier"] = source["x-ms-access-tier"]
    return given


def completed(
    send: Send, copy_id: str, size: int, timeout: float, *, within: tuple[str | None, str, str]
) -> Mapping[str, str]:
    """Wait until a copy of ``size`` bytes is complete and return the headers of an answer about it.

    Asks again and again, for as long as so many bytes may take. A copy that takes longer or fails is taken back, and
    ``BlobError`` says why; ``within`` are alias, container and blob, for its text.
    """
    deadline = time.monotonic() + timeout + size / COPIED_PER_SECOND
    pause = 0.1
    while True:
        headers: Mapping[str, str] = send("HEAD", expected=200).headers
        status = headers.get("x-ms-copy-status")
        if headers.get("x-ms-copy-id") != copy_id or status == "success":
            # Another id: somebody has overwritten the copy since, so it was complete.
            return headers
        if status != "pending" or time.monotonic() >= deadline:
            break
        time.sleep(pause)
        pause = min(pause * 2, 2.0)
    if status == "pending":
        query = {"comp": "copy", "copyid": copy_id}
        send("PUT", expected=204, query=query, headers={"x-ms-copy-action": "abort"}, content=b"", content_type=None)
    # What a failed copy leaves is an empty blob.
    send("DELETE", expected=202)
    alias, container, blob = within
    reason = headers.get("x-ms-copy-status-description") or f"it is still {status}"
    raise BlobError(f"Azure did not complete the copy: {reason}.", alias=alias, container=container, blob=blob)
