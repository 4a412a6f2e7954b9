"""``delivery = "stream"``: the file through Django, by one request to the backend, with conditions and a range (D3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import http_date

from storage_router.exceptions import FileChangedError
from storage_router.files import FileNotModifiedError, FileStat, FileStore, Reading

from .bodies import AsyncBody, Body, connections
from .presentation import Presentation

CACHE_CONTROL = "private, no-cache"
"""Browsers keep the file and ask each time, so a permission that is taken away is gone at the next request."""

_Response = TypeVar("_Response", bound=HttpResponseBase)

_STRONG_ETAG = re.compile(r'"[^"]*"')
_RANGE = re.compile(r"bytes=[ \t]*(\d*)-(\d*)[ \t]*", re.ASCII | re.IGNORECASE)

# Numbers beyond this are no positions in a file.
_MOST_DIGITS = 18


@dataclass(frozen=True, kw_only=True)
class Range:
    """One range: from ``start``, ``length`` bytes or all that follow; or the ``last`` bytes of the file."""

    start: int = 0
    length: int | None = None
    last: int | None = None


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A file that is streamed. ``most`` is the number of files that this process may stream at a time."""

    store: FileStore
    name: str
    presentation: Presentation
    most: int

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        """Return the file, or what is asked for of it. Raises what the store raises before the first byte."""
        if request.method == "HEAD":
            stat = self.store.stat(self.name)
            return self._condition(request, stat) or self._response(stat, HttpResponse(), stat.size)
        if not connections.take(self.most):
            text = "Too many files are being sent at the moment.\n"
            return HttpResponse(text, "text/plain", 503, headers={"Retry-After": "5", "Cache-Control": "no-store"})
        try:
            wanted, reading = self._open(request)
            body = Body(reading, self._resume(reading.stat), self.most)
        except FileNotModifiedError:
            connections.give_back()
            etag = request.headers["If-None-Match"]
            return HttpResponseNotModified(headers={"ETag": etag, "Cache-Control": CACHE_CONTROL})
        except BaseException:
            connections.give_back()
            raise
        stat = reading.stat
        if (met := self._condition(request, stat)) is not None:
            body.close()
            return met
        if wanted is not None and not reading.length:
            body.close()
            return self._response(stat, HttpResponse(status=416, headers={"Content-Range": f"bytes */{stat.size}"}), 0)
        content = AsyncBody(body) if isinstance(request, ASGIRequest) else body
        response = StreamingHttpResponse(content, status=200 if wanted is None else 206)
        if wanted is not None:
            last = reading.start + reading.length - 1
            response.headers["Content-Range"] = f"bytes {reading.start}-{last}/{stat.size}"
        return self._response(stat, response, reading.length)

    def _open(self, request: HttpRequest) -> tuple[Range | None, Reading]:
        """Return the range that is answered, None for the whole file, and its bytes."""
        known = request.headers.get("If-None-Match")
        if known is not None and ("If-Match" in request.headers or not _STRONG_ETAG.fullmatch(known)):
            known = None
        wanted = _requested(request.headers.get("Range"))
        version = request.headers.get("If-Range") if wanted is not None else None
        if version is not None and not _STRONG_ETAG.fullmatch(version):
            # A date, or a weak ETag: neither says that the bytes are the same.
            wanted, version = None, None
        if wanted is not None and wanted.last is not None:
            # Backends know no range from the end.
            stat = self.store.stat(self.name)
            wanted = Range(start=max(stat.size - wanted.last, 0), length=wanted.last or None)
            version = version or etag_of(stat)
        if wanted is not None:
            try:
                return wanted, self._read(wanted.start, wanted.length, version, known)
            except FileChangedError:
                pass
        return None, self._read(0, None, None, known)

    def _read(self, start: int, length: int | None, version: str | None, known: str | None = None) -> Reading:
        """Raises ``FileChangedError`` where the file is not ``version``, ``FileNotModifiedError`` where it may be
        ``known``."""
        if self.store.capabilities.conditional:
            reading = self.store.read(self.name, start, length, if_match=version or None, if_none_match=known)
        else:
            reading = self.store.read(self.name, start, length)
        if version and etag_of(reading.stat) != version:
            reading.close()
            raise FileChangedError(f"{self.name} changed while it was being read")
        return reading

    def _resume(self, stat: FileStat) -> Callable[[int, int], Reading] | None:
        etag = etag_of(stat)
        return (lambda start, length: self._read(start, length, etag)) if etag else None

    def _condition(self, request: HttpRequest, stat: FileStat) -> HttpResponse | None:
        """Return 304 or 412 where the request's conditions say so."""
        plain = self._response(stat, HttpResponse(), 0)
        modified = None if stat.modified is None else int(stat.modified.timestamp())
        answer = get_conditional_response(request, etag_of(stat) or None, modified, plain)
        return None if answer is plain else answer

    def _response(self, stat: FileStat, response: _Response, length: int) -> _Response:
        headers = {**self.presentation.headers(), "Accept-Ranges": "bytes", "Cache-Control": CACHE_CONTROL}
        # With an encoding of its own, even this one, GZipMiddleware leaves the answer and its ranges alone.
        headers |= {"Content-Length": str(length), "Content-Encoding": stat.content_encoding or "identity"}
        if etag := etag_of(stat):
            headers["ETag"] = etag
        if stat.modified is not None:
            headers["Last-Modified"] = http_date(stat.modified.timestamp())
        for header, value in headers.items():
            response.headers[header] = value
        return response


def etag_of(stat: FileStat) -> str:
    """Return the file's ETag. Storages without one get it from size and time, as web servers do."""
    if stat.etag or stat.modified is None:
        return stat.etag
    return f'"{int(stat.modified.timestamp() * 1_000_000):x}-{stat.size:x}"'


def _requested(header: str | None) -> Range | None:
    """Return the range of a ``Range`` header; None where it has several or cannot be read (RFC 9110, section 14)."""
    found = _RANGE.fullmatch(header or "")
    if found is None or max(map(len, found.groups())) > _MOST_DIGITS:
        return None
    first, last = found.groups()
    if not first:
        return Range(last=int(last)) if last else None
    if not last:
        return Range(start=int(first))
    return None if int(last) < int(first) else Range(start=int(first), length=int(last) - int(first) + 1)
