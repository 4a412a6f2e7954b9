"""What can be wrong with routes: found before the process starts, and never a false alarm (R7)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from storage_router.conf.report import Locate, problem
from storage_router.exceptions import InvalidNameError, NoRouteError, Problem
from storage_router.names import clean_name

from .languages import UndecidedError, unclaimed
from .route import Match, Route, View

_RULES = (
    "A glob is for the whole name: * stays inside a segment, ** crosses segments. Types are '.psd', 'image/png' or "
    "'video/*'."
)
_LEGAL = (
    "Every matcher of a route has to match, by any of its entries, one and the same name, which is relative and has no "
    "drive and no '.' or '..' segment: correct a matcher, or make two routes."
)
_MATCHES_ONCE = "The first route that matches wins: move this one up, narrow the earlier, or remove one of them."
# More routes than this are not weighed against one; an honest table does not get here, because a sample gets through.
_MOST_TOGETHER = 60
_MOST_SAMPLES = 200


def find_problems(
    routes: Sequence[Route],
    default: str | None,
    aliases: Sequence[str],
    match: Callable[[str], Match],
    locate: Locate,
) -> list[Problem]:
    """Return the problems of ``routes``.

    ``match`` tells where the table sends a name, ``locate`` where a value of the configuration was written.
    """
    found: list[Problem] = []
    seen: dict[tuple[object, ...], Route] = {}

    def place(route: Route) -> str:
        return f"{locate(('routes', route.index))} ({route.text})"

    for route in routes:
        if route.faults:
            found += [problem("E003", place(route), fault, _RULES) for fault in route.faults]
        elif route.is_empty and route.index != len(routes) - 1:
            message = "it has no matcher, so it claims every name and the routes after it can never match"
            found.append(
                problem("E007", place(route), message, "Move it to the end, or name its backend as 'default'.")
            )
        elif (twin := seen.setdefault(_matchers(route), route)) is not route:
            message = f"it matches the same names as {twin}, which wins"
            found.append(problem("E006", place(route), message, "Remove one of the two."))
        else:
            if route.strip_prefix_without_prefix:
                message = "strip_prefix is set, but there is no prefix to strip"
                found.append(problem("E008", place(route), message, "Add a prefix, or leave strip_prefix out."))
            found += [
                problem("E005", place(route), message, hint) for message, hint in _unreachable(route, routes, match)
            ]
    for alias, message, hint in _unused(routes, default, aliases):
        found.append(problem("W003", locate(("backends", alias)), message, hint))
    for alias, message, hint in _shared_files(routes, default, match):
        found.append(problem("W007", locate(("backends", alias)), message, hint))
    return found


def _matchers(route: Route) -> tuple[object, ...]:
    types = route.types and (route.types.suffixes, route.types.known)
    return frozenset(route.prefixes), frozenset(glob.tokens for glob in route.globs), types


def _unreachable(route: Route, routes: Sequence[Route], match: Callable[[str], Match]) -> Iterator[tuple[str, str]]:
    """Report a route that no name reaches, with the earlier routes that cover it."""
    winners: dict[Route, None] = {}
    for name in _samples(route):
        winner = match(name).route
        assert winner is not None, "the route itself would claim it"
        if winner is route:
            return
        winners[winner] = None
    try:
        covering = _covering(route, [winner for winner in winners if not winner.is_empty], routes)
    except UndecidedError:
        return
    if covering is None:
        return
    if not covering:
        yield "no legal name matches all of its matchers", _LEGAL
        return
    names = " and ".join(map(str, covering))
    claim = "together claim" if len(covering) > 1 else "claims"
    yield f"it can never match: {names} {claim} every name that it could", _MATCHES_ONCE


def _covering(route: Route, winners: Sequence[Route], routes: Sequence[Route]) -> list[Route] | None:
    """Return the routes that leave nothing to ``route``, one where one is enough; None where a name gets through."""
    for winner in winners:
        if _is_below(route, winner):
            return [winner]
    if unclaimed(route, []) is None:
        return []
    for winner in winners:
        if unclaimed(route, [winner]) is None:
            return [winner]
    serious = [other for other in routes[: route.index] if not other.is_empty and not other.faults]
    earlier = [other for other in serious if _meet(other, route)]
    if len(earlier) > _MOST_TOGETHER or unclaimed(route, earlier) is not None:
        return None
    needed = earlier
    for other in earlier:
        fewer = [kept for kept in needed if kept is not other]
        if unclaimed(route, fewer) is None:
            needed = fewer
    return needed


def _is_below(route: Route, other: Route) -> bool:
    """Return whether ``other`` claims, whole, directories that hold all of ``route``'s: the common case."""
    if not route.prefixes or not other.prefixes or other.globs or other.types is not None:
        return False
    return all(other.prefix_of(f"{prefix}/") is not None for prefix in route.prefixes)


