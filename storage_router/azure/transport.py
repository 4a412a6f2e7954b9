"""The HTTP transport: an ``HttpTransport`` of azure-core over connections that urllib3 opens.

Proxies and certificates follow the rules of requests, by its public functions. A requests session itself would cost a
third of a request's processor time for what is of no use here: cookies, redirects, netrc, the environment read again
for each request.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import socket
import ssl
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Self
from urllib.parse import urlsplit

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
from urllib3.exceptions import ConnectTimeoutError, HTTPError, InsecureRequestWarning, NewConnectionError

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

_LARGEST_HEAD = 64 * 2**10
"""Bytes of an answer's status and headers, at most. Azure's have less than 20 kB, with 8 kB of metadata."""

_BLANKS = " \t\r\n"
"""What may surround the value of a header. Python's own idea of it has bytes of UTF-8, too: the last one of "à"."""

_CLOSED = frozenset((errno.EPIPE, errno.ECONNRESET, errno.EPROTOTYPE))
"""What the system says, macOS the last one, of a write to a connection that the server has closed."""


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


class Pool:
    """The connections to one origin by one route: urllib3 opens them, and they are kept here while they are idle.

    urllib3's own ``urlopen`` takes as much of the processor as all the rest of a request.
    """

    def __init__(self, origin: str, route: Route) -> None:
        manager, self.takes_urls = _manager(origin, route)
        self._described = manager.connection_from_url(origin)
        self.headers = {"Host": urlsplit(origin).netloc, "Accept-Encoding": "identity"}
        if self.takes_urls:
            self.headers |= self._described.proxy_headers
        self._idle: deque[HTTPConnection] = deque()
        weakref.finalize(self, _close_all, self._idle)

    def take(self, connect_timeout: Any, read_timeout: Any) -> HTTPConnection:
        """Return a connection that waits for a request. Raises urllib3's errors and ``OSError`` where none is made."""
        while self._idle:
            with contextlib.suppress(IndexError):  # another thread may have taken the last one
                connection = self._idle.pop()
                # One that can be read was closed by the server, or holds an answer that nobody has asked for.
                if connection.is_connected:
                    break
                connection.close()
        else:
            connection = self._opened(connect_timeout)
        if connection.sock.gettimeout() != read_timeout:
            connection.sock.settimeout(read_timeout)
        return connection

    def _opened(self, timeout: Any) -> Any:
        pool = self._described
        tunnel = None if self.takes_urls else pool.proxy
        host, port = (pool.host, pool.port) if tunnel is None else (tunnel.host, tunnel.port)
        connection: Any = pool.ConnectionCls(host=str(host), port=port, timeout=timeout, **pool.conn_kw)
        try:
            if tunnel is not None:
                connection.set_tunnel(pool.host, pool.port, pool.proxy_headers, tunnel.scheme or "http")
            connection.connect()
        except BaseException:
            connection.close()
            raise
        return connection

    def give_back(self, connection: HTTPConnection) -> None:
        if len(self._idle) >= POOL_SIZE:
            connection.close()
        else:
            self._idle.append(connection)


def _close_all(idle: deque[HTTPConnection]) -> None:
    with contextlib.suppress(IndexError):
        while True:
            idle.pop().close()


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
            warnings.warn(f"Unverified HTTPS requests are made to {origin}.", InsecureRequestWarning, stacklevel=2)
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
    """Sends requests over ``pools``, one for each origin (``https://host:port``) and route, which are made here.

    ``options`` are azure-core's: ``connection_timeout``, ``read_timeout``, ``connection_verify``, ``connection_cert``,
    ``proxies``, ``use_env_settings``; all but the last per request, too.
    """

    def __init__(self, pools: dict[Hashable, Pool], **options: Any) -> None:
        self._pools = pools
        self.connection_config = ConnectionConfiguration(**options)
        self._options = options
        self._route = Route.of(options)
        self._limits = _limits(options)

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
        route, limits = self._route, self._limits
        if options:
            given = self._options | options
            route, limits = Route.of(given), _limits(given)
        url = request.url
        origin = url[: url.index("/", 8)] if "/" in url[8:] else url
        pool = self._pools.get((origin, route))
        if pool is None:
            # The environment is read once for each. Two threads may make one each; the second one is never used.
            pool = self._pools.setdefault((origin, route), Pool(origin, route))
        head, body = _written(request, url if pool.takes_urls else url[len(origin) :] or "/", pool.headers)
        try:
            connection = pool.take(*limits)
        except (HTTPError, HTTPException, OSError) as error:
            failure = _failure(error, ServiceRequestError)
        else:
            try:
                raw = _answer(connection, pool, request.method, head, body)
            except (HTTPException, OSError) as error:
                connection.close()
                failure = _failure(error, ServiceResponseError)
            except BaseException:
                connection.close()
                raise
            else:
                response = Response(request, raw.status, raw.reason, raw.headers, raw.pieces, raw.release)
                if not stream:
                    response.read()
                return response
        raise failure


