"""What the errors of Azure and of the network mean for whoever is on call, and what to do about them."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

from storage_router.azure.errors import ADVICE
from storage_router.conf.azure.endpoint import stays_here
from storage_router.exceptions import BlobConnectionError, BlobTimeoutError, ContainerNotFoundError

SLACK_DAYS = 2
"""Azure carries lifecycle rules out once a day, and a new one up to a day later."""

_NETWORK = "Check this machine's firewall and proxy settings, and the account's Networking page."

NOT_AUTHENTICATED = frozenset(
    {
        *("AccountIsDisabled", "AuthenticationFailed", "AuthorizationProtocolMismatch"),
        *("AuthorizationServiceMismatch", "AuthorizationSourceIPMismatch", "InvalidAuthenticationInfo"),
        *("KeyBasedAuthenticationNotPermitted", "NoAuthenticationInformation"),
    }
)
"""Codes that say that the credential was refused as such, not that it lacks one permission."""


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
    return _NETWORK


def no_lifecycle_rule(days: int) -> str:
    """Return what to do where files are still there that a lifecycle rule should have deleted."""
    return (
        f"The account has no lifecycle rule that deletes them after {days} days, or it is disabled. Add it to the "
        "account's policy: 'manage.py storage_router provision' prints it."
    )
