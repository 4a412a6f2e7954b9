"""References to storages, for migrations and pickles; ``backend("alias")``.

Django writes the ``storage`` of a ``FileField`` into migrations. Options written there would show secrets, and the
migration would change with the environment. So a storage of this package deconstructs to its alias in ``STORAGES`` or
in a router, to its class where that alone builds it, or to ``HistoricalStorage``.

In a pickle the alias stands for the storage, too, unless its options were changed. Other storages are pickled with
their options, secrets included, because nothing else would bring them back.
"""

from __future__ import annotations

import contextlib
import copy
from types import MethodType
from typing import Any, ClassVar, Self

from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import Storage, storages
from django.utils.deconstruct import deconstructible
from django.utils.module_loading import import_string

from .aio import AsyncMethods
from .conf.problems import suggestion
from .delegation import delegated

Deconstruction = tuple[str, tuple[Any, ...], dict[str, Any]]


def backend(alias: str, *, router: str = "default") -> BackendReference:
    """Return the backend ``alias`` of the router that is ``STORAGES[router]``, for ``FileField(storage=…)``.

    Names are the backend's own: no route is asked and no prefix added. It is looked up when it is used, so models can
    be imported, and migrations run, without any configuration; a migration holds the alias and nothing else. Raises
    ``ImproperlyConfigured`` at first use where there is no such router or backend.
    """
    return BackendReference(alias, router=router)


class _Reference(AsyncMethods):
    """Another storage, looked up when it is used."""

    def resolve(self) -> Any:
        """Return the storage itself."""
        raise NotImplementedError

    def _ask(self, method: str, *args: Any, **options: Any) -> Any:
        """Have the storage do what is asked."""
        return getattr(self.resolve(), method)(*args, **options)

    def __getattr__(self, name: str) -> Any:
        # Copying and pickling ask before __init__ has run.
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.resolve(), name)


# The methods come from Django's own class, so that those of later versions are included.
for _name, _value in list(vars(Storage).items()):
    if callable(_value) and not _name.startswith("__"):
        setattr(_Reference, _name, delegated(_value, lambda self, *args, **options: self._ask(*args, **options)))


class StorageReference(_Reference):
    """One of Django's ``storages``, by alias."""

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def resolve(self) -> Any:
        """Return the storage itself."""
        return storages[self._alias]

    def deconstruct(self) -> Deconstruction:
        """Return the reference itself."""
        return f"{__name__}.StorageReference", (self._alias,), {}

    def __repr__(self) -> str:
        return f"<StorageReference {self._alias!r}>"


class BackendReference(_Reference):
    """One backend of a router, by alias. Make one with ``storage_router.backend``."""

    def __init__(self, alias: str, *, router: str = "default") -> None:
        self.alias = alias
        self.router = router

    def resolve(self) -> Any:
        """Return the backend itself."""
        return self._router().backends[self.alias]

    def _router(self) -> Any:
        router = storages[self.router]
        backends = getattr(router, "backends", None)
        if backends is None:
            raise ImproperlyConfigured(
                f"storage_router.backend({self.alias!r}) needs a storage_router.RouterStorage, and "
                f"STORAGES[{self.router!r}] is a {type(router).__name__}."
            )
        if self.alias not in backends:
            raise ImproperlyConfigured(
                f"storage_router.backend({self.alias!r}): STORAGES[{self.router!r}] has no such backend. "
                f"{suggestion(self.alias, backends)}"
            )
        return router

    def _ask(self, method: str, *args: Any, **options: Any) -> Any:
        router = self._router()
        pending = getattr(router, "pending_deletes", None)
        # Deleting and saving follow the transaction here, too.
        storage = router.backends[self.alias] if pending is None else pending.only_backend(router, self.alias)
        return getattr(storage, method)(*args, **options)

    def deconstruct(self) -> Deconstruction:
        """Return the call that makes the reference: an alias, never an option."""
        return "storage_router.backend", (self.alias,), {} if self.router == "default" else {"router": self.router}

    def __repr__(self) -> str:
        return f"<BackendReference {self.alias!r} of STORAGES[{self.router!r}]>"


class HistoricalStorage(_Reference):
    """The storage of a historical model whose real one was built with options, which no migration may hold.

    Migrations need it only to exist; every use raises ``NotImplementedError`` and says what to do.
    """

    def resolve(self) -> Any:
        """Raise ``NotImplementedError``."""
        raise NotImplementedError(
            "A historical model has no storage here, because the real one is built with options that a migration must "
            "not hold. Put the storage into STORAGES and give the field storages['alias'], or use the storage of the "
            "real model in the data migration."
        )

    def deconstruct(self) -> Deconstruction:
        """Return the placeholder itself."""
        return f"{__name__}.HistoricalStorage", (), {}


