"""Backends whose ``type`` is missing or misspelt, and what is wrong with them beside that (C5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from .backends import TYPES
from .report import Location, complaint, nearest, restated, shown


def type_of(backend: Mapping[str, Any]) -> str | None:
    """Return the type of a backend: what it says, else the one that is meant; None where that is open."""
    kind = backend.get("type")
    if isinstance(kind, str) and kind in TYPES:
        return kind
    return _named(backend) or _fitting(backend)


def misspelt_key(backend: Mapping[str, Any]) -> str | None:
    """Return the key that was meant to be ``type``."""
    if "type" in backend:
        return None
    known = {name for model in TYPES.values() for name in model.model_fields}
    return next((key for key in backend if key not in known and nearest(key, ["type"])), None)


def problems(backend: Mapping[str, Any]) -> Iterator[tuple[Location, PydanticCustomError]]:
    """Yield what is wrong with the other keys of a backend that has no type which exists.

    Where only its keys tell what it was meant to be, nothing is said of those that it does not have.
    """
    key, kind = misspelt_key(backend), type_of(backend)
    if key is not None:
        yield (key,), complaint(f"there is no setting {shown(key)}", "Did you mean 'type'?", id="E001")
    if kind is None:
        return
    others = {name: value for name, value in backend.items() if name not in ("type", key)}
    try:
        TYPES[kind].model_validate({**others, "type": kind})
    except ValidationError as error:
        for location, detail in restated(error):
            if location[0] in others or _named(backend):
                yield (kind, *location), detail


def _named(backend: Mapping[str, Any]) -> str | None:
    named = backend.get(misspelt_key(backend) or "type")
    return nearest(named, TYPES) if isinstance(named, str) else None


def _fitting(backend: Mapping[str, Any]) -> str | None:
    """Return the type that has more of the backend's keys than any other; a misspelt one counts half."""
    fits = {
        kind: sum(1 if key in model.model_fields else 0.5 * bool(nearest(key, model.model_fields)) for key in backend)
        for kind, model in TYPES.items()
    }
    best = [kind for kind, fit in fits.items() if fit == max(fits.values())]
    return best[0] if len(best) == 1 else None
