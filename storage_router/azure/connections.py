"""The connections of one account: pools that all of its clients share, one for each way to connect."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import certifi
import urllib3
from requests.utils import get_environ_proxies, select_proxy
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from .errors import ClientError

PIECE = 256 * 2**10
"""Bytes written to a socket at a time. Each piece has the time limit for itself, so slow lines can send large blobs."""

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""What names the certificate authorities in the environment, the one that wins first."""

_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPALIVE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
"""Socket options, where the system has them; ``TCP_KEEPALIVE`` is macOS's word for ``TCP_KEEPIDLE``.

Azure's load balancers, and much else that translates addresses, forget a connection that was idle for four minutes, and
drop silently what is sent over it afterwards: the next request would wait for its whole time limit. So an idle
connection says a word each minute, and one that nobody answers any more is closed, and not used, after two.
https://learn.microsoft.com/azure/load-balancer/load-balancer-tcp-idle-timeout and
https://learn.microsoft.com/azure/load-balancer/load-balancer-tcp-reset"""

_SOCKET_OPTIONS = [
    *HTTPConnection.default_socket_options,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in _KEEPALIVE.items()
        if hasattr(socket, name)
    ),
]

Certificate = str | tuple[str, ...] | list[str] | None
"""The client's own: a file with certificate and key, or a file for each."""


class Connections:
    """Pools that keep ``pool_size`` idle connections each. Safe across threads."""

    def __init__(self, pool_size: int) -> None:
        self._pool_size = pool_size
        self._managers: dict[tuple[object, ...], urllib3.PoolManager] = {}

    def manager(
        self,
        url: str,
        *,
        verify: bool | str | None = True,
        cert: Certificate = None,
        proxies: Mapping[str, str] | None = None,
        use_env_settings: bool = True,
    ) -> urllib3.PoolManager:
        """Return the pools for ``url`` and these options, which mean what they mean to the SDK.

        What the environment says is read once for each way to connect.
        """
        parts = urlsplit(url)
        verify = True if verify is None else verify
        files = tuple(cert) if isinstance(cert, list | tuple) else (cert,) if cert else ()
        given = tuple(proxies.items()) if proxies else None
        key = (parts.scheme, parts.netloc, verify, files, given, use_env_settings)
        found = self._managers.get(key)
        if found is None:
            # Two threads may build one each; the one that came second is never used.
            built = self._build(url, verify, files, proxies, use_env_settings)
            found = self._managers.setdefault(key, built)
        return found

    def close(self) -> None:
        """Close all connections."""
        managers, self._managers = self._managers, {}
        for manager in managers.values():
            manager.clear()

    def _build(
        self,
        url: str,
        verify: bool | str,
        files: tuple[str, ...],
        proxies: Mapping[str, str] | None,
        use_env_settings: bool,
    ) -> urllib3.PoolManager:
        options: dict[str, Any] = {
            "maxsize": self._pool_size,
            "blocksize": PIECE,
            "socket_options": _SOCKET_OPTIONS,
        }
        if url.startswith("https:"):
            options["ssl_context"] = _ssl_context(verify, files, use_env_settings)
            if not verify:
                options["cert_reqs"] = "CERT_NONE"
        if not proxies and use_env_settings:
            proxies = get_environ_proxies(url)
        proxy = select_proxy(url, dict(proxies) if proxies else None)
        return urllib3.PoolManager(**options) if proxy is None else _through(proxy, options)


def _through(proxy: str, options: dict[str, Any]) -> urllib3.PoolManager:
    if proxy.startswith("socks"):
        try:
            from urllib3.contrib.socks import SOCKSProxyManager
        except ImportError as error:
            raise ClientError("A SOCKS proxy needs PySocks: pip install 'urllib3[socks]'") from error
        return SOCKSProxyManager(proxy, **options)  # pragma: no cover - PySocks is no dependency of the tests
    try:
        given = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        if " " in given.netloc:
            # Older releases of urllib3 notice it only when they connect, at each attempt.
            raise ValueError("a host has no blanks")
        if given.username:
            user = f"{given.username}:{given.password or ''}"
            options["proxy_headers"] = urllib3.make_headers(proxy_basic_auth=user)
        return urllib3.ProxyManager(given.geturl(), **options)
    except (ValueError, HTTPError) as error:
        # It is not shown: it may hold a password.
        raise ClientError(
            "The proxy of client_options.proxies, or of HTTP_PROXY or HTTPS_PROXY, is no address such as "
            "http://proxy.example:8080."
        ) from error


def _ssl_context(verify: bool | str, files: tuple[str, ...], use_env_settings: bool) -> ssl.SSLContext:
    """Return one context for all connections: reading the authorities again for each would take longer than the
    rest."""
    context = urllib3.util.create_urllib3_context()
    place = "client_options.connection_verify"
    if verify is True and use_env_settings:
        for variable in reversed(_BUNDLES):
            if found := os.environ.get(variable):
                verify, place = found, variable
    if verify:
        path = certifi.where() if verify is True else os.fspath(verify)
        where = {"capath": path} if os.path.isdir(path) else {"cafile": path}  # noqa: PTH112 - ssl takes strings
        with _told(place, f"the certificate authorities in {path!r}"):
            context.load_verify_locations(**where)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if files:
        with _told("client_options.connection_cert", f"the certificate in {', '.join(map(repr, files))}"):
            context.load_cert_chain(*files)
    return context


@contextlib.contextmanager
def _told(place: str, what: str) -> Iterator[None]:
    """Say which file it is: OpenSSL does not. Left an ``OSError``, it would be taken for one of the connection, and the
    request be tried again."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise ClientError(f"{place}: {what} cannot be loaded ({reason}). Name a PEM file that can be read.") from error
