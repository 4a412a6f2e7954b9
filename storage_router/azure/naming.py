"""Between a storage's names and Azure's, and Django's hooks for names."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator

from django.core.files.storage import Storage
from django.utils.text import get_valid_filename

from storage_router.exceptions import InvalidNameError
from storage_router.names import MAX_LENGTH, check_blob_name, clean_directory, clean_name, is_clean

from .configured import ConfiguredStorage


class NamingStorage(ConfiguredStorage):
    """The part of ``AzureStorage`` that is about names: ``location``, legal names, the next name when one is taken."""

    # The last location and the prefix that it makes: a location is almost always the same, but may be a property.
    _known: tuple[str, str] = ("", "")

    def get_valid_name(self, name: str) -> str:
        """Return ``name`` unchanged if Azure can store it, else what Django's rules leave of it."""
        return valid_name(name)

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Return a name that is free now, with at most ``max_length`` characters. ``save`` does without asking."""
        return str(super().get_available_name(name, max_length=self._longest(name, max_length)))

    def is_name_available(self, name: str, max_length: int | None = None) -> bool:
        """Return whether ``save`` would take the name: it is short enough, and free or may be overwritten."""
        if max_length and len(name) > max_length:
            return False
        return self.options.overwrite_files or not self.exists(name)

    def get_alternative_name(self, file_root: str, file_ext: str) -> str:
        """Return another name for a file whose name is taken, or the same name where files are overwritten."""
        if self.options.overwrite_files:
            return f"{file_root}{file_ext}"
        return str(super().get_alternative_name(file_root, file_ext))

    @property
    def _prefix(self) -> str:
        location, prefix = self._known
        if self.location != location:
            location = self.location
            cleaned = clean_directory(location.strip("/"))
            prefix = f"{cleaned}/" if cleaned else ""
            self._known = (location, prefix)
        return prefix

    def blob_name(self, name: str | None) -> str:
        """Return the name of the file's blob in the container. Raises ``InvalidNameError``."""
        blob = self._prefix + clean_name(name)
        check_blob_name(blob)
        return blob

    def _directory(self, path: str) -> str:
        cleaned = clean_directory(path)
        if not cleaned:
            return self._prefix
        check_blob_name(f"{self._prefix}{cleaned}")
        return f"{self._prefix}{cleaned}/"

    def _longest(self, name: str, max_length: int | None) -> int:
        """Return how long a name may get. One that is too long itself is cut only where the caller sets a length."""
        if not max_length:
            self.blob_name(name)
        limit = MAX_LENGTH - len(self._prefix)
        return min(max_length, limit) if max_length else limit

    def _names_by_hooks(self, name: str, max_length: int | None = None) -> Iterator[str]:
        while True:
            yield self.get_available_name(name, max_length=max_length)


class _Free(Storage):
    """Django's ``get_available_name`` over the names that are known to be taken, instead of over requests."""

    def __init__(self, taken: Container[str], alternative: Callable[[str, str], str]) -> None:
        self._taken = taken
        self._alternative = alternative

    def exists(self, name: str) -> bool:
        return name in self._taken

    def get_alternative_name(self, file_root: str, file_ext: str) -> str:
        return self._alternative(file_root, file_ext)


def candidates(name: str, *, max_length: int, alternative: Callable[[str, str], str]) -> Iterator[str]:
    """Yield names for a file, ``name`` or what is left of it first. Ask for the next one only when the last is taken.

    Raises Django's ``SuspiciousFileOperation`` when ``max_length`` leaves no room for another name.
    """
    taken: set[str] = set()
    free = _Free(taken, alternative)
    while True:
        candidate = free.get_available_name(name, max_length=max_length)
        yield candidate
        taken.add(candidate)


def is_reachable(name: str) -> bool:
    """Whether a storage would take ``name``: other programs store blobs as ``a//b``, ``a/`` and ``a.``."""
    try:
        check_blob_name(name)
    except InvalidNameError:
        return False
    return is_clean(name)


def valid_name(name: str) -> str:
    """Return ``name`` unchanged if Azure would store it, else what Django's own rules leave of it.

    Django's rules alone would make ``report_2024.pdf`` of ``report (2024).pdf``. Raises ``SuspiciousFileOperation``
    if nothing is left.
    """
    try:
        cleaned = str(clean_name(name))
    except InvalidNameError:
        cleaned = ""
    if cleaned and not cleaned.endswith(".") and "./" not in cleaned:
        return cleaned
    valid = str(get_valid_filename(name)).rstrip(".")
    if not valid:
        raise InvalidNameError(f"Could not derive file name from '{name}'")
    return valid
