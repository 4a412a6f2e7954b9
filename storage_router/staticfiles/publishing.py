"""Static files post-processed on this machine, then published in an order that breaks no page."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.staticfiles.utils import check_settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage

from storage_router.conf.document import StaticOptions
from storage_router.exceptions import ManifestError
from storage_router.files import home_of

from .destination import Destination, FileCopy, Outcome, directories_of

Sources = Mapping[str, tuple[Storage, str]]
"""Each static file's name, with the storage that a finder found it in and its name there."""

Processed = tuple[str, str | None, bool | Exception]
"""A file's name, the name that post-processing gave it, and whether it was changed, or why it failed."""


def publish(
    storage: Any,
    paths: Sources,
    destination: Destination,
    post_process: Callable[[Any], Iterable[Processed]],
    *,
    plain: Sequence[FileCopy] = (),
    succeeded: Callable[[Outcome], object] | None = None,
) -> list[Processed]:
    """Post-process ``paths`` and store the results: hashed files, then ``plain``, the files under their own names, then
    the manifest.

    ``post_process`` is called with a twin of the storage that works in a directory of this machine. Nothing is sent
    until it has ended. If a file fails, nothing is sent at all, and the failure is the last of the results.
    ``succeeded`` is called for each plain file. Raises ``TransferError`` if a file could not be stored; the manifest is
    the old one then.
    """
    check_settings()
    static = static_options_of(storage)
    with tempfile.TemporaryDirectory(prefix="static-") as folder:
        staging = Staging(location=folder, sources=paths, stored=destination)
        twin = staged(storage, staging)
        processed: list[Processed] = []
        try:
            for each in post_process(twin):
                processed.append(each)
                if isinstance(each[2], Exception):
                    # Django's command stops here, too; its post-processing cannot go on.
                    return processed
        except OSError as error:
            raise ManifestError(f"A static file cannot be post-processed: {error}") from error
        manifest = getattr(twin, "manifest_name", None)
        has_manifest = manifest in staging.written
        with _put_in_place(static.manifest if has_manifest else None, staging, manifest):
            generated = _generated(twin, staging, destination, static, {manifest, *(copy.name for copy in plain)})
            # What post-processing has saved under a file's own name is published in its place.
            plain = [
                replace(copy, source=staging, source_name=copy.name) if copy.name in staging.written else copy
                for copy in plain
                if copy.name not in staging.deleted
            ]
            destination.copy_all([copy for copy in generated if copy.immutable])
            destination.copy_all([copy for copy in generated if not copy.immutable])
            destination.copy_all(plain, succeeded=succeeded)
            if has_manifest:
                own = storage.manifest_storage in (None, storage)
                _publish_manifest(twin, staging, destination if own else Destination(storage.manifest_storage))
    if has_manifest:
        storage.hashed_files, storage.manifest_hash = twin.hashed_files, twin.manifest_hash
    return processed


def static_options_of(storage: Any) -> StaticOptions:
    """Return the ``static`` table of the storage's router; the defaults for a storage without one."""
    return getattr(storage, "static_options", None) or StaticOptions()


def _generated(
    twin: Any, staging: Staging, destination: Destination, static: StaticOptions, others: set[str | None]
) -> list[FileCopy]:
    """Return the copies of what post-processing has made, without ``others``.

    Passes of Django's hashing leave files behind that no manifest names; they are published only where the storage asks
    for it (``keep_intermediate_files``).
    """
    hashed_files: dict[str, str] = getattr(twin, "hashed_files", {})
    origins = {hashed: name for name, hashed in hashed_files.items()}
    names = staging.written & (staging.saved | origins.keys())
    if getattr(twin, "keep_intermediate_files", False):
        names = names | staging.written
    if destination.listing is not None:
        # Hashed files that are stored already may have other headers than they would get now.
        names = names | origins.keys()
    copies = []
    for name in sorted(names - others):
        source = (staging, name) if name in staging.written else staging.sources.get(origins[name])
        if source is None or (name not in staging.written and name in staging.sources):
            continue
        hashed = name in origins and name not in hashed_files
        copy = FileCopy(name=name, source=source[0], source_name=source[1], compress=bool(static.compress))
        if hashed:
            copy = replace(copy, immutable=True, cache_control=static.hashed_cache_control)
        copies.append(copy)
    return copies


def _publish_manifest(twin: Any, staging: Staging, manifests: Destination) -> None:
    manifest = FileCopy(name=twin.manifest_name, source=staging, source_name=twin.manifest_name)
    # The archived copy says later which files this release needs: the next release overwrites the manifest itself. Its
    # time says when the release became the current one, which may be for the second time.
    archived = archived_name(twin.manifest_name, twin.manifest_hash)
    manifests.copy_all([replace(manifest, name=archived, fresh=manifests.differs(manifest))])
    manifests.copy_all([manifest])


