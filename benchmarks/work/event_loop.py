"""How long the event loop waits while async views save and read 10 kB: what every other view notices.

A timer of 1 ms is started again whenever it fires; a wait is how late it fires. ``seconds`` is the wait that one timer
in a thousand exceeds (p99.9), ``cpu`` that of one view. The first second, in which modules are imported and threads
start, does not count. The floor sends the same requests by http.client in ``asyncio.to_thread``: what it waits for is
the interpreter.
"""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import os
import random
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from contenders import BODY, PlainRequests, settings, storage
from measuring import Figures

SECONDS = 5.0
PER_SECOND = 100
AT_ONCE = 16

_HERE = Path(__file__).resolve().parent.parent

View = Callable[[], Coroutine[Any, Any, None]]

urlpatterns: list[Any] = []


def steady(contender: str, endpoint: str) -> Figures:
    """Begin 100 views a second, at random moments."""
    return asyncio.run(_measured(_arriving, _view(contender, endpoint)))


def saturated(contender: str, endpoint: str) -> Figures:
    """Run 16 views at a time without a pause, which is all that the interpreter can do."""
    return asyncio.run(_measured(_pressing, _view(contender, endpoint)))


def uvicorn(contender: str, endpoint: str) -> Figures:
    """Send 100 requests a second, at random moments, to a Django project under uvicorn."""
    from tests.kit import servers

    variables = {"PYTHONPATH": f"{_HERE}{os.pathsep}{_HERE.parent}", "CONTENDER": contender, "ENDPOINT": endpoint}
    with tempfile.TemporaryDirectory() as folder:
        server = servers.web("uvicorn", "work.event_loop:site()", Path(folder), "--log-level", "warning", **variables)
        with server as address, ThreadPoolExecutor(AT_ONCE) as clients:
            host = urlsplit(address).netloc
            _requests(clients, host, 1.0)
            _asked(host, "/figures")
            _requests(clients, host, SECONDS)
            figures: Figures = json.loads(_asked(host, "/figures"))
    return figures


def site() -> Any:
    """Return the ASGI application: ``/`` saves and reads, ``/figures`` are those since the last time."""
    settings(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__)
    from django.core.asgi import get_asgi_application
    from django.http import HttpRequest, HttpResponse, JsonResponse
    from django.urls import path

    work, waits = _view(os.environ["CONTENDER"], os.environ["ENDPOINT"]), Waits()

    async def view(_: HttpRequest) -> HttpResponse:
        waits.begin()
        await work()
        waits.views += 1
        return HttpResponse()

    async def figures(_: HttpRequest) -> HttpResponse:
        return JsonResponse(waits.figures())

    urlpatterns[:] = [path("", view), path("figures", figures)]
    return get_asgi_application()


class Waits:
    """How late a timer of the running loop fires."""

    def __init__(self) -> None:
        self.views = 0
        self._waits: list[float] = []
        self._cpu = time.process_time()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        if self._timer is None:
            self._start()

    def figures(self) -> Figures:
        """Return the figures since the last time; of the waits, also the median, the longest and the 99th of 100."""
        self.end()
        ordered, views, cpu = sorted(self._waits), self.views, time.process_time()
        found = {
            "seconds": _part(ordered, 0.999),
            "cpu": (cpu - self._cpu) / views,
            "p50": _part(ordered, 0.5),
            "p99": _part(ordered, 0.99),
            "longest": ordered[-1],
            "views": views,
        }
        self._waits, self.views, self._cpu = [], 0, cpu
        self.begin()
        return found

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(0.001, self._fired, time.perf_counter() + 0.001)

    def _fired(self, due: float) -> None:
        self._waits.append(time.perf_counter() - due)
        self._start()


def _part(ordered: list[float], part: float) -> float:
    return max(0.0, ordered[int(part * (len(ordered) - 1))])


async def _measured(load: Callable[[View, float], Awaitable[None]], view: View) -> Figures:
    waits = Waits()

    async def counted() -> None:
        await view()
        waits.views += 1

    waits.begin()
    await load(counted, 1.0)
    waits.figures()
    await load(counted, SECONDS)
    figures = waits.figures()
    waits.end()
    return figures


async def _arriving(view: View, seconds: float) -> None:
    async with asyncio.TaskGroup() as views:
        for pause in _pauses(seconds):
            await asyncio.sleep(pause)
            views.create_task(view())


async def _pressing(view: View, seconds: float) -> None:
    end = time.monotonic() + seconds

    async def one_after_the_other() -> None:
        while time.monotonic() < end:
            await view()

    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))


def _pauses(seconds: float) -> list[float]:
    chance = random.Random(1)
    return [chance.expovariate(PER_SECOND) for _ in range(round(PER_SECOND * seconds))]


def _view(contender: str, endpoint: str) -> View:
    """Return what saves 10 kB under a new name and reads a file of 10 kB."""
    from django.core.files.base import ContentFile

    names = (f"new/{contender.split()[0]}-{os.getpid()}-{number}" for number in itertools.count())
    if contender == "floor":
        return _plain_view(endpoint, names)
    made = storage(contender, endpoint)
    if contender == "ours":

        async def view() -> None:
            await made.asave(next(names), ContentFile(BODY))
            async with made.aopen("small.txt") as file:
                assert len(await file.aread()) == len(BODY)

        return view

    def read() -> None:
        with made.open("small.txt") as file:
            assert len(file.read()) == len(BODY)

    async def view_in_threads() -> None:
        await asyncio.to_thread(made.save, next(names), ContentFile(BODY))
        await asyncio.to_thread(read)

    return view_in_threads


def _plain_view(endpoint: str, names: Any) -> View:
    here = threading.local()

    def plain() -> PlainRequests:
        if not hasattr(here, "plain"):
            here.plain = PlainRequests(endpoint)
        found: PlainRequests = here.plain
        return found

    async def view() -> None:
        await asyncio.to_thread(lambda: plain().put(next(names), BODY))
        assert len(await asyncio.to_thread(lambda: plain().get("small.txt"))) == len(BODY)

    return view


def _requests(clients: ThreadPoolExecutor, host: str, seconds: float) -> None:
    answers = []
    for pause in _pauses(seconds):
        time.sleep(pause)
        answers.append(clients.submit(_asked, host, "/"))
    for answer in answers:
        answer.result()


def _asked(host: str, path: str) -> bytes:
    connection = http.client.HTTPConnection(host, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        return answer.read()
    finally:
        connection.close()
