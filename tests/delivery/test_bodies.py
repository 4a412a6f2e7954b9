"""D3, T17: a body is whole or it breaks off; who leaves closes it; who pauses holds nothing."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import threading
import time
from collections.abc import Callable

import pytest

from storage_router.delivery import bodies
from storage_router.delivery.bodies import AsyncBody, Body, connections
from storage_router.files import FileStat, Reading

CONTENT = bytes(range(256)) * 40


class Source:
    """A backend whose answers can be watched, cut and held up."""

    def __init__(self, chunk: int = 1000) -> None:
        self.chunk = chunk
        self.starts: list[int] = []
        self.closed = 0
        self.cuts: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def read(self, start: int = 0, length: int | None = None) -> Reading:
        self.starts.append(start)
        end = len(CONTENT) if length is None else start + length
        cut = self.cuts.pop(0) if self.cuts else end

        def chunks():
            for position in range(start, end, self.chunk):
                self.gate.wait(120)
                if position >= cut:
                    raise ConnectionResetError("cut")
                yield CONTENT[position : min(position + self.chunk, end)]

        stat = FileStat(name="a", size=len(CONTENT), etag='"1"', modified=dt.datetime.now(dt.UTC))
        return Reading(stat=stat, start=start, length=end - start, chunks=chunks(), on_close=self._close)

    def _close(self) -> None:
        self.closed += 1

    def body(self, resume: bool = True) -> Body:
        assert connections.take(1000)
        return Body(self.read(), self.read if resume else None, 1000)


@pytest.fixture
def source():
    taken = connections.taken
    yield Source()
    gc.collect()
    # The thread that reads may be about to give its connection back.
    deadline = time.monotonic() + 120
    while connections.taken != taken and time.monotonic() < deadline:
        time.sleep(0.01)
    assert connections.taken == taken


async def until(condition: Callable[[], object]) -> None:
    """Wait until ``condition`` holds, two minutes at most."""
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.01)


async def collected(body: Body) -> bytes:
    return b"".join([piece async for piece in AsyncBody(body)])


def in_threads(body: Body) -> bytes:
    return asyncio.run(collected(body))


@pytest.fixture(params=[b"".join, in_threads], ids=["WSGI", "ASGI"])
def everything(request):
    return request.param


def test_a_body_is_the_bytes_and_closes_itself_at_the_end(source, everything):
    assert everything(source.body()) == CONTENT
    assert (source.starts, source.closed) == ([0], 1)


def test_a_body_that_breaks_off_is_continued_once_where_it_stopped(source, everything):
    source.cuts = [3000]
    assert everything(source.body()) == CONTENT
    assert (source.starts, source.closed) == ([0, 3000], 2)


def test_a_body_that_breaks_off_again_breaks_the_answer_off(source, everything):
    source.cuts = [3000, 4000]
    with pytest.raises(ConnectionResetError):
        everything(source.body())
    assert (source.starts, source.closed) == ([0, 3000], 2)


def test_a_body_that_cannot_be_continued_breaks_the_answer_off(source, everything):
    source.cuts = [3000]
    with pytest.raises(ConnectionResetError):
        everything(source.body(resume=False))


@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_body_of_another_length_than_announced_is_an_error(source, everything, wrong):
    assert connections.take(1000)
    reading = source.read()
    reading = Reading(**{**vars(reading), "length": reading.length + wrong})
    with pytest.raises(ConnectionError, match="The backend sent"):
        everything(Body(reading, None, 1000))


def test_a_reader_who_leaves_closes_the_backends_request(source):
    body = source.body()
    assert next(body) == CONTENT[:1000]
    body.close()
    assert source.closed == 1
    with pytest.raises(ConnectionError):
        next(body)


def test_an_answer_that_django_drops_is_closed(source):
    source.body()
    gc.collect()
    assert source.closed == 1


def test_a_reader_who_leaves_while_a_thread_reads_closes_the_request_after_it(source):
    async def leave():
        pieces = aiter(AsyncBody(source.body()))
        await anext(pieces)
        source.gate.clear()
        waiting = asyncio.ensure_future(anext(pieces))
        # A piece may have been read before the gate was closed.
        while (await asyncio.wait([waiting], timeout=0.2))[0]:
            waiting = asyncio.ensure_future(anext(pieces))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        source.gate.set()
        await until(lambda: source.closed)

    source.chunk = 10
    asyncio.run(leave())
    assert source.closed == 1


def test_a_reader_who_pauses_gives_the_connection_back_and_reads_on_later(source, monkeypatch):
    monkeypatch.setattr(bodies, "PATIENCE", 0.05)
    monkeypatch.setattr(bodies, "PIECE", 1000)

    async def pause() -> bytes:
        pieces = aiter(AsyncBody(source.body()))
        found = [await anext(pieces)]
        await until(lambda: source.closed)
        assert source.closed == 1
        # From here on a machine that is busy is not taken for a pause.
        monkeypatch.setattr(bodies, "PATIENCE", 120)
        return b"".join(found + [piece async for piece in pieces])

    assert asyncio.run(pause()) == CONTENT
    assert source.starts[0] == 0
    assert len(source.starts) == 2


def test_at_most_two_pieces_are_read_ahead_of_the_reader(source, monkeypatch):
    monkeypatch.setattr(bodies, "PIECE", 1000)
    read = []

    async def first() -> None:
        reading = source.read()
        chunks = reading.chunks
        reading = Reading(**{**vars(reading), "chunks": (read.append(1) or chunk for chunk in chunks)})
        assert connections.take(1000)
        pieces = aiter(AsyncBody(Body(reading, None, 1000)))
        await anext(pieces)
        await until(lambda: len(read) == 2)
        await asyncio.sleep(0.1)
        await pieces.aclose()

    asyncio.run(first())
    assert len(read) == 2
