"""Storages and finders that a project might have of its own."""

from __future__ import annotations

from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.contrib.staticfiles.storage import ManifestFilesMixin
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage as DjangosManifestStaticFilesStorage
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, Storage

from storage_router import AzureStorage, ManifestStaticFilesStorage, RouterStorage


class CustomRouter(RouterStorage):
    """A router of the project's own."""


class ModulesOfDjango(DjangosManifestStaticFilesStorage):
    """Django's, with imports of JavaScript modules."""

    support_js_module_import_aggregation = True


class Modules(ManifestStaticFilesStorage):
    """Ours, with imports of JavaScript modules."""

    support_js_module_import_aggregation = True


class Lenient(ManifestStaticFilesStorage):
    """Ours, for files that the manifest does not know."""

    manifest_strict = False


class Everything(ManifestStaticFilesStorage):
    """Ours, with what lies between the first and the last pass."""

    keep_intermediate_files = True


class EverythingOfDjango(DjangosManifestStaticFilesStorage):
    """Django's, with what lies between the first and the last pass."""

    keep_intermediate_files = True


class ShortHashes(ManifestStaticFilesStorage):
    """Ours, with a hash of the project's own."""

    def file_hash(self, name: str, content: Any = None) -> str:
        return super().file_hash(name, content)[:6]


class RemoteStorage(InMemoryStorage):
    """A storage without listing, sizes and paths, as third parties have them."""

    def listdir(self, path: str) -> Any:
        raise NotImplementedError

    def size(self, name: str) -> int:
        raise NotImplementedError


class GeneratedStorage(Storage):
    """A storage whose files have neither a path nor a size."""

    prefix = "generated"

    def _open(self, name: str, mode: str = "rb") -> ContentFile:
        return ContentFile(b"7")


class GeneratedFinder(BaseFinder):
    """A finder of files that lie on no disk."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.storage = GeneratedStorage()

    def check(self, **kwargs: Any) -> list[Any]:
        return []

    def list(self, ignore_patterns: Any) -> Any:
        yield "version.txt", self.storage


class ProjectsStorage(AzureStorage):
    """An Azure storage with options as attributes, as with django-storages."""

    cache_control = "public,max-age=60"


class ProjectsManifestStorage(ManifestFilesMixin, AzureStorage):
    """Django's hashed names over an Azure storage, as with django-storages."""
