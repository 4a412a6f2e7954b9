"""What the router costs on top of a storage, operation by operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from contenders import BODY, storage
from measuring import Figures, timed


def _layer(contender: str, endpoint: str, operation: Callable[[Any, int], Any], count: int = 200) -> Figures:
    made = storage(contender, endpoint, expiration_secs=3600)
    return timed(lambda index: operation(made, index), count, warm=5)


def url(contender: str, endpoint: str) -> Figures:
    """Sign the URLs of different names."""
    return _layer(contender, endpoint, lambda made, index: made.url(f"pictures/2026/11/picture-{index}.jpg"), 50_000)


def save(contender: str, endpoint: str) -> Figures:
    """Save 10 kB."""
    from django.core.files.base import ContentFile

    return _layer(contender, endpoint, lambda made, index: made.save(f"layers/{index}.txt", ContentFile(BODY)))


def open_and_read(contender: str, endpoint: str) -> Figures:
    """Open and read 10 kB."""

    def operation(made: Any, _: int) -> None:
        with made.open("small.txt") as file:
            assert len(file.read()) == len(BODY)

    return _layer(contender, endpoint, operation)


def exists(contender: str, endpoint: str) -> Figures:
    """Ask whether a file exists."""
    return _layer(contender, endpoint, lambda made, _: made.exists("small.txt"))


def size(contender: str, endpoint: str) -> Figures:
    """Ask for a file's size."""
    return _layer(contender, endpoint, lambda made, _: made.size("small.txt"))


def get_modified_time(contender: str, endpoint: str) -> Figures:
    """Ask when a file was changed."""
    return _layer(contender, endpoint, lambda made, _: made.get_modified_time("small.txt"))


def delete(contender: str, endpoint: str) -> Figures:
    """Delete a file."""
    return _layer(contender, endpoint, lambda made, _: made.delete("small.txt"))


def listdir(contender: str, endpoint: str) -> Figures:
    """List a directory of 100 files."""

    def operation(made: Any, _: int) -> None:
        assert len(made.listdir("list-100")[1]) == 100

    return _layer(contender, endpoint, operation, 50)
