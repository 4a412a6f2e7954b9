"""Layers of settings, one per source, merged key by key; every value remembers where it came from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import PydanticCustomError

from storage_router.exceptions import Problem

from . import backend_strings, nesting
from .backends import TYPES
from .report import Location, problem, shown, suggestion


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a value came from: ``source`` is a name from ``sources.SOURCES``, ``place`` what a person looks for."""

    source: str
    place: str


@dataclass(kw_only=True)
class Layer:
    """What one source says. ``place`` gives the place of a location in it."""

    source: str
    tree: dict[str, Any] = field(repr=False)
    place: Callable[[Location], str] = field(repr=False)
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        deep: list[Location] = []
        self.tree = nesting.cut(self.tree, deep)
        hint = f"At most {nesting.DEEPEST} tables or lists may be within each other."
        self.problems += [problem("E003", self.place(one), "the value nests too deeply", hint) for one in deep]


@dataclass(kw_only=True)
class Merged:
    """All layers in one tree. ``owners`` tells for every value the layer that gave it."""

    tree: dict[str, Any] = field(repr=False)
    owners: dict[Location, Layer] = field(repr=False)
    problems: list[Problem]
    layers: Sequence[Layer]

    def origins(self) -> dict[Location, Origin]:
        """Return the origin of every value."""
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
            above = location[:length]
            if above in self.owners:
                return self.owners[above]
            below = [owner for found, owner in self.owners.items() if found[:length] == above]
            if below:
                return below[0]
        # Nothing was given at all: the last source that a person could have written.
        return self.layers[-1] if self.layers else None


def merge(layers: Sequence[Layer]) -> Merged:
    """Merge ``layers``, highest first. Tables merge key by key; lists and single values replace what is below them.

    So does ``None``. What it means is the document's to say, which knows the keys.
    """
    aliases = {str(alias) for layer in layers for alias in _backends(layer)}
    expanded = [_expand(layer, aliases) for layer in layers]
    merged = Merged(tree={}, owners={}, problems=[], layers=layers)
    for layer in layers:
        merged.problems += layer.problems
    merged.problems += _ambiguities(layers)
    for layer, (tree, strings, problems) in reversed(list(zip(layers, expanded, strict=True))):
        merged.problems += problems
        _lay(merged, merged.tree, tree, (), layer, strings)
    return merged


def _backends(layer: Layer) -> Mapping[str, Any]:
    backends = layer.tree.get("backends")
    return backends if isinstance(backends, Mapping) else {}


def _expand(layer: Layer, aliases: Collection[str]) -> tuple[dict[str, Any], set[str], list[Problem]]:
    """Return the layer's tree with texts for whole backends taken apart, and the aliases that had one."""
    if not (backends := _backends(layer)):
        return layer.tree, set(), []
    strings: set[str] = set()
    problems: list[Problem] = []
    settings: dict[str, Any] = {}
    for alias, backend in backends.items():
        if isinstance(backend, str):
            strings.add(alias)
            try:
                settings[alias] = backend_strings.parse(backend)
            except PydanticCustomError as error:
                option = _option_meant(str(alias), aliases)
                hint = f"Did you mean {layer.place(option)}?" if option else (error.context or {}).get("hint", "")
                problems.append(problem(error.type, layer.place(("backends", alias)), error.message(), hint))
                # Routes may go on naming the alias: one mistake, one problem.
                settings[alias] = {"type": "memory"}
        else:
            settings[alias] = backend
    return {**layer.tree, "backends": settings}, strings, problems


def _option_meant(alias: str, aliases: Collection[str]) -> Location | None:
    """Return what ``media_account_key`` stands for if there is ``media``: a variable with one underscore too few."""
    for known in sorted(aliases, key=len, reverse=True):
        option = alias.removeprefix(f"{known}_")
        if option != alias and any(option in kind.model_fields for kind in TYPES.values()):
            return "backends", known, option
    return None


def _ambiguities(layers: Sequence[Layer]) -> Iterator[Problem]:
    """A text replaces a backend whole, single keys change a part of it: whoever writes both means one of the two."""
    texts: dict[str, Layer] = {}
    keys: dict[str, tuple[Layer, Location]] = {}
    for layer in layers:
        for alias, backend in _backends(layer).items():
            if isinstance(backend, str):
                texts.setdefault(alias, layer)
            elif isinstance(backend, Mapping) and backend:
                keys.setdefault(alias, (layer, ("backends", alias, next(iter(backend)))))
    for alias in texts.keys() & keys.keys():
        layer, location = keys[alias]
        yield problem(
            "E010",
            texts[alias].place(("backends", alias)),
            f"the backend {alias!r} is described by one text here and by single keys in {layer.place(location)}",
            "Keep one of the two. Where both are texts, that of the higher source replaces the other one whole.",
        )


def _lay(
    merged: Merged, target: dict[str, Any], found: Mapping[str, Any], path: Location, layer: Layer, strings: set[str]
) -> None:
    for key, value in found.items():
        here = (*path, key)
        below = target.get(key)
        if isinstance(value, Mapping) and isinstance(below, dict) and not _replaces(here, value, below, strings):
            _lay(merged, below, value, here, layer, strings)
            continue
        if value is None and path == ("backends",) and key not in target:
            message = f"there is no backend {shown(key)} that could be taken away"
            merged.problems.append(problem("E001", layer.place(here), message, suggestion(key, map(str, target))))
        for owned in [location for location in merged.owners if location[: len(here)] == here]:
            del merged.owners[owned]
        target[key] = _copied(value)
        for location in _leaves(value, here):
            merged.owners[location] = layer


def _replaces(location: Location, value: Mapping[str, Any], below: Mapping[str, Any], strings: set[str]) -> bool:
    """Whether a backend is another one than in the source below, whose keys would make no sense with it."""
    if len(location) != 2 or location[0] != "backends":
        return False
    if location[1] in strings:
        return True
    kinds = value.get("type"), below.get("type")
    return None not in kinds and kinds[0] != kinds[1]


def _copied(value: Any) -> Any:
    """Tables are copied, because higher layers are laid into them; everything else is left as it is."""
    return {key: _copied(item) for key, item in value.items()} if isinstance(value, Mapping) else value


def _leaves(value: Any, location: Location) -> Iterator[Location]:
    items: Any = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    if not items or not value:
        yield location
        return
    for key, item in items:
        yield from _leaves(item, (*location, key))
