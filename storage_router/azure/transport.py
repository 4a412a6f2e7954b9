"""How requests reach the wire: over the account's connections, and bodies that arrive whole or not at all.

The SDK's transport works on a requests session. What a session does beyond urllib3 (cookies, redirects, netrc, the
proxy variables read again each time) is a third of a request's cost and of no use here, so the transport gets this
instead.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import requests
import urllib3
from azure.core.pipeline.transport import RequestsTransport
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from .connections import PIECE, Certificate, Connections
from .properties import require_whole

WHOLE = 64 * 2**20
"""Bytes of an answer that are handed on at a time: more than any request here asks for."""


def pooled_transport(connections: Connections, settings: Mapping[str, Any]) -> RequestsTransport:
    """Return a transport over ``connections``; ``settings`` are the SDK's client options.

    ``connection_timeout``, ``read_timeout``, ``connection_verify``, ``connection_cert``, ``proxies`` and
    ``use_env_settings`` mean what they mean to the SDK.
    """
    session = DirectSession(connections, use_env_settings=settings.get("use_env_settings", True))
    # The whole answer is in memory. Left to itself the transport would hand it on in pieces of 4 KiB.
    given = {"connection_data_block_size": WHOLE, **settings}
    return RequestsTransport(**{**given, "session": session, "session_owner": False})


class DirectSession:
    """As much of a requests session as the SDK's transport uses, for one client. Safe across threads."""

    def __init__(self, connections: Connections, *, use_env_settings: bool = True) -> None:
        self._connections = connections
        self._use_env_settings = use_env_settings

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        data: Any,
        timeout: tuple[float, float],
        verify: bool | str | None = True,
        cert: Certificate = None,
        proxies: Mapping[str, str] | None = None,
        **_: Any,
    ) -> requests.Response:
        """Send one request and read the whole answer; raises what the SDK's transport expects of a session.

        A connection that breaks within the answer's body is thus an error of the request, which is repeated like any
        other. The SDK would take up such a download again after a second's sleep.
        """
        connect, read = timeout
        manager = self._connections.manager(
            url, verify=verify, cert=cert, proxies=proxies, use_env_settings=self._use_env_settings
        )
        try:
            raw = manager.urlopen(
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


class _Body(io.BytesIO):
    """A body that has been read, in the place of one that has not."""

    enforce_content_length = True

    def release_conn(self) -> None:
        """Do nothing: the connection is back in its pool."""
