"""What stands for a storage in a migration, or in a pickle.

Django writes the ``storage`` of a ``FileField`` into migrations. Options written there would show secrets, and the
migration would change with the environment; so a storage deconstructs to something that holds neither: its alias in
``STORAGES``, or in a router that is there; its class where that alone builds it; or ``HistoricalStorage``.

In a pickle the same aliases stand for the storages that have them. Others are pickled with their options, the secrets
included, because nothing else would bring them back.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, ClassVar, Self

from django.core.files.storage import Storage, StorageHandler, storages
from django.utils.deconstruct import deconstructible

Deconstruction = tuple[str, tuple[Any, ...], dict[str, Any]]


class StorageReference(Storage):
    """One of Django's ``storages``, by alias, looked up when it is used: a migration loads without any
    configuration.
    """

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def __repr__(self) -> str:
        return f"<StorageReference {self.alias!r}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(storages[self.alias], name)

    def deconstruct(self) -> Deconstruction:
        """Return the reference itself."""
        return f"{__name__}.StorageReference", (self.alias,), {}


class HistoricalStorage(Storage):
    """The storage of a historical model whose real one was built with options, which no migration may hold.

    Migrations need it for nothing but to be there; every use raises ``NotImplementedError`` and says what to do.
    """

    def deconstruct(self) -> Deconstruction:
        """Return the placeholder itself."""
        return f"{__name__}.HistoricalStorage", (), {}


class DeconstructibleStorage(Storage):
    """The base of this package's storages: what stands for them, where they have a name and where they have none.

    A subclass may override ``deconstruct()``. Django's ``@deconstructible`` is no such override: it would write every
    argument into the migration, so what it puts on a class is replaced by what was there.
    """

    _import_path: ClassVar[str]

    _has_arguments: bool
    _built_as: str | None

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Note what is known only now: whether the class alone builds the storage, and what Django builds it for."""
        _undecorate(cls)
        storage = super().__new__(cls)
        storage._has_arguments = bool(args or kwargs)
        storage._built_as = _alias_being_built()
        return storage

    def deconstruct(self) -> Deconstruction:
        """Return what migrations write for the storage: never an option, and the same in every environment."""
        alias = alias_of(self)
        if alias is not None:
            return StorageReference(alias).deconstruct()
        path = vars(type(self)).get("_import_path") or _importable_path(type(self))
        # The __new__ of @deconstructible hands no arguments on, and keeps them.
        if path is None or self._has_arguments or any(vars(self).get("_constructor_args", ())):
            return HistoricalStorage().deconstruct()
        return path, (), {}

    def __reduce_ex__(self, protocol: Any) -> Any:
        alias = alias_of(self)
        if alias is not None:
            return named, (alias,)
        # Older protocols do not call __new__.
        return super().__reduce_ex__(max(protocol, 2))


def alias_of(storage: Storage) -> str | None:
    """Return the alias under which ``storage`` is one of Django's ``storages``, or None. Builds no storage.

    One that Django has built for an alias keeps it when Django forgets its storages, as it does in tests at every
    override of ``STATIC_URL`` and others, while the fields of models hold what they have.
    """
    built: dict[str, Storage] = vars(storages).get("_storages", {})
    found = next((alias for alias, candidate in built.items() if candidate is storage), None)
    return vars(storage).get("_built_as") if found is None else found


def backend_deconstruction(alias: str, router: str) -> Deconstruction:
    """Return the call of ``storage_router.backend`` for the backend ``alias`` of ``STORAGES[router]``."""
    return "storage_router.backend", (alias,), {} if router == "default" else {"router": router}


def name_backend(storage: Storage, alias: str, router: Any) -> None:
    """Let ``router.backends[alias]`` stand for ``storage``, of whatever class it is, in migrations and pickles.

    The methods are the instance's own: its class belongs to others, who may ask for it.
    """
    if alias_of(storage) is not None:
        # What builds a backend may return one of Django's storages, and that is its name already.
        return

    def deconstruct() -> Deconstruction:
        router_alias = alias_of(router)
        if router_alias is None:
            return HistoricalStorage().deconstruct()
        return backend_deconstruction(alias, router_alias)

    def reduce_ex(_protocol: Any) -> tuple[Any, ...]:
        return backend_of, (router, alias)

    vars(storage).update(deconstruct=deconstruct, __reduce_ex__=reduce_ex)


def named(alias: str) -> Storage:
    """Return ``storages[alias]``: what a pickled reference is read back with."""
    return storages[alias]


def backend_of(router: Any, alias: str) -> Storage:
    """Return ``router.backends[alias]``: what a pickled backend is read back with."""
    backend: Storage = router.backends[alias]
    return backend


def _undecorate(kind: type) -> None:
    for owner in kind.__mro__:
        # What others have decorated, Django's storages among them, stays as it is: it may be a base beside ours.
        if issubclass(owner, DeconstructibleStorage) and _is_djangos(owner.deconstruct):
            methods = (vars(base).get("deconstruct") for base in owner.__mro__)
            owner.deconstruct = next(  # type: ignore[method-assign]
                method for method in methods if method and not _is_djangos(method)
            )


def _is_djangos(method: Any) -> bool:
    return getattr(method, "__module__", None) == deconstructible.__module__


def _alias_being_built() -> str | None:
    """Return the alias in ``STORAGES`` that Django is building the caller's storage for.

    It is read from the running ``StorageHandler``, which tells a storage nothing of its alias.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_name == "__new__":
        frame = frame.f_back
    if frame is None or frame.f_code is not StorageHandler.create_storage.__code__:
        return None
    caller = frame.f_back
    if caller is None or caller.f_code is not StorageHandler.__getitem__.__code__:
        return None
    if caller.f_locals["self"] is not storages:
        return None
    alias: str = caller.f_locals["alias"]
    return alias


def _importable_path(kind: type) -> str | None:
    # For a class within a class Django writes an import of the outer one, as if it were a module.
    return None if "." in kind.__qualname__ else f"{kind.__module__}.{kind.__qualname__}"


def _delegating(name: str) -> Callable[..., Any]:
    def method(self: StorageReference, *args: Any, **kwargs: Any) -> Any:
        return getattr(storages[self.alias], name)(*args, **kwargs)

    method.__name__ = name
    return method


def _refusing(name: str) -> Callable[..., Any]:
    def method(self: HistoricalStorage, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f"{name}(): a historical model has no storage here, because the real one is built with options that a "
            "migration must not hold. Put the storage into STORAGES and give the field storages['alias'], or use the "
            "storage of the real model in the data migration."
        )

    method.__name__ = name
    return method


# The methods come from Django's own class, so that those of later versions are there, too.
for _name, _value in list(vars(Storage).items()):
    if callable(_value) and not _name.startswith("__"):
        setattr(StorageReference, _name, _delegating(_name))
        setattr(HistoricalStorage, _name, _refusing(_name))
