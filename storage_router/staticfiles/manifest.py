"""``ManifestStaticFilesStorage``: Django's hashed names, made on this machine and published in an order that breaks no
page."""

from __future__ import annotations

import copy
import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.contrib.staticfiles.storage import ManifestFilesMixin
from django.contrib.staticfiles.utils import check_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import Storage

from storage_router.exceptions import ManifestError
from storage_router.transfer import Destination, FileCopy

from .staging import Sources, Staging
from .storage import StaticFilesStorage

_reading = threading.Lock()
"""Held while a process reads a manifest: its threads start together, and one of them is enough."""


def _after_fork() -> None:  # pragma: no cover - runs in forked children only
    global _reading  # the parent's may be held by a thread that this process does not have
    _reading = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)

Processed = tuple[str, str | None, bool | Exception]


class ManifestStaticFilesStorage(ManifestFilesMixin, StaticFilesStorage):
    """Static files under names that hold a hash of their content, so that browsers may keep them for ever.

    All of Django's own options hold: ``manifest_strict``, ``support_js_module_import_aggregation``,
    ``manifest_storage`` and the rest. The manifest is read at the first ``url()`` of a process and kept; with
    ``static.manifest`` it is read from that file, which ``collectstatic`` writes, too, and no request is made.
    """

    def __init__(
        self, *, router: str | None = None, prefix: str | None = None, manifest_storage: Storage | None = None
    ) -> None:
        # Django's own constructor would read the manifest, a request, wherever STORAGES is touched.
        super(ManifestFilesMixin, self).__init__(router=router, prefix=prefix)
        self.manifest_storage = manifest_storage or self
        self._manifest: tuple[dict[str, str], str] | None = None
        self._attempts = 0
        self._failure: Exception | None = None

    def _loaded(self) -> tuple[dict[str, str], str]:
        found = self._manifest
        if found is None:
            attempts = self._attempts
            with _reading:
                found = self._manifest
                if found is None:
                    if self._failure is not None and self._attempts != attempts:
                        # What this thread waited for has failed; one after the other, the threads of a server would
                        # wait for minutes.
                        raise copy.copy(self._failure) from self._failure
                    found = self._read()
        return found

    def _read(self) -> tuple[dict[str, str], str]:
        try:
            found: tuple[dict[str, str], str] = cast("Any", self).load_manifest()
            self._failure = None
        except Exception as error:
            self._failure = error
            raise
        finally:
            self._attempts += 1
        self._manifest = found
        return found

    @property
    def hashed_files(self) -> dict[str, str]:
        """Each file's name with the name that holds its hash."""
        return self._loaded()[0]

    @hashed_files.setter
    def hashed_files(self, hashed_files: dict[str, str]) -> None:
        if "_manifest" in vars(self):  # HashedFilesMixin's constructor sets an empty one, before there is a manifest
            self._manifest = hashed_files, self._manifest[1] if self._manifest else ""

    @property
    def manifest_hash(self) -> str:
        """The hash of the manifest."""
        return self._loaded()[1]

    @manifest_hash.setter
    def manifest_hash(self, manifest_hash: str) -> None:
        self._manifest = self.hashed_files, manifest_hash

    def read_manifest(self) -> str | None:  # type: ignore[override]  # None is what Django's own returns, too
        """Return the manifest's text, or None where none was stored yet.

        Raises ``ImproperlyConfigured`` if ``static.manifest`` names a file that is not there.
        """
        path = self.options.manifest
        if path is None:
            return super().read_manifest()
        try:
            return Path(path).read_text()
        except FileNotFoundError:
            raise ImproperlyConfigured(
                f"static.manifest names a file that is not there: {path}. collectstatic writes it; it has to be "
                "shipped with the release. Without static.manifest the manifest is read from the storage."
            ) from None

    def url(self, name: str | None, force: bool = False, **options: Any) -> str:
        """Return the address of the file's hashed name; of the name itself with ``DEBUG``, unless ``force``.

        Raises ``ValueError`` for a file that the manifest does not know (``manifest_strict``).
        """
        # Django's own unquotes the whole address afterwards, which breaks signatures and names with a percent sign.
        address, number_sign, fragment = (name or "").partition("#")
        path, question_mark, query = address.partition("?")
        if path and not path.endswith("/") and (force or not settings.DEBUG):
            path = self.stored_name(path)
        found, signed, signature = StaticFilesStorage.url(self, path, **options).partition("?")
        # An empty query counts: url("font.eot?#iefix") makes old browsers take the rest for one.
        query = "&".join(filter(None, (query, signature)))
        return found + (question_mark or signed) + query + number_sign + fragment

    def post_process(  # type: ignore[override]  # the stubs take exceptions other than RuntimeError for impossible
        self, paths: Sources, dry_run: bool = False, *, destination: Destination | None = None, **options: Any
    ) -> Iterator[Processed]:
        """Hash ``paths`` with Django's own code, on files of this machine, and publish: hashed files first, the
        manifest last.

        ``destination`` is what ``collectstatic`` knows of this storage already. Yields what Django's own method yields.
        Raises ``TransferError`` if a file could not be stored; the manifest is the old one then.
        """
        if dry_run:
            return
        check_settings()
        destination = destination or Destination(self)
        with tempfile.TemporaryDirectory(prefix="static-") as folder:
            staging = Staging(location=folder, sources=paths, stored=destination)
            twin = self._twin(staging)
            processed: list[Processed] = list(ManifestFilesMixin.post_process(twin, paths, **options))
            failed = [each for each in processed if isinstance(each[2], Exception)]
            if not failed:
                with _put_in_place(self.options.manifest, staging.path(self.manifest_name)):
                    self._publish(twin, staging, destination)
                self._manifest = twin._loaded()
        yield from failed or processed

    def _twin(self, staging: Staging) -> ManifestStaticFilesStorage:
        """Return this storage, with whatever subclasses and settings changed of it, working in ``staging``."""
        twin = self.through(staging)
        twin.manifest_storage = staging
        twin._given_prefix = ""
        twin._manifest = {}, ""
        return twin

    def save_manifest(self) -> None:
        """Store the manifest, sorted: the same files make the same manifest on every machine, and it is not stored
        again."""
        self.hashed_files = dict(sorted(self.hashed_files.items()))
        super().save_manifest()

    def _publish(self, twin: ManifestStaticFilesStorage, staging: Staging, destination: Destination) -> None:
        current = staging.written if self.keep_intermediate_files else staging.written & set(twin.hashed_files.values())
        cache_control = self.options.hashed_cache_control
        destination.copy_all(
            [
                FileCopy(
                    name=name,
                    source=staging,
                    source_name=name,
                    cache_control=cache_control,
                    immutable=True,
                    finished=True,
                )
                for name in sorted(current - {self.manifest_name})
            ]
        )
        manifests = destination
        if self.manifest_storage is not self:
            assert self.manifest_storage is not None
            manifests = Destination(self.manifest_storage)
        manifest = FileCopy(name=self.manifest_name, source=staging, source_name=self.manifest_name, finished=True)
        # The copy says, later, which files this release needs; the manifest itself is overwritten by the next one. Its
        # time says when the release became the current one, which may be for the second time.
        archived = archived_name(self.manifest_name, twin.manifest_hash)
        manifests.copy_all([replace(manifest, name=archived, fresh=manifests.differs(manifest))])
        manifests.copy_all([manifest])


def archived_name(manifest_name: str, manifest_hash: str) -> str:
    """Return the name under which a release's manifest stays: ``staticfiles.<hash>.json``."""
    root, extension = os.path.splitext(manifest_name)  # noqa: PTH122 - a name, not a path
    return f"{root}.{manifest_hash}{extension}"


@contextmanager
def _put_in_place(path: str | None, source: str) -> Iterator[None]:
    """Put a copy of ``source`` at ``path`` after the block; that it can be written is known before.

    Whoever reads sees the old file or the new one. Raises ``ManifestError``.
    """
    if path is None:
        yield
        return
    place = Path(path)
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        try:
            if place.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, beside)
        except OSError as error:
            raise ManifestError(f"static.manifest names a file that cannot be written: {error}") from error
        yield
        beside.replace(place)
    finally:
        with suppress(OSError):
            beside.unlink()
