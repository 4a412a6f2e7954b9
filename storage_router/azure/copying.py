"""What a copy on the server takes along, and how its end is awaited where Azure makes it in the background."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from storage_router.exceptions import BlobError

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, BlobProperties

COPIED_PER_SECOND = 20 * 2**20
"""Bytes that a copy makes at least: what is slower hangs."""


def taken_along(source: BlobClient, properties: BlobProperties, limit: dict[str, Any]) -> dict[str, Any]:
    """Return the SDK's arguments for what Azure does not copy by itself: the tags and the tier.

    Tags, where there are any, take a request. A tier that was never set is the account's default, here as there.
    """
    from azure.storage.blob import StandardBlobTier

    given: dict[str, Any] = {}
    if properties.tag_count:
        given["tags"] = source.get_blob_tags(**limit)
    if properties.blob_tier and not properties.blob_tier_inferred:
        given["standard_blob_tier"] = StandardBlobTier(properties.blob_tier)
    return given


def completed(
    target: BlobClient, copy_id: str, size: int, limit: dict[str, Any], *, alias: str | None = None
) -> dict[str, Any]:
    """Wait until a copy of ``size`` bytes is complete and return what the answer to it would have been.

    Asks again and again, for as long as so many bytes may take. A copy that takes longer or fails is taken back, and
    ``BlobError`` says why.
    """
    deadline = time.monotonic() + limit["timeout"] + size / COPIED_PER_SECOND
    pause = 0.1
    while True:
        properties = target.get_blob_properties(**limit)
        if properties.copy.id != copy_id or properties.copy.status == "success":
            # Another id: somebody has overwritten the copy since, so it was complete.
            return {"etag": properties.etag, "last_modified": properties.last_modified}
        if properties.copy.status != "pending" or time.monotonic() >= deadline:
            break
        time.sleep(pause)
        pause = min(pause * 2, 2.0)
    if properties.copy.status == "pending":
        target.abort_copy(copy_id, **limit)
    # What a failed copy leaves is an empty blob.
    target.delete_blob(**limit)
    reason = properties.copy.status_description or f"it is still {properties.copy.status}"
    raise BlobError(
        f"Azure did not complete the copy: {reason}.",
        alias=alias,
        container=target.container_name,
        blob=target.blob_name,
    )
