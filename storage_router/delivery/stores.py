"""A file store over Django's interface, until ``files.file_store`` is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.files.storage import Storage

from storage_router import files
from storage_router.exceptions import FileChangedError, SigningError
from storage_router.files import Capabilities, FileStat, Reading


class PlainStore:
    def __init__(self, storage: Any) -> None:
        self.storage = storage
        signs = False
        if hasattr(storage, "stat"):
            try:
                storage.url("x", expire=60)
                signs = True
            except SigningError:
                pass
        self.capabilities = Capabilities(conditional=False, signs=signs)

    def stat(self, name: str) -> Any:
        if hasattr(self.storage, "stat"):
            return self.storage.stat(name)
        return FileStat(name=name, size=self.storage.size(name), etag="", modified=self.storage.get_modified_time(name))

    def read(
        self,
        name: str,
        start: int = 0,
        length: int | None = None,
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,  # noqa: ARG002
    ) -> Reading:
        file = self.storage.open(name)
        stat = self.stat(name)
        if if_match and stat.etag != if_match:
            file.close()
            raise FileChangedError(name)
        file.seek(min(start, stat.size))
        left = max(stat.size - start, 0)
        left = left if length is None else min(length, left)

        def chunks() -> Iterator[bytes]:
            remaining = left
            while remaining and (chunk := file.read(min(65536, remaining))):
                remaining -= len(chunk)
                yield chunk

        return Reading(stat=stat, start=start, length=left, chunks=chunks(), on_close=file.close)

    def sign(self, name: str, seconds: float, parameters: Any = None, *, custom_domain: bool = False) -> Any:
        if not custom_domain and hasattr(self.storage, "options"):
            options = {key: getattr(self.storage.options, key) for key in self.storage.options.model_fields_set}
            options.pop("type", None)
            return type(self.storage)(**{**options, "custom_domain": None, "url_window_secs": 0}).url(
                name, expire=seconds, parameters=parameters
            )
        return self.storage.url(name, expire=seconds, parameters=parameters)


def file_store(storage: Storage) -> Any:
    if hasattr(storage, "read") or not hasattr(storage, "stat"):
        return files.file_store(storage)
    return PlainStore(storage)
