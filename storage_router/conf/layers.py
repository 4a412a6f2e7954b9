"""Layers of settings, one for each source, merged key by key; each value keeps its origin."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from pydantic import SecretStr

from storage_router.exceptions import Problem

from .backends import parse_url
from .problems import Invalid, Location, problem


class Origin(NamedTuple):
    """Where a value came from: ``source`` is the name of a source, ``place`` what a person looks for."""

    source: str
    place: str


class Layer:
    """The settings of one source. ``place`` returns the place of a location in it."""

    def __init__(
        self,
        *,
        source: str,
        tree: Mapping[str, Any],
        place: Callable[[Location], str],
        problems: Iterable[Problem] = (),
    ) -> None:
        self.source = source
        self.tree = tree
        self.place = place
        self.problems = list(problems)


class Merged:
    """All layers, highest first, in one tree. ``owners`` has the highest that gives each table and each value."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        # Where nothing is given at all, the place is the last source, which a person could have written.
        self.owners: dict[Location, Layer] = {(): next((layer for layer in layers if layer.tree), layers[-1])}
        self.problems = [one for layer in layers for one in layer.problems]
        self.tree = _merged(self, [(layer, layer.tree) for layer in layers], ())

    def origins(self) -> dict[Location, Origin]:
        """Return the origin of each table and each value."""
        return {
            location: Origin(source=self.layer(location).source, place=self.place(location))
            for location in _locations(self.tree, ())
        }

    def key_vault_references(self) -> Iterator[tuple[Location, dict[str, Any], str]]:
        """Yield location, table and text of each string that is meant to be a reference to Azure Key Vault."""
        return _references(self.tree, ())

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


def _references(tree: dict[str, Any], location: Location) -> Iterator[tuple[Location, dict[str, Any], str]]:
    for key, item in tree.items():
        text = item.get_secret_value() if isinstance(item, SecretStr) else item
        if isinstance(item, dict):
            yield from _references(item, (*location, key))
        elif isinstance(text, str) and text.lstrip().lower().startswith("@microsoft.keyvault"):
            yield (*location, key), tree, text


def _merged(merged: Merged, tables: Sequence[tuple[Layer, Mapping[str, Any]]], path: Location) -> dict[str, Any]:
    """Merge tables, highest first, key by key; lists and single values replace what is below them."""
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
            with contextlib.suppress(Invalid):  # Validation reports it.
                return [(layer, parse_url(value))]
        if not isinstance(value, Mapping):
            return kept or [(layer, value)]
        kind = next((table["type"] for _, table in kept if "type" in table), None)
        if kind is not None and value.get("type", kind) != kind:
            break
        kept.append((layer, value))
    return kept
