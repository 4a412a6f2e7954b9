"""Globs over full names: ``*`` and ``?`` stay inside a segment, ``**`` crosses, ``[a-z]`` is one character.

A glob covers the whole name and is case-sensitive. ``**/`` at the start of a segment stands for zero or more whole
segments, so ``a/**/b`` also matches ``a/b``. Uploaders choose names, so matching takes one step per character: the glob
is an automaton whose steps are remembered. A regular expression would backtrack.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_REMEMBERED = 4096
"""How many steps a glob remembers. What is beyond is computed each time: uploaders choose the characters, too."""

Part = str | re.Pattern[str]
"""A literal character, one of ``_WILDCARDS``, or a pattern for one character other than a slash."""

_WILDCARDS = ("*", "**", "**/")
_ALTERNATIVES = re.compile(r"\{[^{}]*,[^{}]*\}")
_PART = re.compile(
    r"""(?P<run>\*{3,}) | (?P<anything>(?<![^/])(?:\*\*/)+\*(?!\*)) | (?P<directories>(?<![^/])(?:\*\*/)+)
    | \[(?P<not>!?)(?P<set>\]?[^\]]*)\] | \*\*? | .""",
    re.DOTALL | re.VERBOSE,
)


class Glob:
    """A glob. ``start`` and ``end`` are what every match begins and ends with.

    Raises ``ValueError``, which says what is wrong with the text and what to write instead.
    """

    def __init__(self, text: str) -> None:
        if not {"", ".", ".."}.isdisjoint(text.split("/")):
            raise ValueError("names are relative and have no empty, '.' or '..' segments")
        if "\\" in text:
            raise ValueError(
                "names have / where others have a backslash, and it escapes nothing: write [*] for a star itself"
            )
        self.text = text
        self._parts = [_part(found) for found in _PART.finditer(text)]
        self.start = _literal(self._parts)
        rest = self._parts[len(self.start) :]
        self.end = _literal(reversed(rest))[::-1]
        # "a/**" and "**/*.psd": nothing else has to be looked at.
        self._is_simple = rest == ["**", *self.end]
        # Positions in ``_parts`` are the bits of a number.
        self._first = self._passed(1 << len(self.start), after_slash=self.start[-1:] in ("", "/"))
        self._steps: dict[tuple[int, str], int] = {}

    def matches(self, name: str) -> bool:
        """Return whether the glob matches the whole ``name``. Takes time linear in its length."""
        if not (name.startswith(self.start) and name.endswith(self.end)):
            return False
        if self._is_simple:
            return len(name) >= len(self.start) + len(self.end)
        return bool(self._after(name[len(self.start) :]) >> len(self._parts) & 1)

    def may_match_below(self, directory: str) -> bool:
        """Return whether a name below ``directory``, which ends in a slash or is ``""``, can match."""
        if len(directory) <= len(self.start):
            return self.start.startswith(directory)
        return directory.startswith(self.start) and self._after(directory[len(self.start) :]) != 0

    def __repr__(self) -> str:
        return f"<Glob {self.text!r}>"

    def _after(self, text: str) -> int:
        """Return the positions that ``text`` may have reached, after what every match begins with."""
        positions = self._first
        for character in text:
            positions = self._steps.get((positions, character)) or self._step(positions, character)
            if not positions:
                break
        return positions

    def _step(self, positions: int, character: str) -> int:
        after = 0
        for index, part in enumerate(self._parts):
            if not positions >> index & 1:
                continue
            if part in _WILDCARDS:
                if part != "*" or character != "/":
                    after |= 1 << index
            elif part == character if isinstance(part, str) else character != "/" and part.fullmatch(character):
                after |= 2 << index
        after = self._passed(after, after_slash=character == "/")
        if after and len(self._steps) < _REMEMBERED:
            self._steps[positions, character] = after
        return after

    def _passed(self, positions: int, *, after_slash: bool) -> int:
        """Add the positions behind wildcards, which may match nothing; ``**/`` ends where a segment begins."""
        for index, part in enumerate(self._parts):
            if positions >> index & 1 and part in _WILDCARDS and (after_slash or part != "**/"):
                positions |= 2 << index
        return positions


def _literal(parts: Iterable[Part]) -> str:
    found = ""
    for part in parts:
        if not isinstance(part, str) or part in _WILDCARDS:
            break
        found += part
    return found


def _part(found: re.Match[str]) -> Part:
    text = found[0]
    if found["run"]:
        raise ValueError("there are * (inside a segment) and ** (across segments), no longer runs of stars")
    if found["anything"]:
        return "**"
    if found["directories"]:
        return "**/"
    if text == "?":
        return re.compile(".", re.DOTALL)
    if found["set"] is not None:
        return _set(found["set"], negated=bool(found["not"]))
    if text == "[":
        raise ValueError("the bracket [ is never closed: write [[] for a bracket itself")
    if text == "{" and _ALTERNATIVES.match(found.string, found.start()):
        raise ValueError("braces are not alternatives here: write a list of globs, and [{] for a brace itself")
    return text


def _set(text: str, *, negated: bool) -> Part:
    if text in ("", "/"):
        raise ValueError("brackets stand for at least one character, and never for a slash")
    escaped = re.sub(r"([^\w-])", r"\\\1", text)
    try:
        return re.compile(f"[^{escaped}]" if negated else f"[{escaped}]", re.DOTALL)
    except re.error as error:
        raise ValueError(f"brackets hold characters and ranges of them: {error.msg}") from None
