"""``manage.py collectstatic``: Django's own command, with the copying replaced.

``storage_router`` has to stand before ``django.contrib.staticfiles`` in ``INSTALLED_APPS``: Django takes the first.
"""

from __future__ import annotations

import signal
from functools import partial
from types import SimpleNamespace
from typing import Any

import django
from django.conf import STATICFILES_STORAGE_ALIAS
from django.contrib.staticfiles.management.commands import collectstatic
from django.contrib.staticfiles.storage import HashedFilesMixin, ManifestFilesMixin
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import Storage, storages
from django.core.management.base import CommandError

from storage_router.exceptions import StorageRouterError
from storage_router.files import holders, home_of, overridden
from storage_router.installed import uploads_among
from storage_router.management.output import progress
from storage_router.staticfiles import ManifestStaticFilesStorage
from storage_router.staticfiles.destination import Destination, FileCopy, Outcome, no_progress
from storage_router.staticfiles.publishing import Processed, Sources, publish, static_options_of

_HASHING = (HashedFilesMixin.post_process, ManifestFilesMixin.post_process, ManifestStaticFilesStorage.post_process)
"""Ways of post-processing that read the files where they were found."""


class Command(collectstatic.Command):
    """Copies static files in parallel, after comparing their content with one listing of the destination."""

    help = f"{collectstatic.Command.help} Files are compared by content and copied in parallel."

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Django's is a lazy object around it.
        self.storage = storages[STATICFILES_STORAGE_ALIAS]

    def set_options(self, **options: Any) -> None:
        """Refuse ``--clear`` where it would delete uploads."""
        super().set_options(**options)
        if self.clear and (others := uploads_among(self.storage)):
            raise CommandError(f"{others} --clear would delete them.")

    def collect(self) -> dict[str, list[str]]:
        """Let Django find the files, which calls ``copy_file`` for each; copy them together and publish.

        Links, storages of other packages, and subclasses that override how files are stored, are left to Django's own
        code.
        """
        for storage in dict.fromkeys((self.storage, *holders(self.storage))):
            if hooks := overridden(storage):
                methods = " and ".join(f"{hook}()" for hook in hooks)
                self.stderr.write(
                    f"{type(storage).__name__} overrides {methods}, so its files are stored one after the other, as by "
                    "Django's own collectstatic."
                )
        self._own_way = self.symlink or home_of(type(self.storage)) is None or bool(overridden(self.storage))
        if self._own_way:
            try:
                return dict(super().collect())
            except StorageRouterError as error:
                raise CommandError(str(error)) from error
            except ImproperlyConfigured as error:
                raise CommandError(
                    f"{error} STORAGES['staticfiles'] is a {type(self.storage).__name__}; for static files in the "
                    'router write {"BACKEND": "storage_router.StaticFilesStorage"}.'
                ) from error
        self._waiting: list[FileCopy] = []
        self._compress = bool(static_options_of(self.storage).compress)
        shown = partial(progress, self.stderr) if self.verbosity == 1 else no_progress
        self._destination = Destination(self.storage, dry_run=self.dry_run, progress=shown)
        storage = self.storage
        # All that Django's code asks of it from here on.
        self.storage = SimpleNamespace(**{"post_process": self._publish} if hasattr(storage, "post_process") else {})
        try:
            found: dict[str, list[str]] = super().collect()
            self._copy_waiting()
            self._destination.sweep()
        except StorageRouterError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError(
                "Interrupted. Each file that was stored is whole. Run the command again for the rest.",
                returncode=128 + signal.SIGINT,
            ) from None
        finally:
            self.storage = storage
        # Without post-processing the files were copied after Django had counted them.
        return found | {"modified": self.copied_files, "unmodified": self.unmodified_files}

    def clear_dir(self, path: str) -> None:
        """Note what is there; it is deleted after the new files are stored."""
        if self._own_way:
            super().clear_dir(path)
            return
        names = self._destination.clear()
        level = 1 if django.VERSION < (6, 0) else 2  # as Django's own
        for name in names:
            self.log(f"Pretending to delete '{name}'" if self.dry_run else f"Deleting '{name}'", level=level)
        self.deleted_files = names  # Django 6.0 counts them

    def copy_file(self, path: str, prefixed_path: str, source_storage: Storage) -> None:
        """Note the file: Django calls this for each that a finder found, one after the other."""
        if self._own_way:
            super().copy_file(path, prefixed_path, source_storage)
            return
        name = prefixed_path.replace("\\", "/")
        self._waiting.append(FileCopy(name=name, source=source_storage, source_name=path, compress=self._compress))

    def link_file(self, path: str, prefixed_path: str, source_storage: Storage) -> None:
        """Link the file, if both ends are on this machine."""
        try:
            super().link_file(path, prefixed_path, source_storage)
        except NotImplementedError as error:
            raise CommandError(
                f"Can't symlink {prefixed_path!r}: it has no path on this machine, here or there."
            ) from error

    def _publish(self, paths: Sources, dry_run: bool = False, **options: Any) -> list[Processed]:
        """Post-process and copy what is waiting: what Django's command calls as the storage's ``post_process()``."""
        if dry_run:
            return []
        if getattr(type(self._destination.storage), "post_process", None) not in _HASHING:
            # Packers read the collected files from Django's staticfiles_storage.
            self._copy_waiting()
        plain, self._waiting = self._waiting, []
        return publish(
            self._destination.storage,
            paths,
            self._destination,
            lambda twin: twin.post_process(paths, **options) or (),
            plain=plain,
            succeeded=self._note,
        )

    def _copy_waiting(self) -> None:
        copies, self._waiting = self._waiting, []
        self._destination.copy_all(copies, succeeded=self._note)

    def _note(self, outcome: Outcome) -> None:
        """Report and count what became of a file, in Django's words and at Django's levels."""
        path = outcome.copy.source_name
        if outcome.action == "unmodified":
            self.unmodified_files.append(outcome.name)
            self.log(f"Skipping '{path}' (not modified)")
            return
        if outcome.action == "replaced":
            self.log(f"Pretending to delete '{path}'" if self.dry_run else f"Deleting '{path}'")
        shown_from = 2 - self.dry_run
        if self.verbosity >= shown_from:
            source = _path(outcome.copy.source, path)
            self.log(f"Pretending to copy '{source}'" if self.dry_run else f"Copying '{source}'", level=shown_from)
        self.copied_files.append(outcome.name)


def _path(storage: Storage, name: str) -> str:
    try:
        return storage.path(name)
    except NotImplementedError:
        return name
