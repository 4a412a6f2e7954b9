"""One route, compiled: what it matches and where it leads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from storage_router.conf.routes import RouteOptions
from storage_router.names import clean_directory

if TYPE_CHECKING:
    from storage_router.globs import Glob

    from .types import Types


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
        self.types: Types | None = None
        if options.types:
            from .types import Types

            self.types = Types(options.types)
        self.strip_prefix = options.strip_prefix and bool(self.prefixes)
        """Whether the backend sees names without the prefix."""

        self.backend = options.target

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
