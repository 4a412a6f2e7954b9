"""The HTTP transport: an ``HttpTransport`` of azure-core over urllib3's connection pools.

Proxies and certificates follow the rules of requests, by its public functions. A requests session itself would cost a
third of a request's processor time for what is of no use here: cookies, redirects, netrc, the environment read again
for each request.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Self

import certifi
import requests
import urllib3
from azure.core.configuration import ConnectionConfiguration
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest, HttpResponse
from requests.adapters import HTTPAdapter
from requests.utils import prepend_scheme_if_needed, select_proxy
from urllib3.connection import HTTPConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from .errors import ClientError

PIECE = 256 * 2**10
"""Bytes written to a socket, or read from one, at a time. Each piece has the time limit for itself, so that slow lines
can carry large blobs."""

CONNECT_TIMEOUT = 5
"""Seconds for a connection to be made: a server that answers at all does so within a TCP retransmission or two."""

POOL_SIZE = 64
"""Idle connections kept per account. More may be open at a time; the surplus is closed after use."""

_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPALIVE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
"""Socket options, where the system has them; ``TCP_KEEPALIVE`` is macOS's name for ``TCP_KEEPIDLE``.

Azure's load balancers, and other translators of addresses, forget a connection that was idle for four minutes and
silently drop what is sent over it later: the next request would wait for its entire time limit. So an idle connection
is probed each minute, and closed after two minutes without an answer.
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


@dataclass(frozen=True, kw_only=True)
class Route:
    """How to connect: azure-core's options of the same meaning. ``proxies`` are pairs of scheme and address."""

    verify: bool | str | None = True
    cert: tuple[str, ...] = ()
    proxies: tuple[tuple[str, str], ...] = ()
    use_env_settings: bool = True

    @classmethod
    def of(cls, options: MutableMapping[str, Any]) -> Self:
        cert = options.get("connection_cert")
        verify = options.get("connection_verify", True)
        return cls(
            verify=verify if verify is None or isinstance(verify, bool) else os.fspath(verify),
            cert=tuple(map(os.fspath, cert)) if isinstance(cert, list | tuple) else (os.fspath(cert),) if cert else (),
            proxies=tuple((options.get("proxies") or {}).items()),
            use_env_settings=options.get("use_env_settings", True),
        )


Opener = Callable[..., urllib3.BaseHTTPResponse]


class Pools:
    """The connection pools of one account, one for each route. Safe across threads."""

    def __init__(self) -> None:
        self._openers: dict[tuple[str, Route], tuple[Opener, bool]] = {}
        self._managers: list[urllib3.PoolManager] = []

    def opener(self, origin: str, route: Route) -> tuple[Opener, bool]:
        """Return urllib3's ``urlopen`` for an origin (``https://host:port``), and whether it takes entire URLs.

        The environment is read once for each route.
        """
        found = self._openers.get((origin, route))
        if found is None:
            manager, absolute = _manager(origin, route)
            # Two threads may build one each; the second one is never used.
            opener = manager.urlopen if absolute else manager.connection_from_url(origin).urlopen
            found = self._openers.setdefault((origin, route), (opener, absolute))
            self._managers.append(manager)
        return found

    def close(self) -> None:
        self._openers = {}
        managers, self._managers = self._managers, []
        for manager in managers:
            manager.clear()


def _manager(origin: str, route: Route) -> tuple[urllib3.PoolManager, bool]:
    """Return a pool manager for ``route``, and whether requests have to pass it with their entire URL."""
    with requests.Session() as session:
        session.trust_env = route.use_env_settings
        given = dict(route.proxies)
        settings = session.merge_environment_settings(origin, given, None, route.verify, None)
    proxy = select_proxy(origin, settings["proxies"])
    options: dict[str, Any] = {"blocksize": PIECE, "socket_options": _SOCKET_OPTIONS}
    if origin.startswith("https:"):
        options["ssl_context"] = _ssl_context(settings["verify"], route)
        if not settings["verify"]:
            options["cert_reqs"] = "CERT_NONE"
    if proxy is None:
        return urllib3.PoolManager(maxsize=POOL_SIZE, **options), False
    return _through(proxy, options), origin.startswith("http:") and not proxy.startswith("socks")


