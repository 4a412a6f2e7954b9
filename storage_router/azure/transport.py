"""How requests reach the wire: one pool of connections per account, and bodies that arrive whole or not at all.

The SDK's transport works on a requests session. What a session does beyond urllib3 (cookies, redirects, netrc, the
proxy variables read again each time) is a third of a request's cost and of no use here, so the transport gets this
instead.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import ssl
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import certifi
import requests
import urllib3
from azure.core.pipeline.transport import RequestsTransport
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from .errors import redact
from .properties import require_whole

PIECE = 256 * 2**10
"""Bytes written to a socket at a time. Each piece has the time limit for itself, so slow lines can send large blobs."""

WHOLE = 64 * 2**20
"""Bytes of an answer that are handed on at a time: more than any request here asks for."""


def pooled_transport(pool_size: int, settings: Mapping[str, Any]) -> RequestsTransport:
    """Return a transport that keeps ``pool_size`` idle connections; ``settings`` are the SDK's client options.

    ``connection_timeout``, ``read_timeout``, ``connection_verify``, ``connection_cert``, ``proxies`` and
    ``use_env_settings`` mean what they mean to the SDK.
    """
    session = DirectSession(pool_size=pool_size, use_env_settings=settings.get("use_env_settings", True))
    # The whole answer is in memory. Left to itself the transport would hand it on in pieces of 4 KiB.
    return RequestsTransport(session=session, **{"connection_data_block_size": WHOLE, **settings})


class DirectSession:
    """As much of a requests session as the SDK's transport uses. Safe across threads."""

    def __init__(self, *, pool_size: int, use_env_settings: bool = True) -> None:
        self._pool_size = pool_size
        self._use_env_settings = use_env_settings
        self._managers: dict[tuple[object, ...], urllib3.PoolManager] = {}

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        data: Any,
        timeout: tuple[float, float],
        verify: bool | str | None = True,
        cert: str | tuple[str, str] | None = None,
        proxies: Mapping[str, str] | None = None,
        **_: Any,
    ) -> requests.Response:
        """Send one request and read the whole answer; raises what the SDK's transport expects of a session.

        A connection that breaks within the answer's body is thus an error of the request, which is repeated like any
        other. The SDK would take up such a download again after a second's sleep.
        """
        connect, read = timeout
        verify = True if verify is None else verify
        try:
            raw = self._manager(url, verify, cert, proxies).urlopen(
                method,
                url,
                body=_pieces(data) if isinstance(data, bytes) and len(data) > PIECE else data,
                headers=dict(headers),
                timeout=urllib3.Timeout(connect=connect, read=read),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            body = raw.read()
            raw.release_conn()
            if raw.status == 206:
                _require_whole(raw, body)
        except (NewConnectionError, ConnectTimeoutError):
            raise
        except ReadTimeoutError as error:
            raise requests.ReadTimeout(error) from error
        except SSLError as error:
            raise requests.exceptions.SSLError(error) from error
        except (ProtocolError, OSError) as error:
            raise requests.ConnectionError(error) from error
        except HTTPError as error:
            raise requests.RequestException(error) from error
        response = requests.Response()
        response.status_code = raw.status
        response.reason = raw.reason or ""
        response.headers = CaseInsensitiveDict(raw.headers)
        response.url = url
        response.raw = _Body(body)
        return response

    def close(self) -> None:
        """Close all connections."""
        managers, self._managers = self._managers, {}
        for manager in managers.values():
            manager.clear()

    def _manager(
        self, url: str, verify: bool | str, cert: str | tuple[str, str] | None, proxies: Mapping[str, str] | None
    ) -> urllib3.PoolManager:
        parts = urlsplit(url)
        key = (parts.scheme, parts.netloc, verify, cert, tuple(proxies.items()) if proxies else None)
        found = self._managers.get(key)
        if found is None:
            # Two threads may build one each; the one that came second is never used.
            found = self._managers.setdefault(key, self._build(url, verify, cert, proxies))
        return found

    def _build(
        self, url: str, verify: bool | str, cert: str | tuple[str, str] | None, proxies: Mapping[str, str] | None
    ) -> urllib3.PoolManager:
        options: dict[str, Any] = {"maxsize": self._pool_size, "blocksize": PIECE}
        if url.startswith("https:"):
            options["ssl_context"] = self._ssl_context(verify, cert)
            if not verify:
                options["cert_reqs"] = "CERT_NONE"
        if not proxies and self._use_env_settings:
            proxies = get_environ_proxies(url)
        proxy = select_proxy(url, dict(proxies) if proxies else None)
        if proxy is None:
            return urllib3.PoolManager(**options)
        if proxy.startswith("socks"):
            try:
                from urllib3.contrib.socks import SOCKSProxyManager
            except ImportError as error:
                raise ImportError("A SOCKS proxy needs PySocks: pip install 'urllib3[socks]'") from error
            return SOCKSProxyManager(proxy, **options)  # pragma: no cover - PySocks is no dependency of the tests
        given = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        if given.username:
            user = f"{given.username}:{given.password or ''}"
            options["proxy_headers"] = urllib3.make_headers(proxy_basic_auth=user)
        return urllib3.ProxyManager(given.geturl(), **options)

    def _ssl_context(self, verify: bool | str, cert: str | tuple[str, str] | None) -> ssl.SSLContext:
        """Return one context for all connections: reading the authorities again for each would take longer than the
        rest."""
        context = urllib3.util.create_urllib3_context()
        if verify is True and self._use_env_settings:
            verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        if verify:
            path = certifi.where() if verify is True else str(verify)
            where = {"capath": path} if os.path.isdir(path) else {"cafile": path}  # noqa: PTH112 - ssl takes strings
            with _naming(path):
                context.load_verify_locations(**where)
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if cert:
            pair = [cert] if isinstance(cert, str) else cert
            with _naming(" or ".join(pair)):
                context.load_cert_chain(*pair)
        return context


@contextlib.contextmanager
def _naming(path: str) -> Iterator[None]:
    """Name the file in the error that it causes: OpenSSL does not."""
    try:
        yield
    except OSError as error:
        error.filename = path
        raise


def _pieces(data: bytes) -> Iterator[memoryview]:
    """Cut ``data`` into what is written at a time, without a copy of it: the same again for each attempt."""
    view = memoryview(data)
    return (view[start : start + PIECE] for start in range(0, len(data), PIECE))


def _require_whole(raw: urllib3.BaseHTTPResponse, body: bytes) -> None:
    """Raise ``ProtocolError``, which is worth a retry, for a range that is shorter than it says."""
    try:
        require_whole(raw.headers, body)
    except ValueError as error:
        raise ProtocolError(str(error)) from None


def keep_signatures_out_of_logs() -> None:
    """See to it that urllib3, which logs the path and query of each request at DEBUG, logs no signature of a SAS."""
    logger = logging.getLogger("urllib3.connectionpool")
    if _redacted not in logger.filters:
        logger.addFilter(_redacted)


def _redacted(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple(redact(item) if isinstance(item, str) else item for item in record.args)
    return True


class _Body(io.BytesIO):
    """A body that has been read, in the place of one that has not."""

    enforce_content_length = True

    def release_conn(self) -> None:
        """Do nothing: the connection is back in its pool."""
