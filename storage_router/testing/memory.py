"""The backend in memory that stands for any other in tests: Django's, called as ``AzureStorage`` is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.files.storage import InMemoryStorage


class MemoryStorage(InMemoryStorage):
    """Files in memory. With ``overwrite_files`` a save takes the place of the file that is there."""

    def __init__(self, *, base_url: str, overwrite_files: bool = False) -> None:
        super().__init__(base_url=base_url)
        self.overwrite_files = overwrite_files

    def url(
        self,
        name: str | None,
        expire: float | None = None,  # noqa: ARG002 - as AzureStorage
        parameters: Mapping[str, str] | None = None,  # noqa: ARG002
        mode: str = "r",  # noqa: ARG002
    ) -> str:
        """Return the file's URL, the same whatever else is given: there is nothing to sign."""
        return super().url(name)

    def is_name_available(self, name: str, max_length: int | None = None) -> bool:
        """Return whether ``save`` would take the name."""
        if self.overwrite_files:
            return not max_length or len(name) <= max_length
        return super().is_name_available(name, max_length=max_length)

    def get_alternative_name(self, file_root: str, file_ext: str) -> str:
        """Return another name for a file whose name is taken, or the same name where files are overwritten."""
        return f"{file_root}{file_ext}" if self.overwrite_files else super().get_alternative_name(file_root, file_ext)

    def _save(self, name: str, content: Any) -> str:
        # Django's writes over what is there, so that the end of longer content stays.
        if self.overwrite_files:
            self.delete(name)
        return str(super()._save(name, content))  # type: ignore[misc]  # the stubs leave it out
