"""The URL of a blob, public or signed. No SDK, and no request but the one for a user delegation key."""

from __future__ import annotations

import datetime as dt
import math
import time
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from storage_router.conf.azure.authentication import MAX_DELEGATION_SECS
from storage_router.conf.azure.options import AzureOptions
from storage_router.conf.azure.rules import LONGEST_EXPIRY
from storage_router.exceptions import BlobError, SigningError
from storage_router.names import blob_name, clean_name, quoted

from .sas import (
    SIGNED_VERSION,
    Grant,
    Signer,
    ordered,
    overrides,
    sign_with_account_key,
    sign_with_delegation_key,
)

if TYPE_CHECKING:
    from .client import Client

LONGEST_DEFAULT_WINDOW = 3600
"""Seconds that signed URLs stay the same, at most, unless ``url_window_secs`` says otherwise."""

REMEMBERED_URLS = 4096
"""Signed URLs kept per window; a page shows the same pictures again and again."""

CREATES_BLOCKS = "2026-04-06"
"""The version of the API from which on the permission to create covers blocks.
https://learn.microsoft.com/rest/api/storageservices/version-2026-04-06"""


class BlobUrls:
    """The URLs of one container's blobs. Safe across threads."""

    def __init__(self, options: AzureOptions, *, alias: str | None = None) -> None:
        self._options = options
        self._alias = alias
        self._client: Client | None = None
        self._container: str = options.azure_container
        self.api = f"{options.endpoint}/{self._container}/"
        """Where the API knows the container, whatever ``custom_domain`` is."""

        self._public = _public_base(options)
        self._sas = ""
        given = options.authentication
        if given.kind == "sas" and options.sas_token_in_urls:
            self._sas = "?" + given.sas_token.get_secret_value().lstrip("?")
        self._windows: dict[tuple[object, ...], _Window] = {}

    def public_url(self, blob_name: str) -> str:
        """Return the unsigned URL, at the custom domain if there is one."""
        return self._public + quoted(blob_name)

    def url(
        self,
        name: str,
        *,
        prefix: str = "",
        expire: float | dt.timedelta | None = None,
        parameters: Mapping[str, str | None] | None = None,
        permission: str = "r",
        now: float | None = None,
    ) -> str:
        """Return the URL of a file's blob: ``name`` below ``prefix``, a location with its slash.

        Without ``expire`` (seconds, or a timedelta) it is the public one. With it, the URL is signed: good for
        ``permission``, for ``expire`` seconds at least and one window longer at most, or, with a user delegation key,
        until that key's end, seven days at most. ``parameters`` are response headers: content_type,
        content_disposition, content_encoding, content_language, cache_control. ``now`` is for tests.

        Raises ``InvalidNameError``, ``SigningError`` if the credential cannot sign, ``TypeError`` and ``ValueError``
        for wrong arguments (a life of more than seven days from a token credential is one), and ``BlobError`` if the
        service refuses a user delegation key.
        """
        # Checked even where they do nothing.
        headers = overrides(parameters) if parameters else None
        if expire is None or self._sas:
            return f"{self._public}{quoted(blob_name(prefix, name))}{self._sas}"
        if type(expire) is not int:
            expire = seconds_of(expire)
        if type(name) is not str:
            # A name is remembered for the value that it has now.
            name = clean_name(name)
        kind = (prefix, expire, permission, tuple(headers.items()) if headers else None)
        moment = time.time() if now is None else now
        try:
            window = self._windows.get(kind)
            if window is None or not window.start < moment <= window.end:
                blob = blob_name(prefix, name)
                window = self._windows[kind] = self._window(blob, expire, parameters, permission, moment)
                if len(self._windows) > REMEMBERED_URLS:
                    self._windows = {kind: window}
            # By the name as it was given: a name that is known is not checked again.
            found = window.urls.get(name)
            if found is None:
                blob = blob_name(prefix, name)
                found = f"{self._public}{quoted(blob)}?{window.sign(blob)}"
                if len(window.urls) >= REMEMBERED_URLS:
                    window.urls.clear()
                window.urls[name] = found
            return found
        except BaseException as error:
            # Whatever interrupts signing leaves no key and no signature in the variables of its frames.
            traceback.clear_frames(error.__traceback__)
            raise

    def _window(
        self,
        blob_name: str,
        expire: float,
        parameters: Mapping[str, str | None] | None,
        permission: str,
        now: float,
    ) -> _Window:
        """Return the window that ``now`` lies in: the time in which the URL's end, and so the URL, stays the same.

        ``blob_name`` is for errors.
        """
        options = self._options
        self._require_life(expire)
        length = options.url_window_secs
        if length is None:
            length = min(int(expire) // 4, LONGEST_DEFAULT_WINDOW)
        length = max(int(length), 1)  # times in URLs are whole seconds
        expiry = math.ceil((now + expire) / length) * length
        start, end = expiry - expire - length, expiry - expire
        grant = self._grant(self._public, expiry, permission, parameters)
        signer, renewal = self._signer(grant, blob_name, now, stable_for=length)
        return _Window(start, min(end, renewal), signer, {})

    def sign(
        self,
        blob_name: str,
        seconds: float,
        parameters: Mapping[str, str | None] | None = None,
        *,
        custom_domain: bool = False,
    ) -> str:
        """Return a URL for reading the blob that ends after ``seconds``, without a window: at the service itself, or at
        the custom domain. Raises as ``url`` does."""
        self._require_life(seconds)
        return self._link(self._public if custom_domain else self.api, blob_name, seconds, "r", parameters)

    def ticket(self, blob_name: str, seconds: float) -> str:
        """Return a URL for creating the blob, at once or in blocks, that ends after ``seconds``.

        On Azure it cannot overwrite what is there. Emulators, and versions of the API before ``CREATES_BLOCKS``, need
        the permission to write for blocks.
        """
        version = self._options.api_version or SIGNED_VERSION
        if self._options.api_version is None and urlsplit(self.api).netloc.endswith(".core.windows.net"):
            version = CREATES_BLOCKS
        permission = "c" if version >= CREATES_BLOCKS else "cw"
        return self._link(self.api, blob_name, seconds, permission, version=version)

    def _link(
        self,
        base: str,
        blob_name: str,
        seconds: float,
        permission: str,
        parameters: Mapping[str, str | None] | None = None,
        version: str | None = None,
    ) -> str:
        now = time.time()
        try:
            grant = self._grant(base, math.ceil(now + seconds), permission, parameters, version)
            signer, _ = self._signer(grant, blob_name, now)
            return f"{base}{quoted(blob_name)}?{signer(blob_name)}"
        except BaseException as error:
            traceback.clear_frames(error.__traceback__)
            raise

    def _require_life(self, expire: float) -> None:
        by_identity = self._options.authentication.kind == "token"
        longest = MAX_DELEGATION_SECS if by_identity else LONGEST_EXPIRY
        if not 0 < expire <= longest:
            signer = " signed by an identity" if by_identity else ""
            raise ValueError(f"A signed URL lives longer than 0 and at most {longest} seconds{signer}, not {expire!r}.")

    def _grant(
        self,
        base: str,
        expiry: int,
        permission: str,
        parameters: Mapping[str, str | None] | None,
        version: str | None = None,
    ) -> Grant:
        return Grant(
            account_name=self._options.resolved_account_name,
            container=self._container,
            expiry=expiry,
            permission=ordered(permission),
            headers=overrides(parameters),
            https_only=base.startswith("https:") and self.api.startswith("https:"),
            version=version or self._options.api_version or SIGNED_VERSION,
        )

    def _signer(self, grant: Grant, blob_name: str, now: float, *, stable_for: float = 0) -> tuple[Signer, float]:
        """Return what signs names for ``grant``, and when its key is to be renewed. ``blob_name`` is for errors."""
        options, given = self._options, self._options.authentication
        if given.kind == "account_key":
            return sign_with_account_key(grant, given.account_key), math.inf
        if given.kind != "token":
            raise SigningError(
                f"The container {self._container!r} has "
                + ("only a SAS" if given.kind == "sas" else "no credential")
                + ", which cannot sign URLs. Give account_key or a token credential, or remove expiration_secs and "
                "expire" + (" and set sas_token_in_urls." if given.kind == "sas" else ".")
            )
        if self._client is None:
            from .client import Account

            self._client = Account.of(options).client(options)
        try:
            delegation, renewal = self._client.delegation_key(grant.expiry, stable_for=stable_for, now=now)
        except BlobError as error:
            # The key is the account's, which knows of neither.
            error.alias, error.container = self._alias, self._container
            error.blob = error.filename = blob_name
            raise
        grant = grant._replace(expiry=min(grant.expiry, delegation.expiry))
        return sign_with_delegation_key(grant, delegation), renewal


def seconds_of(expire: float | dt.timedelta) -> float:
    """Return how long a URL lives, in seconds. Raises ``TypeError`` for what is neither a number nor a timedelta."""
    if isinstance(expire, dt.timedelta):
        return expire.total_seconds()
    if isinstance(expire, int | float):
        return expire
    raise TypeError(f"url() takes expire in seconds or as a timedelta, not {type(expire).__name__}.")


class _Window(NamedTuple):
    """From after ``start`` until ``end`` (seconds since the epoch) every blob has one URL."""

    start: float
    end: float
    sign: Signer
    urls: dict[str, str]


def _public_base(options: AzureOptions) -> str:
    """Return what a blob's URL begins with, with a trailing slash."""
    container = options.azure_container
    if not options.custom_domain:
        return f"{options.endpoint}/{container}/"
    kept = options.container_in_url
    if kept is None:
        # The static website's container is the root of its own host.
        kept = container != "$web"
    domain = options.custom_domain.rstrip("/")
    if "://" not in domain:
        endpoint = urlsplit(options.endpoint)
        if kept and "/" not in domain and endpoint.path == f"/{options.resolved_account_name}":
            # An emulator's account is in the path: another host of the same emulator has it there, too.
            domain += endpoint.path
        domain = f"{endpoint.scheme}://{domain}"
    return f"{domain}/{container}/" if kept else f"{domain}/"
