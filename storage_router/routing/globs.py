"""Globs over full names: ``*`` and ``?`` stay inside a segment, ``**`` crosses, ``[a-z]`` is one character.

A glob covers the whole name and minds case. ``**/`` at the start of a segment stands for no, one or more whole
segments, so ``a/**/b`` matches ``a/b``, too. Patterns are written by operators but names by anybody: the regular
expression commits to the first place where each part fits, so no name makes it try combinations.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from .glob_tokens import SLASH, OneOf, Token, Wildcard, read


@dataclass(frozen=True, kw_only=True)
class Glob:
    """A glob, read: ``text`` as it was written, ``tokens`` in order. Make one with ``Glob.read``."""

    text: str
    tokens: tuple[Token, ...]

    @classmethod
    def read(cls, text: str) -> Glob:
        """Read a glob; ``ValueError`` says what is wrong with it and what to write instead."""
        return cls(text=text, tokens=read(text))

    @functools.cached_property
    def regex(self) -> re.Pattern[str]:
        """The regular expression that matches whole names."""
        return re.compile(_pattern(self.tokens), re.DOTALL)

    @property
    def head(self) -> str:
        """The directory that every match lies in, as far as it is written out; ``""`` for the root."""
        return self._literal_start.rpartition("/")[0]

    @property
    def literal(self) -> str | None:
        """The one name that matches, where the glob has no wildcard."""
        start = self._literal_start
        return start if len(start) == len(self.tokens) else None

    @property
    def is_directory(self) -> bool:
        """Whether the glob is ``head/**``: everything below ``head``, as a prefix would have it."""
        start = self._literal_start
        whole = len(start) == len(self.tokens) - 1 and self.tokens[-1] is Wildcard.ANYTHING
        return whole and (not start or start.endswith("/"))

    @functools.cached_property
    def _literal_start(self) -> str:
        characters: list[str] = []
        for token in self.tokens:
            literal = token.literal if isinstance(token, OneOf) else None
            if literal is None:
                break
            characters.append(literal)
        return "".join(characters)

    # The glob as an automaton: a set of positions in ``tokens``, as the bits of a number. Used where more is asked than
    # whether one name matches: what may lie below a directory, and whether a route can match at all.

    @functools.cached_property
    def start(self) -> int:
        """The positions before the first character."""
        return self._closed(1)

    def example(self, stem: str, end: str) -> str:
        """Return a name that matches, with ``stem`` in the place of wildcards and ``end`` after the last one."""
        segment = stem.rpartition("/")[2]
        standing_for = {Wildcard.SEGMENT: segment, Wildcard.ANYTHING: stem, Wildcard.DIRECTORIES: f"{stem}/"}
        pieces = [
            standing_for[token] if isinstance(token, Wildcard) else token.literal or token.example()
            for token in self.tokens
        ]
        return "".join(pieces) + (end if isinstance(self.tokens[-1], Wildcard) else "")

    def step(self, positions: int, character: str) -> int:
        """Return the positions after ``character``; 0 where no match can begin like this."""
        after = 0
        for index, token in enumerate(self.tokens):
            if not positions >> index & 1:
                continue
            if isinstance(token, OneOf):
                if token.matches(character):
                    after |= 2 << index
            elif token is not Wildcard.SEGMENT or character != "/":
                after |= 1 << index
        if not after:
            return 0
        # "**/" is left at a slash only, and then it has consumed it.
        return self._closed(after, after_slash=character == "/")

    def accepts(self, positions: int) -> bool:
        """Return whether a name that ends here matches."""
        return bool(positions >> len(self.tokens) & 1)

    def takes_everything(self, positions: int) -> bool:
        """Return whether every continuation matches."""
        return self.tokens[-1] is Wildcard.ANYTHING and bool(positions >> len(self.tokens) - 1 & 1)

    def may_match_below(self, directory: str) -> bool:
        """Return whether a name below ``directory`` (``""`` for the root) can match."""
        positions = self.start
        for character in f"{directory}/" if directory else "":
            positions = self.step(positions, character)
            if not positions:
                return False
        return True

    def _closed(self, positions: int, *, after_slash: bool = True) -> int:
        for index, token in enumerate(self.tokens):
            passes = isinstance(token, Wildcard) and (after_slash or token is not Wildcard.DIRECTORIES)
            if passes and positions >> index & 1:
                positions |= 2 << index
        return positions


def _pattern(tokens: tuple[Token, ...]) -> str:
    """Return a regular expression without combinatorial backtracking.

    The glob is cut at the wildcards that cross segments. What follows such a wildcard, up to the next one, may be
    taken at the first place where it fits, as the next wildcard takes any rest; within it the same holds for ``*``
    inside a segment. So each is an atomic group. Only the last part is bound to the end: it has a known number of
    slashes, which says in which segment it begins, and its own last piece is the only one that is searched from the
    end.
    """
    crossing = [index for index, token in enumerate(tokens) if token in (Wildcard.ANYTHING, Wildcard.DIRECTORIES)]
    starts = [0, *(index + 1 for index in crossing)]
    *parts, last = [tokens[start:end] for start, end in zip(starts, [*crossing, len(tokens)], strict=True)]
    wildcards = [tokens[index] for index in crossing]
    skips: dict[Token, str] = {Wildcard.ANYTHING: ".*?", Wildcard.DIRECTORIES: "(?:[^/]+/)*?"}
    pattern = r"\A"
    for wildcard, part in zip([None, *wildcards], parts, strict=False):
        first, *others = _pieces(part)
        inner = first + "".join(f"(?>[^/]*?{piece})" for piece in others)
        pattern += f"(?>{skips[wildcard]}{inner})" if wildcard else inner
    pieces = _pieces(last)
    if wildcards and not last and wildcards[-1] is Wildcard.ANYTHING:
        return pattern + r".*\Z"
    if wildcards:
        slashes = sum(token == SLASH for token in last)
        pattern += f"(?>{skips[wildcards[-1]]}(?=[^/]*(?:/[^/]*){{{slashes}}}\\Z))"
        if wildcards[-1] is Wildcard.ANYTHING:
            pieces = ["", *pieces]
    first, *others = pieces
    pattern += first + "".join(f"(?>[^/]*?{piece})" for piece in others[:-1])
    return pattern + (f"[^/]*{others[-1]}" if others else "") + r"\Z"


def _pieces(part: tuple[Token, ...]) -> list[str]:
    pieces = [""]
    for token in part:
        if token is Wildcard.SEGMENT:
            pieces.append("")
        else:
            assert isinstance(token, OneOf)
            pieces[-1] += token.pattern()
    return pieces
