"""``ManifestStaticFilesStorage``: Django's hashed names, made on this machine and published in an order that breaks no
page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.contrib.staticfiles.storage import HashedFilesMixin, ManifestFilesMixin
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import Storage
from django.utils.functional import cached_property

from storage_router.files import overridden

from .destination import Destination
from .publishing import Processed, Sources, StagedFiles, publish
from .storage import StaticFilesStorage, static_name


class ManifestStaticFilesStorage(ManifestFilesMixin, StaticFilesStorage):
    """Static files under names that hold a hash of their content, so that browsers may keep them for ever.

    All of Django's own options work: ``manifest_strict``, ``support_js_module_import_aggregation``,
    ``manifest_storage`` and the rest. The manifest is read at the first ``url()`` of a process and kept. With
    ``static.manifest`` it is read from that file, which ``collectstatic`` writes, too, and no request is made.
    """

    def __init__(
        self, *, router: str | None = None, prefix: str | None = None, manifest_storage: Storage | None = None
    ) -> None:
        # Django's own constructor would read the manifest, a request, wherever STORAGES is touched.
        super(ManifestFilesMixin, self).__init__(router=router, prefix=prefix)
        self.manifest_storage = manifest_storage or self
        # HashedFilesMixin has set an empty one. Without it the property below reads the manifest when it is needed.
        del self.hashed_files

    @cached_property
    def hashed_files(self) -> dict[str, str]:  # type: ignore[override]  # it can be set
        """Each file's name with the name that holds its hash."""
        found, self.manifest_hash = cast("Any", self).load_manifest()
        return cast("dict[str, str]", found)

    @cached_property
    def manifest_hash(self) -> str:  # type: ignore[override]  # it can be set
        """The hash of the manifest."""
        hashed_files, found = cast("Any", self).load_manifest()
        vars(self).setdefault("hashed_files", hashed_files)
        return cast("str", found)

    def read_manifest(self) -> str | None:  # type: ignore[override]  # None is what Django's own returns, too
        """Return the manifest's text, or None where none was stored yet.

        Raises ``ImproperlyConfigured`` if ``static.manifest`` names a file that does not exist.
        """
        path = self.static_options.manifest
        if path is None:
            return super().read_manifest()
        try:
            return Path(path).read_text()
        except FileNotFoundError:
            raise ImproperlyConfigured(
                f"static.manifest names a file that does not exist: {path}. collectstatic writes it; ship it with the "
                "release. Without static.manifest the manifest is read from the storage."
            ) from None

    def save_manifest(self) -> None:
        """Store the manifest, sorted: the same files make the same manifest on every machine."""
        self.hashed_files = dict(sorted(self.hashed_files.items()))
        super().save_manifest()

    def url(self, name: str | None, force: bool = False, **options: Any) -> str:
        """Return the URL of the file's hashed name; with ``DEBUG``, unless ``force``, of the name itself.

        Raises ``ValueError`` for a file that the manifest does not know (``manifest_strict``).
        """
        # Django's own unquotes the URL afterwards, which breaks signatures and names with a percent sign.
        address, number_sign, fragment = (name or "").partition("#")
        path, question_mark, query = address.partition("?")
        if path and not path.endswith("/") and (force or not settings.DEBUG):
            path = self.stored_name(static_name(path))
        found, signed, signature = super(HashedFilesMixin, self).url(path, **options).partition("?")
        # An empty query counts: url("font.eot?#iefix") makes old browsers take the rest for one.
        query = "&".join(filter(None, (query, signature)))
        return found + (question_mark or signed) + query + number_sign + fragment

    def post_process(  # type: ignore[override]  # the stubs take exceptions other than RuntimeError for impossible
        self, paths: Sources, dry_run: bool = False, **options: Any
    ) -> Iterator[Processed]:
        """Hash ``paths`` with Django's own code, on files of this machine, and publish: hashed files first, the
        manifest last.

        A subclass that overrides how files are stored or read has Django's own way, file by file. Raises
        ``TransferError`` if a file could not be stored; the manifest is the old one then.
        """
        if dry_run:
            return
        if isinstance(self, StagedFiles) or overridden(self):
            yield from super().post_process(paths, **options)
            return
        yield from publish(
            self, paths, Destination(self), lambda twin: ManifestFilesMixin.post_process(twin, paths, **options)
        )
