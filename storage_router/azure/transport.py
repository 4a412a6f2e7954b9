"""How requests reach the wire: one pool of connections per account, and bodies that arrive whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import requests
from azure.core.exceptions import ServiceResponseError, ServiceResponseTimeoutError
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util import Retry


class PooledTransport(RequestsTransport):
    """The SDK's transport, except that the body of a download is read before the answer is handed on.

    A connection that breaks within a body is then an error of the request, which the retry policy handles like any
    other. The SDK itself would sleep a second first. What is read at once is what was asked for: a range of a few
    MiB.
    """

    def send(self, request: Any, **options: Any) -> Any:
        """Send the request; raises azure-core's errors."""
        response = super().send(request, **options)
        if options.get("stream"):
            raw = response.internal_response.raw
            try:
                body = raw.read(decode_content=False)
            except ReadTimeoutError as error:
                raise ServiceResponseTimeoutError(error, error=error) from error
            except (HTTPError, OSError) as error:
                raise ServiceResponseError(error, error=error) from error
            raw.release_conn()
            response.internal_response.raw = io.BytesIO(body)
        return response


def pooled_transport(pool_size: int, settings: Mapping[str, Any]) -> PooledTransport:
    """Return a transport whose connections serve ``pool_size`` threads; ``settings`` are the SDK's client options."""
    session = requests.Session()
    session.trust_env = settings.get("use_env_settings", True)
    # Retries are the pipeline's business.
    adapter = HTTPAdapter(
        pool_connections=4,
        pool_maxsize=pool_size,
        max_retries=Retry(total=False, redirect=False, raise_on_status=False),
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return PooledTransport(session=session, **settings)
