"""All routes, compiled once: a name goes in, a match comes out. Pure: no request, no storage, no setting."""

import copy
import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Self

from storage_router.conf.routes import RouteOptions
from storage_router.exceptions import InvalidNameError, NoRouteError, NoTenantError
from storage_router.names import TENANT, TRASH, CleanName, clean_name

from .route import Route

_MOST_STARTS = 8

# A named tuple's own constructor takes twice the time, and this one is called for every name.
_match = tuple.__new__


class View(NamedTuple):
    """A backend as routes show it: directly (``prefix`` is empty), or its root in the place of a stripped prefix."""

    alias: str
    prefix: str


class Match(NamedTuple):
    """Where a name leads: ``alias``, the backend's own ``name``, and the ``prefix`` that was stripped (``"static/"``).

    ``route`` is None where ``default`` takes the name; ``tenant`` is whose file it is, where names or backends have
    tenants. The ``alias`` of a backend with a place for each tenant ends in the tenant: ``media[acme]``.
    """

    alias: str
    name: str
    route: Route | None
    prefix: str
    tenant: str | None = None

    @property
    def full_name(self) -> str:
        """The name by which the router knows the file."""
        return self.prefix + self.name

    @property
    def view(self) -> View:
        """The backend, and what is stripped."""
        return View(self.alias, self.prefix)

    @property
    def read_only(self) -> bool:
        """Whether the route is ``read_only``."""
        return self.route is not None and self.route.options.read_only


class _Entry:
    """A route below one of its prefixes, or the default.

    ``start`` is the prefix with its slash, ``condition`` what else a name must meet, ``view`` what the route shows.
    ``head`` is ``start`` up to ``{tenant}``, if it has one. ``capture`` then finds the tenant in a path, and
    ``captured`` is the tenant of an entry that was made concrete.
    """

    def __init__(self, route: Route | None, alias: str, start: str = "", captured: str | None = None) -> None:
        self.route = route
        self.start = start
        self.captured = captured
        self.view = View(alias, start if route is not None and route.strip_prefix else "")
        self.condition = None if route is None else route.condition
        self.capture: re.Pattern[str] | None = None
        self.head, holds_tenant, tail = start.partition(TENANT)
        if holds_tenant:
            head = re.escape(self.head)
            self.capture = re.compile(f"{head}([^/]+)/")
            self.condition = _below(re.compile(f"{head}[^/]+{re.escape(tail)}"), self.condition)

    def at(self, path: str) -> "_Entry":
        """Return the entry with the tenant that is in ``path``: a name, or a directory with its slash."""
        if self.capture is None or (found := self.capture.match(path)) is None:
            return self
        return _Entry(self.route, self.view.alias, self.start.replace(TENANT, found[1]), found[1])

    def shows(self, below: str) -> bool:
        """Return whether the route may claim a name below a directory, which ends in a slash or is the root."""
        globs = self.route.globs if self.route else ()
        return below.startswith(self.start) and (not globs or any(glob.may_match_below(below) for glob in globs))


