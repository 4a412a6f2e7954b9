"""``RoutedFile``: a backend's file under its full name, opened again only as its route allows."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from django.core.files.base import File

from .backends import Target


class RoutedFile(File):  # type: ignore[type-arg]
    """A file that its backend calls by another name, or that may only be read.

    ``file`` is the backend's own and stays as it is: many backends' files read and write by their ``name`` when they
    are used. Its other attributes are available, too. ``find`` returns where the file is, for a mode, or raises.
    """

    file: File[Any]

    def __init__(self, find: Callable[[str], Target], mode: str) -> None:
        self._find = find
        self._begin(find(mode), mode)
        self.name = str(self._target.match.full_name)

    def _begin(self, target: Target, mode: str) -> None:
        with target as (backend, match):
            file: Any = backend.open(match.name, mode)
            self.file = file if isinstance(file, File) else File(file, match.name)
        self._target = target
        self.mode = mode

    @property
    def size(self) -> Any:
        """Bytes, by the backend's file."""
        with self._target:
            return self.file.size

    def open(self, mode: str | None = None) -> Self:  # type: ignore[override]
        """Go back to the beginning; open the file again if it is closed or another mode is asked for.

        Raises ``ReadOnlyRouteError``, and leaves the file as it was, where the route does not allow the mode.
        """
        wanted = mode or self.mode
        target = self._find(wanted)
        if self.closed:
            self._begin(target, wanted)
        elif wanted != self.mode:
            self.close()
            self._begin(target, wanted)
        else:
            self.seek(0)
        return self

    def close(self) -> None:
        """Close the file, which is when many backends store what was written."""
        with self._target:
            self.file.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._target:
            self.file.__exit__(kind, error, trace)

    @property
    def closed(self) -> bool:
        """Whether the backend's file is closed."""
        return bool(self.file.closed)

    def writable(self) -> bool:
        """Whether the file can be written: never where the route is ``read_only``."""
        return not self._target.match.read_only and super().writable()

    def __getattr__(self, name: str) -> Any:
        # Copying and pickling ask before there is a file.
        if name == "file" or name.startswith("__"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.file, name)


def _delegating(name: str) -> property:
    def method(self: RoutedFile) -> Callable[..., Any]:
        work = getattr(self.file, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            # InMemoryStorage writes to files that were opened for reading.
            if name in _WRITING and self._target.match.read_only:
                raise io.UnsupportedOperation("not writable")
            with self._target:
                return work(*args, **kwargs)

        return call

    return property(method)


_WRITING = ("truncate", "write", "writelines")
# Properties, as Django's own are: a file has those methods that the backend's has.
for _name in ("flush", "read", "read1", "readinto", "readline", "readlines", "seek", "tell", *_WRITING):
    setattr(RoutedFile, _name, _delegating(_name))
