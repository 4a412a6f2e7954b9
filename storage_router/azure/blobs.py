"""The requests that a storage makes of one container, in our terms. Only this module calls the SDK's clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

from storage_router.conf.options import AzureOptions
from storage_router.exceptions import BlobError, BlobNotFoundError

from .account import Account
from .conditions import Write, unchanged
from .copying import completed, taken_along
from .errors import translated
from .listing import entries, page
from .properties import SAVE_MARKER, BlobSettings, Directory, FileStat, stat, stored_with
from .urls import BlobUrls

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from azure.storage.blob import BlobClient, BlobProperties

__all__ = ["BlobSettings", "Blobs", "Directory", "FileStat"]

PAGE_SIZE = 5000
"""Entries of a listing's page, the most that Azure gives."""


class Blobs:
    """One container, seen through one account. Each method is one request unless it says otherwise.

    All raise ``BlobError`` and its kinds, and nothing of the SDK's. Safe across threads.
    """

    def __init__(self, account: Account, container: str, *, alias: str | None, options: AzureOptions) -> None:
        self.account = account
        self.container = container
        self.alias = alias
        self._options = options
        # Azure gives up when the client does. Not for requests that carry content: the time that takes depends on its
        # size.
        self._limit: dict[str, Any] = {"timeout": options.timeout}

    def head(self, name: str) -> FileStat:
        """Return what is known of the blob. Raises ``BlobNotFoundError``."""
        with self._translated(name):
            return stat(name, self._properties(name))

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
        data = body if isinstance(body, bytes) else _read(body, length)
        answer = self._write(
            name,
            overwrite,
            if_match,
            lambda write: self._client(name).upload_blob(
                # The SDK's own overwrite=False would be one more condition; ours are in the write.
                data,
                length=len(data),
                overwrite=True,
                **stored_with(settings, write.marker),
                **write.conditions,
            ),
        )
        return FileStat(name=name, size=len(data), etag=answer["etag"], modified=answer["last_modified"])

    def stage_block(self, name: str, block_id: str, data: bytes) -> None:
        """Send one block; nothing is visible before ``commit_blocks``. All ids of a blob must be equally long (48 at
        most)."""
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
        """Make a blob of the staged blocks, in this order. Conditions and errors as for ``create``; ``size`` is
        handed back."""

        def commit(write: Write) -> Mapping[str, Any]:
            from azure.storage.blob import BlobBlock

            blocks = [BlobBlock(block_id) for block_id in block_ids]
            return self._client(name).commit_block_list(
                blocks, **stored_with(settings, write.marker), **write.conditions
            )

        answer = self._write(name, overwrite, if_match, commit)
        return FileStat(name=name, size=size, etag=answer["etag"], modified=answer["last_modified"])

    def read(
        self, name: str, offset: int, length: int, *, if_match: str | None = None
    ) -> tuple[bytes, FileStat | None]:
        """Return at most ``length`` bytes from ``offset``, as they are stored, and what is known of the whole blob.

        An empty blob has no range, and Azure's refusal of one tells nothing but that: None is known of it. Beyond the
        end of another there are no bytes, and a second request says what is known. Raises ``BlobChangedError`` if the
        blob's ETag is not ``if_match``.
        """
        from azure.core.exceptions import HttpResponseError

        with self._translated(name):
            try:
                answer = self._client(name).download_blob(offset, length, decompress=False, **unchanged(if_match))
            except HttpResponseError as error:
                if error.status_code != 416:
                    raise
                if offset == 0 and if_match is None:
                    return b"", None
                return b"", stat(name, self._properties(name, if_match))
            size = int(str(answer.properties.content_range).rpartition("/")[2])
            # One piece, as it came; readall() would copy it.
            return b"".join(answer.chunks()), stat(name, answer.properties, size=size)

    def delete(self, name: str) -> bool:
        """Delete the blob and its snapshots; return False if there was none."""
        try:
            with self._translated(name):
                self._client(name).delete_blob(delete_snapshots="include", **self._limit)
        except BlobNotFoundError:
            return False
        return True

    def copy(self, source: str, target: str, *, overwrite: bool = False) -> FileStat:
        """Copy a blob within the container, on the server, with all that is stored with it.

        Two requests: a look at the source, then the copy, which fails if the source changed in between; one more for
        a source with tags. A copy that Azure makes in the background is waited for. Raises ``BlobNotFoundError`` for
        ``source``, ``BlobExistsError`` for ``target`` without ``overwrite``.
        """
        from azure.core import MatchConditions

        with self._translated(source):
            found = self._properties(source)
            kept = taken_along(self._client(source), found, self._limit)

        def start(write: Write) -> Mapping[str, Any]:
            # Metadata that is given replaces the source's, so the marker takes the source's along.
            metadata = {key: value for key, value in found.metadata.items() if key != SAVE_MARKER}
            return self._client(target).start_copy_from_url(
                self._source_url(source),
                metadata=metadata | ({SAVE_MARKER: write.marker} if write.marker else {}),
                source_etag=found.etag,
                source_match_condition=MatchConditions.IfNotModified,
                **kept,
                **write.conditions,
                **self._limit,
            )

        answer = self._write(target, overwrite, None, start)
        if answer.get("copy_status") == "pending":
            with self._translated(target):
                answer = completed(self._client(target), answer["copy_id"], found.size, self._limit, alias=self.alias)
        return FileStat(name=target, size=found.size, etag=answer["etag"], modified=answer["last_modified"])

    def list(self, prefix: str = "", *, delimiter: str | None = None) -> Iterator[FileStat | Directory]:
        """Iterate over what begins with ``prefix``, in Azure's order; with ``delimiter`` over what lies directly below.

        One request for each ``PAGE_SIZE`` entries, made when they are asked for.
        """
        url = f"{self.account.endpoint}/{quote(self.container)}"
        given = {"prefix": prefix, "delimiter": delimiter, "maxresults": PAGE_SIZE, **self._limit}

        def fetch(marker: str) -> Element:
            query = {key: value for key, value in {**given, "marker": marker}.items() if value}
            with self._translated(None):
                return page(self.account.service(), url, query)

        return entries(fetch)

    def _write(
        self, name: str, overwrite: bool, if_match: str | None, send: Callable[[Write], Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """Return the answer to a write; an answer that was lost is asked for (A11)."""
        from azure.core.exceptions import AzureError

        write = Write(overwrite=overwrite, if_match=if_match)
        with self._translated(name, creates=not overwrite and if_match is None) as translator:
            try:
                return send(write)
            except AzureError as error:
                if not write.may_have_caused(error):
                    raise
                try:
                    found = self._properties(name)
                except AzureError as unseen:
                    if getattr(unseen, "status_code", None) not in (403, 404):
                        # Whether the content is stored nobody knows; a save under another name might store it twice.
                        raise
                    # The conflict is what the caller must hear of; where the name is free, it is with a copy's source.
                    translator.creates = translator.creates and getattr(unseen, "status_code", None) != 404
                    raise error from None
                if not write.made(found):
                    raise
                return {"etag": found.etag, "last_modified": found.last_modified}

    def _properties(self, name: str, if_match: str | None = None) -> BlobProperties:
        return self._client(name).get_blob_properties(**unchanged(if_match), **self._limit)

    def _client(self, name: str) -> BlobClient:
        return self.account.service().get_blob_client(self.container, name)

    def _translated(self, name: str | None, *, creates: bool = False) -> translated:
        return translated(
            alias=self.alias,
            container=self.container,
            account_name=self.account.account_name,
            blob=name,
            creates=creates,
        )

    def _source_url(self, name: str) -> str:
        """Return the URL of a copy's source. Within an account the request's own authorization covers it, except for
        a SAS."""
        url = BlobUrls(self._options, self.account).api_url(name)
        given = self.account.authentication
        return f"{url}?{given.sas_token.get_secret_value()}" if given.kind == "sas" else url


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
