"""Plain HTTP, as a browser speaks it, without the code under test and without the SDK."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Server(Protocol):
    """What has a certificate, or None over HTTP."""

    @property
    def certificate(self) -> Path | None: ...


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def fetch(url: str, server: Server, *, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
    """Send one request; an error status is an answer, too. Underscores in the headers' names become dashes."""
    context = ssl.create_default_context(cafile=str(server.certificate)) if server.certificate else None
    request = urllib.request.Request(
        url, method=method, data=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, context=context, timeout=120) as response:
            return Answer(status=response.status, headers=response.headers, body=response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(status=error.code, headers=error.headers, body=error.read())