def _through(proxy: str, options: dict[str, Any]) -> urllib3.PoolManager:
    try:
        address = prepend_scheme_if_needed(proxy, "http")
        if " " in address:
            # Older releases of urllib3 notice it only when they connect, at each attempt.
            raise ValueError("a host has no blanks")
        manager: urllib3.PoolManager = HTTPAdapter(pool_maxsize=POOL_SIZE).proxy_manager_for(address, **options)
    except requests.exceptions.InvalidSchema as error:
        raise ClientError("A SOCKS proxy needs PySocks: pip install 'urllib3[socks]'") from error
    except (ValueError, HTTPError) as error:
        # The address is not shown: it may hold a password.
        raise ClientError(
            "The proxy of client_options.proxies, or of HTTP_PROXY or HTTPS_PROXY, is no address such as "
            "http://proxy.example:8080."
        ) from error
    return manager


def _ssl_context(verify: bool | str, route: Route) -> ssl.SSLContext:
    """Return one context for all connections: loading the authorities again for each would take longer than the
    rest."""
    context = urllib3.util.create_urllib3_context()
    if verify:
        path = certifi.where() if verify is True else verify
        place = "client_options.connection_verify"
        if verify != route.verify:
            place = next((name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if os.environ.get(name)), place)
        with _named(place, f"the certificate authorities in {path!r}"):
            # ssl takes strings.
            context.load_verify_locations(**{"capath" if os.path.isdir(path) else "cafile": path})  # noqa: PTH112
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if route.cert:
        with _named("client_options.connection_cert", f"the certificate in {', '.join(map(repr, route.cert))}"):
            context.load_cert_chain(*route.cert)
    return context


@contextlib.contextmanager
def _named(place: str, what: str) -> Iterator[None]:
    """Name the file that OpenSSL cannot load. As an ``OSError`` it would count as one of the connection, and the
    request would be sent again."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise ClientError(f"{place}: {what} cannot be loaded ({reason}). Name a PEM file that can be read.") from error


class Transport(HttpTransport[HttpRequest, HttpResponse]):
    """Sends requests over ``pools``. ``options`` are azure-core's: ``connection_timeout``, ``read_timeout``,
    ``connection_verify``, ``connection_cert``, ``proxies``, ``use_env_settings``; all but the last per request, too.
    """

    def __init__(self, pools: Callable[[], Pools], **options: Any) -> None:
        self._pools = pools
        self.connection_config = ConnectionConfiguration(**options)
        self._options = options
        self._route = Route.of(options)
        self._timeout = _timeout(options)

    # Connections are opened by requests, and the pools are the account's.

    def open(self) -> None: ...

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def send(self, request: HttpRequest, *, stream: bool = False, **options: Any) -> Response:
        """Send a request and return the answer; without ``stream`` its body has been read.

        Raises azure-core's errors. Nothing is repeated, and no redirect is followed.
        """
        route, timeout = self._route, self._timeout
        if options:
            given = self._options | options
            route, timeout = Route.of(given), _timeout(given)
        url = request.url
        origin = url[: url.index("/", 8)] if "/" in url[8:] else url
        opener, absolute = self._pools().opener(origin, route)
        body = request.content
        try:
            raw = opener(
                request.method,
                url if absolute else url[len(origin) :] or "/",
                body=_pieces(body) if isinstance(body, bytes) and len(body) > PIECE else body,
                headers=dict(request.headers),
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except (HTTPError, HTTPException, OSError) as error:
            failure = _failure(error)
        else:
            response = Response(request, raw.status, raw.reason or "", raw.headers, raw)
            if not stream:
                response.read()
            return response
        raise failure


def _timeout(options: MutableMapping[str, Any]) -> urllib3.Timeout:
    return urllib3.Timeout(connect=options.get("connection_timeout"), read=options.get("read_timeout"))


def _pieces(data: bytes) -> Iterator[memoryview]:
    """Yield ``data`` in what is written at a time, without copying it."""
    view = memoryview(data)
    return (view[start : start + PIECE] for start in range(0, len(data), PIECE))


def _failure(error: Exception) -> AzureError:
    """Return azure-core's error for one of urllib3 or the system."""
    # The text of some errors is the URL's path with its query, which may hold a SAS; what they wrap has none.
    shown: BaseException | None = error
    if hasattr(error, "url"):
        shown = error.__cause__ or error.__context__
    kind: type[AzureError] = ServiceResponseError
    if isinstance(error, NewConnectionError | ProxyError | SSLError):
        kind = ServiceRequestError
    elif isinstance(error, ConnectTimeoutError):
        kind = ServiceRequestTimeoutError
    elif isinstance(error, ReadTimeoutError | TimeoutError):
        kind = ServiceResponseTimeoutError
    failure = kind(str(error), error=shown)
    failure.__cause__ = shown
    return failure