def _limits(options: Mapping[str, Any]) -> tuple[Any, Any]:
    given = urllib3.Timeout(connect=options.get("connection_timeout"), read=options.get("read_timeout"))
    return given.connect_timeout, given.read_timeout


def _written(request: HttpRequest, target: str, given: Mapping[str, str]) -> tuple[bytes, bytes]:
    """Return the head of a request as it is sent, and its body. ``given`` are headers that the request may replace."""
    body = request.content or b""
    if isinstance(body, str):
        body = body.encode()
    headers = request.headers
    lines = [f"{request.method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in given.items() if name not in headers]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if (body or request.method in ("PUT", "POST")) and "Content-Length" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines)
    if head.count("\r") != len(lines) - 1 or head.count("\n") != len(lines) - 1:
        raise ValueError("A header of a request has a line break.")
    if not head.isascii() and max(head) > "\xff":
        # The error of encode() would hold all headers, with the signature or the token.
        raise ValueError("A header of a request has characters that are not in Latin-1.")
    return f"{head}\r\n\r\n".encode("latin-1"), body


def _answer(connection: HTTPConnection, pool: Pool, method: str, head: bytes, body: bytes) -> _Answer:
    """Send a request and return the answer, whose body has not been read."""
    try:
        if len(body) <= PIECE:
            # Together: one packet where that is enough.
            connection.send(head + body)
        else:
            connection.send(head)
            view = memoryview(body)
            for start in range(0, len(view), PIECE):
                connection.send(view[start : start + PIECE])
    except OSError as error:
        # A server may answer, a refusal for example, and close the connection before it has read everything.
        if error.errno not in _CLOSED:
            raise
    answer = _Answer(connection, pool, method)
    try:
        answer.begin()
    except BaseException:
        answer.close()
        raise
    return answer


class Headers(MutableMapping[str, str]):
    """Headers, whose names may be asked for in any case.

    azure-core's own class of this kind runs code in Python for each header that is looped over.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = {pair[0].lower(): pair for pair in pairs}

    def __getitem__(self, name: str) -> str:
        return self._pairs[name.lower()][1]

    def __setitem__(self, name: str, value: str) -> None:
        self._pairs[name.lower()] = (name, value)

    def __delitem__(self, name: str) -> None:
        del self._pairs[name.lower()]

    def __contains__(self, name: object) -> bool:
        return str(name).lower() in self._pairs

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._pairs.values())

    def __len__(self) -> int:
        return len(self._pairs)

    def items(self) -> Any:
        return self._pairs.values()


class _Answer(http.client.HTTPResponse):
    """An answer, whose head is read without the ``email`` package, the dearest part of a small request."""

    def __init__(self, connection: HTTPConnection, pool: Pool, method: str) -> None:
        super().__init__(connection.sock, method=method)
        self._connection = connection
        self._pool = pool
        self._has_body = method != "HEAD"

    def begin(self) -> None:
        """Read the head, and those of interim answers before it, such as 103 Early Hints. Raises ``HTTPException``."""
        code = ""
        while not code or (code[0] == "1" and code != "101"):
            first, *lines = self._head()
            version, _, rest = first.partition(" ")
            code, _, reason = rest.partition(" ")
            if not version.startswith("HTTP/1.") or len(code) != 3 or not code.isdecimal():
                raise http.client.BadStatusLine(first)
        self.version = 10 if version == "HTTP/1.0" else 11
        self.status, self.reason = int(code), reason
        headers: Any = Headers([_header(line) for line in lines])
        self.headers = headers
        connection = headers.get("Connection", "").lower()
        length = headers.get("Content-Length", "")
        self.chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.length = int(length) if length.isdecimal() and not self.chunked else None
        if code in ("204", "304") or not self._has_body:
            self.length = 0
        kept = "close" not in connection if self.version == 11 else "keep-alive" in connection
        self.will_close = not kept or (self.length is None and not self.chunked)

    def _head(self) -> list[str]:
        """Return the lines up to the empty one, which is not among them."""
        lines: list[str] = []
        left = _LARGEST_HEAD
        while line := self.fp.readline(left):
            left -= len(line)
            if line in (b"\r\n", b"\n") and lines:
                return lines
            lines.append(line.decode("latin-1").rstrip(_BLANKS))
        if not left:
            raise http.client.LineTooLong("head")
        place = "in the middle of a head" if lines else "without response"
        raise http.client.RemoteDisconnected(f"Remote end closed connection {place}")

    def pieces(self, size: int | None) -> Iterator[bytes]:
        """Yield the body in pieces of a size, or whole."""
        if size is None or (self.length is not None and self.length <= size):
            yield self.read()
            return
        while piece := self.read(size):
            yield piece
        if self.length:
            raise http.client.IncompleteRead(b"", self.length)

    def release(self, complete: bool) -> None:
        """Give the connection back to the pool, or close it where something of the body is left."""
        # Who knows how long the body is does not ask for more after the last piece.
        if (complete or self.length == 0) and not self.will_close:
            self._pool.give_back(self._connection)
        else:
            self.close()
            self._connection.close()


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or name != name.strip():
        raise HTTPException(f"{line[:40]!r} is not a header")
    return name, value.strip(_BLANKS)


def _failure(error: Exception, kind: type[AzureError]) -> AzureError:
    """Return azure-core's error, of this ``kind`` or the one for time limits, for one of urllib3 or the system."""
    # The text of some errors is the URL's path with its query, which may hold a SAS; what they wrap has none.
    shown: BaseException | None = error
    if hasattr(error, "url"):
        shown = error.__cause__ or error.__context__
    # urllib3 counts a connection that was refused among those that took too long.
    if isinstance(error, TimeoutError | ConnectTimeoutError) and not isinstance(error, NewConnectionError):
        kind = ServiceRequestTimeoutError if kind is ServiceRequestError else ServiceResponseTimeoutError
    failure = kind(str(error), error=shown)
    failure.__cause__ = shown
    return failure


class Response(HttpResponse):
    """An answer. ``received`` gives its body in pieces of a size, or whole for None; ``release`` is called once, with
    whether all of the body has been read."""

    request: Any = None
    status_code: Any = None
    reason: Any = None
    headers: Any = None
    encoding: Any = None

    def __init__(
        self,
        request: HttpRequest,
        status: int,
        reason: str,
        headers: Any,
        received: Callable[[int | None], Iterator[bytes]],
        release: Callable[[bool], None],
    ) -> None:
        self.request = request
        self.status_code = status
        self.reason = reason
        self.headers = headers
        self._received = received
        self._release = release
        self._body: bytes | None = None
        self._consumed = False
        self._closed = False

    @classmethod
    def around(cls, found: Any, request: HttpRequest) -> Response:
        """Return an answer of a transport of the application's own as one of these."""
        if isinstance(found, cls):
            return found

        pieces = found.iter_raw if hasattr(found, "iter_raw") else lambda: iter((found.body(),))
        close = getattr(found, "close", lambda: None)
        return cls(request, found.status_code, found.reason or "", found.headers, lambda _: pieces(), lambda _: close())

    is_closed = property(lambda self: self._closed)
    is_stream_consumed = property(lambda self: self._consumed)
    url = property(lambda self: self.request.url)
    content_type = property(lambda self: self.headers.get("Content-Type"))
    content = property(lambda self: self.read())

    def body(self) -> bytes:
        """Return the body: azure-core's older name, by which the clients of azure-storage-blob read it."""
        return self.read()

    def text(self, encoding: str | None = None) -> str:
        """Return the body as text; what is not in the encoding is replaced."""
        return self.read().decode(encoding or self.encoding or "utf-8-sig", errors="replace")

    def json(self) -> Any:
        return json.loads(self.text())

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise HttpResponseError(response=self)

    def read(self) -> bytes:
        if self._body is None:
            self._body = b"".join(self.iter_raw() if self._consumed else self._pieces(None))
        return self._body

    def iter_bytes(self, **_: Any) -> Iterator[bytes]:
        """Yield the body in pieces, as it was sent: nothing is decompressed."""
        return self.iter_raw()

    def iter_raw(self, **_: Any) -> Iterator[bytes]:
        """Yield the body in pieces, as it was sent; then the connection is free for others."""
        if self._consumed:
            return iter((self._body or b"",))
        return self._pieces(PIECE)

    def _pieces(self, size: int | None) -> Iterator[bytes]:
        self._consumed = True
        try:
            yield from self._received(size)
        except (HTTPException, OSError) as error:
            failure = _failure(error, ServiceResponseError)
        except BaseException:
            self.close()
            raise
        else:
            # Not twice: the connection may be another request's by now.
            if not self._closed:
                self._closed = True
                self._release(True)
            return
        self.close()
        raise failure

    def close(self) -> None:
        """Close the connection, unless the body has been read."""
        if not self._closed:
            self._closed = True
            self._release(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
