"""One route, compiled: what it matches and where it leads."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from storage_router import media_types

from .globs import Glob

_COMPOUND = [extension for extension in media_types.TYPES if "." in extension]


class Options(Protocol):
    """What a route is made of: an entry of ``routes``, as ``conf.routes.RouteOptions`` validates it."""

    @property
    def prefix(self) -> tuple[str, ...]: ...
    @property
    def glob(self) -> tuple[str, ...]: ...
    @property
    def types(self) -> tuple[str, ...]: ...
    @property
    def backend(self) -> str: ...
    @property
    def strip_prefix(self) -> bool: ...
    @property
    def read_only(self) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class Types:
    """The entries of ``types``, read: extensions as written, and the extensions that media types stand for.

    ``suffixes`` holds extensions (lower case, without the first dot) that match wherever a name ends in them;
    ``known`` those that match where they are the longest known extension, which is what decides a file's media type.
    """

    suffixes: frozenset[str]
    known: frozenset[str]

    @functools.cached_property
    def indexed(self) -> dict[str, bool]:
        """The suffixes to look a name up by, and whether the look-up must be confirmed with ``matches``.

        It must for an extension such as ``ts`` (video), which is the end of ``d.ts``, a known extension of another
        type.
        """
        return {suffix: self.needs_longest(suffix) for suffix in self.known} | dict.fromkeys(self.suffixes, False)

    def needs_longest(self, suffix: str) -> bool:
        """Return whether a longer known extension may keep a name that ends in ``suffix`` out of ``known``."""
        return any(longer.endswith(f".{suffix}") and longer not in self.known for longer in _COMPOUND)

    def matches(self, name: str) -> bool:
        """Return whether a file of this name is of one of these types."""
        return media_types.extension(name) in self.known or not self.suffixes.isdisjoint(suffixes(name))

    def reason(self, name: str) -> str:
        """Return what makes ``name`` match: its extension, or its media type."""
        for suffix in suffixes(name):
            if suffix in self.suffixes:
                return f'extension ".{suffix}"'
        return f"media type {media_types.content_type(name)}"


def suffixes(name: str, most: int = 254) -> list[str]:
    """Return the extensions that ``name`` ends in, the longest last, in lower case and without their first dots.

    ``a.tar.gz`` ends in ``gz`` and ``tar.gz``. At most ``most`` are returned. Dots that begin the file's name begin
    none.
    """
    parts = name[name.rfind("/") + 1 :].lower().lstrip(".").rsplit(".", most)
    if len(parts) <= 2:
        return parts[1:]
    return [".".join(parts[start:]) for start in range(len(parts) - 1, 0, -1)]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One entry of ``routes``. ``prefixes`` are directories, without a slash at the end; ``index`` counts from 0."""

    index: int
    backend: str
    prefixes: tuple[str, ...] = ()
    globs: tuple[Glob, ...] = ()
    types: Types | None = None
    strip_prefix: bool = False
    strip_prefix_without_prefix: bool = False
    read_only: bool = False
    faults: tuple[str, ...] = ()
    text: str = "everything"

    @classmethod
    def of(cls, index: int, options: Options) -> Route:
        """Compile a route. What is wrong with its matchers becomes ``faults``; a route with faults matches nothing."""
        faults: list[str] = []
        globs: list[Glob] = []
        for text in options.glob:
            try:
                globs.append(Glob.read(text))
            except ValueError as error:
                faults.append(f'glob "{text}": {error}')
        types = _read_types(options.types, faults) if options.types else None
        prefixes = _prefixes(options.prefix)
        return cls(
            index=index,
            backend=options.backend,
            prefixes=prefixes,
            globs=tuple(globs),
            types=types,
            strip_prefix=options.strip_prefix and bool(prefixes),
            strip_prefix_without_prefix=options.strip_prefix and not prefixes,
            read_only=options.read_only,
            faults=tuple(faults),
            text=_text(options),
        )

    @property
    def is_empty(self) -> bool:
        """Whether the route has no matcher, so that it takes every name."""
        return not (self.prefixes or self.globs or self.types or self.faults)

    def matches(self, name: str) -> bool:
        """Return whether the route claims ``name``: the rules, read plainly. ``RouteTable`` is the fast way."""
        return (
            not self.faults
            and (not self.prefixes or self.prefix_of(name) is not None)
            and (not self.globs or any(glob.regex.match(name) for glob in self.globs))
            and (self.types is None or self.types.matches(name))
        )

    def prefix_of(self, name: str) -> str | None:
        """Return the first prefix that ``name`` lies below, or None."""
        if len(self.prefixes) == 1:
            return self.prefixes[0] if name.startswith(f"{self.prefixes[0]}/") else None
        best: int | None = None
        end = name.find("/")
        while end > 0:
            index = self._order.get(name[:end])
            if index is not None and (best is None or index < best):
                best = index
            end = name.find("/", end + 1)
        return None if best is None else self.prefixes[best]

    @functools.cached_property
    def _order(self) -> dict[str, int]:
        return {prefix: index for index, prefix in enumerate(self.prefixes)}

    def reasons(self, name: str) -> list[str]:
        """Return the entries by which the route matches ``name``, such as ``prefix "private/"``."""
        found = [f'prefix "{prefix}/"' for prefix in [self.prefix_of(name)] if prefix is not None]
        found += [f'glob "{glob.text}"' for glob in self.globs if glob.regex.match(name)][:1]
        if self.types is not None:
            found.append(self.types.reason(name))
        return found

    def __str__(self) -> str:
        return f"routes[{self.index}] ({self.text})"