class DeconstructibleStorage(AsyncMethods):
    """The base of this package's storages: deconstruction, pickling and copying.

    A subclass may override ``deconstruct()``. Django's ``@deconstructible`` does not count as such an override, because
    it would write every argument into the migration.
    """

    _import_path: ClassVar[str]
    _of_this_instance: ClassVar[frozenset[str]] = frozenset({"_alias_noted", "_backend_noted", "deconstruct"})
    """Attributes that neither a copy nor a pickle has."""

    _has_arguments: bool
    _alias_noted: str | None = None
    _backend_noted: tuple[str, Any] | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Note whether the class alone builds the storage."""
        storage = super().__new__(cls)
        storage._has_arguments = bool(args or kwargs)
        if _is_djangos(cls.deconstruct):
            methods = (vars(kind).get("deconstruct") for kind in cls.__mro__)
            own = next(method for method in methods if method and not _is_djangos(method))
            vars(storage)["deconstruct"] = MethodType(own, storage)
        return storage

    def deconstruct(self) -> Deconstruction:
        """Return what migrations write for the storage: never an option, and the same in every environment."""
        if (alias := alias_of(self)) is not None:
            return StorageReference(alias).deconstruct()
        if self._backend_noted is not None and (router_alias := alias_of(self._backend_noted[1])) is not None:
            return backend(self._backend_noted[0], router=router_alias).deconstruct()
        kind = type(self)
        path = vars(kind).get("_import_path", f"{kind.__module__}.{kind.__qualname__}")
        # A nested class cannot be imported.
        if self._has_arguments or "." in kind.__qualname__ or self._is_changed():
            return HistoricalStorage().deconstruct()
        return path, (), {}

    @property
    def _constructor_args(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments that Django's ``@deconstructible`` keeps, for migrations: none. Its ``__new__`` passes none on
        to the one above."""
        return (), {}

    @_constructor_args.setter
    def _constructor_args(self, given: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
        self._has_arguments = any(given)

    def _is_changed(self) -> bool:
        """Return whether options of the instance were changed after it was built."""
        return False

    def __reduce_ex__(self, protocol: Any) -> Any:
        if not self._is_changed():
            if (alias := alias_of(self)) is not None:
                return named, (alias,)
            if self._backend_noted is not None:
                alias, router = self._backend_noted
                return backend_of, (router, alias)
        # Older protocols do not call __new__.
        return super().__reduce_ex__(max(protocol, 2))

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key not in self._of_this_instance}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    def __copy__(self) -> Self:
        twin = type(self).__new__(type(self))
        state = self.__getstate__()
        for key, value in state.items():
            # Django's ManifestFilesMixin keeps the storage itself in an attribute.
            state[key] = twin if value is self else copy.copy(value) if isinstance(value, dict | list | set) else value
        twin.__setstate__(state)
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # Credentials and connections are shared, as by a shallow copy.
        return copy.copy(self)


def note(storage: Storage, alias: str) -> None:
    """Remember that ``storage`` is ``STORAGES[alias]``, also after Django has built its storages again, as it does in
    tests at every override of ``STATIC_URL`` and other settings. Other packages' storages are left alone."""
    if isinstance(storage, DeconstructibleStorage):
        storage._alias_noted = alias


def note_backend(storage: Storage, alias: str, router: Storage) -> None:
    """Remember that ``storage`` is ``router.backends[alias]``. Other packages' storages are left alone."""
    if isinstance(storage, DeconstructibleStorage):
        storage._backend_noted = (alias, router)


def alias_of(storage: Storage) -> str | None:
    """Return the alias under which ``storage`` is, or was noted as, one of Django's ``storages``; else None."""
    if not isinstance(storage, DeconstructibleStorage):
        return None
    if storage._alias_noted is None:
        entries: Any = storages.backends
        for alias, parameters in entries.items():
            # Entries of other classes need not be built to compare; one that cannot be built is another one.
            with contextlib.suppress(ImportError, KeyError, ImproperlyConfigured):
                if import_string(parameters["BACKEND"]) is type(storage) and storages[alias] is storage:
                    note(storage, alias)
    return storage._alias_noted


def named(alias: str) -> Storage:
    """Return ``storages[alias]``: what a pickled alias is read back with."""
    return storages[alias]


def backend_of(router: Any, alias: str) -> Storage:
    """Return ``router.backends[alias]``: what a pickled backend is read back with."""
    found: Storage = router.backends[alias]
    return found


def _is_djangos(method: Any) -> bool:
    return getattr(method, "__module__", None) == deconstructible.__module__
