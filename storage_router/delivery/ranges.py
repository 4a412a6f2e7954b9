"""The ``Range`` header: one range is honoured, everything else means the whole file (RFC 9110, section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=[ \t]*(\d*)-(\d*)[ \t]*", re.ASCII | re.IGNORECASE)

# Numbers beyond this are no positions in a file.
_MOST_DIGITS = 18


@dataclass(frozen=True, kw_only=True)
class Range:
    """One range: from ``start``, ``length`` bytes or all that follow; or the ``last`` bytes of the file."""

    start: int = 0
    length: int | None = None
    last: int | None = None


def requested(header: str | None) -> Range | None:
    """Return the range that ``header`` asks for; None where it asks for several or cannot be read."""
    found = _RANGE.fullmatch(header or "")
    if found is None or max(map(len, found.groups())) > _MOST_DIGITS:
        return None
    first, last = found.groups()
    if not first:
        return Range(last=int(last)) if last else None
    if not last:
        return Range(start=int(first))
    return None if int(last) < int(first) else Range(start=int(first), length=int(last) - int(first) + 1)
