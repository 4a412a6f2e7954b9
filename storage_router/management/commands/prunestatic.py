"""``manage.py prunestatic``: list, and on request remove, hashed static files that no kept release needs."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import STATICFILES_STORAGE_ALIAS
from django.contrib.staticfiles.storage import ManifestFilesMixin
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from storage_router.exceptions import StorageRouterError
from storage_router.installed import uploads_among
from storage_router.management.output import progress
from storage_router.management.subcommand import age
from storage_router.staticfiles.destination import Destination
from storage_router.staticfiles.pruning import Leftovers, leftovers


class Command(BaseCommand):
    """Lists old hashed files; removes them only with ``--delete``, and asks before."""

    help = (
        "List the hashed static files that neither the current manifest nor those of the last releases name, and "
        "remove them with --delete. Do not run it while collectstatic is running."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--keep", type=int, default=2, help="Releases before the current one whose files stay. Default: 2."
        )
        parser.add_argument(
            "--older-than",
            default="1d",
            help="Files that were stored later than this ago stay, for example '12h' or '7d'. Default: 1d.",
        )
        parser.add_argument("--delete", action="store_true", help="Remove the files, after a question.")
        parser.add_argument(
            "--noinput", "--no-input", action="store_false", dest="interactive", help="Remove without the question."
        )

    def handle(self, *args: Any, **options: Any) -> str:  # noqa: ARG002 - Django's
        """List, ask, remove."""
        storage = storages[STATICFILES_STORAGE_ALIAS]
        if not isinstance(storage, ManifestFilesMixin) or not hasattr(storage, "walk"):
            raise CommandError(
                f"STORAGES['staticfiles'] is a {type(storage).__name__}, which does not hash names or cannot list its "
                "files. Name storage_router.ManifestStaticFilesStorage."
            )
        if options["keep"] < 0:
            raise CommandError("--keep takes a number of releases, 0 or more.")
        try:
            if others := uploads_among(storage):
                raise CommandError(f"{others} Nothing tells hashed static files from uploads there.")
            found = leftovers(storage, keep=options["keep"], older_than=age(options["older_than"]))
            return self._prune(storage, found, delete=options["delete"], ask=options["interactive"])
        except NotImplementedError as error:
            raise CommandError(f"What is stored has to be listed, with times, and a storage cannot: {error}") from error
        except (StorageRouterError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error

    def _prune(self, storage: Any, found: Leftovers, *, delete: bool, ask: bool) -> str:
        for name in found.files:
            self.stdout.write(name)
        count = f"{len(found.files):,} old file{'' if len(found.files) == 1 else 's'}, {filesizeformat(found.size)}"
        kept = f"Kept: what {', '.join(found.kept)} name."
        if not delete:
            return f"{count}. {kept} Nothing was removed; --delete removes them."
        if not found.files and not found.manifests:
            return f"{count}. {kept}"
        if ask and input(f"Remove {count}? Type 'yes' to continue: ") != "yes":
            raise CommandError("Nothing was removed.")
        shown = partial(progress, self.stderr)
        Destination(storage, progress=shown).delete_all(found.files)
        # Last, so that an interrupted run finds the same files again.
        Destination(storage.manifest_storage or storage).delete_all(found.manifests)
        return f"{count}, removed. {kept}"
