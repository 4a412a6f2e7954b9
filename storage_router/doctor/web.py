"""Plain HTTP, as a browser or a CDN would ask: no credential, no SDK, only the URL."""

from __future__ import annotations

import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from urllib.parse import urlsplit

# Azure's errors carry their code in a header, and in the body where a proxy dropped the header.
_CODE = re.compile(rb"<Code>(\w+)</Code>")
_ENOUGH = 65536


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back: status, headers, the first 64 KiB of the body, and the local time between asking and answer."""

    status: int
    headers: Message
    body: bytes
    at: float

    @property
    def error_code(self) -> str:
        """Azure's name for what went wrong, or ``""``."""
        found = _CODE.search(self.body)
        return str(self.headers.get("x-ms-error-code") or (found[1].decode() if found else ""))

    @property
    def outcome(self) -> str:
        """``HTTP 403 AuthenticationFailed``"""
        return f"HTTP {self.status} {self.error_code}".rstrip()

    @property
    def ahead(self) -> float | None:
        """How many seconds this machine's clock is ahead of the server's; None where the server sends no date."""
        try:
            return self.at - parsedate_to_datetime(str(self.headers["Date"])).timestamp()
        except ValueError:
            return None


class UnreachableError(OSError):
    """``host`` (with its port, if the URL has one) gave no answer; ``reason`` is what the network said."""

    def __init__(self, host: str, reason: Exception) -> None:
        super().__init__(f"{host} cannot be reached: {reason}")
        self.host = host
        self.reason = reason


class Client:
    """Asks, with ``timeout`` seconds for each step. ``verify`` is as the SDK's: a CA file, or False."""

    def __init__(self, *, timeout: float, verify: object = None) -> None:
        self._timeout = timeout
        context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
        if verify is False:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self._opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))

    def ask(self, url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer, whatever its status. Raises ``UnreachableError`` where none came."""
        request = urllib.request.Request(url, method=method, headers=dict(headers or {}))  # noqa: S310 - the caller's https or http
        started = time.time()
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                return Answer(
                    status=response.status, headers=response.headers, body=response.read(_ENOUGH), at=_mid(started)
                )
        except urllib.error.HTTPError as error:
            with error:
                return Answer(status=error.code, headers=error.headers, body=error.read(_ENOUGH), at=_mid(started))
        except (OSError, HTTPException) as error:
            # urllib packs what goes wrong before the request is sent into a URLError, and nothing of what does later.
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise UnreachableError(
                urlsplit(url).netloc, reason if isinstance(reason, Exception) else OSError(reason)
            ) from error


def _mid(started: float) -> float:
    return (started + time.time()) / 2
