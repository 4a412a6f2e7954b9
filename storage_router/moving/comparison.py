"""One comparison of two ordered streams of names, in constant memory.

It serves the move and its verification (two listings), ``orphans`` and ``dangling`` (a listing and the database).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

from storage_router.exceptions import StorageRouterError

Left = TypeVar("Left")
Right = TypeVar("Right")


class UnorderedError(StorageRouterError):
    """A stream is not in the order of its names (by code points), so a comparison would report wrong differences."""


class Compared(NamedTuple, Generic[Left, Right]):
    """A name, and what each stream has for it: None where it has nothing."""

    name: str
    left: Left | None
    right: Right | None


def compared(left: Iterable[tuple[str, Left]], right: Iterable[tuple[str, Right]]) -> Iterator[Compared[Left, Right]]:
    """Yield each name of either stream once. Both must be in strict order; raises ``UnorderedError``."""
    ones, others = _ordered(left, "the first stream"), _ordered(right, "the second stream")
    one, other = next(ones, None), next(others, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[0] < other[0]):
            assert one is not None
            yield Compared(one[0], one[1], None)
            one = next(ones, None)
        elif one is None or other[0] < one[0]:
            yield Compared(other[0], None, other[1])
            other = next(others, None)
        else:
            yield Compared(one[0], one[1], other[1])
            one, other = next(ones, None), next(others, None)


def unique(items: Iterable[tuple[str, Left]]) -> Iterator[tuple[str, Left]]:
    """Yield the first item of each name of an ordered stream: several rows of a database may name one file."""
    last: str | None = None
    for item in items:
        if item[0] != last:
            last = item[0]
            yield item


def _ordered(items: Iterable[tuple[str, Left]], what: str) -> Iterator[tuple[str, Left]]:
    last: str | None = None
    for item in items:
        if last is not None and item[0] <= last:
            raise UnorderedError(f"{what} is not in the order of names: {item[0]!r} comes after {last!r}")
        last = item[0]
        yield item
