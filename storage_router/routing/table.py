"""All routes, compiled once: a name goes in, a match comes out. Pure: no request, no storage, no setting."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from storage_router.conf.problems import Locate, Location
from storage_router.exceptions import InvalidNameError, NoRouteError, Problem
from storage_router.names import TRASH, CleanName, clean_name

from .problems import find_problems
from .route import Match, Options, Route, View

_MOST_STARTS = 8

# A named tuple's own constructor takes twice the time, and this one is called for every name.
_match = tuple.__new__


def _plain_place(location: Location) -> str:
    first, *others = location
    return str(first) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in others)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Entry:
    """A route below one of its prefixes: ``start`` is the prefix with its slash, ``condition`` what else a name must
    meet, ``view`` what it shows."""

    index: int
    start: str
    condition: Callable[[str], bool] | None
    route: Route
    view: View

    def shows(self, directory: str) -> bool:
        """Return whether the route may claim a name below ``directory``, which ends in a slash or is the root."""
        globs = self.route.globs
        return directory.startswith(self.start) and (
            not globs or any(glob.may_match_below(directory.removesuffix("/")) for glob in globs)
        )


class RouteTable:
    """The routes in their order, and where names go that none of them claims.

    Routes are found by the first segment of a name, then tried in order; those that say nothing of it, such as types,
    are tried for every name.
    """

    def __init__(self, routes: Sequence[Options], default: str | None, hidden: Sequence[str] = ()) -> None:
        self._hidden = tuple(f"{prefix.strip('/')}/" for prefix in hidden)
        self.routes: tuple[Route, ...] = tuple(Route.of(index, options) for index, options in enumerate(routes))
        self.default = default
        self._below: dict[str, list[_Entry]] = {}
        self._anywhere: list[_Entry] = []
        self._children: dict[str, dict[str, None]] = {}
        self.has_globs = any(route.globs for route in self.routes)
        """Whether another file name in the same directory, with the same extension, may lead elsewhere."""

        for route in self.routes:
            if not route.faults:
                self._add(route)

    def match(self, name: str, *, hidden: bool = False) -> Match:
        """Return where ``name`` (full, and clean already) leads. Raises ``NoRouteError`` where nothing claims it.

        Raises ``InvalidNameError`` for a name in the trash, or below one of the prefixes that are ``hidden``, unless
        that is what the caller is for.
        """
        if not hidden and (TRASH in name or name.startswith(self._hidden)):
            self._require_shown(name)
        found: _Entry | None = None
        slash = name.find("/")
        if slash > 0:
            for entry in self._below.get(name[:slash], ()):
                if name.startswith(entry.start) and (entry.condition is None or entry.condition(name)):
                    found = entry
                    break
        for entry in self._anywhere:
            if found is not None and entry.index > found.index:
                break
            if entry.condition is None or entry.condition(name):
                found = entry
                break
        if found is None:
            if self.default is None:
                raise NoRouteError(_no_route(name, self.routes), name=str(name))
            return _match(Match, (self.default, name, None, ""))
        if not (prefix := found.view.prefix):
            return _match(Match, (found.view.alias, name, found.route, ""))
        rest = name[len(prefix) :]
        # "static/C:/x" is no drive, but what follows the prefix is one.
        own_name = clean_name(rest) if rest[1:2] == ":" else CleanName(rest)
        return _match(Match, (found.view.alias, own_name, found.route, prefix))

    def _require_shown(self, name: str) -> None:
        if TRASH in name.split("/") or name.startswith(self._hidden):
            raise InvalidNameError(f"The name is reserved: {name!r}")

    def problems(self, aliases: Iterable[str], locate: Locate = _plain_place) -> list[Problem]:
        """Return what is wrong with the routes (R7), given the aliases of the backends.

        ``locate`` returns the place of a value of the configuration: the variable, the file and key, or the option.
        """
        return find_problems(self.routes, self.default, list(aliases), self.match, locate)

    def views(self, directory: str) -> list[View]:
        """Return the views to ask for what lies directly below ``directory`` (``""`` for the root), in route order."""
        below = f"{directory}/" if directory else ""
        if TRASH in directory.split("/") or below.startswith(self._hidden):
            return []
        found: dict[View, None] = {}
        for entry in self._entries(below):
            if entry.shows(below):
                found[entry.view] = None
                if entry.condition is None:
                    return list(found)
        if self.default is not None:
            found[View(self.default, "")] = None
        return list(found)

    def views_below(self, directory: str) -> list[tuple[View, str]]:
        """Return the views that show files anywhere below ``directory``, each with the directory from where on.

        A view with many such directories comes with the one that holds them all: one long listing is quicker.
        """
        starts: dict[View, list[str]] = {view: [directory] for view in self.views(directory)}
        below = f"{directory}/" if directory else ""
        further = [
            entry
            for entry in self._entries(below)
            if entry.start.startswith(below) and entry.start != below and not entry.start.startswith(self._hidden)
        ]
        # Sorted, a directory comes right before those within it.
        for entry in sorted(further, key=lambda entry: entry.start):
            found = starts.setdefault(entry.view, [])
            if not found or not entry.start.startswith(f"{found[-1]}/" if found[-1] else ""):
                found.append(entry.start.removesuffix("/"))
        return [
            (view, start)
            for view, found in starts.items()
            for start in (found if len(found) <= _MOST_STARTS else [posixpath.commonpath(found)])
        ]

    def is_prefix(self, directory: str) -> bool:
        """Return whether ``directory`` is the root, or prefixes of routes go through it or end in it."""
        return not directory or directory in self._children

    def prefix_children(self, directory: str) -> list[str]:
        """Return the directories, directly below ``directory``, that prefixes of routes go through or end in."""
        return list(self._children.get(directory, ()))

    def _add(self, route: Route) -> None:
        condition = route.condition
        for prefix in route.prefixes or ("",):
            start = f"{prefix}/" if prefix else ""
            view = View(route.backend, start if route.strip_prefix else "")
            entry = _Entry(index=route.index, start=start, condition=condition, route=route, view=view)
            heads = [start] if prefix else [glob.start for glob in route.globs] or [""]
            if all("/" in head for head in heads):
                for segment in dict.fromkeys(head[: head.index("/")] for head in heads):
                    self._below.setdefault(segment, []).append(entry)
            else:
                self._anywhere.append(entry)
            above = ""
            for segment in prefix.split("/") if prefix and not start.startswith(self._hidden) else ():
                self._children.setdefault(above, {})[segment] = None
                above = f"{above}/{segment}" if above else segment
                self._children.setdefault(above, {})

    def _entries(self, below: str) -> list[_Entry]:
        """Return the entries that can have to do with names below a directory, in the order of the routes."""
        if below:
            found: Iterator[_Entry] | list[_Entry] = self._below.get(below[: below.index("/")], [])
        else:
            found = (entry for entries in self._below.values() for entry in entries)
        return sorted(dict.fromkeys([*found, *self._anywhere]), key=lambda entry: entry.index)


def _no_route(name: str, routes: Sequence[Route]) -> str:
    shown = [str(route) for route in routes[:10]]
    if len(routes) > len(shown):
        shown.append(f"and {len(routes) - len(shown)} more")
    tried = f"None of these claims it: {', '.join(shown)}." if routes else "There are no routes."
    return f"No route claims {name!r} and there is no default. {tried}"
