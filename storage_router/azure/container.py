"""One container of an account: the requests that a storage makes, in terms of this package."""

from __future__ import annotations

import base64
import contextvars
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from storage_router import events
from storage_router.conf.azure.options import AzureOptions
from storage_router.exceptions import (
    BlobChangedError,
    BlobError,
    BlobExistsError,
    BlobNotFoundError,
    BlobPermissionError,
)
from storage_router.files import (
    Directory,
    FileNotModifiedError,
    FileSettings,
    FileSource,
    FileStat,
    ListingPage,
    Reading,
    in_order,
)
from storage_router.names import file_of, quoted

from .client import Account
from .errors import translated
from .protocol import (
    LISTS_FROM,
    METADATA,
    NEW,
    SAVE_MARKER,
    Write,
    entries,
    misunderstood,
    next_marker,
    parsed,
    size_in,
    stat,
    stored_with,
    tags_in,
    unchanged,
    written,
)
from .urls import SIGNED_VERSION

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from .transport import Response

PAGE_SIZE = 5000
"""Entries of a listing's page, the most that Azure gives."""

COPIED_PER_SECOND = 20 * 2**20
"""Bytes that a copy makes at least; a slower one hangs."""

COPIED_AT_ONCE = 256 * 2**20
"""Bytes up to which Azure copies from a URL within one request.
https://learn.microsoft.com/rest/api/storageservices/copy-blob-from-url"""

COPIED_BLOCK = 100 * 2**20
"""Bytes of one block that is copied from a URL."""


