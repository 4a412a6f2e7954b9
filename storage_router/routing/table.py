"""All routes, compiled once: a name goes in, a match comes out. Pure: no request, no storage, no setting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from storage_router.conf.report import Locate, Location
from storage_router.exceptions import NoRouteError, Problem

from .globs import Glob
from .nodes import Node, alternatives, ancestors, choose, common, steps
from .problems import find_problems
from .route import Match, Options, Route, View, suffixes

_MOST_STARTS = 8

# A named tuple's own constructor takes twice the time, and this one is called for every name.
_match = tuple.__new__


def _plain_place(location: Location) -> str:
    first, *others = location
    return str(first) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in others)


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
        self._root = Node(self._none)
        self._nodes: dict[str, Node] = {"": self._root}
        self._exact: dict[str, int] = {}
        self._prefixes: set[str] = set()
        self._children: dict[str, dict[str, None]] = {}
        self._heads: dict[str, dict[str, Node]] = {}
        for route in self.routes:
            found = list(alternatives(route))
            self._show(route.prefixes if found else ())
            for directory, glob, view in found:
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
        nodes = [self._root, *(self._nodes[above] for above in ancestors(directory) if above in self._nodes)]
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
        """Return the views that show files anywhere below ``directory``, each with the directory from where on.

        A view with many such directories comes with the one that holds them all: one long list is quicker than many.
        """
        found = {view: [directory] for view in self.views(directory)}
        start = f"{directory}/" if directory else ""
        for below in sorted(node for node in self._nodes if node.startswith(start) and node):
            for view in self.views(below):
                starts = found.setdefault(view, [])
                # What begins further up shows this, too. Sorted, it is the last one if it is any.
                if not starts or not f"{below}/".startswith(f"{starts[-1]}/" if starts[-1] else ""):
                    starts.append(below)
        return [
            (view, where)
            for view, starts in found.items()
            for where in (starts if len(starts) <= _MOST_STARTS else [common(starts)])
        ]

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

    def _first_of(self, nodes: list[Node], name: str, best: int) -> int:
        ends = suffixes(name, self._dots) if self._dots else ()
        for node in nodes:
            for end in ends:
                if candidates := node.by_suffix.get(end):
                    best = choose(candidates, name, best)
            if node.others:
                best = choose(node.others, name, best)
        return best

    def _show(self, prefixes: Iterable[str]) -> None:
        for prefix in prefixes:
            self._prefixes.add(prefix)
            for above, child in steps(prefix):
                self._children.setdefault(above, {})[child] = None

    def _add(self, route: Route, directory: str, glob: Glob | None, view: View) -> None:
        node = self._nodes.setdefault(directory, Node(self._none))
        if glob is not None:
            for above, _ in steps(directory):
                self._heads.setdefault(above, {})[directory] = node
            if glob.literal is not None and route.types is None:
                self._exact.setdefault(glob.literal, route.index)
                node.reach.setdefault((view, glob), route.index)
                return
        node.add(route, glob, view)


def _no_route(name: str, routes: Sequence[Route]) -> str:
    shown = [str(route) for route in routes[:10]]
    if len(routes) > len(shown):
        shown.append(f"and {len(routes) - len(shown)} more")
    tried = f"None of these claims it: {', '.join(shown)}." if routes else "There are no routes."
    return f"No route claims {name!r} and there is no default. {tried}"
