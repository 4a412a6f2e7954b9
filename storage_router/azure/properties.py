"""What a blob has beside its bytes, in our terms and in the SDK's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SAVE_MARKER = "storage_router_save"
"""Metadata key that each conditional write sets to a value of its own, by which a retry knows the blob that it made
itself. It is not shown as metadata."""


@dataclass(frozen=True, kw_only=True)
class BlobSettings:
    """What is stored with a blob beside its bytes. ``content_md5`` is the digest's 16 bytes, ``access_tier`` Azure's
    name."""

    content_type: str | None = None
    content_encoding: str | None = None
    content_language: str | None = None
    content_disposition: str | None = None
    cache_control: str | None = None
    content_md5: bytes | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    access_tier: str | None = None


@dataclass(frozen=True, kw_only=True)
class FileStat:
    """What is known of a blob. ``size`` is in bytes, times are aware UTC, ``etag`` has its quotes.

    ``name`` is the blob's full name, or, where a storage hands it out, the name in that storage. The answer to a
    write knows no more than ``name``, ``size``, ``etag`` and ``modified``; a read does not know ``access_tier``.
    """

    name: str
    size: int
    etag: str
    modified: dt.datetime
    created: dt.datetime | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    content_language: str | None = None
    content_disposition: str | None = None
    cache_control: str | None = None
    content_md5: bytes | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    access_tier: str | None = None


@dataclass(frozen=True, kw_only=True)
class Directory:
    """A directory: names that begin with ``name`` and a slash, or a stub of Data Lake. No trailing slash."""

    name: str


def stored_with(settings: BlobSettings, marker: str | None) -> dict[str, Any]:
    """Return the SDK's arguments for what is stored beside the bytes; ``marker`` goes to the metadata."""
    from azure.storage.blob import ContentSettings, StandardBlobTier

    metadata = dict(settings.metadata)
    if marker is not None:
        metadata[SAVE_MARKER] = marker
    given: dict[str, Any] = {
        "content_settings": ContentSettings(
            content_type=settings.content_type,
            content_encoding=settings.content_encoding,
            content_language=settings.content_language,
            content_disposition=settings.content_disposition,
            cache_control=settings.cache_control,
            content_md5=bytearray(settings.content_md5) if settings.content_md5 is not None else None,
        ),
        "metadata": metadata,
    }
    if settings.tags:
        given["tags"] = dict(settings.tags)
    if settings.access_tier is not None:
        given["standard_blob_tier"] = StandardBlobTier(settings.access_tier)
    return given


def stat(name: str, properties: Any, *, size: int | None = None) -> FileStat:
    """Return what the SDK's ``BlobProperties`` say; ``size`` where they hold the size of a part."""
    content = properties.content_settings
    return FileStat(
        name=name,
        size=properties.size if size is None else size,
        etag=quoted(properties.etag),
        modified=properties.last_modified,
        created=properties.creation_time,
        content_type=content.content_type,
        content_encoding=content.content_encoding,
        content_language=content.content_language,
        content_disposition=content.content_disposition,
        cache_control=content.cache_control,
        content_md5=bytes(content.content_md5) if content.content_md5 else None,
        metadata={key: value for key, value in (properties.metadata or {}).items() if key != SAVE_MARKER},
        access_tier=properties.blob_tier,
    )


def quoted(etag: str) -> str:
    """Return an ETag as the header has it; listings leave the quotes out."""
    return etag if etag.endswith('"') else f'"{etag}"'
