"""Layers of settings, one for each source, merged key by key; each value keeps its origin."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, NamedTuple

from pydantic_core import PydanticCustomError

from storage_router.exceptions import Problem

from .backends import parse_url
from .problems import Location, problem


class Origin(NamedTuple):
    """Where a value came from: ``source`` is the name of a source, ``place`` what a person looks for."""

    source: str
    place: str


@dataclass(kw_only=True)
class Layer:
    """The settings of one source. ``place`` returns the place of a location in it."""

    source: str
    tree: Mapping[str, Any] = field(repr=False)
    place: Callable[[Location], str] = field(repr=False)
    problems: list[Problem] = field(default_factory=list)


@dataclass(kw_only=True)
class Merged:
    """All layers in one tree. ``owners`` has the highest layer that gives each table and each value."""

    owners: dict[Location, Layer] = field(repr=False)
    problems: list[Problem]
    tree: dict[str, Any] = field(default_factory=dict, repr=False)

    def origins(self) -> dict[Location, Origin]:
        """Return the origin of each table and each value."""
        return {
            location: Origin(source=self.layer(location).source, place=self.place(location))
            for location in _locations(self.tree, ())
        }

    def place(self, location: Location) -> str:
        """Return where ``location`` is given, or, if it is missing, where its table would have it."""
        return self.layer(location).place(location)

    def layer(self, location: Location) -> Layer:
        """Return the layer that gives ``location``, or, if it is missing, its table."""
        while (found := self.owners.get(location)) is None:
            location = location[:-1]
        return found


def _locations(value: Any, location: Location) -> Iterator[Location]:
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, item in inner:
        yield (*location, key)
        yield from _locations(item, (*location, key))


def merge(layers: Sequence[Layer]) -> Merged:
    """Merge ``layers``, highest first. Tables merge key by key; lists and single values replace what is below them."""
    # Where nothing is given at all, the place is the last source, which a person could have written.
    first = next((layer for layer in layers if layer.tree), layers[-1])
    merged = Merged(owners={(): first}, problems=[one for layer in layers for one in layer.problems])
    merged.tree = _merged(merged, [(layer, layer.tree) for layer in layers], ())
    return merged


def _merged(merged: Merged, tables: Sequence[tuple[Layer, Mapping[str, Any]]], path: Location) -> dict[str, Any]:
    target: dict[str, Any] = {}
    for key in dict.fromkeys(key for _, table in reversed(tables) for key in table):
        here = (*path, key)
        given = [(layer, table[key]) for layer, table in tables if key in table]
        if path == ("backends",):
            given = _whole_backends(merged, here, given)
        merged.owners[here], value = given[0]
        inner = list(takewhile(lambda one: isinstance(one[1], Mapping), given))
        target[key] = _merged(merged, inner, here) if inner else value
    return target


def _whole_backends(merged: Merged, here: Location, given: list[tuple[Layer, Any]]) -> list[tuple[Layer, Any]]:
    """Return what the layers give for one backend, down to the first that replaces all below it.

    A string replaces the tables of lower sources; so does a table with another type. A string below a table is an
    error: neither replaces the other (C3).
    """
    kept: list[tuple[Layer, Any]] = []
    for layer, value in given:
        if isinstance(value, str):
            if kept:
                other = kept[0][0].place((*here, next(iter(kept[0][1]), "")))
                message = f"the backend {here[1]!r} is described by one string here and by single keys in {other}"
                hint = "Keep one of the two. A string from a higher source replaces everything below it."
                merged.problems.append(problem("E010", layer.place(here), message, hint))
            with contextlib.suppress(PydanticCustomError):  # Validation reports it.
                return [(layer, parse_url(value))]
        if not isinstance(value, Mapping):
            return kept or [(layer, value)]
        kind = next((table["type"] for _, table in kept if "type" in table), None)
        if kind is not None and value.get("type", kind) != kind:
            break
        kept.append((layer, value))
    return kept
