"""Whether a route can match at all: routes as automata, run side by side over all names at once.

Prefixes, globs and types are regular: reading a name from left to right, each needs to remember only a little. So "is
every name that this route matches claimed by an earlier one?" has an exact answer, also where several earlier routes
share the work. Names are tried character by character, one character of each class that no matcher tells apart, no
state twice.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Protocol

from storage_router import media_types

from .glob_tokens import OneOf
from .globs import Glob
from .route import Route, Types

_MOST_STEPS = 400_000
_KELVIN = "\u212a"  # the only character beyond ASCII that str.lower makes an ASCII letter by itself
_ALL = "all"  # the state of a machine that takes every continuation


class UndecidedError(Exception):
    """The question takes too many steps to answer."""


class _Machine(Protocol):
    """A set of names, as an automaton. The state None means that no name of the set begins like this."""

    start: Hashable

    def step(self, state: Any, character: str) -> Hashable: ...
    def accepts(self, state: Any) -> bool: ...
    def characters(self) -> Iterable[tuple[str, str]]: ...


class _Legal:
    """The names that ``names.clean_name`` lets through."""

    start: Hashable = "first"

    def step(self, state: str, character: str) -> str | None:
        if character < " " or "\x7f" <= character < "\xa0" or "\ud800" <= character <= "\udfff" or character == "\\":
            return None
        if character == "/":
            return "segment" if state in ("inside", "drive") else None
        if character == "." and state in ("first", "segment", ".", ".."):
            return {"first": ".", "segment": ".", ".": "..", "..": "inside"}[state]
        if state == "first" and character.isascii() and character.isalpha():
            return "drive"
        return None if state == "drive" and character == ":" else "inside"

    def accepts(self, state: str) -> bool:
        return state in ("inside", "drive")

    def characters(self) -> Iterable[tuple[str, str]]:
        bounds = [("\0", "\x1f"), ("\x7f", "\x9f"), ("\ud800", "\udfff"), ("a", "z"), ("A", "Z")]
        return bounds + [(character, character) for character in "/.\\:"]


class _Prefixes:
    """The names below one of some directories. The state is what was read so far."""

    start: Hashable = ""

    def __init__(self, prefixes: Iterable[str]) -> None:
        self._whole = {f"{prefix}/" for prefix in prefixes}
        self._begun = {whole[:length] for whole in self._whole for length in range(len(whole))}

    def step(self, state: str, character: str) -> str | None:
        if state is _ALL:
            return state
        after = state + character
        return _ALL if after in self._whole else after if after in self._begun else None

    def accepts(self, state: str) -> bool:
        return state is _ALL

    def characters(self) -> Iterable[tuple[str, str]]:
        return [(character, character) for character in set("".join(self._whole))]


class _Globs:
    """The names that one of some globs matches. The state holds the positions in each."""

    def __init__(self, globs: Sequence[Glob]) -> None:
        self._globs = globs
        self.start: Hashable = tuple(glob.start for glob in globs)

    def step(self, state: Any, character: str) -> Hashable:
        if state is _ALL:
            return state
        after = tuple(glob.step(positions, character) for glob, positions in zip(self._globs, state, strict=True))
        if any(glob.takes_everything(positions) for glob, positions in zip(self._globs, after, strict=True)):
            return _ALL
        return after if any(after) else None

    def accepts(self, state: Any) -> bool:
        return state is _ALL or any(glob.accepts(at) for glob, at in zip(self._globs, state, strict=True))

    def characters(self) -> Iterable[tuple[str, str]]:
        tokens = [token for glob in self._globs for token in glob.tokens if isinstance(token, OneOf)]
        return [pair for token in tokens for pair in token.ranges]


class _TypesOf:
    """The names of some types. The state: whether the file's name has begun, and which ends may be going on."""

    start: Hashable = (False, frozenset[str]())

    def __init__(self, types: Types, only: Types | None) -> None:
        def matters(end: str) -> bool:
            """A name that ends in one of ``only`` ends in nothing but what is part of it, or holds it."""
            return only is None or any(end.endswith(f".{one}") or f".{one}".endswith(end) for one in only.indexed)

        # What is not ASCII has cases of its own: nothing is claimed for it.
        self._suffixes = {f".{suffix}" for suffix in types.suffixes if suffix.isascii() and matters(f".{suffix}")}
        known = {f".{suffix}" for suffix in types.known if matters(f".{suffix}")}
        hidden = {f".{longer}" for longer in media_types.TYPES if any(f".{longer}".endswith(end) for end in known)}
        self._known = {end: end in known for end in hidden}
        ends = self._suffixes | hidden
        self._begun = {end[: length + 1] for end in ends for length in range(len(end))}

    def step(self, state: Any, character: str) -> Hashable:
        begun, ends = state
        if character == "/":
            return self.start
        lowered = "k" if character == _KELVIN else character.lower() if character.isascii() else character
        going_on = {end + lowered for end in ends if end + lowered in self._begun}
        if lowered == "." and begun:
            going_on.add(".")
        return (begun or lowered != ".", frozenset(going_on))

    def accepts(self, state: Any) -> bool:
        _, ends = state
        longest = max((end for end in ends if end in self._known), key=len, default=None)
        return (longest is not None and self._known[longest]) or not self._suffixes.isdisjoint(ends)

    def characters(self) -> Iterable[tuple[str, str]]:
        lower = set("".join(self._begun))
        spellings = {spelling for character in lower for spelling in (character, character.upper())}
        return [(character, character) for character in spellings | {_KELVIN}]


