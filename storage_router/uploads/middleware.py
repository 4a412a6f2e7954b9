"""``UploadsMiddleware``: makes the current request known to form fields, which ask who is uploading."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

PATH = "storage_router.uploads.UploadsMiddleware"

_current: ContextVar[HttpRequest | None] = ContextVar("storage_router_uploads_request", default=None)


@sync_and_async_middleware
def UploadsMiddleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:  # noqa: N802
    """Keep the request while it is answered. After Django's session and authentication middleware in ``MIDDLEWARE``."""
    if iscoroutinefunction(get_response):

        async def keep_async(request: HttpRequest) -> Any:
            token = _current.set(request)
            try:
                answer: Awaitable[Any] = get_response(request)
                return await answer
            finally:
                _current.reset(token)

        return keep_async

    def keep(request: HttpRequest) -> Any:
        token = _current.set(request)
        try:
            return get_response(request)
        finally:
            _current.reset(token)

    return keep


def current_request() -> HttpRequest:
    """Return the request that is being answered. Raises ``ImproperlyConfigured`` where the middleware is missing."""
    request = _current.get()
    if request is None:
        raise ImproperlyConfigured(
            f"An upload needs the current request, to ask who is uploading. Add {PATH!r} to MIDDLEWARE, after Django's "
            "session and authentication middleware."
        )
    return request
