"""What private delivery costs: a file through Django, and the URL of one."""

from __future__ import annotations

import asyncio
import io
from typing import Any
from urllib.parse import quote

from contenders import BODY, MIB, PlainRequests, options, settings, storage
from measuring import Figures, timed

SIZE = 2**30
MANY = 50_000

urlpatterns: list[Any] = []


def everybody(*_: object) -> bool:
    """Let everybody in: what ``authorize`` costs is the project's."""
    return True


def wsgi(contender: str, endpoint: str) -> Figures:
    """Read 1 GiB through the WSGI application."""
    if contender != "ours":
        return _opened(contender, endpoint)
    _site(endpoint)
    from django.core.wsgi import get_wsgi_application

    application = get_wsgi_application()

    def read(name: str) -> int:
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": f"/f/{name}", "SERVER_NAME": "a", "SERVER_PORT": "80"}
        answer = application({**environ, "wsgi.input": io.BytesIO(), "wsgi.url_scheme": "http"}, lambda *_: None)
        size = sum(len(piece) for piece in answer)
        answer.close()
        return size

    assert read("small") == len(BODY)
    return timed(lambda _: _checked(read("big"), SIZE), 1, warm=0)


def asgi(contender: str, endpoint: str) -> Figures:
    """Read 1 GiB through the ASGI application."""
    if contender != "ours":
        return _opened(contender, endpoint)
    read = _asgi(endpoint)
    return timed(lambda _: _checked(read("big"), SIZE), 1, warm=0)


def first_byte(contender: str, endpoint: str) -> Figures:
    """Ask for 100 bytes of 1 GiB through the ASGI application, over a connection that is open."""
    if contender == "floor":
        plain = PlainRequests(endpoint)
        plain.get("small")
        return timed(lambda _: plain.get("big", 100), 20, warm=1)
    read = _asgi(endpoint)
    return timed(lambda _: _checked(read("big", b"bytes=0-99"), 100), 20, warm=1)


def url(contender: str, endpoint: str) -> Figures:
    """Make the URLs of private files; the others quote the names, look up the routes, and ask Django for its prefix."""
    if contender == "one quote()":
        return timed(lambda index: f"/f/{quote(f'private/2026/11/document-{index}.pdf')}", MANY)
    _site(endpoint)
    from django.core.files.storage import storages

    router: Any = storages["default"]
    if contender.startswith("one quote(), "):
        from django.urls import get_script_prefix, get_urlconf

        match = router.table.match
        ask = (get_urlconf, get_script_prefix) if contender.endswith("prefixes") else ()

        def operation(index: int) -> None:
            name = f"private/2026/11/document-{index}.pdf"
            match(name)
            assert [one() for one in ask] != quote(name)

        return timed(operation, MANY)
    assert router.url("private/a.pdf") == "/f/private/a.pdf"
    return timed(lambda index: router.url(f"private/2026/11/document-{index}.pdf"), MANY)


def _site(endpoint: str) -> None:
    """Set up a project whose files are all private."""
    route = {"backend": "private", "delivery": "stream", "authorize": f"{__name__}.everybody"}
    document = {"backends": {"private": {"type": "azure", **options(endpoint)}}, "routes": [route]}
    settings(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        STORAGES={"default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": document}},
    )
    from django.urls import include, path

    urlpatterns[:] = [path("", include("storage_router.urls"))]


def _asgi(endpoint: str) -> Any:
    _site(endpoint)
    from django.core.asgi import get_asgi_application

    application = get_asgi_application()
    loop = asyncio.new_event_loop()

    async def answer(name: str, headers: list[tuple[bytes, bytes]]) -> int:
        size, events = 0, [{"type": "http.request"}]

        async def receive() -> dict[str, Any]:
            return events.pop() if events else await asyncio.sleep(600, {"type": "http.disconnect"})

        async def send(message: dict[str, Any]) -> None:
            nonlocal size
            size += len(message.get("body", b""))

        scope = {"type": "http", "method": "GET", "path": f"/f/{name}", "query_string": b"", "headers": headers}
        await application(scope, receive, send)
        return size

    def read(name: str, part: bytes | None = None) -> int:
        return loop.run_until_complete(answer(name, [(b"range", part)] if part else []))

    assert read("small") == len(BODY)
    return read


def _opened(contender: str, endpoint: str) -> Figures:
    """Read the same without Django's views."""
    made = storage(contender, endpoint)
    with made.open("small") as file:
        file.read()

    def read() -> int:
        with made.open("big") as file:
            return sum(len(piece) for piece in iter(lambda: file.read(MIB), b""))

    return timed(lambda _: _checked(read(), SIZE), 1, warm=0)


def _checked(size: int, expected: int) -> None:
    assert size == expected, size
