"""The URLconf of the tests: who is signed in, and who may read, is said by headers of the request."""

from __future__ import annotations

from django.core.files.storage import default_storage
from django.http import HttpResponse
from django.urls import include, path

asked: list = []
"""What ``authorize`` was asked."""


class User:
    def __init__(self, name: str) -> None:
        self.name = name
        self.is_authenticated = bool(name)

    def has_perm(self, permission: str, row: object = None) -> bool:
        return permission in self.name and row is None


def who(get_response):
    """A middleware that signs in whoever ``X-User`` names."""

    def middleware(request):
        request.user = User(request.headers.get("X-User", ""))
        return get_response(request)

    return middleware


def may_read(request, file) -> bool:
    asked.append(file)
    return request.headers.get("X-User") == "reader"


async def may_read_async(request, file) -> bool:
    return may_read(request, file)


def saved(request):
    return HttpResponse(default_storage.save("private/saved.txt", request))


urlpatterns = [path("files/", include("storage_router.urls"))]