def _meet(one: Route, other: Route) -> bool:
    """Return whether a name can lie below prefixes of both."""
    if not one.prefixes or not other.prefixes:
        return True
    return any(
        f"{first}/".startswith(f"{second}/") or f"{second}/".startswith(f"{first}/")
        for first, second in itertools.product(one.prefixes, other.prefixes)
    )


def _samples(route: Route) -> Iterator[str]:
    """Yield names that ``route`` matches, in places of which no other route is likely to speak."""
    ends = [".zq7z", ""]
    if route.types is not None:
        known = sorted(route.types.known, key=lambda extension: ("." in extension, extension))
        ends = [f".{extension}" for extension in [*sorted(route.types.suffixes), *known]]
    starts = [f"{prefix}/" for prefix in route.prefixes] or [""]
    names: Iterable[str] = (f"{start}{stem}{end}" for end in ends for start in starts for stem in ("zq7x/zq7y", "zq7x"))
    if route.globs:
        names = (glob.example(stem, end) for end in ends for glob in route.globs for stem in ("zq7x/zq7y", "zq7x"))
        names = (f"{start}{name.removeprefix(start)}" for name in names for start in starts)
    return itertools.islice((name for name in names if route.matches(name) and _is_legal(name)), _MOST_SAMPLES)


def _is_legal(name: str) -> bool:
    try:
        return clean_name(name) == name
    except InvalidNameError:
        return False


def _unused(routes: Sequence[Route], default: str | None, aliases: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    reached = {route.backend for route in routes}
    if default is not None and not (routes and routes[-1].is_empty):
        reached.add(default)
    for alias in aliases:
        if alias not in reached:
            message = f"no name leads to the backend {alias!r}"
            yield alias, message, "Add a route to it, make it the default, or remove it."


def _shared_files(
    routes: Sequence[Route], default: str | None, match: Callable[[str], Match]
) -> Iterator[tuple[str, str, str]]:
    """Report backends in which two full names are one file, because a stripped prefix makes them the same."""
    views: dict[str, dict[str, None]] = {}
    names: dict[str, list[str]] = {}
    for route in routes:
        if not route.faults:
            prefixes = [f"{prefix}/" for prefix in route.prefixes] if route.strip_prefix else [""]
            views.setdefault(route.backend, {}).update(dict.fromkeys(prefixes))
    if default is not None:
        views.setdefault(default, {})[""] = None
    several = {alias: list(prefixes)[:_MOST_TOGETHER] for alias, prefixes in views.items() if len(prefixes) > 1}
    for route in routes:
        if route.backend in several and not route.faults:
            found = names.setdefault(route.backend, ["zq7x/zq7y", "zq7x"])
            if len(found) < _MOST_SAMPLES:
                found += [match(name).name for name in itertools.islice(_samples(route), 4)]
    for alias, prefixes in several.items():
        for name in names.get(alias, []):
            same = [View(alias, prefix) for prefix in prefixes if _leads_to(match, prefix + name, alias, name)]
            if len(same) > 1:
                # A route that strips nothing may have only what is below its own prefix in common with the other.
                shared = max((_own_prefix(match(view.prefix + name), view) for view in same[:2]), key=len)
                places = (f"{view.prefix}{shared}" for view in same[:2])
                one, other = (f'below "{place}"' if place else "at the root" for place in places)
                message = f"names {one} and names {other} are the same files in the backend {alias!r}"
                hint = "Give each its own backend, for example one with another 'location', or leave strip_prefix out."
                yield alias, message, hint
                break


def _own_prefix(found: Match, view: View) -> str:
    """Return the prefix that the names of a route keep in its backend, with a trailing slash, or nothing."""
    prefix = found.route.prefix_of(found.name) if found.route is not None and not view.prefix else None
    return f"{prefix}/" if prefix else ""


def _leads_to(match: Callable[[str], Match], full_name: str, alias: str, name: str) -> bool:
    try:
        found = match(full_name)
    except NoRouteError:
        return False
    return found.alias == alias and found.name == name
