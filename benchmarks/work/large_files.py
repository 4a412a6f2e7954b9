"""What 1 GiB costs, up and down, and what the beginning of it costs."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

from contenders import BODY, MIB, PlainRequests, sdk, storage
from measuring import Figures, exhausted, timed

SIZE = 2**30


class Content(io.RawIOBase):
    """1 GiB of content that costs neither memory nor a disk."""

    def __init__(self) -> None:
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: SIZE}[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), SIZE - self._position, len(_PIECE))
        buffer[:count] = _PIECE[:count]
        self._position += count
        return count


class Stream(Content):
    """The same as from a pipe: it cannot seek, and nobody knows its length."""

    def seekable(self) -> bool:
        return False


_PIECE = memoryview(bytes(4 * MIB))


def first_bytes(contender: str, endpoint: str) -> Figures:
    """Open 1 GiB and read 100 bytes of it."""
    if contender == "floor":
        plain = PlainRequests(endpoint)
        plain.get("small")
        return timed(lambda _: plain.get("big", 100), 5, warm=0)
    made = _warm(contender, endpoint)

    def operation(_: int) -> None:
        with made.open("big") as file:
            assert len(file.read(100)) == 100

    return timed(operation, 1 if contender == "django-storages" else 5, warm=0)


def up(contender: str, endpoint: str) -> Figures:
    """Save a file."""
    if contender.startswith("SDK"):
        client = sdk(endpoint)
        client.upload_blob("warm", BODY, overwrite=True)
        connections = _connections(contender)
        return timed(
            lambda _: client.upload_blob("up", Content(), length=SIZE, max_concurrency=connections, overwrite=True),
            1,
            warm=0,
        )
    given = {"upload_max_conn": _connections(contender)} if contender.startswith("ours,") else {}
    return _saved(contender, endpoint, Content(), **given)


def up_as_a_stream(contender: str, endpoint: str) -> Figures:
    """Save what cannot seek."""
    return _saved(contender, endpoint, Stream())


def append(contender: str, endpoint: str) -> Figures:
    """Open a file to append a line to it."""
    made = _warm(contender, endpoint)

    def operation(_: int) -> None:
        with made.open("big", "ab") as file:
            file.write(b"one more line\n")
            assert file.size == SIZE + 14

    return timed(operation, 1, warm=0)


def lines(contender: str, endpoint: str) -> Figures:
    """Read a file line by line."""
    made = _warm(contender, endpoint)

    def operation(_: int) -> None:
        with made.open("big") as file:
            assert exhausted(file) == SIZE // 1024

    return timed(operation, 1, warm=0)


def down(contender: str, endpoint: str) -> Figures:
    """Read a file in chunks."""
    if contender.startswith("SDK"):
        client = sdk(endpoint)
        client.download_blob("small").readall()
        connections = _connections(contender)
        return _received(lambda: client.download_blob("big", max_concurrency=connections).chunks())
    made = _warm(contender, endpoint)

    def chunks() -> Iterator[bytes]:
        with made.open("big") as file:
            yield from file.chunks()

    return _received(chunks)


def whole(contender: str, endpoint: str) -> Figures:
    """Read the last 256 MiB of a file with one call."""
    start = SIZE - 256 * MIB
    if contender.startswith("SDK"):
        client = sdk(endpoint)
        client.download_blob("small").readall()
        connections = _connections(contender)
        return _received(
            lambda: iter([client.download_blob("big", start, max_concurrency=connections).readall()]), start
        )
    made = _warm(contender, endpoint)

    def read() -> Iterator[bytes]:
        with made.open("big") as file:
            file.seek(start)
            yield file.read()

    return _received(read, start)


def _saved(contender: str, endpoint: str, content: io.RawIOBase, **given: Any) -> Figures:
    from django.core.files.base import File

    made = _warm(contender, endpoint, overwrite_files=True, **given)
    return timed(lambda _: made.save("up", File(content, "up")), 1, warm=0)


def _received(chunks: Callable[[], Iterator[bytes]], start: int = 0) -> Figures:
    received = start

    def operation(_: int) -> None:
        nonlocal received
        for piece in chunks():
            received += len(piece)

    figures = timed(operation, 1, warm=0)
    assert received == SIZE
    return figures


def _warm(contender: str, endpoint: str, **given: Any) -> Any:
    """Return a storage that has loaded the SDK and has a connection."""
    made = storage(contender, endpoint, **given)
    with made.open("small") as file:
        assert len(file.read()) == len(BODY)
    return made


def _connections(contender: str) -> int:
    return int(contender.rpartition(" ")[2])
