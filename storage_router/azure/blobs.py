"""The requests that a storage makes of one container, in our terms. Only this module calls the SDK's clients."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from storage_router.conf.options import AzureOptions
from storage_router.exceptions import BlobError, BlobNotFoundError

from .account import Account
from .errors import translated

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

SAVE_MARKER = "storage_router_save"
"""Metadata key with a value of each conditional write's own, by which a retry knows the blob that it made itself."""

_NO_METADATA: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class BlobSettings:
    """What is stored with a blob beside its bytes. ``content_md5`` is the digest's 16 bytes."""

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
    """What is known of a blob. ``name`` is the blob's full name, ``size`` in bytes, times are aware UTC.

    The answer to a write knows no more than ``name``, ``size``, ``etag`` and ``modified``.
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
    """A directory: names that begin with ``name`` and a slash, or a stub of Data Lake. ``name`` is full, without the
    slash."""

    name: str


class Blobs:
    """One container, seen through one account. Each method is one request unless it says otherwise.

    All raise ``BlobError`` and its kinds, and nothing of the SDK's.
    """

    def __init__(self, account: Account, container: str, *, alias: str | None, options: AzureOptions) -> None:
        self.account = account
        self.container = container
        self.alias = alias
        self._options = options

    def head(self, name: str) -> FileStat:
        """Return what is known of the blob. Raises ``BlobNotFoundError``."""
        with self._translated(name):
            return _stat(name, self._client(name).get_blob_properties(timeout=self._options.timeout))

    def create(
        self,
        name: str,
        body: bytes | IO[bytes],
        length: int | None,
        settings: BlobSettings,
        *,
        overwrite: bool = False,
        if_match: str | None = None,
    ) -> FileStat:
        """Store the whole blob with one request: ``length`` bytes of ``body`` (None: all of it).

        Without ``overwrite`` the name must be free (``BlobExistsError``); with ``if_match`` the blob must still have
        that ETag (``BlobChangedError``). A retry that finds the name taken by its own first attempt is a success (one
        request more).
        """
        from azure.core.exceptions import AzureError

        data = body if isinstance(body, bytes) else _read(body, length)
        write = _Write(overwrite=overwrite, if_match=if_match, options=self._options)
        with self._translated(name):
            try:
                answer = self._client(name).upload_blob(
                    data, length=len(data), **_stored_with(settings, write.marker), **write.conditions
                )
            except AzureError as error:
                answer = self._own(name, write, error)
        return FileStat(name=name, size=len(data), etag=answer["etag"], modified=answer["last_modified"])

    def stage_block(self, name: str, block_id: str, data: bytes) -> None:
        """Send one block; nothing is visible before ``commit_blocks``. ``block_id``: at most 64 characters, equally
        long."""
        with self._translated(name):
            self._client(name).stage_block(block_id, data, length=len(data))

    def commit_blocks(
        self,
        name: str,
        block_ids: Sequence[str],
        settings: BlobSettings,
        *,
        overwrite: bool = False,
        if_match: str | None = None,
        size: int = 0,
    ) -> FileStat:
        """Make a blob of the staged blocks, in this order. Conditions and errors as for ``create``; ``size`` is for
        the answer."""
        from azure.core.exceptions import AzureError
        from azure.storage.blob import BlobBlock

        write = _Write(overwrite=overwrite, if_match=if_match, options=self._options)
        with self._translated(name):
            try:
                conditions = {key: value for key, value in write.conditions.items() if key != "overwrite"}
                if not write.overwrite:
                    from azure.core import MatchConditions

                    conditions["match_condition"] = MatchConditions.IfMissing
                answer = self._client(name).commit_block_list(
                    [BlobBlock(block_id) for block_id in block_ids],
                    **_stored_with(settings, write.marker),
                    **conditions,
                )
            except AzureError as error:
                answer = self._own(name, write, error)
        return FileStat(name=name, size=size, etag=answer["etag"], modified=answer["last_modified"])

    def read(self, name: str, offset: int, length: int, *, if_match: str | None = None) -> tuple[bytes, FileStat]:
        """Return at most ``length`` bytes from ``offset``, as they are stored, and what is known of the whole blob.

        Beyond the end there are no bytes, and a second request says what is known. Raises ``BlobChangedError`` if the
        blob's ETag is not ``if_match``.
        """
        from azure.core import MatchConditions
        from azure.core.exceptions import HttpResponseError

        conditions: dict[str, Any] = {}
        if if_match is not None:
            conditions = {"etag": if_match, "match_condition": MatchConditions.IfNotModified}
        with self._translated(name):
            try:
                answer = self._client(name).download_blob(offset, length, decompress=False, **conditions)
            except HttpResponseError as error:
                if error.status_code != 416:
                    raise
                return b"", self._head_if(name, if_match)
            stat = _stat(name, answer.properties, size=int(answer.properties.content_range.rpartition("/")[2]))
            return answer.readall(), stat

    def delete(self, name: str) -> bool:
        """Delete the blob and its snapshots; return False if there was none."""
        try:
            with self._translated(name):
                self._client(name).delete_blob(delete_snapshots="include", timeout=self._options.timeout)
        except BlobNotFoundError:
            return False
        return True

    def list(self, prefix: str = "", *, delimiter: str | None = None) -> Iterator[FileStat | Directory]:
        """Yield what begins with ``prefix``, in Azure's order; with ``delimiter`` only what lies directly below.

        One request for each 5,000 entries, made when they are asked for.
        """
        given: dict[str, Any] = {
            "name_starts_with": prefix or None,
            "include": ["metadata"],
            "timeout": self._options.timeout,
        }
        with self._translated(None):
            container = self.account.service().get_container_client(self.container)
            pages = (
                container.list_blobs(**given)
                if delimiter is None
                else container.walk_blobs(delimiter=delimiter, **given)
            ).by_page()
        stubs: set[str] = set()
        while True:
            with self._translated(None):
                page = next(pages, None)
                if page is None:
                    return
                entries = [_entry(item, delimiter) for item in page]
            # A directory of Data Lake is a stub ("photos") and, if it is not empty, a prefix ("photos/"), which comes
            # later.
            directories = {entry.name for entry in entries if isinstance(entry, Directory) and entry.name not in stubs}
            for entry in entries:
                if isinstance(entry, FileStat):
                    yield entry
                elif entry.name in directories:
                    directories.discard(entry.name)
                    stubs.add(entry.name)
                    yield entry

    def _client(self, name: str) -> BlobClient:
        return self.account.service().get_blob_client(self.container, name)

    def _translated(self, name: str | None) -> AbstractContextManager[object]:
        return translated(alias=self.alias, container=self.container, account_name=self.account.account_name, blob=name)

    def _head_if(self, name: str, if_match: str | None) -> FileStat:
        from azure.core import MatchConditions

        conditions: dict[str, Any] = {}
        if if_match is not None:
            conditions = {"etag": if_match, "match_condition": MatchConditions.IfNotModified}
        return _stat(name, self._client(name).get_blob_properties(timeout=self._options.timeout, **conditions))

    def _own(self, name: str, write: _Write, error: Exception) -> Mapping[str, Any]:
        """Return the answer that was lost if the conflict is with the write's own first attempt; else raise
        ``error``."""
        if write.marker is None or not write.retried or getattr(error, "status_code", None) not in (409, 412):
            raise error
        try:
            properties = self._client(name).get_blob_properties(timeout=self._options.timeout)
        except Exception:  # noqa: BLE001 - the conflict is what the caller must hear of
            raise error from None
        if properties.metadata.get(SAVE_MARKER) != write.marker:
            raise error
        return {"etag": properties.etag, "last_modified": properties.last_modified}


class _Write:
    """The conditions of one write, and whether it was sent more than once."""

    def __init__(self, *, overwrite: bool, if_match: str | None, options: AzureOptions) -> None:
        from azure.core import MatchConditions

        self.overwrite = overwrite or if_match is not None
        conditional = not overwrite or if_match is not None
        self.marker = uuid.uuid4().hex if conditional else None
        self.retried = False
        self.conditions: dict[str, Any] = {"overwrite": self.overwrite, "retry_hook": self._note_retry}
        if if_match is not None:
            self.conditions |= {"etag": if_match, "match_condition": MatchConditions.IfNotModified}
        policy = options.client_options.get("retry_policy")
        if policy is not None and not hasattr(policy, "configure_retries"):
            # Not one of the storage SDK's policies, so it knows no hook: assume a retry, which costs a look on a
            # conflict.
            del self.conditions["retry_hook"]
            self.retried = True

    def _note_retry(self, **_: Any) -> None:
        self.retried = True


def _stored_with(settings: BlobSettings, marker: str | None) -> dict[str, Any]:
    """Return the SDK's arguments for what is stored beside the bytes."""
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
        "metadata": metadata or None,
    }
    if settings.tags:
        given["tags"] = dict(settings.tags)
    if settings.access_tier is not None:
        given["standard_blob_tier"] = StandardBlobTier(settings.access_tier)
    return given


