"""``manage.py collectstatic``: Django's own command, with the copying replaced.

``storage_router`` has to stand before ``django.contrib.staticfiles`` in ``INSTALLED_APPS``: Django takes the first.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.contrib.staticfiles.management.commands import collectstatic
from django.core.files.storage import Storage
from django.core.management.base import CommandError

from storage_router.exceptions import StorageRouterError
from storage_router.installed import uploads_among
from storage_router.management.progress import progress
from storage_router.staticfiles import ManifestStaticFilesStorage
from storage_router.transfer import Destination, FileCopy, Outcome, no_progress


class Command(collectstatic.Command):
    """Copies static files in parallel, after comparing their content with one listing of the destination."""

    help = f"{collectstatic.Command.help} Files are compared by content and copied in parallel."

    def set_options(self, **options: Any) -> None:
        """Refuse ``--clear`` where it would delete uploads."""
        super().set_options(**options)
        if self.clear and (others := uploads_among(self.storage)):
            raise CommandError(f"{others} --clear would delete them.")

    def collect(self) -> dict[str, list[str]]:
        """Let Django find the files, which hands them to ``copy_file``; copy them before it post-processes them."""
        self._waiting: list[FileCopy] = []
        shown = partial(progress, self.stderr) if self.verbosity == 1 else no_progress
        self._destination = Destination(self.storage, dry_run=self.dry_run, progress=shown)
        storage, self.storage = self.storage, _DestinationOfDjango(self._destination, self._copy_waiting)
        try:
            found: dict[str, list[str]] = super().collect()
            self._copy_waiting()
            self._destination.sweep()
        except StorageRouterError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError(
                f"Interrupted. {len(self.copied_files)} files were copied, each of them whole. Run the command again"
                " for the rest.",
                returncode=128 + signal.SIGINT,
            ) from None
        finally:
            self.storage = storage
        # Without post-processing the files were copied after Django had counted them.
        return found | {"modified": self.copied_files + self.symlinked_files, "unmodified": self.unmodified_files}

    def copy_file(self, path: str, prefixed_path: str, source_storage: Storage) -> None:
        """Note the file: Django calls this for each that a finder found, one after the other."""
        self._waiting.append(FileCopy(name=prefixed_path, source=source_storage, source_name=path))

    def link_file(self, path: str, prefixed_path: str, source_storage: Storage) -> None:
        """Link the file, if both ends are on this machine."""
        self._destination.make_way([prefixed_path])
        try:
            super().link_file(path, prefixed_path, source_storage)
        except NotImplementedError as error:
            raise CommandError(
                f"Can't symlink {prefixed_path!r}: it has no path on this machine, here or there."
            ) from error
        self._destination.keep(prefixed_path)

    def _copy_waiting(self) -> None:
        copies, self._waiting = self._waiting, []
        self._destination.copy_all(copies, succeeded=self._note)

    def _note(self, outcome: Outcome) -> None:
        """Say and count what became of a file, in Django's words and at Django's levels."""
        path = outcome.copy.source_name
        if outcome.action == "unmodified":
            self.unmodified_files.append(outcome.name)
            self.log(f"Skipping '{path}' (not modified)")
            return
        if outcome.action == "replaced":
            self.log(f"Pretending to delete '{path}'" if self.dry_run else f"Deleting '{path}'")
        source = _path(outcome.copy.source, path)
        self.log(f"Pretending to copy '{source}'" if self.dry_run else f"Copying '{source}'", level=2 - self.dry_run)
        self.copied_files.append(outcome.name)


class _DestinationOfDjango:
    """The storage as Django's command is to see it while it collects.

    What it asks while it clears is answered from the listing, deletions wait until the new files are there, and
    whatever was waiting is copied before the files are post-processed.

    A storage that post-processes in a way of its own stores past the destination, so there the deletions come before.
    """

    def __init__(self, destination: Destination, copy_waiting: Callable[[], None]) -> None:
        self._destination = destination
        self._copy_waiting = copy_waiting
        self.exists = destination.exists
        self.listdir = destination.listdir
        self.delete = destination.clear

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._destination.storage, name)
        return partial(self._post_process, found) if name == "post_process" else found

    def _post_process(self, post_process: Callable[..., Any], paths: Any, **options: Any) -> Iterator[Any]:
        self._copy_waiting()
        storage = self._destination.storage
        if isinstance(storage, ManifestStaticFilesStorage):
            options["destination"] = self._destination
        if getattr(storage.__class__, "post_process", None) is not ManifestStaticFilesStorage.post_process:
            self._destination.sweep()
        yield from post_process(paths, **options) or ()


def _path(storage: Storage, name: str) -> str:
    try:
        return storage.path(name)
    except NotImplementedError:
        return name
