"""How deep tables and lists may nest: merging and showing them is recursive, and Python's stack has an end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .report import Location

DEEPEST = 100
"""How many tables and lists may be within each other. No option means more than a few."""


def parsed(text: str) -> Any:
    """Return what a text of JSON holds. Raises ``ValueError``, also where it nests too deeply."""
    try:
        value = json.loads(text)
    except RecursionError:
        value = None
    else:
        if not _is_too_deep(value):
            return value
    raise ValueError("the text nests too deeply")


def cut(table: Mapping[Any, Any], found: list[Location], above: Location = ()) -> dict[Any, Any]:
    """Return ``table`` without what nests too deeply, or contains itself; where it was goes into ``found``."""
    kept = {}
    for key, value in table.items():
        here = (*above, key)
        if not _is_too_deep(value):
            kept[key] = value
        elif isinstance(value, Mapping) and len(here) < len(("backends", "alias", "option")):
            kept[key] = cut(value, found, here)
        else:
            found.append(here)
    return kept


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST + 1):
        # By identity: what is in several places, or in itself, is looked at once.
        inner = {id(item): item for one in level for item in _items(one)}
        if not inner:
            return False
        level = list(inner.values())
    return True


def _items(value: Any) -> Any:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()