class RouteTable:
    """The routes in their order, and where names go that none of them claims.

    Routes are found by the first segment of a name, then tried in order; those that say nothing of it, such as types,
    are tried for every name. ``tenants`` is a ``storage_router.tenancy.Tenancy``, or None.
    """

    def __init__(
        self, routes: Sequence[RouteOptions], default: str | None, hidden: Sequence[str] = (), tenants: Any = None
    ) -> None:
        self._tenants = tenants
        self._hidden = tuple(f"{prefix.strip('/')}/" for prefix in hidden)
        self.routes: tuple[Route, ...] = tuple(Route(index, options) for index, options in enumerate(routes))
        self.default = default
        self._default = None if default is None else _Entry(None, default)
        self._below: dict[str, list[_Entry]] = {}
        self._anywhere: list[_Entry] = []
        self.has_globs = any(route.globs for route in self.routes)
        """Whether another file name in the same directory, with the same extension, may lead elsewhere."""

        for route in self.routes:
            for prefix in route.prefixes or ("",):
                entry = _Entry(route, route.backend, f"{prefix}/" if prefix else "")
                heads = [entry.start] if prefix else [glob.start for glob in route.globs] or [""]
                if all("/" in head for head in heads):
                    for segment in dict.fromkeys(head.partition("/")[0] for head in heads):
                        self._below.setdefault(segment, []).append(entry)
                else:
                    self._anywhere.append(entry)
        # Both together, in the order of the routes, for the first segments that were asked for.
        self._starting: dict[str, list[_Entry] | None] = dict.fromkeys(self._below)

    def match(self, name: str, *, hidden: bool = False) -> Match:
        """Return where ``name`` (full, and clean already) leads. Raises ``NoRouteError`` where nothing claims it.

        Raises ``InvalidNameError`` for a name in the trash, or below one of the prefixes that are ``hidden``, unless
        that is what the caller is for.
        """
        if not hidden and (TRASH in name or name.startswith(self._hidden)) and self._is_hidden(name):
            raise InvalidNameError(f"The name is reserved: {name!r}")
        segment = name.partition("/")[0]
        entries = self._starting.get(segment, self._anywhere)
        for entry in self._merged(segment) if entries is None else entries:
            if name.startswith(entry.head) and (entry.condition is None or entry.condition(name)):
                break
        else:
            if self._default is None:
                raise NoRouteError(_no_route(name, self.routes), name=str(name))
            entry = self._default
        alias, prefix = entry.view
        tenant = None
        if self._tenants is not None or entry.capture is not None:
            entry = entry.at(name)
            (alias, prefix), tenant = self._view(entry, name)
        if not prefix:
            return _match(Match, (alias, name, entry.route, "", tenant))
        rest = name[len(prefix) :]
        # "static/C:/x" is no drive, but what follows the prefix is one.
        own_name = clean_name(rest) if rest[1:2] == ":" else CleanName(rest)
        return _match(Match, (alias, own_name, entry.route, prefix, tenant))

    def _merged(self, segment: str) -> list[_Entry]:
        """Return the entries that can claim names with this first segment, in the order of the routes."""
        found = self._starting.get(segment, self._anywhere)
        if found is None:
            found = self._starting[segment] = _in_order([*self._below[segment], *self._anywhere])
        return found

    def _is_hidden(self, path: str) -> bool:
        return TRASH in path.split("/") or path.startswith(self._hidden)

    def pinned(self) -> Self:
        """Return the table of the current tenant, for what goes on when another is the current one."""
        if self._tenants is None:
            return self
        found = self.without_tenants()
        found._tenants = self._tenants.pinned()
        return found

    def without_tenants(self) -> Self:
        """Return the table with ``{tenant}`` as it is written, for checks: no tenant is asked for."""
        found = copy.copy(self)
        found._tenants = None
        return found

    def _view(self, entry: _Entry, name: str) -> tuple[View, str | None]:
        """Return what an entry shows of a tenant's files, and the tenant; all that it shows where there are none."""
        view, captured, tenants = entry.view, entry.captured, self._tenants
        if tenants is None or (captured is None and not tenants.has(view.alias)):
            return view, captured
        tenant = tenants.tenant(captured, name)
        return View(f"{view.alias}[{tenant}]", view.prefix) if tenants.has(view.alias) else view, tenant

    def views(self, directory: str) -> list[View]:
        """Return the views to ask for what lies directly below ``directory`` (``""`` for the root), in route order."""
        below = f"{directory}/" if directory else ""
        if self._is_hidden(below):
            return []
        entries = self._entries(below)
        _require_one_tenant(directory, [entry for entry in entries if entry.head == below])
        found: dict[View, None] = {}
        for entry in entries:
            if entry.shows(below):
                found[self._view(entry, below)[0]] = None
                if entry.condition is None:
                    break
        return list(found)

    def views_below(self, directory: str) -> list[tuple[View, str]]:
        """Return the views that show files anywhere below ``directory``, each with the directory from where on.

        A view with many such directories comes with the one that holds them all: one long listing is quicker.
        """
        starts: dict[View, list[str]] = {view: [directory] for view in self.views(directory)}
        further = self._further(directory)
        _require_one_tenant(directory, further)
        # Sorted, a directory comes right before those within it.
        for entry in sorted(further, key=lambda entry: entry.start):
            found = starts.setdefault(self._view(entry, entry.start)[0], [])
            if not found or not entry.start.startswith(f"{found[-1]}/" if found[-1] else ""):
                found.append(entry.start.removesuffix("/"))
        return [
            (view, start)
            for view, found in starts.items()
            for start in (found if len(found) <= _MOST_STARTS else [posixpath.commonpath(found)])
        ]

    def is_prefix(self, directory: str) -> bool:
        """Return whether ``directory`` is the root, or prefixes of routes go through it or end in it."""
        below = f"{directory}/"
        return not directory or any(entry.start.startswith(below) for entry in self._shown(below))

    def prefix_children(self, directory: str) -> list[str]:
        """Return the directories, directly below ``directory``, that prefixes of routes go through or end in."""
        cut = len(directory) + 1 if directory else 0
        return list(dict.fromkeys(entry.start[cut:].partition("/")[0] for entry in self._further(directory)))

    def _further(self, directory: str) -> list[_Entry]:
        """Return the entries whose prefixes are longer than ``directory`` and lie below it."""
        below = f"{directory}/" if directory else ""
        return [entry for entry in self._shown(below) if entry.start.startswith(below) and entry.start != below]

    def _shown(self, below: str) -> list[_Entry]:
        """Return the entries that are not hidden. Raises ``TenantMismatchError`` for another tenant's directory."""
        found = [entry for entry in self._entries(below) if not entry.start.startswith(self._hidden)]
        for entry in found:
            # Beside its prefix a route says nothing about a directory, whosever it looks like.
            if entry.captured is not None and (entry.start.startswith(below) or below.startswith(entry.start)):
                self._view(entry, below)
        return found

    def _entries(self, below: str) -> list[_Entry]:
        """Return the entries that can have to do with names below a directory, in the order of the routes."""
        if below:
            found = self._merged(below[: below.index("/")])
        else:
            every = [*(entry for entries in self._below.values() for entry in entries), *self._anywhere]
            found = _in_order(dict.fromkeys(every))
        last = [] if self._default is None else [self._default]
        return [*(entry.at(below) for entry in found), *last]


def _in_order(entries: Iterable[_Entry]) -> list[_Entry]:
    return sorted(entries, key=lambda entry: entry.route.index if entry.route else 0)


def _below(prefix: re.Pattern[str], condition: Callable[[str], bool] | None) -> Callable[[str], bool]:
    return lambda name: prefix.match(name) is not None and (condition is None or condition(name))


def _require_one_tenant(directory: str, entries: Sequence[_Entry]) -> None:
    if any(entry.capture is not None for entry in entries):
        where = repr(directory) if directory else "The root"
        raise NoTenantError(f"{where} holds the files of all tenants, and nothing lists them together.", name=directory)


def _no_route(name: str, routes: Sequence[Route]) -> str:
    shown = [str(route) for route in routes[:10]]
    if len(routes) > len(shown):
        shown.append(f"and {len(routes) - len(shown)} more")
    tried = f"None of these claims it: {', '.join(shown)}." if routes else "There are no routes."
    return f"No route claims {name!r} and there is no default. {tried}"