def _read(body: IO[bytes], length: int | None) -> bytes:
    """Read ``length`` bytes, however few a single ``read`` gives."""
    if length is None:
        return body.read()
    parts: list[bytes] = []
    left = length
    while left:
        part = body.read(left)
        if not part:
            raise BlobError(f"The content ended {left} bytes before the {length} that were announced.")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _stat(name: str, properties: Any, *, size: int | None = None) -> FileStat:
    content = properties.content_settings
    metadata = {key: value for key, value in (properties.metadata or _NO_METADATA).items() if key != SAVE_MARKER}
    return FileStat(
        name=name,
        size=properties.size if size is None else size,
        etag=_quoted(properties.etag),
        modified=properties.last_modified,
        created=properties.creation_time,
        content_type=content.content_type,
        content_encoding=content.content_encoding,
        content_language=content.content_language,
        content_disposition=content.content_disposition,
        cache_control=content.cache_control,
        content_md5=bytes(content.content_md5) if content.content_md5 else None,
        metadata=metadata,
        access_tier=properties.blob_tier,
    )


def _quoted(etag: str) -> str:
    """Return an ETag as the header has it; listings leave the quotes out."""
    return etag if etag.endswith('"') else f'"{etag}"'


def _entry(item: Any, delimiter: str | None) -> FileStat | Directory:
    if not hasattr(item, "etag"):
        return Directory(name=item.name.removesuffix(delimiter or ""))
    if (item.metadata or _NO_METADATA).get("hdi_isfolder") == "true":
        return Directory(name=item.name)
    return _stat(item.name, item)