def archived_name(manifest_name: str, manifest_hash: str) -> str:
    """Return the name under which a release's manifest stays: ``staticfiles.<hash>.json``."""
    root, extension = os.path.splitext(manifest_name)  # noqa: PTH122 - a name, not a path
    return f"{root}.{manifest_hash}{extension}"


@contextmanager
def _put_in_place(path: str | None, staging: Staging, manifest: Any) -> Iterator[None]:
    """Write a copy of the manifest to ``path`` after the block; that it can be written is known before.

    Readers see the old file or the new one. Raises ``ManifestError``.
    """
    if path is None:
        yield
        return
    place = Path(path)
    # Not the process's number: in each container it may be 1, and several containers may share a volume.
    temporary = place.with_name(f".{place.name}.{uuid4().hex}")
    try:
        try:
            if place.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(staging.path(manifest), temporary)
        except OSError as error:
            raise ManifestError(f"static.manifest names a file that cannot be written: {error}") from error
        yield
        temporary.replace(place)
    finally:
        # Where the directory is none, or cannot be written, there is nothing to delete.
        with suppress(OSError):
            temporary.unlink()


class Staging(FileSystemStorage):
    """What post-processing takes for the destination: it writes into ``location`` only.

    It reads what was written there, else the sources, and asks ``stored`` (the real destination) only for what neither
    has: a stylesheet may refer to a file that an earlier ``collectstatic`` left behind.
    """

    def __init__(self, *, location: str, sources: Sources, stored: Destination) -> None:
        # Django's code uses the last segment of a URL only.
        super().__init__(location=location, base_url=settings.STATIC_URL)
        self.sources = {name.replace("\\", "/"): found for name, found in sources.items()}
        # A stylesheet may name a directory, which Django leaves as it is. "." is the root.
        self._directories = directories_of(self.sources)
        self._stored = stored
        self.deleted: set[str] = set()
        """Names that post-processing has deleted and not saved again."""
        self.written: set[str] = set()
        """Names that are in ``location`` now."""
        self.saved: set[str] = set()
        """Those of them that were saved by ``save()``, as mixins do it. Django's own hashing uses ``_save()``."""

    def exists(self, name: str) -> bool:
        """Return whether the destination would have the file if everything had been copied."""
        if name in self.written or name in self._directories:
            return True
        return name not in self.deleted and (name in self.sources or self._stored.exists(name))

    def open(self, name: str, mode: str = "rb") -> File[Any]:
        """Open the file where it is first found."""
        if name in self.written:
            return super().open(name, mode)
        if name in self.sources:
            storage, path = self.sources[name]
            return storage.open(path, mode)
        if name in self._directories:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        return self._stored.storage.open(name, mode)

    def delete(self, name: str) -> None:
        """Forget the file. The destination keeps what it has under the name."""
        self.deleted.add(name)
        if name in self.written:
            super().delete(name)
            self.written.discard(name)

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:  # noqa: ARG002 - Django's
        """Write the file under exactly this name."""
        name = self._save(str(content.name if name is None else name), content)
        self.saved.add(name)
        return name

    def _save(self, name: str, content: Any) -> str:
        name = name.replace("\\", "/")
        if name in self.written:
            super().delete(name)
        saved: str = super()._save(name, content)  # type: ignore[misc]  # the stubs do without private methods
        self.written.add(saved)
        self.deleted.discard(saved)
        return saved


class StagedFiles:
    """The part of a twin that answers for the files: everything is done in ``staging``."""

    staging: Staging


for _name in (
    *("open", "save", "_save", "delete", "exists", "listdir", "size", "url", "path"),
    *("get_accessed_time", "get_created_time", "get_modified_time"),
):
    setattr(StagedFiles, _name, property(attrgetter(f"staging.{_name}")))


def staged(storage: Storage, staging: Staging) -> Any:
    """Return a twin of the storage, with its class, mixins and attributes, whose files are those of ``staging``."""
    kind = type(storage)
    home = home_of(kind)
    assert home is not None
    # Python puts a base before the bases that it derives from: behind the mixins of ``kind``, before ``home``.
    files = type("Staged", (StagedFiles, home), {})
    twin: Any = object.__new__(type(kind.__name__, (kind, files), {}))
    vars(twin).update(vars(storage), staging=staging)
    if hasattr(twin, "manifest_storage"):
        twin.manifest_storage = staging
    return twin
