"""``Target``: the backend that a name leads to, and errors about its files in the caller's terms."""

from __future__ import annotations

from django.core.files.storage import Storage

from storage_router import events
from storage_router.exceptions import StorageRouterError
from storage_router.routing import Match


class Target:
    """The backend that a name leads to, and the match, as a context manager.

    The operation under way gets the alias and the route. An error that leaves the block and whose ``filename`` is the
    backend's name for the file names it in full.
    """

    __slots__ = ("backend", "match")

    def __init__(self, backend: Storage, match: Match) -> None:
        self.backend = backend
        self.match = match

    def __enter__(self) -> tuple[Storage, Match]:
        if (event := events.current()) is not None:
            event.alias = event.alias or self.match.alias.partition("[")[0]
            event.route = event.route or (self.match.route.text if self.match.route else "default")
        return self.backend, self.match

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise_in_full(error, self.match.prefix, self.match.name)


def raise_in_full(error: OSError, prefix: str, name: str) -> None:
    """Raise ``error`` with the full name, where it is about the file that the backend calls ``name``.

    What else it may be about, such as a path on this machine or a container, stays; so do errors of other packages.
    """
    if not prefix or error.filename != name:
        return
    if isinstance(error, StorageRouterError):
        error.filename = f"{prefix}{name}"
        return
    if type(error).__module__ == "builtins":
        raise type(error)(error.errno, error.strerror, f"{prefix}{name}") from error
