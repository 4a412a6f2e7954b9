"""The rules of docs/routing.md, read plainly: slow, simple, and written without a look at the package's own code."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from storage_router.conf.routes import RouteOptions
from storage_router.media_types import TYPES

LETTERS = "ab"
SEGMENTS = st.sampled_from(
    ["a", "b", "ab", "A", "a.x", "b.d.ts", "c.TS", ".ts", "x.mp4", "y.tar.gz", "a.b.psd", "..x", "q"]
)
NAMES = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join)
PREFIXES = st.lists(st.sampled_from(["a", "b", "ab", "a.x"]), min_size=1, max_size=3).map(
    lambda parts: "/".join(parts) + "/"
)
GLOBS = (
    st.lists(
        st.sampled_from(["a", "b", "*", "**", "?", "/", "**/", "/**", ".x", "[ab]", "[!a]"]), min_size=1, max_size=5
    )
    .map("".join)
    .filter(lambda glob: "***" not in glob and "//" not in glob and not glob.startswith("/") and not glob.endswith("/"))
)
TYPE_ENTRIES = st.sampled_from(
    [".ts", ".d.ts", ".x", ".PSD", ".tar.gz", ".gz", "video/*", "video/mp4", "application/*", "image/*"]
)


@st.composite
def route_options(draw: Any, backends: Sequence[str] = ("one", "two", "three")) -> RouteOptions:
    """Any route that the configuration would take, among names few enough to meet each other."""
    matchers: dict[str, Any] = {}
    if draw(st.booleans()):
        matchers["prefix"] = draw(st.lists(PREFIXES, min_size=1, max_size=2))
    if draw(st.integers(0, 2)) == 0:
        matchers["glob"] = draw(st.lists(GLOBS, min_size=1, max_size=2))
    if draw(st.integers(0, 2)) == 0:
        matchers["types"] = draw(st.lists(TYPE_ENTRIES, min_size=1, max_size=2))
    strip = "prefix" in matchers and draw(st.booleans())
    return RouteOptions(backend=draw(st.sampled_from(backends)), strip_prefix=strip, **matchers)


TABLES = st.lists(route_options(), max_size=6)


def destination(routes: Sequence[RouteOptions], default: str | None, name: str) -> tuple[str, str, int | None] | None:
    """Return alias, the backend's name and the route's index for ``name``; None where nothing claims it."""
    for index, route in enumerate(routes):
        if claims(route, name):
            if route.strip_prefix:
                prefix = next(prefix for prefix in route.prefix if below(prefix, name))
                return route.backend, name[len(prefix.rstrip("/")) + 1 :], index
            return route.backend, name, index
    return None if default is None else (default, name, None)


def claims(route: RouteOptions, name: str) -> bool:
    """Different matchers must all match; of each, any entry may."""
    return (
        (not route.prefix or any(below(prefix, name) for prefix in route.prefix))
        and (not route.glob or any(glob_matches(glob, name) for glob in route.glob))
        and (not route.types or any(is_of_type(entry, name) for entry in route.types))
    )


def below(prefix: str, name: str) -> bool:
    """Whole path segments."""
    wanted, segments = prefix.rstrip("/").split("/"), name.split("/")
    return len(segments) > len(wanted) and segments[: len(wanted)] == wanted


def is_of_type(entry: str, name: str) -> bool:
    """An extension at the end of the name, or the media type of the longest known one."""
    file_name = name.split("/")[-1].lower().lstrip(".")
    dots = [position for position, character in enumerate(file_name) if character == "."]
    endings = [file_name[position + 1 :] for position in dots]
    if "/" not in entry:
        return entry.lower()[1:] in endings
    media_type = next((TYPES[ending] for ending in endings if ending in TYPES), "")
    kind, _, subtype = entry.lower().partition("/")
    return media_type == entry.lower() or (subtype == "*" and media_type.split("/")[0] == kind)


def glob_matches(glob: str, name: str) -> bool:
    """``*`` and ``?`` stay inside a segment, ``**`` crosses, ``**/`` at a segment's start is any number of segments."""

    @functools.cache
    def rest_matches(pattern: int, position: int) -> bool:
        if pattern == len(glob):
            return position == len(name)
        if glob.startswith("**", pattern):
            starts_segment = pattern == 0 or glob[pattern - 1] == "/"
            if starts_segment and glob.startswith("/", pattern + 2):
                ends = [position, *(end for end in range(position + 1, len(name) + 1) if name[end - 1] == "/")]
                return any(rest_matches(pattern + 3, end) for end in ends)
            return any(rest_matches(pattern + 2, end) for end in range(position, len(name) + 1))
        if glob[pattern] == "*":
            ends = range(position, len(name) + 1)
            return any(rest_matches(pattern + 1, end) for end in ends if "/" not in name[position:end])
        if position == len(name):
            return False
        if glob[pattern] == "?":
            return name[position] != "/" and rest_matches(pattern + 1, position + 1)
        if glob[pattern] == "[":
            end = glob.index("]", pattern + 2)
            characters = glob[pattern + 1 : end]
            negated = characters.startswith("!")
            inside = (name[position] in characters.removeprefix("!")) is not negated
            return inside and name[position] != "/" and rest_matches(end + 1, position + 1)
        return name[position] == glob[pattern] and rest_matches(pattern + 1, position + 1)

    return rest_matches(0, 0)
