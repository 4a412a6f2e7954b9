"""Layers of settings, one for each source, merged key by key; each value keeps its origin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from pydantic_core import PydanticCustomError

from storage_router.exceptions import Problem

from .backends import option_names, parse_url
from .document import RouterDocument
from .problems import Location, problem, quoted, suggestion
from .static import StaticOptions
from .uploads import UploadOptions, UploadPolicy


@dataclass(frozen=True, kw_only=True)
class Origin:
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

    @property
    def backends(self) -> Mapping[str, Any]:
        """The entries of ``backends``, as far as they are a table."""
        backends = self.tree.get("backends")
        return backends if isinstance(backends, Mapping) else {}


@dataclass(kw_only=True)
class Merged:
    """All layers in one tree. ``owners`` has the layer of each value."""

    tree: dict[str, Any] = field(default_factory=dict, repr=False)
    owners: dict[Location, Layer] = field(default_factory=dict, repr=False)
    problems: list[Problem] = field(default_factory=list)
    layers: Sequence[Layer] = ()
    _nearby: dict[Location, Layer] = field(default_factory=dict, repr=False)

    def origins(self) -> dict[Location, Origin]:
        """Return the origin of each value."""
        return {
            location: Origin(source=owner.source, place=owner.place(location))
            for location, owner in self.owners.items()
        }

    def place(self, location: Location) -> str:
        """Return where ``location`` is given, or, if it is missing, where its nearest neighbour would have it."""
        layer = self.layer(location)
        return layer.place(location) if layer is not None else "configuration"

    def layer(self, location: Location) -> Layer | None:
        """Return the layer that gives ``location``, or, if it is missing, its nearest neighbour."""
        for length in range(len(location), -1, -1):
            if (found := self._nearby.get(location[:length])) is not None:
                return found
        # Nothing was given at all: the last source that a person could have written.
        return self.layers[-1] if self.layers else None

    def own(self, location: Location, value: Any, layer: Layer) -> None:
        """Note that ``layer`` gives the value at ``location``; of a list or table, each value in it."""
        inner: Any = value.items() if isinstance(value, Mapping) else ()
        if isinstance(value, list | tuple):
            inner = enumerate(value)
        if value and inner:
            for key, item in inner:
                self.own((*location, key), item, layer)
            return
        self.owners[location] = layer
        self.note(location, layer)

    def note(self, location: Location, layer: Layer) -> None:
        """Note that ``layer`` is the one to look at for ``location`` and the tables above it, if no higher one is."""
        for length in range(len(location), -1, -1):
            if self._nearby.setdefault(location[:length], layer) is not layer:
                break


def merge(layers: Sequence[Layer]) -> Merged:
    """Merge ``layers``, highest first. Tables merge key by key; lists and single values replace what is below them.

    ``None`` takes a setting away.
    """
    merged = Merged(layers=layers, problems=[one for layer in layers for one in layer.problems])
    settings = option_names() | RouterDocument.model_fields.keys() | StaticOptions.model_fields.keys()
    settings |= UploadOptions.model_fields.keys() | UploadPolicy.model_fields.keys()
    _merge_tables(merged, merged.tree, [(layer, layer.tree) for layer in layers], (), settings)
    return merged


_TABLES_OF_STRINGS = ("metadata", "object_parameters", "tags")


def _merge_tables(
    merged: Merged,
    target: dict[str, Any],
    tables: Sequence[tuple[Layer, Mapping[str, Any]]],
    path: Location,
    settings: frozenset[str],
) -> None:
    for key in dict.fromkeys(key for _, table in reversed(tables) for key in table):
        here = (*path, key)
        given = [(layer, table[key]) for layer, table in tables if key in table]
        if path == ("backends",):
            given = _whole_backends(merged, key, given)
            if not given:
                continue
        layer, value = given[0]
        if value is None and _takes_away(path, key, settings):
            merged.note(here, layer)
            continue
        if isinstance(value, Mapping):
            inner: dict[str, Any] = {}
            target[key] = inner
            below = list(takewhile(lambda one: isinstance(one[1], Mapping), given))
            _merge_tables(merged, inner, below, here, settings)
            if not inner:
                merged.own(here, inner, layer)
            continue
        target[key] = value
        merged.own(here, value, layer)


def _takes_away(path: Location, key: str, settings: frozenset[str]) -> bool:
    """Return whether ``None`` at a key is no value: options of other packages may have it, misspelt keys stay."""
    if len(path) >= 3:
        return len(path) == 3 and path[2] in _TABLES_OF_STRINGS
    return key in settings or path == ("backends",)


def _whole_backends(merged: Merged, alias: str, given: list[tuple[Layer, Any]]) -> list[tuple[Layer, Any]]:
    """Return what the layers give for one backend, each as a table, down to the first that replaces all below it.

    A string replaces the tables of lower sources; so does a table with another type. A string below a table is an
    error: neither replaces the other (C3).
    """
    kept: list[tuple[Layer, Any]] = []
    for layer, value in given:
        place = layer.place(("backends", alias))
        if isinstance(value, Mapping):
            types = [table["type"] for _, table in kept if "type" in table]
            if types and "type" in value and value["type"] != types[0]:
                break
            if value or not kept:
                kept.append((layer, value))
        elif value is None:
            if len(given) == 1:
                message = f"there is no backend {quoted(alias, 'of this name')} that could be taken away"
                known = [str(name) for other in merged.layers for name, item in other.backends.items() if item]
                merged.problems.append(problem("E001", place, message, suggestion(alias, known)))
            return kept or [(layer, None)]
        elif isinstance(value, str) and kept:
            other = kept[0][0].place(("backends", alias, next(iter(kept[0][1]), "")))
            message = f"the backend {alias!r} is described by one string here and by single keys in {other}"
            hint = "Keep one of the two. A string from a higher source replaces everything below it."
            merged.problems.append(problem("E010", place, message, hint))
            return []
        elif alias in option_names() and not (isinstance(value, str) and "://" in value):
            hint = f"Write it as {layer.place(('backends', 'media', alias))}, with your alias for 'media'."
            message = f"{alias!r} is an option of a backend, and the backend's alias is missing"
            merged.problems.append(problem("E001", place, message, hint))
            return []
        elif isinstance(value, str):
            try:
                return [(layer, parse_url(value))]
            except PydanticCustomError as error:
                option = _option_meant(alias, merged)
                hint = f"Did you mean {layer.place(option)}?" if option else (error.context or {}).get("hint", "")
                merged.problems.append(problem(error.type, place, error.message(), hint))
                return []
        else:
            return kept or [(layer, value)]
    return kept


def _option_meant(alias: str, merged: Merged) -> Location | None:
    """Return the option that ``media_account_key`` means if there is a backend ``media``: an underscore is missing."""
    known = {str(name) for layer in merged.layers for name in layer.backends}
    for option in option_names():
        if (meant := str(alias).removesuffix(f"_{option}")) != alias and meant in known:
            return "backends", meant, option
    return None
