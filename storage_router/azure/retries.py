"""When a request is sent again, how soon, and until when.

The SDK waits 15 seconds before its first retry, never retries 429, and ignores Retry-After. Behind a web server that
is too late: here the first retry follows within half a second, and no attempt starts after ``timeout`` seconds.
"""

from __future__ import annotations

import random
import ssl
import time
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.storage.blob import ExponentialRetry

from .errors import causes

FIRST_WAIT = 0.25
"""Seconds before the first retry, on average; each further one waits twice as long."""

LONGEST_WAIT = 8.0

RETRIES = 5

WAITS = frozenset({"initial_backoff", "increment_base", "random_jitter_range"})
"""The SDK's options for how long to wait."""

_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_RETRIED_COPY_SOURCE_ERRORS = frozenset({"OperationTimedOut", "InternalError", "ServerBusy"})


class BoundedRetry(ExponentialRetry):
    """The SDK's retry policy with a short first wait and an end.

    No attempt starts ``deadline_secs`` after the first one or later, and with ``bounded_reads`` none waits for an
    answer beyond that time. The SDK's own options are taken as the SDK takes them: ``retry_total``, ``retry_connect``,
    ``retry_read``, ``retry_status``; and with one of ``WAITS`` the waits are the SDK's altogether.
    """

    def __init__(self, *, deadline_secs: float, bounded_reads: bool = True, **options: Any) -> None:
        options.setdefault("retry_total", RETRIES)
        for kind in ("retry_connect", "retry_read", "retry_status"):
            options.setdefault(kind, options["retry_total"])
        super().__init__(**options)
        self.waits_as_the_sdk = not WAITS.isdisjoint(options)
        self.deadline_secs = deadline_secs
        self.bounded_reads = bounded_reads

    def get_backoff_time(self, settings: dict[str, Any]) -> float:
        """Return the seconds to wait before the next attempt: what the service asked for, else growing and random."""
        asked = settings.get("retry_after")
        if asked is not None:
            return float(asked)
        if self.waits_as_the_sdk:
            return super().get_backoff_time(settings)
        # Spread by half to both sides, so that the threads that one fault hit do not come back together.
        grown: float = FIRST_WAIT * 2 ** (settings["count"] - 1)
        return min(grown, LONGEST_WAIT) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Send the request, and again while that may help and time is left."""
        settings = self.configure_retries(request)
        deadline = time.monotonic() + self.deadline_secs
        while True:
            response, error = self._attempt(request)
            if response is not None and not _worth_a_retry(response.http_response):
                break
            http_response = response.http_response if response is not None else None
            settings["retry_after"] = _retry_after(http_response)
            left = self.increment(settings, request=request.http_request, response=http_response, error=error)
            wait = self.get_backoff_time(settings) if left else 0.0
            if not left or time.monotonic() + wait >= deadline:
                break
            if self.bounded_reads:
                request.context.options["read_timeout"] = deadline - time.monotonic() - wait
            if settings["hook"]:
                settings["hook"](
                    retry_count=settings["count"] - 1,
                    location_mode=settings["mode"],
                    request=request.http_request,
                    response=http_response,
                    error=error,
                )
            time.sleep(wait)
        if response is None:
            assert error is not None
            raise error
        if settings["history"]:
            response.context["history"] = settings["history"]
        response.http_response.location_mode = settings["mode"]
        return response

    def _attempt(self, request: PipelineRequest[Any]) -> tuple[PipelineResponse[Any, Any] | None, AzureError | None]:
        try:
            return self.next.send(request), None
        except ClientAuthenticationError:
            # From the credential, which has retries of its own.
            raise
        except AzureError as error:
            if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes(error)):
                raise
            return None, error


def _worth_a_retry(response: Any) -> bool:
    if response.status_code in _RETRIED:
        return True
    return response.headers.get("x-ms-copy-source-error-code") in _RETRIED_COPY_SOURCE_ERRORS


def _retry_after(response: Any) -> float | None:
    """Return the seconds of a Retry-After header; Azure sends seconds, never a date."""
    text = response.headers.get("Retry-After") if response is not None else None
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None