def _prefixes(entries: Iterable[str]) -> tuple[str, ...]:
    """Return each prefix once and without slashes at its ends; none at all where one of them is the root."""
    prefixes = tuple(dict.fromkeys(prefix.replace("\\", "/").strip("/") for prefix in entries))
    return () if "" in prefixes else prefixes


def _read_types(entries: Iterable[str], faults: list[str]) -> Types:
    extensions: set[str] = set()
    known: set[str] = set()
    for entry in entries:
        lowered = entry.lower()
        if "/" not in lowered:
            extensions.add(lowered.removeprefix("."))
            continue
        found = _extensions_of(lowered)
        if not found:
            faults.append(
                f'types "{entry}": no file has this media type by the package\'s table; '
                'give the extension instead, such as ".psd"'
            )
        known |= found
    return Types(suffixes=frozenset(extensions), known=frozenset(known))


@functools.lru_cache
def _extensions_of(pattern: str) -> frozenset[str]:
    """Return the known extensions of a media type, or of all that ``video/*`` stands for."""
    start = pattern.removesuffix("*") if pattern.endswith("/*") else None
    return frozenset(
        extension
        for extension, media_type in media_types.TYPES.items()
        if (media_type == pattern if start is None else media_type.startswith(start))
    )


def _text(options: Options) -> str:
    parts = []
    for label, values in (("prefix", options.prefix), ("glob", options.glob), ("types", options.types)):
        if len(values) > 3:
            parts.append(f'{label} "{values[0]}" and {len(values) - 1} more')
        elif values:
            parts.append(f"{label} " + " or ".join(f'"{value}"' for value in values))
    return ", ".join(parts) or "everything"


class View(NamedTuple):
    """A backend as routes show it: directly (``prefix`` is empty), or its root in the place of a stripped prefix."""

    alias: str
    prefix: str


class Match(NamedTuple):
    """Where a name leads: ``alias``, the backend's own ``name``, and the ``prefix`` that was stripped (``"static/"``).

    ``route`` and ``index`` are None where ``default`` takes the name.
    """

    alias: str
    name: str
    route: Route | None
    index: int | None  # type: ignore[assignment]  # nobody looks for a value's position in a match
    prefix: str

    @property
    def full_name(self) -> str:
        """The name by which the router knows the file."""
        return self.prefix + self.name

    @property
    def read_only(self) -> bool:
        """Whether the route is ``read_only``."""
        return self.route is not None and self.route.read_only
