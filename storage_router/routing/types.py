"""``Types``: the matcher ``types`` of a route, compiled."""

from __future__ import annotations

from collections.abc import Iterable

from storage_router import media_types


class Types:
    """The entries of ``types``: extensions as written, and the extensions that media types stand for.

    ``suffixes`` holds extensions (lower case, without the first dot) that match wherever a name ends in them;
    ``known`` those that match where they are the longest known extension, which decides a file's media type.
    """

    def __init__(self, entries: Iterable[str]) -> None:
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
        return _file_name(name).endswith(self._ends) or media_types.extension(name) in self.known

    def reason(self, name: str) -> str:
        """Return what makes ``name`` match: its extension, or its media type."""
        end = next((end for end in self._ends if _file_name(name).endswith(end)), None)
        return f"media type {media_types.content_type(name)}" if end is None else f'extension "{end}"'


def _file_name(name: str) -> str:
    """Return the last segment in lower case. A hidden file's first dot begins no extension."""
    return name[name.rfind("/") + 1 :].lower().lstrip(".")
