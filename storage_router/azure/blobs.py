"""The requests that a storage makes of one container, in our terms."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from storage_router.conf.azure.options import AzureOptions
from storage_router.exceptions import BlobChangedError, BlobError, BlobNotFoundError
from storage_router.files import FileSettings, FileStat

from .account import Account
from .conditions import Write, unchanged
from .copying import completed, taken_along
from .errors import translated
from .listing import entries, page
from .properties import (
    Directory,
    size_in,
    stat,
    stored_with,
    written,
)
from .sending import received, send
from .urls import BlobUrls

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["Blobs", "Directory", "FileSettings", "FileStat"]

PAGE_SIZE = 5000
"""Entries of a listing's page, the most that Azure gives."""


class Blobs:
    """One container, seen through one account. Each method is one request unless it says otherwise.

    All raise ``BlobError`` and its kinds, and nothing of the SDK's. Safe across threads.
    """

    def __init__(self, options: AzureOptions, *, alias: str | None = None) -> None:
        self.account = Account.of(options)
        self.client = self.account.client(options)
        self.container: str = options.azure_container
        self.alias = alias
        self.client_options = options.client_options
        self._options = options
        self._urls = BlobUrls(options)

    def head(self, name: str) -> FileStat:
        """Return what is known of the blob. Raises ``BlobNotFoundError``."""
        with self._translated(name):
            return stat(name, self._headers(name))

    def create(
        self,
        name: str,
        body: bytes | IO[bytes],
        length: int | None,
        settings: FileSettings,
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
        write = Write(overwrite=overwrite, if_match=if_match)
        headers = {"x-ms-blob-type": "BlockBlob", **stored_with(settings, write.marker)}
        return self._written(name, len(data), write, headers=headers, expected=201, content=data, limited=False)

    def stage_block(self, name: str, block_id: str, data: bytes) -> None:
        """Send one block; nothing is visible before ``commit_blocks``. All ids of a blob must be equally long (48 at
        most)."""
        query = {"comp": "block", "blockid": _encoded(block_id)}
        with self._translated(name):
            self._send(name, "PUT", expected=201, query=query, content=data, limited=False)

    def commit_blocks(
        self,
        name: str,
        block_ids: Sequence[str],
        settings: FileSettings,
        *,
        overwrite: bool = False,
        if_match: str | None = None,
        size: int = 0,
    ) -> FileStat:
        """Make a blob of the staged blocks, in this order. Conditions and errors as for ``create``; ``size`` is
        handed back."""
        latest = "".join(f"<Latest>{_encoded(block_id)}</Latest>" for block_id in block_ids)
        body = f"<?xml version='1.0' encoding='utf-8'?>\n<BlockList>{latest}</BlockList>".encode()
        write = Write(overwrite=overwrite, if_match=if_match)
        headers = stored_with(settings, write.marker)
        query = {"comp": "blocklist"}
        return self._written(
            name,
            size,
            write,
            headers=headers,
            expected=201,
            query=query,
            content=body,
            content_type="application/xml",
            limited=False,
        )

    def read(
        self, name: str, offset: int, length: int, *, if_match: str | None = None
    ) -> tuple[bytes, FileStat | None]:
        """Return at most ``length`` bytes from ``offset``, as they are stored, and what is known of the whole blob.

        An empty blob has no range, and Azure's refusal of one tells nothing but that: None is known of it. Beyond the
        end of another there are no bytes, and a second request says what is known. Raises ``BlobChangedError`` if the
        blob's ETag is not ``if_match``.
        """
        from azure.core.exceptions import HttpResponseError

        headers = {"x-ms-range": f"bytes={offset}-{offset + length - 1}", **unchanged(if_match)}
        with self._translated(name):
            try:
                body, answer = received(
                    self.client.service(), "GET", self._urls.api_url(name), expected=206, headers=headers
                )
            except HttpResponseError as error:
                if error.status_code != 416:
                    raise
                if offset == 0 and if_match is None:
                    return b"", None
                return b"", stat(name, self._headers(name, if_match))
            size = size_in(answer.headers)
            return body, stat(name, answer.headers, size=size)

    def delete(self, name: str, *, if_match: str | None = None) -> bool:
        """Delete the blob and its snapshots; return False if there was none.

        With ``if_match`` the blob must still have that ETag (``BlobChangedError``).
        """
        headers = {"x-ms-delete-snapshots": "include", **unchanged(if_match)}
        try:
            with self._translated(name):
                self._send(name, "DELETE", expected=202, headers=headers)
        except BlobNotFoundError:
            return False
        except BlobChangedError:
            # Of a blob that is gone, too, the condition is unmet: the first attempt of a repeated request deleted it.
            with suppress(BlobNotFoundError):
                self.head(name)
                raise
        return True

    def copy(self, source: str, target: str, *, overwrite: bool = False) -> FileStat:
        """Copy a blob within the container, on the server, with all that is stored with it.

        Two requests: a look at the source, then the copy, which fails if the source changed in between; one more for
        a source with tags. A copy that Azure makes in the background is waited for. Raises ``BlobNotFoundError`` for
        ``source``, ``BlobExistsError`` for ``target`` without ``overwrite``.
        """
        return self._copy(source, target, overwrite=overwrite)[1]

    def move(self, source: str, target: str, *, overwrite: bool = False) -> FileStat:
        """Copy a blob, then delete the original, unless it has changed since it was copied (``BlobChangedError``)."""
        copied, made = self._copy(source, target, overwrite=overwrite)
        self.delete(source, if_match=copied.etag)
        return made

    def _copy(self, source: str, target: str, *, overwrite: bool) -> tuple[FileStat, FileStat]:
        """Return what is known of the original that was copied, and of the copy."""
        write = Write(overwrite=overwrite, if_match=None)
        with self._translated(source):
            found = self._headers(source)
            known = stat(source, found)
            kept = taken_along(partial(self._send, source), found, write.marker)
        made = self._written(
            target,
            known.size,
            write,
            headers={"x-ms-source-if-match": known.etag, **kept},
            source=source,
            expected=202,
            content=b"",
            content_type=None,
        )
        return known, made

    def list(self, prefix: str = "", *, delimiter: str | None = None) -> Iterator[FileStat | Directory]:
        """Iterate over what begins with ``prefix``, in Azure's order; with ``delimiter`` over what lies directly below.

        One request for each ``PAGE_SIZE`` entries, made when they are asked for.
        """
        url = self._urls.api_url("").rstrip("/")
        given = {"prefix": prefix, "delimiter": delimiter, "maxresults": PAGE_SIZE, "timeout": self._options.timeout}

        def fetch(marker: str) -> Element:
            query = {key: value for key, value in {**given, "marker": marker}.items() if value}
            with self._translated(None):
                return page(self.client.service(), url, query)

        return entries(fetch)

    def _written(
        self,
        name: str,
        size: int,
        write: Write,
        *,
        headers: Mapping[str, str],
        source: str | None = None,
        **given: Any,
    ) -> FileStat:
        """Send a write and return what its answer says of the blob; an answer that was lost is asked for (A11)."""
        from azure.core.exceptions import AzureError

        with self._translated(name, creates=write.creates) as translator:
            try:
                # The source is no variable's value in this frame, which pages of errors show: it may have a SAS.
                answer = self._send(
                    name, "PUT", headers={**headers, **write.conditions, **self._copied_from(source)}, **given
                ).headers
            except AzureError as error:
                if not write.may_have_caused(error):
                    raise
                try:
                    answer = self._headers(name)
                except AzureError as unseen:
                    if getattr(unseen, "status_code", None) not in (403, 404):
                        # Whether the content is stored nobody knows; a save under another name might store it twice.
                        raise
                    # The conflict is what the caller must hear of; where the name is free, it is with a copy's source.
                    translator.creates = translator.creates and getattr(unseen, "status_code", None) != 404
                    raise error from None
                if not write.made(answer):
                    raise
            if answer.get("x-ms-copy-status") == "pending":
                send = partial(self._send, name)
                answer = completed(
                    send, answer["x-ms-copy-id"], size, self._options.timeout, within=(self.alias, self.container, name)
                )
        return written(name, size, answer)

    def _headers(self, name: str, if_match: str | None = None) -> Mapping[str, str]:
        found: Mapping[str, str] = self._send(name, "HEAD", expected=200, headers=unchanged(if_match)).headers
        return found

    def _send(
        self, name: str, method: str, *, query: Mapping[str, Any] | None = None, limited: bool = True, **given: Any
    ) -> Any:
        """Send a request about a blob and return the answer, an ``azure.core.rest.HttpResponse``."""
        if limited:
            # Azure gives up when the client does. Not for requests that carry content: the time that takes depends on
            # its size.
            query = {**(query or {}), "timeout": self._options.timeout}
        return send(self.client.service(), method, self._urls.api_url(name), query=query, **given).http_response

    def _translated(self, name: str | None, *, creates: bool = False) -> translated:
        return translated(self._options, alias=self.alias, container=self.container, blob=name, creates=creates)

    def _copied_from(self, source: str | None) -> dict[str, str]:
        """Return the header for a copy's source. Within an account the request's own authorization covers it, except
        for a SAS."""
        if source is None:
            return {}
        url = self._urls.api_url(source)
        given = self.account.authentication
        return {"x-ms-copy-source": f"{url}?{given.sas_token.get_secret_value()}" if given.kind == "sas" else url}


def _encoded(block_id: str) -> str:
    return base64.b64encode(block_id.encode()).decode()


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
