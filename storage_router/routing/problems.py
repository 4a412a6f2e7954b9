"""What can be wrong with routes: found before the process starts, in time linear in their number (R7)."""

from __future__ import annotations

from collections.abc import Iterable

from storage_router.conf.problems import Locate, dotted, problem
from storage_router.exceptions import Problem

from .route import Route
from .table import RouteTable

_MATCHES_ONCE = "The first route that matches wins: move this one up, narrow the earlier, or remove one of them."


def find_problems(table: RouteTable, aliases: Iterable[str], locate: Locate = dotted) -> list[Problem]:
    """Return what is wrong with the routes of a table, given the aliases of the backends.

    ``locate`` returns the place of a value of the configuration: the variable, the file and key, or the option.
    """
    routes = table.routes
    found: list[Problem] = []
    seen: dict[tuple[frozenset[str], ...], Route] = {}
    # The first route that claims everything below a directory.
    claimed: dict[str, Route] = {}

    def report(short: str, message: str, hint: str) -> None:
        found.append(problem(short, f"{locate(('routes', route.index))} ({route.text})", message, hint))

    for route in routes:
        if route.is_empty and route.index != len(routes) - 1:
            message = "it has no matcher, so it claims every name and the routes after it can never match"
            report("E007", message, "Move it to the end, or name its backend as 'default'.")
        elif (twin := seen.setdefault(route.matchers, route)) is not route:
            report("E006", f"it matches the same names as {twin}, which wins", "Remove one of the two.")
        else:
            if route.options.strip_prefix and not route.prefixes:
                message = "strip_prefix is set, but there is no prefix to strip"
                report("E008", message, "Add a prefix, or remove strip_prefix.")
            if covering := _covering(route, claimed):
                claim = "together claim" if len(covering) > 1 else "claims"
                message = f"it can never match: {' and '.join(map(str, covering))} {claim} every name that it could"
                report("E005", message, _MATCHES_ONCE)
            if route.condition is None:
                for prefix in route.prefixes:
                    claimed.setdefault(prefix, route)
    reached = {alias for route in routes for alias in (route.options.backend, route.options.moving_from)}
    if not (routes and routes[-1].is_empty):
        reached.add(table.default)
    hint = "Add a route to it, make it the default, or remove it."
    unreached = [alias for alias in aliases if alias not in reached]
    return found + [
        problem("W003", locate(("backends", alias)), f"no name leads to the backend {alias!r}", hint)
        for alias in unreached
    ]


def _covering(route: Route, claimed: dict[str, Route]) -> list[Route]:
    """Return the earlier routes whose prefixes claim all directories in which ``route`` can match, or nothing."""
    covering: dict[Route, None] = {}
    for directory in route.prefixes or [glob.start.rpartition("/")[0] for glob in route.globs]:
        segments = directory.split("/")
        above = ("/".join(segments[:count]) for count in range(1, len(segments) + 1))
        winner = next((claimed[prefix] for prefix in above if prefix in claimed), None)
        if winner is None:
            return []
        covering[winner] = None
    return list(covering)
