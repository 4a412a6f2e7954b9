"""How large blocks are, and pieces of any size as blocks."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

BLOCK = 4 * 2**20
_LEAST = 2**20
IN_FLIGHT = 40 * 2**20
"""Bytes in memory at a time, whatever ``upload_max_conn`` is."""

GROWTH = 5_000
"""Blocks after which their size doubles. Azure takes 50,000 of them, of 4,000 MiB at most, so content of unknown
length may reach 20 TiB. https://learn.microsoft.com/azure/storage/blobs/scalability-targets"""


def block_sizes(connections: int, largest: int = BLOCK) -> Iterator[int]:
    """Yield the size of each block: as large as the memory for all that are under way allows, growing without end.

    The first is ``largest`` bytes at most.
    """
    size = min(largest, max(_LEAST, IN_FLIGHT // (connections + 1)))
    while True:
        yield from itertools.repeat(size, GROWTH)
        size *= 2


def blocks(pieces: Iterable[bytes], sizes: Iterator[int]) -> Iterator[bytes]:
    """Yield ``pieces`` cut and joined to blocks of ``sizes``, the last as it comes."""
    wanted = next(sizes)
    parts: list[bytes] = []
    length = 0
    for piece in pieces:
        parts.append(piece)
        length += len(piece)
        while length >= wanted:
            joined = b"".join(parts)
            yield joined[:wanted]
            # Without an empty part: one part alone is joined without a copy.
            parts = [rest] if (rest := joined[wanted:]) else []
            length -= wanted
            wanted = next(sizes)
    if length:
        yield b"".join(parts)
