"""The URLconf of the tests: who is signed in, and who may read, is said by headers of the request."""

from __future__ import annotations

import resource
import time
from pathlib import Path

from asgiref.sync import iscoroutinefunction
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import HttpResponse, JsonResponse
from django.urls import include, path
from django.utils.decorators import sync_and_async_middleware

asked: list = []
"""What ``authorize`` was asked."""


class User:
    def __init__(self, name: str) -> None:
        self.name = name
        self.is_authenticated = bool(name)

    def has_perm(self, permission: str, row: object = None) -> bool:
        return permission in self.name and row is None


@sync_and_async_middleware
def who(get_response):
    """A middleware that signs in whoever ``X-User`` names."""

    def middleware(request):
        request.user = User(request.headers.get("X-User", ""))
        return get_response(request)

    async def async_middleware(request):
        request.user = User(request.headers.get("X-User", ""))
        return await get_response(request)

    return async_middleware if iscoroutinefunction(get_response) else middleware


def may_read(request, file) -> bool:
    asked.append(file)
    return request.headers.get("X-User") == "reader"


async def may_read_async(request, file) -> bool:
    return may_read(request, file)


def save(request):
    """Save a small file, and tell how long it took."""
    started = time.monotonic()
    default_storage.save("private/saved.txt", ContentFile(b"x" * 1000))
    return HttpResponse(str(time.monotonic() - started))


def page(request):
    """A page with what is asked for, which allows scripts of its own only."""
    policy = "script-src 'self'; style-src 'self'; worker-src 'self'; img-src *; frame-src *; media-src 'self'"
    return HttpResponse(f"<body>{request.GET['html']}</body>", headers={"Content-Security-Policy": policy})


def memory(request):
    """Tell how much memory the process has had at most, in bytes, and has now."""
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    return JsonResponse({"most": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "now": resident})


urlpatterns = [
    path("files/", include("storage_router.urls")),
    path("save", save),
    path("memory", memory),
    path("page", page),
]
