"""What a probe found: how it went, what that means, and what to do."""

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
    """One probe of one backend. ``message`` says what it means, ``hint`` what to do; neither ever holds a secret."""

    backend: str
    probe: str
    status: Status
    message: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a probe returns: a ``Finding`` without the names of backend and probe, which its caller knows."""

    status: Status
    message: str
    hint: str = ""


def ok(message: str) -> Result:
    """All is well."""
    return Result(status="ok", message=message)


def warning(message: str, hint: str = "") -> Result:
    """It works, but not in every situation that the configuration makes likely."""
    return Result(status="warning", message=message, hint=hint)


def failed(message: str, hint: str = "") -> Result:
    """It does not work."""
    return Result(status="failed", message=message, hint=hint)


def skipped(message: str) -> Result:
    """It was not tried, for this reason."""
    return Result(status="skipped", message=message)


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
