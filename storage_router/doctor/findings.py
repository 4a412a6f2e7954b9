"""Findings: the status of a probe, what it means, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from storage_router.exceptions import BlobError

Status = Literal["ok", "warning", "failed", "skipped"]
STATUSES: tuple[Status, ...] = ("ok", "warning", "failed", "skipped")

# A signature, the application's own SAS, another package's presigned URL: what follows the question mark stays here.
_QUERY = re.compile(r"(https?://[^\s'\"<>?]*)\?[^\s'\"<>]*")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of one probe of one backend. ``hint`` says what to do. No field holds a secret.

    A probe returns one without the names of ``backend`` and ``probe``, which its caller adds.
    """

    backend: str = ""
    probe: str = ""
    status: Status
    message: str
    hint: str = ""


def ok(message: str) -> Finding:
    return Finding(status="ok", message=message)


def warning(message: str, hint: str = "") -> Finding:
    """It works, but not in every situation that the configuration makes likely."""
    return Finding(status="warning", message=message, hint=hint)


def failed(message: str, hint: str = "") -> Finding:
    return Finding(status="failed", message=message, hint=hint)


def skipped(message: str) -> Finding:
    """It was not tried, for this reason."""
    return Finding(status="skipped", message=message)


def described(error: BaseException) -> str:
    """Return an error as one line for people, without the query strings of URLs.

    Of Azure's errors that is what Azure's support asks for; container and blob are known from the context.
    """
    if isinstance(error, BlobError) and error.status is not None:
        answer = f"HTTP {error.status} {error.error_code or ''}".rstrip()
        return f"Azure says {answer} (request id {error.request_id})."
    text = str(error.strerror or error if isinstance(error, OSError) else error).strip()
    line = text.splitlines()[0] if text else ""
    return _QUERY.sub(r"\1?…", line) or type(error).__name__
