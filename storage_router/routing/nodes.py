"""Where in the tree of directories each route can match, ready to be looked up."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

from .globs import Glob
from .route import Route, View

Check = Callable[[str], object] | None
"""What else of a name has to be looked at; None where nothing has."""

Candidates = list[tuple[int, Check]]
"""Indexes of routes, in their order."""


class Node:
    """The routes that can only match below one directory, ready to be looked up.

    ``plain`` is the first that takes every name there, ``conditional`` the first that needs more of the name: its end
    (``by_suffix``) or a look at the whole (``others``), both in the order of the routes. ``reach`` is for listings: the
    first route of each view.
    """

    __slots__ = ("by_suffix", "conditional", "others", "plain", "reach")

    def __init__(self, none: int) -> None:
        self.plain = self.conditional = none
        self.by_suffix: dict[str, Candidates] = {}
        self.others: Candidates = []
        self.reach: dict[tuple[View, Glob | None], int] = {}

    def add(self, route: Route, glob: Glob | None, view: View) -> None:
        """Add a route, in order, with the glob that names have to match here and the view that it gives."""
        self.reach.setdefault((view, glob), route.index)
        check = None if glob is None else glob.regex.match
        if check is not None or route.types is not None:
            self.conditional = min(self.conditional, route.index)
        if route.types is not None:
            for suffix, needs_longest in route.types.indexed.items():
                self.by_suffix.setdefault(suffix, []).append((route.index, route.matches if needs_longest else check))
        elif check is not None:
            self.others.append((route.index, check))
        else:
            self.plain = min(self.plain, route.index)


def choose(candidates: Candidates, name: str, best: int) -> int:
    """Return the first of the candidates that claims ``name``, or ``best`` if none before it does."""
    for index, check in candidates:
        if index >= best:
            break
        if check is None or check(name):
            return index
    return best


def alternatives(route: Route) -> Iterator[tuple[str, Glob | None, View]]:
    """Yield the directories below which the route can match, with the glob that has to, and the view it gives."""
    if route.faults:
        return
    for prefix in route.prefixes or ("",):
        view = View(route.backend, f"{prefix}/" if route.strip_prefix and prefix else "")
        for glob in route.globs:
            everything = None if glob.is_directory else glob
            if not prefix or glob.head == prefix or glob.head.startswith(f"{prefix}/"):
                yield glob.head, everything, view
            elif glob.may_match_below(prefix):
                yield prefix, everything, view
        if not route.globs:
            yield prefix, None, view


def steps(directory: str) -> Iterator[tuple[str, str]]:
    """Yield each step on the way to ``directory``: where it starts and the segment that it takes."""
    above = ""
    for segment in directory.split("/") if directory else ():
        yield above, segment
        above = f"{above}/{segment}" if above else segment


def common(directories: Sequence[str]) -> str:
    """Return the deepest directory that holds all of ``directories``."""
    first, last = (edge(directory.split("/") for directory in directories) for edge in (min, max))
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "/".join(segment for segment, _ in same)


def ancestors(directory: str) -> list[str]:
    """Return ``directory`` and the directories above it, without the root."""
    return [f"{above}/{child}" if above else child for above, child in steps(directory)]
