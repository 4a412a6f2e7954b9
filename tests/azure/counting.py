"""Counts the requests that a test causes, by the SDK's own hooks: each attempt counts, retries included.

requests = Requests()
storage = AzureStorage(..., client_options=requests.client_options())
...
assert requests.taken() == ["PUT blob"]
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request as it was sent: ``path`` unquoted, ``operation`` such as ``GET blob``, ``PUT block`` or ``GET
    list``."""

    method: str
    path: str
    operation: str
    query: dict[str, list[str]]
    headers: dict[str, str]


class Requests:
    """The requests of all clients that were given ``client_options()``, in order. Safe across threads.

    ``sent`` holds them all since the last ``taken()``; ``statuses`` the status of each answer that came.
    """

    def __init__(self) -> None:
        self.sent: list[Request] = []
        self.statuses: list[int] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.sent)

    def client_options(self, **others: Any) -> dict[str, Any]:
        """Return ``client_options`` with this counter in them."""
        return {"raw_request_hook": self._note, "raw_response_hook": self._note_answer, **others}

    def taken(self) -> list[str]:
        """Return the operations since the last call, and forget them."""
        with self._lock:
            taken, self.sent, self.statuses = self.sent, [], []
        return [request.operation for request in taken]

    def _note(self, request: Any) -> None:
        http = request.http_request
        parts = urlsplit(http.url)
        query = parse_qs(parts.query, keep_blank_values=True)
        noted = Request(
            method=http.method,
            path=unquote(parts.path),
            operation=f"{http.method} {_kind(query)}",
            query=query,
            headers=dict(http.headers),
        )
        with self._lock:
            self.sent.append(noted)

    def _note_answer(self, response: Any) -> None:
        with self._lock:
            self.statuses.append(response.http_response.status_code)


def _kind(query: dict[str, list[str]]) -> str:
    if "comp" in query:
        return query["comp"][0]
    return "container" if "restype" in query else "blob"
