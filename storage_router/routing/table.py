"""All routes, compiled once: a name goes in, a match comes out. Pure: no request, no storage, no setting."""

from __future__ import annotations

import copy
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol, Self

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

    @property
    def has_view(self) -> bool:
        """Whether a view of ``storage_router.urls`` delivers the file."""
        return self.route is not None and self.route.options.delivery != "link"


class Tenants(Protocol):
    """What a table asks about tenants: ``storage_router.tenancy.Tenancy``."""

    def has(self, alias: str) -> bool:
        """Return whether the backend has a place for each tenant."""

    def tenant(self, captured: str | None, name: str) -> str:
        """Return whose file it is: the ``captured`` tenant, if it may be used, or the current one."""

    def pinned(self) -> Self:
        """Return the same with the current tenant, whatever the tenant is later."""


class _Entry:
    """A route below one of its prefixes: ``start`` is the prefix with its slash, ``condition`` what else a name must
    meet, ``view`` what it shows.

    ``head`` is ``start`` up to ``{tenant}``, if it has one. ``capture`` then finds the tenant in a name, and
    ``captured`` is the tenant of an entry that was made concrete.
    """

    # A named tuple would be read more slowly, and a dataclass takes longer to define.
    __slots__ = ("capture", "captured", "condition", "head", "route", "start", "view")

    def __init__(
        self,
        head: str,
        start: str,
        condition: Callable[[str], bool] | None,
        route: Route,
        view: View,
        capture: re.Pattern[str] | None = None,
        captured: str | None = None,
    ) -> None:
        self.head = head
        self.start = start
        self.condition = condition
        self.route = route
        self.view = view
        self.capture = capture
        self.captured = captured

    def at(self, path: str) -> _Entry:
        """Return the entry with the tenant that is in ``path``: a name, or a directory with its slash."""
        if self.capture is None or (found := self.capture.match(path)) is None:
            return self
        start = self.start.replace(TENANT, found[1])
        view = View(self.view.alias, start if self.view.prefix else "")
        return _Entry(self.head, start, self.route.condition, self.route, view, captured=found[1])

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

    def __init__(
        self,
        routes: Sequence[RouteOptions],
        default: str | None,
        hidden: Sequence[str] = (),
        tenants: Tenants | None = None,
    ) -> None:
        self._tenants = tenants
        self._captures = False
        self._hidden = tuple(f"{prefix.strip('/')}/" for prefix in hidden)
        self.routes: tuple[Route, ...] = tuple(Route(index, options) for index, options in enumerate(routes))
        self.default = default
        self._below: dict[str, list[_Entry]] = {}
        self._anywhere: list[_Entry] = []
        self._children: dict[str, dict[str, None]] = {}
        self.has_globs = any(route.globs for route in self.routes)
        """Whether another file name in the same directory, with the same extension, may lead elsewhere."""

        for route in self.routes:
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
                if name.startswith(entry.head) and (entry.condition is None or entry.condition(name)):
                    found = entry
                    break
        for entry in self._anywhere:
            if found is not None and entry.route.index > found.route.index:
                break
            if entry.condition is None or entry.condition(name):
                found = entry
                break
        if found is None:
            if self.default is None:
                raise NoRouteError(_no_route(name, self.routes), name=str(name))
            if self._tenants is None:
                return _match(Match, (self.default, name, None, "", None))
            view, tenant = self._view(View(self.default, ""), None, name)
            return _match(Match, (view.alias, name, None, "", tenant))
        view, tenant = found.view, None
        if self._tenants is not None or found.capture is not None:
            found = found.at(name)
            view, tenant = self._view(found.view, found.captured, name)
        if not (prefix := view.prefix):
            return _match(Match, (view.alias, name, found.route, "", tenant))
        rest = name[len(prefix) :]
        # "static/C:/x" is no drive, but what follows the prefix is one.
        own_name = clean_name(rest) if rest[1:2] == ":" else CleanName(rest)
        return _match(Match, (view.alias, own_name, found.route, prefix, tenant))

    def pinned(self) -> RouteTable:
        """Return the table of the current tenant, for what goes on when another is the current one."""
        return self if self._tenants is None else self._with(self._tenants.pinned())

    def without_tenants(self) -> RouteTable:
        """Return the table with ``{tenant}`` as it is written, for checks: no tenant is asked for."""
        return self._with(None)

    def _with(self, tenants: Tenants | None) -> RouteTable:
        found = copy.copy(self)
        found._tenants = tenants
        return found

    def _view(self, view: View, captured: str | None, name: str) -> tuple[View, str | None]:
        """Return the view of a tenant's files, and the tenant; the view itself where there are none."""
        if self._tenants is None or (captured is None and not self._tenants.has(view.alias)):
            return view, captured
        tenant = self._tenants.tenant(captured, name)
        return View(f"{view.alias}[{tenant}]", view.prefix) if self._tenants.has(view.alias) else view, tenant

    def _require_shown(self, name: str) -> None:
        if TRASH in name.split("/") or name.startswith(self._hidden):
            raise InvalidNameError(f"The name is reserved: {name!r}")

    def views(self, directory: str) -> list[View]:
        """Return the views to ask for what lies directly below ``directory`` (``""`` for the root), in route order."""
        below = f"{directory}/" if directory else ""
        if TRASH in directory.split("/") or below.startswith(self._hidden):
            return []
        if self._captures and TENANT in self._children.get(directory, ()):
            raise _above_tenants(directory)
        found: dict[View, None] = {}
        for entry in self._entries(below):
            if entry.shows(below):
                found[self._view(entry.view, entry.captured, below)[0]] = None
                if entry.condition is None:
                    return list(found)
        if self.default is not None:
            found[self._view(View(self.default, ""), None, below)[0]] = None
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
        if self._captures and any(entry.capture is not None for entry in further):
            raise _above_tenants(directory)
        # Sorted, a directory comes right before those within it.
        for entry in sorted(further, key=lambda entry: entry.start):
            found = starts.setdefault(self._view(entry.view, entry.captured, entry.start)[0], [])
            if not found or not entry.start.startswith(f"{found[-1]}/" if found[-1] else ""):
                found.append(entry.start.removesuffix("/"))
        return [
            (view, start)
            for view, found in starts.items()
            for start in (found if len(found) <= _MOST_STARTS else [posixpath.commonpath(found)])
        ]

    def is_prefix(self, directory: str) -> bool:
        """Return whether ``directory`` is the root, or prefixes of routes go through it or end in it."""
        return not directory or any(one in self._children for one in self._written(directory))

    def prefix_children(self, directory: str) -> list[str]:
        """Return the directories, directly below ``directory``, that prefixes of routes go through or end in."""
        return list(dict.fromkeys(child for one in self._written(directory) for child in self._children.get(one, ())))

    def _written(self, directory: str) -> list[str]:
        """Return the directory, and as prefixes of routes write it, with ``{tenant}``."""
        if not self._captures:
            return [directory]
        below, found = f"{directory}/", {directory: None}
        for entry in self._entries(below):
            if entry.captured is not None and self._tenants is not None:
                self._tenants.tenant(entry.captured, directory)
            if entry.captured is not None:
                found[entry.head + TENANT + directory[len(entry.head) + len(entry.captured) :]] = None
        return list(found)

    def _add(self, route: Route) -> None:
        condition = route.condition
        for prefix in route.prefixes or ("",):
            start = f"{prefix}/" if prefix else ""
            view = View(route.backend, start if route.strip_prefix else "")
            head, holds_tenant, tail = start.partition(TENANT)
            capture = re.compile(f"{re.escape(head)}([^/]+)/") if holds_tenant else None
            below = condition
            if holds_tenant:
                self._captures = True
                below = _below(re.compile(f"{re.escape(head)}[^/]+{re.escape(tail)}"), condition)
            entry = _Entry(head, start, below, route, view, capture)
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
        entries = sorted(dict.fromkeys([*found, *self._anywhere]), key=lambda entry: entry.route.index)
        return [entry.at(below) for entry in entries] if self._captures else entries


def _below(prefix: re.Pattern[str], condition: Callable[[str], bool] | None) -> Callable[[str], bool]:
    if condition is None:
        return lambda name: prefix.match(name) is not None
    return lambda name: prefix.match(name) is not None and condition(name)


def _above_tenants(directory: str) -> NoTenantError:
    where = repr(directory) if directory else "The root"
    return NoTenantError(f"{where} holds the files of all tenants, and nothing lists them together.", name=directory)


def _no_route(name: str, routes: Sequence[Route]) -> str:
    shown = [str(route) for route in routes[:10]]
    if len(routes) > len(shown):
        shown.append(f"and {len(routes) - len(shown)} more")
    tried = f"None of these claims it: {', '.join(shown)}." if routes else "There are no routes."
    return f"No route claims {name!r} and there is no default. {tried}"
