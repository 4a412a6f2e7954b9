"""The parts of a glob, read from its text."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass


class Wildcard(enum.Enum):
    """The parts of a glob that match any number of characters."""

    SEGMENT = "*"
    ANYTHING = "**"
    DIRECTORIES = "**/"


@dataclass(frozen=True, kw_only=True)
class OneOf:
    """One character of ``ranges`` (first and last, inclusive), or any other if ``negated``; a slash only by itself."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool = False

    @property
    def literal(self) -> str | None:
        """The one character that matches, or None where there are several."""
        if len(self.ranges) == 1 and not self.negated and self.ranges[0][0] == self.ranges[0][1]:
            return self.ranges[0][0]
        return None

    def matches(self, character: str) -> bool:
        """Return whether ``character`` is one of these."""
        if character == "/":
            return self.literal == "/"
        return any(first <= character <= last for first, last in self.ranges) is not self.negated

    def example(self) -> str:
        """Return a character that matches."""
        candidates = ["q", *(first for first, _ in self.ranges), *"zx70ZX-_"]
        return next((character for character in candidates if self.matches(character)), "q")

    def pattern(self) -> str:
        """Return the same as a regular expression."""
        if (literal := self.literal) is not None:
            return re.escape(literal)
        ranges = "".join(f"{re.escape(first)}-{re.escape(last)}" for first, last in self.ranges)
        return f"[^/{ranges}]" if self.negated else f"(?!/)[{ranges}]"


Token = OneOf | Wildcard

SLASH = OneOf(ranges=(("/", "/"),))
_ALTERNATIVES = re.compile(r"[^{}]*,[^{}]*\}")
_TOKEN = re.compile(r"(?P<stars>\*+)|(?P<one>\?)|\[(?P<not>!?)(?P<set>\]?[^\]]*)\]|(?P<literal>.)", re.DOTALL)


def read(text: str) -> tuple[Token, ...]:
    """Read a glob; ``ValueError`` says what is wrong with it and what to write instead."""
    if not text or text.startswith("/") or text.endswith("/") or "//" in text:
        raise ValueError("a glob covers a whole name, which has no slash at its ends and no empty segment")
    tokens: list[Token] = []
    for found in _TOKEN.finditer(text):
        tokens += _tokens(found, starts_segment=not tokens or tokens[-1] in (SLASH, Wildcard.DIRECTORIES))
        if tokens[-2:] == [Wildcard.DIRECTORIES, SLASH]:
            tokens.pop()
    if tokens[-2:] == [Wildcard.DIRECTORIES, Wildcard.SEGMENT]:
        tokens[-2:] = [Wildcard.ANYTHING]
    return tuple(tokens)


def _tokens(found: re.Match[str], *, starts_segment: bool) -> list[Token]:
    kind, rest = found.lastgroup, found.string[found.end() :]
    if kind == "stars":
        if len(found["stars"]) > 2:
            raise ValueError("there are * (inside a segment) and ** (across segments), no longer runs of stars")
        if len(found["stars"]) == 1:
            return [Wildcard.SEGMENT]
        return [Wildcard.DIRECTORIES if starts_segment and rest.startswith("/") else Wildcard.ANYTHING]
    if kind == "one":
        return [OneOf(ranges=(), negated=True)]
    if kind == "set":
        return [OneOf(ranges=_ranges(found["set"]), negated=bool(found["not"]))]
    if found["literal"] == "[":
        raise ValueError("the bracket [ is never closed: write [[] for a bracket itself")
    if found["literal"] == "{" and _ALTERNATIVES.match(rest):
        raise ValueError("braces are no alternatives here: write a list of globs, and [{] for a brace itself")
    return [OneOf(ranges=((found["literal"], found["literal"]),))]


def _ranges(text: str) -> tuple[tuple[str, str], ...]:
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
    return tuple(ranges)
