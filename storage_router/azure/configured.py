"""The part of ``AzureStorage`` that is about its options, and about what stands for it in migrations and pickles."""

from __future__ import annotations

import copyreg
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.core.files.storage import Storage

from storage_router import historical
from storage_router.conf.options import SECRETS, AzureOptions

from . import merging
from .account import Account
from .blobs import Blobs
from .urls import BlobUrls


class ConfiguredStorage(Storage):
    """A storage with ``AzureOptions``, the container's requests and its URLs; the files are ``AzureStorage``'s."""

    options: AzureOptions
    alias: str | None

    _import_path: ClassVar[str]

    def __init__(self, **options: Any) -> None:
        self._configure(merging.merged(self, options, self.get_default_settings()), alias=None)
        self._has_arguments = bool(options)

    @classmethod
    def from_options(cls, options: AzureOptions, *, alias: str | None = None) -> Self:
        """Return a storage with just these options, whatever the settings and class attributes say."""
        storage = cls.__new__(cls)
        storage._configure(options, alias=alias)
        storage._has_arguments = True
        return storage

    def _configure(self, options: AzureOptions, *, alias: str | None) -> None:
        self.options = options
        self.alias = alias
        for option in AzureOptions.model_fields.keys() - set(SECRETS):
            # A subclass may compute an option in a property, which takes no value.
            with suppress(AttributeError):
                setattr(self, option, getattr(options, option))
        self.account_name = options.resolved_account_name

    if TYPE_CHECKING:

        def __getattr__(self, option: str) -> Any: ...

    def get_default_settings(self) -> dict[str, Any]:
        """Return the options that the ``AZURE_*`` settings give. Subclasses may add to it or replace it."""
        return merging.from_settings()

    def __repr__(self) -> str:
        alias = f" {self.alias!r}" if self.alias else ""
        return f"<{type(self).__name__}{alias} {self.options.endpoint}/{self.azure_container}/{self._prefix}>"

    # What stands for the storage elsewhere

    def deconstruct(self) -> historical.Deconstruction:
        """Return what migrations write for the storage: never an option."""
        if self.alias is not None:
            return "storage_router.backend", (self.alias,), {}
        path = vars(type(self)).get("_import_path")
        return historical.deconstruction(self, path=path, has_arguments=self._has_arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        alias = historical.alias_of(self)
        if alias is not None:
            return historical.named, (alias,)
        return copyreg.__newobj__, (type(self),), self.__getstate__()  # type: ignore[attr-defined]

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key not in ("_blobs", "_urls")}

    @cached_property
    def _blobs(self) -> Blobs:
        return Blobs(Account.of(self.options), self.options.azure_container, alias=self.alias, options=self.options)

    @cached_property
    def _urls(self) -> BlobUrls:
        return BlobUrls(self.options)