class Blobs:
    """One container, seen through one account. Each method is one request unless it says otherwise.

    All raise ``BlobError`` and its kinds. Safe across threads.
    """

    def __init__(self, options: AzureOptions, *, alias: str | None = None) -> None:
        self.account = Account.of(options)
        self.client = self.account.client(options)
        self.container: str = options.azure_container
        self.alias = alias
        self.options = options
        self._url = f"{options.endpoint}/{options.azure_container}"

    def head(self, name: str) -> FileStat:
        with self._translated(name):
            return stat(name, self._headers(name))

    def create(self, name: str, data: bytes, settings: FileSettings, write: Write = NEW) -> FileStat:
        """Store the entire blob with one request.

        Raises ``BlobExistsError`` or ``BlobChangedError`` where a condition of ``write`` is not met. A retry that finds
        the name taken by its own first attempt is a success (one request more).
        """
        return self._written(name, len(data), settings, write, {"x-ms-blob-type": "BlockBlob"}, content=data)

    def stage_block(self, name: str, block_id: str, data: bytes) -> None:
        """Send one block; nothing is visible before ``commit_blocks``."""
        query = {"comp": "block", "blockid": encoded(block_id)}
        with self._translated(name):
            self._send(name, "PUT", 201, query=query, content=data)

    def commit_blocks(
        self, name: str, block_ids: Sequence[str], settings: FileSettings, write: Write = NEW, *, size: int = 0
    ) -> FileStat:
        """Make a blob of the staged blocks, in this order. Errors as for ``create``."""
        latest = "".join(f"<Latest>{encoded(block_id)}</Latest>" for block_id in block_ids)
        body = f"<?xml version='1.0' encoding='utf-8'?>\n<BlockList>{latest}</BlockList>".encode()
        headers, query = {"Content-Type": "application/xml"}, {"comp": "blocklist"}
        return self._written(name, size, settings, write, headers, query=query, content=body)

    def read(
        self, name: str, offset: int, length: int, *, if_match: str | None = None
    ) -> tuple[bytes, FileStat | None]:
        """Return at most ``length`` bytes from ``offset``, as they are stored, and what is known of the entire blob.

        Beyond the end there are no bytes, which takes a second request, unless the blob is empty: then None is known
        of it. Raises ``BlobChangedError`` if the blob's ETag is not ``if_match``.
        """
        with self._translated(name):
            answer = self._part(name, offset, length, unchanged(if_match))
            if answer.status_code == 416:
                if offset == 0 and answer.headers.get("Content-Range") == "bytes */0":
                    return b"", None
                return b"", self._beyond_end(name, offset, if_match)
            events.count(len(answer.content))
            return answer.content, stat(name, answer.headers, size=size_in(answer.headers))

    def stream(
        self,
        name: str,
        start: int = 0,
        length: int | None = None,
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Reading:
        """Return the bytes from ``start`` on, ``length`` of them at most, over a connection that stays open for them.

        Raises ``FileNotModifiedError`` if the blob has the ETag ``if_none_match``, and ``BlobChangedError`` if it has
        not ``if_match``. The chunks raise ``BlobError`` where the body breaks off. ``close()`` what is returned.
        """
        conditions = unchanged(if_match) | ({"If-None-Match": if_none_match} if if_none_match else {})
        with self._translated(name):
            answer = self._part(name, start, length, conditions, stream=True)
            if answer.status_code == 304:
                if if_none_match is None:
                    raise misunderstood(ValueError("304 without a condition"))
                raise FileNotModifiedError(file_of(name))
            if answer.status_code == 416:
                known, size = self._beyond_end(name, start, if_match), 0
                if known.etag == if_none_match:
                    raise FileNotModifiedError(known.name)
            else:
                known = stat(name, answer.headers, size=size_in(answer.headers))
                size = max(0, min(known.size - start, known.size if length is None else length))
        events.count(size)
        chunks = iter(()) if answer.status_code == 416 else self._chunks(name, answer, size)
        return Reading(stat=known, start=start, length=size, chunks=chunks, on_close=answer.close)

    def uncommitted(self, name: str) -> dict[str, int]:
        """Return the blocks that are staged for a blob: their encoded ids and sizes."""
        try:
            with self._translated(name):
                query = {"comp": "blocklist", "blocklisttype": "uncommitted"}
                tree = parsed(self._send(name, "GET", 200, query=query), "BlockList")
        except BlobNotFoundError:
            return {}
        blocks = tree.iterfind("UncommittedBlocks/Block")
        return {block.findtext("Name") or "": int(block.findtext("Size") or 0) for block in blocks}

    def uploaded(self, name: str) -> FileStat:
        """Return what is known of a blob that a client has stored by a URL of its own.

        Raises ``ValueError`` for all but a complete block blob: the client may have made a copy, a page blob that costs
        without content, or a blob that is archived and cannot be read.
        """
        with self._translated(name):
            headers = self._headers(name)
            found = stat(name, headers)
        if headers.get("x-ms-blob-type") != "BlockBlob" or "x-ms-copy-status" in headers:
            raise ValueError("it is not a block blob, or a copy")
        if found.access_tier == "Archive":
            raise ValueError("it is archived")
        return found

    def discard(self, name: str) -> None:
        """Delete a blob with its snapshots, its lease and its staged blocks."""
        try:
            deleted = self.delete(name)
        except BlobError as error:
            if error.error_code != "LeaseIdMissing":
                raise
            release = {"x-ms-lease-action": "break", "x-ms-lease-break-period": "0"}
            with self._translated(name):
                self._send(name, "PUT", 202, query={"comp": "lease"}, headers=release, content=b"")
            deleted = self.delete(name)
        if not deleted and self.uncommitted(name):
            # A blob in their place drops them.
            with suppress(BlobExistsError):
                self.create(name, b"", FileSettings())
            self.delete(name)

    def delete(self, name: str, *, if_match: str | None = None) -> bool:
        """Delete the blob and its snapshots; return False if there was none.

        With ``if_match`` the blob must still have that ETag (``BlobChangedError``).
        """
        headers = {"x-ms-delete-snapshots": "include", **unchanged(if_match)}
        try:
            with self._translated(name):
                self._send(name, "DELETE", 202, headers=headers)
        except BlobNotFoundError:
            return False
        except BlobChangedError:
            # A blob that is gone does not meet the condition either: the first attempt of a retry deleted it.
            with suppress(BlobNotFoundError):
                self.head(name)
                raise
        return True

    def stage_from_url(
        self, name: str, url: SecretStr, source: FileStat | FileSource, *, connections: int
    ) -> list[str] | None:
        """Have the service copy the bytes of ``source``, which ``url`` allows reading, into blocks and return their
        ids; None where it did not copy them (emulators answer with success and stage empty blocks).

        One request for each block and one more. Raises ``BlobChangedError`` where the source has another ETag.
        """
        size = source.size

        def stage(block_id: str, start: int) -> None:
            part = f"bytes={start}-{min(start + COPIED_BLOCK, size) - 1}"
            query = {"comp": "block", "blockid": encoded(block_id)}
            headers = {"x-ms-source-if-match": source.etag, "x-ms-source-range": part}
            with self._translated(name):
                self._send(name, "PUT", 201, query=query, headers=headers, source=url, content=b"")

        upload = uuid.uuid4().hex
        starts = range(0, size, COPIED_BLOCK)
        block_ids = [block_id(upload, number) for number in range(len(starts))]
        with ThreadPoolExecutor(connections, thread_name_prefix="storage_router-copy") as workers:
            under_way = [started(workers, stage, *block) for block in zip(block_ids, starts, strict=True)]
            try:
                for one in under_way:
                    one.result()
            finally:
                workers.shutdown(cancel_futures=True)
        try:
            arrived = self.uncommitted(name)
        except BlobPermissionError:
            return None
        return block_ids if sum(arrived.get(encoded(one), 0) for one in block_ids) == size else None

    def copy(
        self,
        name: str,
        source: SecretStr | str,
        known: FileStat,
        tags: Mapping[str, str],
        write: Write = NEW,
    ) -> FileStat | None:
        """Copy a blob on the server: ``source`` is a URL that allows reading it, or the name of a blob of this
        container; ``known`` is what is known of it. ``tags`` are those of the copy. Return None where the service
        cannot copy so much.

        Headers, metadata, an access tier that was set and ``save_id`` are the source's. One request, and where Azure
        copies in the background, those that wait for it; from another container beyond ``COPIED_AT_ONCE`` one for each
        block and one more. Conditions and errors as for ``create``; ``BlobChangedError`` if the source's ETag is
        another.
        """
        write = write._replace(save_id=known.save_id)
        headers = {"x-ms-source-if-match": known.etag}
        if isinstance(source, str):
            # Within an account the request's own authorization covers the source, a SAS only the URL that it is in.
            given = self.options.authentication
            sas = f"?{given.sas_token.get_secret_value().lstrip('?')}" if given.kind == "sas" else ""
            source = SecretStr(f"{self._url}/{quoted(source)}{sas}")
            del sas
        elif known.size > COPIED_AT_ONCE:
            block_ids = self.stage_from_url(name, source, known, connections=4)
            if block_ids is None:
                return None
            return self.commit_blocks(name, block_ids, known.settings()._replace(tags=tags), write, size=known.size)
        else:
            headers["x-ms-requires-sync"] = "true"
        # Azure copies the headers of the source, but neither tags nor tier. Metadata that is given, here for the
        # marker, replaces the source's.
        settings = FileSettings(metadata=known.metadata, tags=tags, access_tier=known.access_tier)
        return self._written(name, known.size, settings, write, headers, expected=202, source=source)

    def list(
        self,
        prefix: str = "",
        *,
        delimiter: str | None = None,
        start_from: str = "",
        page_size: int = PAGE_SIZE,
    ) -> Iterator[FileStat | Directory]:
        """Iterate over what begins with ``prefix``, in Azure's order; with ``delimiter`` over what lies directly below.

        Names before ``start_from`` are left out; services that cannot do so send them, and they are dropped here. One
        request for each ``page_size`` entries, made when they are asked for.
        """
        query = {"prefix": prefix, "delimiter": delimiter, "maxresults": page_size}
        if not start_from:
            return entries(self._pages(**query))
        found = entries(self._pages(version=LISTS_FROM, startFrom=start_from, **query))
        return (entry for entry in found if entry.name >= start_from)

    def page(self, prefix: str, *, limit: int, marker: str) -> ListingPage:
        """Return what lies directly below ``prefix``, from the service's own marker on, with one request."""
        tree = self._page(prefix=prefix, delimiter="/", marker=marker, maxresults=limit)
        return ListingPage(entries=tuple(sorted(entries([tree]), key=in_order)), marker=next_marker(tree, marker) or "")

    def tags(self, name: str) -> dict[str, str]:
        with self._translated(name):
            return tags_in(self._send(name, "GET", 200, query={"comp": "tags"}))

    def _pages(self, **given: Any) -> Iterator[Element]:
        marker: str | None = ""
        while marker is not None:
            tree = self._page(marker=marker, **given)
            yield tree
            marker = next_marker(tree, marker)
            del tree

    def _page(self, *, version: str = SIGNED_VERSION, **given: object) -> Element:
        every = {"restype": "container", "comp": "list", "include": "metadata", "timeout": self.options.timeout}
        query = {key: value for key, value in {**every, **given}.items() if value}
        with self._translated(None):
            answer = self.client.sender().send("GET", self._url, 200, version=version, query=query)
            return parsed(answer, "EnumerationResults")

    def leftovers(self, prefix: str) -> Iterator[str]:
        """Yield the names of all blobs that begin with ``prefix``, those with nothing but staged blocks included."""
        for page in self._pages(include="uncommittedblobs", prefix=prefix):
            yield from (blob.findtext("Name") or "" for blob in page.iterfind("Blobs/Blob"))

    def _written(
        self,
        name: str,
        size: int,
        settings: FileSettings,
        write: Write,
        headers: Mapping[str, str],
        *,
        expected: int = 201,
        query: Mapping[str, str] | None = None,
        source: SecretStr | None = None,
        content: bytes = b"",
    ) -> FileStat:
        """Send a write and return what its answer says of the blob; if the answer was lost, ask for it (A11)."""
        from azure.core.exceptions import AzureError

        marker = write.marker()
        headers = {**headers, **stored_with(settings, marker), **write.conditions}
        answer: Mapping[str, str]
        with self._translated(name, creates=write.creates) as translator:
            try:
                answer = self._send(
                    name, "PUT", expected, query=query, headers=headers, source=source, content=content
                ).headers
            except AzureError as error:
                if not write.may_have_caused(error):
                    raise
                try:
                    answer = self._headers(name)
                except AzureError as unseen:
                    status = getattr(unseen, "status_code", None)
                    # Where the name is free, the conflict is with a copy's source.
                    translator.creates = translator.creates and status == 403
                    if status not in (403, 404):
                        # Nobody knows whether the content is stored; a save under another name might store it twice.
                        raise
                    raise error from None
                if answer.get(METADATA + SAVE_MARKER) != marker:
                    raise
            if answer.get("x-ms-copy-status") == "pending":
                answer = self._completed(name, answer.get("x-ms-copy-id"), size)
        events.count(size)
        return written(name, size, answer, marker)

    def _completed(self, name: str, copy_id: str | None, size: int) -> Mapping[str, str]:
        """Wait until a copy of ``size`` bytes is complete and return the headers of an answer about it.

        Asks for as long as that many bytes may take. A copy that takes longer or fails is undone.
        """
        if not copy_id:
            raise misunderstood(ValueError("a copy is pending and has no id"))
        end = time.monotonic() + self.options.timeout + size / COPIED_PER_SECOND
        pause = 0.1
        while True:
            headers = self._headers(name)
            status = headers.get("x-ms-copy-status")
            if headers.get("x-ms-copy-id") != copy_id or status == "success":
                # Another id: somebody has overwritten the copy since, so it was complete.
                return headers
            if status != "pending" or time.monotonic() >= end:
                break
            time.sleep(pause)
            pause = min(pause * 2, 2.0)
        if status == "pending":
            query = {"comp": "copy", "copyid": copy_id}
            abort = {"x-ms-copy-action": "abort"}
            self._send(name, "PUT", 204, query=query, headers=abort, content=b"")
        # A failed copy leaves an empty blob.
        self._send(name, "DELETE", 202)
        reason = headers.get("x-ms-copy-status-description") or f"it is still {status}"
        raise self.error(BlobError, f"Azure did not complete the copy: {reason}.", name)

    def _part(
        self, name: str, start: int, length: int | None, headers: dict[str, str], *, stream: bool = False
    ) -> Response:
        # For all of a blob, too: an answer about a part says how long the blob is, so that a page of a proxy, and what
        # something on the way has compressed, are not taken for it.
        headers["x-ms-range"] = f"bytes={start}-" + ("" if length is None else str(start + length - 1))
        expected = [206, 416]
        if "If-None-Match" in headers:
            expected.append(304)
        return self._send(name, "GET", *expected, headers=headers, stream=stream)

    def _beyond_end(self, name: str, offset: int, if_match: str | None) -> FileStat:
        """Return what is known of a blob that has no byte at ``offset``, as an answer says; it may be wrong."""
        known = stat(name, self._headers(name, if_match))
        if known.size > offset:
            raise misunderstood(ValueError(f"416 for bytes from {offset} on of {known.size}"))
        return known

    def _chunks(self, name: str, answer: Response, size: int) -> Iterator[bytes]:
        """Yield the body of an answer; raise where it is shorter than ``size``."""
        from azure.core.exceptions import ServiceResponseError

        chunks = answer.iter_raw()
        try:
            while True:
                with self._translated(name):
                    chunk = next(chunks, b"")
                    size -= len(chunk)
                    if not chunk and size:
                        raise ServiceResponseError(f"The answer ended {size} bytes too early.")
                if not chunk:
                    return
                yield chunk
        finally:
            answer.close()

    def _headers(self, name: str, if_match: str | None = None) -> Mapping[str, str]:
        found: Mapping[str, str] = self._send(name, "HEAD", 200, headers=unchanged(if_match)).headers
        return found

    def _send(
        self,
        name: str,
        method: str,
        *expected: int,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        source: SecretStr | None = None,
        content: bytes | None = None,
        stream: bool = False,
    ) -> Response:
        """Send a request about a blob and return the answer. ``source`` is the URL of what is copied."""
        if method in ("HEAD", "DELETE") or (method == "GET" and query):
            # Azure gives up when the client does. Not where content is sent, copied or read, whose time depends on its
            # size.
            query = {**(query or {}), "timeout": self.options.timeout}
        if source is not None:
            headers = {**(headers or {}), "x-ms-copy-source": source.get_secret_value()}
        url = f"{self._url}/{quoted(name)}"
        return self.client.sender().send(
            method, url, *expected, query=query, headers=headers, content=content, stream=stream
        )

    def error(self, kind: type[BlobError], message: str, name: str, error_code: str | None = None) -> BlobError:
        return self._translated(name).error(kind, message, error_code=error_code)

    def _translated(self, name: str | None, *, creates: bool = False) -> translated:
        return translated(self.options, alias=self.alias, container=self.container, blob=name, creates=creates)


def started(workers: ThreadPoolExecutor, work: Callable[..., Any], *args: Any) -> Future[Any]:
    """Have ``work`` done by ``workers`` in this context, whose operation counts its requests, or here and now where the
    interpreter, which is ending, starts no threads."""
    try:
        return workers.submit(contextvars.copy_context().run, work, *args)
    except RuntimeError:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*args))
        except Exception as error:  # noqa: BLE001 - the future raises it
            done.set_exception(error)
        return done


def block_id(upload: str, number: int) -> str:
    """Return the id of an upload's block: 48 characters.

    All blocks staged for a name must have equally long ids, and those that a failed upload left there stay for a week;
    so they are as long as those of azure-storage-blob, which most tools use.
    """
    return f"{upload}{number:0{48 - len(upload)}d}"


def encoded(block_id: str) -> str:
    return base64.b64encode(block_id.encode()).decode()
