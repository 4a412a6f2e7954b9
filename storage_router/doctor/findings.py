"""Findings: the status of a probe, what it means, and what to do about errors of Azure and of the network."""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from storage_router.azure.errors import ADVICE
from storage_router.conf.azure.endpoint import stays_here
from storage_router.exceptions import BlobConnectionError, BlobError, BlobTimeoutError, ContainerNotFoundError

Status = Literal["ok", "warning", "failed", "skipped"]
STATUSES: tuple[Status, ...] = ("ok", "warning", "failed", "skipped")

SLACK_DAYS = 2
"""Azure carries lifecycle rules out once a day, and a new one up to a day later."""

NOT_AUTHENTICATED = frozenset(
    {
        *("AccountIsDisabled", "AuthenticationFailed", "AuthorizationProtocolMismatch"),
        *("AuthorizationServiceMismatch", "AuthorizationSourceIPMismatch", "InvalidAuthenticationInfo"),
        *("KeyBasedAuthenticationNotPermitted", "NoAuthenticationInformation"),
    }
)
"""Codes that say that the credential was refused as such, not that it lacks one permission."""

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


def by_code(code: str | None) -> str:
    """Return what to do about one of Azure's error codes, ``""`` where nobody knows."""
    found = ADVICE.get(code or "", "")
    return f"{found[0].upper()}{found[1:]}." if found else ""


def advice(error: BaseException, endpoint: str = "") -> str:
    """Return what to do about an error of a storage, ``""`` where nobody knows; ``endpoint`` is the storage's."""
    if found := by_code(getattr(error, "error_code", None)):
        return found
    if isinstance(error, ContainerNotFoundError):
        return "Create the container, or correct azure_container."
    if isinstance(error, BlobTimeoutError | BlobConnectionError):
        return network_advice(error, endpoint)
    return ""


def network_advice(reason: BaseException, endpoint: str) -> str:
    """Return what to do where no answer came from ``endpoint``. ``reason`` is what the network said."""
    if isinstance(reason, socket.gaierror):
        return (
            "The host's name has no address here: check the account's name and this machine's DNS; with a private "
            "endpoint, whether its DNS zone is linked to this network."
        )
    if isinstance(reason, ssl.SSLError):
        return (
            "The certificate is not trusted: something between here and Azure answers in its place, or an authority of "
            "your own has to be named: client_options = {connection_verify = '/path/to/ca.pem'}."
        )
    if stays_here(endpoint):
        return (
            "This address is on this machine: see that the emulator runs on this port, and that no proxy is asked for "
            "it. Azurite starts with "
            f"'npx --package azurite azurite-blob --skipApiVersionCheck --blobPort {urlsplit(endpoint).port or 10000}'."
        )
    return "Check this machine's firewall and proxy settings, and the account's Networking page."


def no_lifecycle_rule(days: int) -> str:
    """Return what to do where files are still there that a lifecycle rule should have deleted."""
    return (
        f"The account has no lifecycle rule that deletes them after {days} days, or it is disabled. Add it to the "
        "account's policy: 'manage.py storage_router provision' prints it."
    )
