"""A file store over ``AzureStorage``, until it is one itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.core.files.storage import Storage

from storage_router import files
from storage_router.files import Capabilities, FileNotModifiedError, FileStat, Reading
from storage_router.names import clean_name


class AzureStore:
    capabilities = Capabilities(conditional=True, signs=True)

    def __init__(self, storage: Any) -> None:
        self.storage = storage

    def stat(self, name: str) -> FileStat:
        found: FileStat = self.storage.stat(name)
        return found

    def read(self, name: str, start: int = 0, length: int | None = None, **conditions: Any) -> Reading:
        found = self.storage._blobs.stream(self.storage.blob_name(clean_name(name)), start, length, **conditions)
        if found is None:
            raise FileNotModifiedError
        return replace(found, stat=replace(found.stat, name=name))

    def sign(self, name: str, seconds: float, parameters: Any = None, *, custom_domain: bool = False) -> Any:
        options = {key: getattr(self.storage.options, key) for key in self.storage.options.model_fields_set}
        options.pop("type", None)
        options["url_window_secs"] = 0
        if not custom_domain:
            options["custom_domain"] = None
        return type(self.storage)(**options).url(name, expire=seconds, parameters=parameters)


def file_store(storage: Storage) -> Any:
    if hasattr(storage, "read") or not hasattr(storage, "stat"):
        return files.file_store(storage)
    return AzureStore(storage)