class Response(HttpResponse):
    """An answer. ``raw`` is urllib3's, or the answer of a transport of the application's own."""

    def __init__(
        self,
        request: HttpRequest,
        status: int,
        reason: str,
        headers: MutableMapping[str, str],
        raw: Any,
    ) -> None:
        self._request = request
        self._status = status
        self._reason = reason
        self._headers = headers
        self._raw = raw
        self._body: bytes | None = None
        self._consumed = False
        self._closed = False

    @classmethod
    def around(cls, found: Any, request: HttpRequest) -> Response:
        """Return an answer of another transport as one of these."""
        if isinstance(found, cls):
            return found
        return cls(request, found.status_code, found.reason or "", found.headers, found)

    def of(self, request: HttpRequest) -> Response:
        """Return the answer, read, as one to ``request``."""
        twin = Response(request, self._status, self._reason, self._headers, None)
        twin._body, twin._consumed, twin._closed = self.read(), True, True
        return twin

    request = property(lambda self: self._request)
    status_code = property(lambda self: self._status)
    reason = property(lambda self: self._reason)
    headers = property(lambda self: self._headers)
    is_closed = property(lambda self: self._closed)
    is_stream_consumed = property(lambda self: self._consumed)
    url = property(lambda self: self._request.url)
    content_type = property(lambda self: self._headers.get("Content-Type"))

    content = property(lambda self: self.read())
    encoding: Any = None

    def body(self) -> bytes:
        """Return the body: azure-core's older name, by which the clients of azure-storage-blob read it."""
        return self.read()

    def text(self, encoding: str | None = None) -> str:
        """Return the body as text; what is not in the encoding is replaced."""
        return self.read().decode(encoding or self.encoding or "utf-8-sig", errors="replace")

    def json(self) -> Any:
        return json.loads(self.text())

    def raise_for_status(self) -> None:
        if self._status >= 400:
            raise HttpResponseError(response=self)

    def read(self) -> bytes:
        if self._body is None:
            self._body = b"".join(self.iter_raw())
        return self._body

    def iter_bytes(self, **_: Any) -> Iterator[bytes]:
        """Yield the body in pieces, as it was sent: nothing is decompressed."""
        return self.iter_raw()

    def iter_raw(self, **_: Any) -> Iterator[bytes]:
        """Yield the body in pieces, as it was sent; then the connection is free for others."""
        if self._consumed:
            yield self._body or b""
            return
        self._consumed = True
        try:
            yield from self._pieces()
        except (HTTPError, HTTPException, OSError) as error:
            failure = _failure(error)
        except AzureError:
            self.close()
            raise
        else:
            return
        self.close()
        raise failure

    def _pieces(self) -> Iterator[bytes]:
        raw = self._raw
        if isinstance(raw, urllib3.BaseHTTPResponse):
            if (raw.length_remaining or 0) <= PIECE and not raw.chunked:
                # One piece; urllib3's stream() costs more.
                yield raw.read()
            else:
                yield from raw.stream(PIECE, decode_content=False)
            raw.release_conn()
            self._closed = True
        elif hasattr(raw, "iter_raw"):
            yield from raw.iter_raw()
        else:
            yield raw.body()

    def close(self) -> None:
        """Close the connection, unless the body has been read."""
        if not self._closed:
            self._closed = True
            if hasattr(self._raw, "close"):
                self._raw.close()
            if isinstance(self._raw, urllib3.BaseHTTPResponse):
                self._raw.release_conn()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
