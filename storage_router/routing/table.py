"""All routes, compiled once: a name goes in, a match comes out. Pure: no request, no storage, no setting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from storage_router.conf.report import Locate, Location
from storage_router.exceptions import NoRouteError, Problem

from .globs import Glob
from .problems import find_problems
from .route import Match, Options, Route, View, suffixes

_Check = Callable[[str], object] | None
_Candidates = list[tuple[int, _Check]]

# A named tuple's own constructor takes twice the time, and this one is called for every name.
_match = tuple.__new__


def _plain_place(location: Location) -> str:
    first, *others = location
    return str(first) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in others)


class _Node:
    """The routes that can only match below one directory, ready to be looked up.

    ``plain`` is the first that takes every name there, ``conditional`` the first that needs more of the name: its end
    (``by_suffix``) or a look at the whole (``others``), both in the order of the routes. ``reach`` is for listings: the
    first route of each view.
    """

    __slots__ = ("by_suffix", "conditional", "others", "plain", "reach")

    def __init__(self, none: int) -> None:
        self.plain = self.conditional = none
        self.by_suffix: dict[str, _Candidates] = {}
        self.others: _Candidates = []
        self.reach: dict[tuple[View, Glob | None], int] = {}

    def add(self, route: Route, glob: Glob | None, view: View) -> None:
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


class RouteTable:
    """The routes in their order, and where names go that none of them claims.

    A look-up costs the depth of the name, not the number of routes: the candidates come from a dictionary by directory
    and, below a directory, from one by extension; the first in the order of the routes wins. Only globs that begin
    with a wildcard are tried one by one.
    """

    def __init__(self, routes: Sequence[Options], default: str | None) -> None:
        self.routes: tuple[Route, ...] = tuple(Route.of(index, options) for index, options in enumerate(routes))
        self.default = default
        self._none = len(self.routes)
        self._root = _Node(self._none)
        self._nodes: dict[str, _Node] = {"": self._root}
        self._exact: dict[str, int] = {}
        self._prefixes: set[str] = set()
        self._children: dict[str, dict[str, None]] = {}
        self._heads: dict[str, dict[str, _Node]] = {}
        for route in self.routes:
            for directory, glob, view in _alternatives(route):
                self._add(route, directory, glob, view)
        if default is not None:
            self._root.reach.setdefault((View(default, ""), None), self._none)
        self._depth = max(directory.count("/") + 1 if directory else 0 for directory in self._nodes)
        self._dots = max((end.count(".") + 1 for node in self._nodes.values() for end in node.by_suffix), default=0)

    def match(self, name: str) -> Match:
        """Return where ``name`` (full, and clean already) leads. Raises ``NoRouteError`` where nothing claims it."""
        index = self._first(name)
        if index == self._none:
            if self.default is None:
                raise NoRouteError(_no_route(name, self.routes), name=name)
            return _match(Match, (self.default, name, None, None, ""))
        route = self.routes[index]
        if not route.strip_prefix:
            return _match(Match, (route.backend, name, route, index, ""))
        prefix = f"{route.prefix_of(name)}/"
        return _match(Match, (route.backend, name[len(prefix) :], route, index, prefix))

    def problems(self, aliases: Iterable[str], locate: Locate = _plain_place) -> list[Problem]:
        """Return what is wrong with the routes (R7), given the aliases of the backends.

        ``locate`` tells the place of a value of the configuration: the variable, the file and key, or the option.
        """
        return find_problems(self.routes, self.default, list(aliases), self.match, locate)

    def views(self, directory: str) -> list[View]:
        """Return the views to ask for what lies directly below ``directory`` (``""`` for the root), in route order."""
        nodes = [self._root, *(self._nodes[above] for above in _ancestors(directory) if above in self._nodes)]
        limit = min(node.plain for node in nodes)
        found: dict[View, int] = {}
        for node in [*nodes, *self._heads.get(directory, {}).values()]:
            for (view, glob), index in node.reach.items():
                # Nodes further down are asked for globs; a prefix that is stripped there has no place here yet.
                is_below = f"{directory}/".startswith(view.prefix)
                if index <= limit and is_below and (glob is None or glob.may_match_below(directory)):
                    found[view] = min(index, found.get(view, index))
        return sorted(found, key=found.__getitem__)

    def views_below(self, directory: str) -> list[tuple[View, str]]:
        """Return the views that show files anywhere below ``directory``, each with the directory from where on."""
        found = [(view, directory) for view in self.views(directory)]
        start = f"{directory}/" if directory else ""
        for below in sorted(node for node in self._nodes if node.startswith(start) and node != ""):
            whole = {view for view, where in found if where == directory or below.startswith(f"{where}/")}
            found += [(view, below) for view in self.views(below) if view not in whole]
        return found

    def may_reach(self, directory: str, alias: str, prefix: str = "") -> bool:
        """Return whether a name below ``directory`` may lead to the backend ``alias`` with ``prefix`` stripped.

        False is certain. True may be said of a directory in which, for example, no file has the right type.
        """
        view = View(alias, prefix)
        if view in self.views(directory):
            return True
        return directory in self._children and any(view == other for other, _ in self.views_below(directory))

    def is_prefix(self, directory: str) -> bool:
        """Return whether ``directory`` is the root, or prefixes of routes go through it or end in it."""
        return not directory or directory in self._children or directory in self._prefixes

    def prefix_children(self, directory: str) -> list[str]:
        """Return the directories, directly below ``directory``, that prefixes of routes go through or end in."""
        return list(self._children.get(directory, {}))

    def _first(self, name: str) -> int:
        """Return the index of the first route that claims ``name``, or the number of routes."""
        root = self._root
        best = root.plain
        if self._exact:
            best = min(best, self._exact.get(name, best))
        waiting = None
        if depth := self._depth:
            nodes = self._nodes
            position = name.find("/")
            while position > 0:
                if (node := nodes.get(name[:position])) is not None:
                    if node.plain < best:
                        best = node.plain
                    if node.conditional < best:
                        waiting = [node] if waiting is None else [*waiting, node]
                depth -= 1
                if not depth:
                    break
                position = name.find("/", position + 1)
        if root.conditional < best:
            waiting = [root] if waiting is None else [*waiting, root]
        return best if waiting is None else self._first_of(waiting, name, best)

    def _first_of(self, nodes: list[_Node], name: str, best: int) -> int:
        ends = suffixes(name, self._dots) if self._dots else ()
        for node in nodes:
            for end in ends:
                if candidates := node.by_suffix.get(end):
                    best = _choose(candidates, name, best)
            if node.others:
                best = _choose(node.others, name, best)
        return best

    def _add(self, route: Route, directory: str, glob: Glob | None, view: View) -> None:
        for prefix in route.prefixes:
            self._prefixes.add(prefix)
            for above, child in _steps(prefix):
                self._children.setdefault(above, {})[child] = None
        node = self._nodes.setdefault(directory, _Node(self._none))
        if glob is not None:
            for above, _ in _steps(directory):
                self._heads.setdefault(above, {})[directory] = node
            if glob.literal is not None and route.types is None:
                self._exact.setdefault(glob.literal, route.index)
                node.reach.setdefault((view, glob), route.index)
                return
        node.add(route, glob, view)


def _choose(candidates: _Candidates, name: str, best: int) -> int:
    for index, check in candidates:
        if index >= best:
            break
        if check is None or check(name):
            return index
    return best


def _alternatives(route: Route) -> Iterator[tuple[str, Glob | None, View]]:
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


def _steps(directory: str) -> Iterator[tuple[str, str]]:
    """Yield each step on the way to ``directory``: where it starts and the segment that it takes."""
    above = ""
    for segment in directory.split("/") if directory else ():
        yield above, segment
        above = f"{above}/{segment}" if above else segment


def _ancestors(directory: str) -> list[str]:
    """Return ``directory`` and the directories above it, without the root."""
    return [f"{above}/{child}" if above else child for above, child in _steps(directory)]


def _no_route(name: str, routes: Sequence[Route]) -> str:
    shown = [str(route) for route in routes[:10]]
    if len(routes) > len(shown):
        shown.append(f"and {len(routes) - len(shown)} more")
    tried = f"None of these claims it: {', '.join(shown)}." if routes else "There are no routes."
    return f"No route claims {name!r} and there is no default. {tried}"
