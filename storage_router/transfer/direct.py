"""A small blob by one plain HTTP request: what the SDK would send, for less than half of the processor's time.

The SDK's pipeline holds the interpreter for most of a millisecond at each request, so that thirty threads of it are
hardly faster than two. Here only the expected happens: whatever else a server may answer, the caller repeats the
request by the SDK, which tries again, and whose errors this package knows to report. The figures are in
docs/static-files.md.
"""

from __future__ import annotations

import base64
import hashlib
import os
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from storage_router.azure.account import Account
from storage_router.azure.clients import CONNECT_TIMEOUT
from storage_router.azure.errors import translated
from storage_router.azure.properties import stored_with
from storage_router.azure.signing import SIGNED_VERSION, Grant, sign_with_account_key
from storage_router.azure.urls import BlobUrls
from storage_router.conf.options import AzureOptions
from storage_router.files import FileSettings

SCOPE = "https://storage.azure.com/.default"

RENEWAL = 300
"""Seconds before its end at which a token, or a signature of ours, is renewed; as the SDK does."""

GIVE_UP_AFTER = 5
"""Failures in a row after which the SDK sends the rest: the way leads nowhere, and each attempt would cost a
request."""

_SIGNED_FOR = 3600


def direct_writer(options: AzureOptions) -> DirectWriter | None:
    """Return a writer, or None where the SDK has to send everything: through a proxy, without a credential, or with
    client options that mean something to the SDK alone."""
    verify = options.client_options.get("connection_verify")
    if options.client_options.keys() - {"connection_verify"} or not isinstance(verify, str | None):
        return None
    address = urlsplit(options.endpoint)
    if getproxies().get(address.scheme) and not proxy_bypass(address.hostname or ""):
        return None
    if options.authentication.kind == "anonymous":
        return None
    return DirectWriter(options, certificate=verify)


class DirectWriter:
    """Writes blobs of one container. Safe across threads; ``close()`` it."""

    def __init__(self, options: AzureOptions, *, certificate: str | None = None) -> None:
        self._options = options
        self._certificate = certificate
        self._urls = BlobUrls(options)
        self._authorize = _authorization(options)
        self._address = urlsplit(options.endpoint)
        self._idle: deque[HTTPConnection] = deque()
        self._failures = 0

    def put(self, blob: str, data: bytes, settings: FileSettings) -> bool:
        """Store ``data`` as the blob, whatever was there. Return False if that is not certain."""
        if settings.tags or settings.content_md5 is not None or self._failures >= GIVE_UP_AFTER:
            return False
        try:
            stored = self._send(blob, data, settings)
        except (
            HTTPException,
            OSError,
            ValueError,
        ):  # a BlobError is an OSError, a header that is not Latin-1 a ValueError
            stored = False
        self._failures = 0 if stored else self._failures + 1
        return stored

    def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().close()

    def _send(self, blob: str, data: bytes, settings: FileSettings) -> bool:
        url, headers = self._authorize(blob, self._urls.api_url(blob))
        headers |= stored_with(settings) | {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/octet-stream"}
        # Azure compares what arrived with it, and stores it.
        headers["Content-MD5"] = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            connection.request("PUT", url[url.index("/", 8) :], data, headers)
            answer = connection.getresponse()
            answer.read()
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return answer.status == 201

    def _connect(self) -> HTTPConnection:
        host, port, timeout = self._address.hostname or "", self._address.port, self._options.timeout
        connect_timeout = min(timeout, CONNECT_TIMEOUT)
        connection = (
            HTTPConnection(host, port, timeout=connect_timeout)
            if self._address.scheme == "http"
            else HTTPSConnection(host, port, timeout=connect_timeout, context=self._tls)
        )
        connection.connect()
        connection.sock.settimeout(timeout)
        return connection

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        import certifi

        # What the SDK trusts, in its order.
        given = self._certificate or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        path = Path(given or certifi.where())
        return ssl.create_default_context(capath=path) if path.is_dir() else ssl.create_default_context(cafile=path)


Authorization = Callable[[str, str], tuple[str, dict[str, str]]]
"""Takes a blob's name and its URL; returns the URL to ask and the headers that the request needs."""


def _authorization(options: AzureOptions) -> Authorization:
    given = options.authentication
    headers = {"x-ms-version": options.api_version or SIGNED_VERSION}
    if given.kind == "sas":
        token = given.sas_token.get_secret_value().lstrip("?")
        return lambda _, url: (f"{url}?{token}", dict(headers))
    if given.kind == "account_key":
        signers = _Renewed(lambda: _signer(options))
        return lambda blob, url: (f"{url}?{signers.get()(blob)}", dict(headers))
    account = Account.of(options)

    def fetch() -> tuple[str, float]:
        with translated(options):
            token = account.credential.get_token(SCOPE)
        return token.token, token.expires_on

    tokens = _Renewed(fetch)
    return lambda _, url: (url, headers | {"Authorization": f"Bearer {tokens.get()}"})


def _signer(options: AzureOptions) -> tuple[Callable[[str], str], float]:
    """Return what signs a URL with the account's key, and until when. Same right as the key, for one blob and an
    hour."""
    given = options.authentication
    assert given.kind == "account_key"
    expiry = int(time.time()) + _SIGNED_FOR
    grant = Grant(
        account_name=given.account_name,
        container=options.azure_container,
        expiry=expiry,
        permission="w",
        https_only=options.endpoint.startswith("https:"),
        version=options.api_version or SIGNED_VERSION,
    )
    return sign_with_account_key(grant, given.account_key), expiry


class _Renewed:
    """Something that ends and is made anew in time; ``fetch`` returns it and its end, seconds since the epoch."""

    def __init__(self, fetch: Callable[[], tuple[Any, float]]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._value: Any = None
        self._renewal = 0.0

    def get(self) -> Any:
        with self._lock:
            now = time.time()
            if now >= self._renewal:
                self._value, end = self._fetch()
                self._renewal = end - min(RENEWAL, (end - now) / 2)
            return self._value
