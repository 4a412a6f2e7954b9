"""One route, compiled: what it matches and where it leads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from storage_router.conf.routes import RouteOptions
from storage_router.names import clean_directory

if TYPE_CHECKING:
    from storage_router.globs import Glob


class Route:
    """One entry of ``routes``, compiled. ``prefixes`` are directories, without a slash at the end; ``index`` counts
    from 0.
    """

    def __init__(self, index: int, options: RouteOptions) -> None:
        self.index = index
        self.options = options
        self.prefixes = tuple(dict.fromkeys(map(clean_directory, options.prefix)))
        self.globs: list[Glob] = []
        if options.glob:
            from storage_router.globs import Glob

            self.globs = [Glob(text) for text in options.glob]
        self.types = Types(options.types) if options.types else None
        self.strip_prefix = options.strip_prefix and bool(self.prefixes)
        """Whether the backend sees names without the prefix."""

        self.backend = options.target

    @property
    def matchers(self) -> tuple[frozenset[str], ...]:
        """The matchers as they are written: equal ones match the same names."""
        return frozenset(self.prefixes), frozenset(self.options.glob), frozenset(map(str.lower, self.options.types))

    @property
    def is_empty(self) -> bool:
        """Whether the route has no matcher, so that it takes every name."""
        return not (self.prefixes or self.globs or self.types)

    @property
    def condition(self) -> Callable[[str], bool] | None:
        """What a name below a prefix must meet besides; None where nothing is left."""
        globs, types = self.globs, self.types
        if not globs:
            return None if types is None else types.matches
        if types is None and len(globs) == 1:
            return globs[0].matches
        return lambda name: (types is None or types.matches(name)) and any(glob.matches(name) for glob in globs)

    def reasons(self, name: str) -> list[str]:
        """Return the entries by which the route matches ``name``, such as ``prefix "private/"``."""
        found = [f'prefix "{prefix}/"' for prefix in self.prefixes if name.startswith(f"{prefix}/")][:1]
        found += [f'glob "{glob.text}"' for glob in self.globs if glob.matches(name)][:1]
        if self.types is not None:
            found.append(self.types.reason(name))
        return found

    def __str__(self) -> str:
        return f"routes[{self.index}] ({self.text})"

    @property
    def text(self) -> str:
        """The matchers, as messages show them."""
        options, parts = self.options, []
        for label, values in (("prefix", options.prefix), ("glob", options.glob), ("types", options.types)):
            if len(values) > 3:
                parts.append(f'{label} "{values[0]}" and {len(values) - 1} more')
            elif values:
                parts.append(f"{label} " + " or ".join(f'"{value}"' for value in values))
        return ", ".join(parts) or "everything"


class Types:
    """The entries of ``types``: extensions as written, and the extensions that media types stand for.

    ``suffixes`` holds extensions (lower case, without the first dot) that match wherever a name ends in them;
    ``known`` those that match where they are the longest known extension, which decides a file's media type.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        from storage_router import media_types

        self._extension = media_types.extension
        lowered = [entry.lower() for entry in entries]
        self.suffixes = frozenset(entry.removeprefix(".") for entry in lowered if "/" not in entry)
        self.known = frozenset().union(*(media_types.extensions(entry) for entry in lowered if "/" in entry))
        self._last_parts = frozenset(extension.rpartition(".")[2] for extension in self.suffixes | self.known)
        self._ends = tuple(f".{suffix}" for suffix in sorted(self.suffixes, key=len))

    def matches(self, name: str) -> bool:
        """Return whether a file of this name is of one of these types."""
        # Most names are of another type, and this is the quickest way to see it.
        if name[name.rfind(".") + 1 :].lower() not in self._last_parts:
            return False
        return _file_name(name).endswith(self._ends) or self._extension(name) in self.known

    def reason(self, name: str) -> str:
        """Return what makes ``name`` match: its extension, or its media type."""
        from storage_router import media_types

        end = next((end for end in self._ends if _file_name(name).endswith(end)), None)
        return f"media type {media_types.content_type(name)}" if end is None else f'extension "{end}"'


def _file_name(name: str) -> str:
    """Return the last segment in lower case. A hidden file's first dot begins no extension."""
    return name[name.rfind("/") + 1 :].lower().lstrip(".")
