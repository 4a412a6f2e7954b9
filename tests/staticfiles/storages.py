"""Storages and finders that a project might have of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.contrib.staticfiles.storage import ManifestFilesMixin
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage as DjangosManifestStaticFilesStorage
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, Storage
from pipeline.storage import GZIPMixin, PipelineMixin

from storage_router import AzureStorage, ManifestStaticFilesStorage, RouterStorage, StaticFilesStorage


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


class OwnHashes(ManifestStaticFilesStorage):
    """Ours, with hashes that do not look like Django's; some files have none."""

    def file_hash(self, name: str, content: Any = None) -> str | None:
        found = super().file_hash(name, content)
        return None if name == "plain.json" else f"Z-{found[:5]}"


class RemoteStorage(Storage):
    """A storage without listing, sizes and paths, as third parties have them."""

    def __init__(self) -> None:
        held = InMemoryStorage()
        self._open, self._save, self.delete, self.exists = held._open, held._save, held.delete, held.exists


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


class OneConnection(InMemoryStorage):
    """A storage that bears one call at a time, as those with one connection do."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.calls: list[str] = []

    @contextmanager
    def _call(self, name: str) -> Iterator[None]:
        assert not self.calls, f"{name} comes in between {self.calls}"
        self.calls.append(name)
        # Long enough for another thread to come in between.
        time.sleep(0.005)
        yield
        self.calls.remove(name)

    def exists(self, name: str) -> bool:
        with self._call(name):
            return super().exists(name)

    def _save(self, name: str, content: Any) -> str:
        with self._call(name):
            return super()._save(name, content)

    def delete(self, name: str) -> None:
        with self._call(name):
            super().delete(name)


class Noting(AzureStorage):
    """An Azure storage that has something else to do when it saves, and saves what it was given."""

    def _save(self, name: str, content: Any) -> str:
        return super()._save(name, content)


class AskedFor(AzureStorage):
    """The same, whose option is a property."""

    overwrite_files = property(lambda self: False)

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        return super().save(name, content, max_length)


def minified(content: Any) -> ContentFile:
    return ContentFile(b"".join(content.read().split()))


class MinifyingSave(StaticFilesStorage):
    """Static files that become smaller on the way."""

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        return super().save(name, minified(content), max_length)


class MinifyingHook(StaticFilesStorage):
    """The same, by Django's hook."""

    def _save(self, name: str, content: Any) -> str:
        return super()._save(name, minified(content))


class MinifyingRouter(RouterStorage):
    """The same for whatever goes through a router."""

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        return super().save(name, minified(content), max_length)


class Stamping:
    """Every stylesheet gets a note at its end, once."""

    def _save(self, name: str, content: Any) -> str:
        if name.endswith(".css"):
            content = ContentFile(b"".join(content.chunks()) + b"/* stamped */")
        return super()._save(name, content)


class Stamped(Stamping, ManifestStaticFilesStorage):
    """Ours."""


class StampedOfDjango(Stamping, DjangosManifestStaticFilesStorage):
    """Django's."""


class Packing:
    """What django-pipeline's mixin does: it makes one stylesheet of several, and hands it on to be hashed."""

    def post_process(self, paths: Any, dry_run: bool = False, **options: Any) -> Any:
        parts = []
        for name in ("css/base.css", "css/more.css"):
            with paths[name][0].open(paths[name][1]) as file:
                parts.append(file.read())
        self.save("css/all.css", ContentFile(b"".join(parts)))
        paths["css/all.css"] = (self, "css/all.css")
        yield "css/all.css", "css/all.css", True
        yield from super().post_process(paths.copy(), dry_run, **options)

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        if self.exists(name):
            self.delete(name)
        return name


class Packed(Packing, ManifestStaticFilesStorage):
    """Ours."""


class PackedOfDjango(Packing, DjangosManifestStaticFilesStorage):
    """Django's."""


class HashedRouter(ManifestFilesMixin, RouterStorage):
    """Django's hashed names over a router."""


class OwnSave(ManifestFilesMixin, AzureStorage):
    """Django's hashed names over an Azure storage that has something to do when it saves."""

    def _save(self, name: str, content: Any) -> str:
        return super()._save(name, content)


class Pipeline(PipelineMixin, ManifestStaticFilesStorage):
    """django-pipeline's mixin over ours."""


class PipelineOverAzure(PipelineMixin, ManifestFilesMixin, AzureStorage):
    """django-pipeline's over Django's over a container, as its documentation has it for S3."""


class PipelineOfDjango(PipelineMixin, DjangosManifestStaticFilesStorage):
    """django-pipeline's over Django's."""


class Zipped(GZIPMixin, PipelineMixin, ManifestStaticFilesStorage):
    """django-pipeline's two mixins over ours."""


class ZippedOfDjango(GZIPMixin, PipelineMixin, DjangosManifestStaticFilesStorage):
    """django-pipeline's two mixins over Django's."""


class NoHashes(ManifestStaticFilesStorage):
    """Ours, with names that stay as they are."""

    def file_hash(self, name: str, content: Any = None) -> None:
        return None


class NoHashesOfDjango(DjangosManifestStaticFilesStorage):
    """Django's, with names that stay as they are."""

    def file_hash(self, name: str, content: Any = None) -> None:
        return None


class Deploy(ManifestStaticFilesStorage):
    """Ours, with the hash of a deployment."""

    def file_hash(self, name: str, content: Any = None) -> str:
        return "deploy12345"


class DeployOfDjango(DjangosManifestStaticFilesStorage):
    """Django's, with the hash of a deployment."""

    def file_hash(self, name: str, content: Any = None) -> str:
        return "deploy12345"


class NothingToProcess(StaticFilesStorage):
    """A storage whose post-processing returns nothing to iterate over but an empty list."""

    def post_process(self, paths: Any, dry_run: bool = False, **options: Any) -> list[Any]:
        return []
