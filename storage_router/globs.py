"""Globs over full names: ``*`` and ``?`` stay inside a segment, ``**`` crosses, ``[a-z]`` is one character.

A glob covers the whole name and is case-sensitive. ``**/`` at the start of a segment stands for zero or more whole
segments, so ``a/**/b`` also matches ``a/b``. Uploaders choose names, so matching takes one step per character: the glob
is an automaton whose steps are remembered. A regular expression would backtrack.
"""

from __future__ import annotations

import enum
import re

_REMEMBERED = 4096
"""How many steps a glob remembers. What is beyond is computed each time: uploaders choose the characters, too."""


class Wildcard(enum.Enum):
    """The parts of a glob that match any number of characters."""

    SEGMENT = "*"
    ANYTHING = "**"
    DIRECTORIES = "**/"


Token = str | re.Pattern[str] | Wildcard
"""A literal character, a pattern for one character, or a wildcard."""

_ALTERNATIVES = re.compile(r"[^{}]*,[^{}]*\}")
_TOKEN = re.compile(
    r"""(?P<run>\*{3,}) | (?P<anything>(?<![^/])(?:\*\*/)+\*(?!\*)) | (?P<directories>(?<![^/])(?:\*\*/)+)
    | (?P<two>\*\*) | (?P<segment>\*) | (?P<one>\?) | \[(?P<not>!?)(?P<set>\]?[^\]]*)\] | (?P<literal>.)""",
    re.DOTALL | re.VERBOSE,
)
_WILDCARDS: dict[str, Token] = {
    "anything": Wildcard.ANYTHING,
    "directories": Wildcard.DIRECTORIES,
    "two": Wildcard.ANYTHING,
    "segment": Wildcard.SEGMENT,
    "one": re.compile("[^/]"),
}


class Glob:
    """A glob. ``tokens`` are its parts in order, ``start`` and ``end`` what every match begins and ends with.

    Raises ``ValueError``, which says what is wrong with the text and what to write instead.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _read(text)
        self.start = _literal(self.tokens)
        rest = self.tokens[len(self.start) :]
        self.end = _literal(rest[::-1])[::-1]
        # "a/**" and "**/*.psd": nothing else has to be looked at.
        self._is_simple = rest == (Wildcard.ANYTHING, *self.end)
        # Positions in ``tokens`` are the bits of a number.
        self._first = self._passed(1 << len(self.start), after_slash=self.start[-1:] in ("", "/"))
        self._steps: dict[tuple[int, str], int] = {}

    @property
    def head(self) -> str:
        """The directory that every match lies in, as far as it is written out; ``""`` for the root."""
        return self.start.rpartition("/")[0]

    def matches(self, name: str) -> bool:
        """Return whether the glob matches the whole ``name``. Takes time linear in its length."""
        if not (name.startswith(self.start) and name.endswith(self.end)):
            return False
        if self._is_simple:
            return len(name) >= len(self.start) + len(self.end)
        return bool(self._after(name[len(self.start) :]) >> len(self.tokens) & 1)

    def may_match_below(self, directory: str) -> bool:
        """Return whether a name below ``directory`` (``""`` for the root) can match."""
        begun = f"{directory}/" if directory else ""
        if len(begun) <= len(self.start):
            return self.start.startswith(begun)
        return begun.startswith(self.start) and self._after(begun[len(self.start) :]) != 0

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
        for index, token in enumerate(self.tokens):
            if not positions >> index & 1:
                continue
            if isinstance(token, Wildcard):
                if token is not Wildcard.SEGMENT or character != "/":
                    after |= 1 << index
            elif token == character if isinstance(token, str) else token.fullmatch(character):
                after |= 2 << index
        after = self._passed(after, after_slash=character == "/")
        if after and len(self._steps) < _REMEMBERED:
            self._steps[positions, character] = after
        return after

    def _passed(self, positions: int, *, after_slash: bool) -> int:
        """Add the positions behind wildcards, which may match nothing; ``**/`` ends where a segment begins."""
        for index, token in enumerate(self.tokens):
            passes = isinstance(token, Wildcard) and (after_slash or token is not Wildcard.DIRECTORIES)
            if passes and positions >> index & 1:
                positions |= 2 << index
        return positions


def _literal(tokens: tuple[Token, ...]) -> str:
    end = next((index for index, token in enumerate(tokens) if not isinstance(token, str)), len(tokens))
    return "".join(token for token in tokens[:end] if isinstance(token, str))


def _read(text: str) -> tuple[Token, ...]:
    if not {"", ".", ".."}.isdisjoint(text.split("/")):
        raise ValueError("names are relative and have no empty, '.' or '..' segments")
    if "\\" in text:
        raise ValueError(
            "names have / where others have a backslash, and it escapes nothing: write [*] for a star itself"
        )
    return tuple(map(_token, _TOKEN.finditer(text)))


def _token(found: re.Match[str]) -> Token:
    kind = found.lastgroup or ""
    if kind in _WILDCARDS:
        return _WILDCARDS[kind]
    if kind == "run":
        raise ValueError("there are * (inside a segment) and ** (across segments), no longer runs of stars")
    if kind == "set":
        return _set(found["set"], negated=bool(found["not"]))
    if found["literal"] == "[":
        raise ValueError("the bracket [ is never closed: write [[] for a bracket itself")
    if found["literal"] == "{" and _ALTERNATIVES.match(found.string, found.end()):
        raise ValueError("braces are not alternatives here: write a list of globs, and [{] for a brace itself")
    return found["literal"]


def _set(text: str, *, negated: bool) -> Token:
    ranges: list[tuple[str, str]] = []
    index = 0
    while index < len(text):
        is_range = text[index + 1 : index + 2] == "-" and index + 2 < len(text)
        first, last = text[index], text[index + 2 if is_range else index]
        if first > last:
            raise ValueError(f"the range {first}-{last} in brackets is empty: write {last}-{first}")
        ranges.append((first, last))
        index += 3 if is_range else 1
    if not ranges or ranges == [("/", "/")]:
        raise ValueError("brackets stand for at least one character, and never for a slash")
    if len(ranges) == 1 and not negated and ranges[0][0] == ranges[0][1]:
        return ranges[0][0]
    characters = "".join(f"{re.escape(first)}-{re.escape(last)}" for first, last in ranges)
    return re.compile(f"(?!/)[{'^' if negated else ''}{characters}]", re.DOTALL)