class _All:
    """Several machines at once: the names that are in every set."""

    def __init__(self, machines: Sequence[_Machine]) -> None:
        self.machines = machines
        self.start: Hashable = tuple(machine.start for machine in machines)

    def step(self, state: Any, character: str) -> Hashable:
        after = []
        for machine, at in zip(self.machines, state, strict=True):
            if (now := machine.step(at, character)) is None:
                return None
            after.append(now)
        return tuple(after)

    def accepts(self, state: Any) -> bool:
        return all(machine.accepts(at) for machine, at in zip(self.machines, state, strict=True))

    def takes_everything(self, state: Any) -> bool:
        return all(at is _ALL for at in state)

    def characters(self) -> Iterable[tuple[str, str]]:
        return [pair for machine in self.machines for pair in machine.characters()]


def _machine(route: Route, beside: Types | None = None) -> _All:
    machines: list[_Machine] = []
    if route.prefixes:
        machines.append(_Prefixes(route.prefixes))
    if route.globs:
        machines.append(_Globs(route.globs))
    if route.types is not None:
        machines.append(_TypesOf(route.types, beside))
    return _All(machines)


def unclaimed(route: Route, earlier: Sequence[Route]) -> str | None:
    """Return a legal name that ``route`` matches and none of ``earlier`` does, or None if there is provably none.

    Raises ``UndecidedError`` where finding out would take too long, or an extension is not ASCII: letters beyond it
    have more than two spellings.
    """
    if route.types is not None and not all(suffix.isascii() for suffix in route.types.suffixes):
        raise UndecidedError
    wanted = _All([_Legal(), *_machine(route).machines])
    others = [_machine(other, route.types) for other in earlier]
    alphabet = _alphabet([wanted, *others])
    start = (wanted.start, tuple(other.start for other in others))
    seen = {start}
    # Breadth first, so the name that is found is a short one.
    frontier = [(start, "")]
    steps = 0
    while frontier:
        following = []
        for (state, beside), name in frontier:
            for character in alphabet:
                steps += 1
                if steps > _MOST_STEPS:
                    raise UndecidedError
                if (after := wanted.step(state, character)) is None:
                    continue
                others_after = tuple(
                    None if at is None else other.step(at, character) for other, at in zip(others, beside, strict=True)
                )
                pairs = [(other, at) for other, at in zip(others, others_after, strict=True) if at is not None]
                if any(other.takes_everything(at) for other, at in pairs):
                    continue
                if wanted.accepts(after) and not any(other.accepts(at) for other, at in pairs):
                    return name + character
                if (both := (after, others_after)) not in seen:
                    seen.add(both)
                    following.append((both, name + character))
        frontier = following
    return None


def _alphabet(machines: Iterable[_Machine]) -> list[str]:
    """Return one character for each class of characters that none of the machines tells apart."""
    bounds = {0}
    for machine in machines:
        for first, last in machine.characters():
            bounds |= {ord(first), ord(last) + 1}
    return [chr(bound) for bound in sorted(bounds) if bound <= 0x10FFFF]
