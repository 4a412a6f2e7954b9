"""``storage_router.backend("private")``: one backend of a router, as the storage of a field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import Storage, storages

from storage_router.conf.problems import suggestion
from storage_router.historical import Deconstruction, backend_deconstruction

from .storage import RouterStorage


def backend(alias: str, *, router: str = "default") -> BackendReference:
    """Return the backend ``alias`` of the router that is ``STORAGES[router]``, for ``FileField(storage=…)``.

    Names are the backend's own: no route is asked and no prefix put before them. It is looked up when it is first
    used, so models can be imported, and migrations run, without any configuration; a migration holds the alias and
    nothing else. Raises ``ImproperlyConfigured`` at first use where there is no such router or backend.
    """
    return BackendReference(alias, router=router)


class BackendReference(Storage):
    """One backend of a router, by alias. Make one with ``storage_router.backend``."""

    def __init__(self, alias: str, *, router: str = "default") -> None:
        self._alias = alias
        self._router = router

    def resolve(self) -> Storage:
        """Return the backend itself."""
        router = storages[self._router]
        if not isinstance(router, RouterStorage):
            raise ImproperlyConfigured(
                f"storage_router.backend({self._alias!r}) needs a storage_router.RouterStorage, and "
                f"STORAGES[{self._router!r}] is a {type(router).__name__}."
            )
        if self._alias not in router.backends:
            raise ImproperlyConfigured(
                f"storage_router.backend({self._alias!r}): STORAGES[{self._router!r}] has no such backend. "
                f"{suggestion(self._alias, router.backends)}"
            )
        return router.backends[self._alias]

    def deconstruct(self) -> Deconstruction:
        """Return the call that makes the reference: an alias, never an option."""
        return backend_deconstruction(self._alias, self._router)

    def __getattr__(self, name: str) -> Any:
        # Whatever else the backend has, such as stat() and replace(). Copying and pickling ask before __init__ has run.
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.resolve(), name)

    def __repr__(self) -> str:
        return f"<BackendReference {self._alias!r} of STORAGES[{self._router!r}]>"


def _delegating(name: str) -> Callable[..., Any]:
    def method(self: BackendReference, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.resolve(), name)(*args, **kwargs)

    method.__name__ = name
    return method


# The methods come from Django's own class, so that those of later versions are there, too.
for _name, _value in list(vars(Storage).items()):
    if callable(_value) and not _name.startswith("__"):
        setattr(BackendReference, _name, _delegating(_name))
