"""Storages that save in their own way, made to save over what is there: nothing has to be deleted before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, cast

from django.core.files.storage import Storage

from storage_router.azure.storage import AzureStorage
from storage_router.conf.options import AzureOptions
from storage_router.files import FileSettings
from storage_router.router import RouterStorage

Adjust = Callable[[FileSettings], FileSettings]
"""Takes what a blob would be stored with beside its bytes, and returns what it shall be stored with."""


def overwriting(storage: Storage, adjust: Adjust) -> Storage:
    """Return the storage as it would be if all Azure storages behind it overwrote files, with adjusted settings."""
    # Of the storage itself: Django's staticfiles_storage is a lazy object around it, whose methods are those within.
    storage = cast("Any", storage.save).__self__
    if isinstance(storage, AzureStorage):
        azure = cast("_Overwriting", _twin(storage, _overwriting_kind(type(storage))))  # type: ignore[arg-type]  # mypy doubts that classes hash
        azure._adjust = adjust
        return azure
    if isinstance(storage, RouterStorage):
        router = cast("RouterStorage", _twin(storage, type(storage)))
        router.backends = _overwriting_backends(storage.backends, adjust)
        return router
    static = cast("Any", storage)
    return cast("Storage", static.through(overwriting(static.router, adjust)))


def _overwriting_backends(backends: Mapping[str, Storage], adjust: Adjust) -> Mapping[str, Storage]:
    return {
        alias: overwriting(backend, adjust) if isinstance(backend, AzureStorage) else backend
        for alias, backend in backends.items()
    }


def _twin(storage: Storage, kind: type[Storage]) -> Storage:
    # copy.copy() would give the storage itself back where STORAGES has a name for it: its pickle is that name.
    twin = kind.__new__(kind)
    vars(twin).update(vars(storage))
    return twin


class _Overwriting(AzureStorage):
    _adjust: Adjust

    @property
    def options(self) -> AzureOptions:
        return super().options.model_copy(update={"overwrite_files": True})

    @property
    def overwrite_files(self) -> bool:
        return True

    def blob_settings(self, name: str, content: Any = None) -> FileSettings:
        return self._adjust(super().blob_settings(name, content))


@cache
def _overwriting_kind(kind: type[AzureStorage]) -> type[AzureStorage]:
    return type(f"Overwriting{kind.__name__}", (_Overwriting, kind), {})
