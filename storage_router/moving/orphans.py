"""Files that no row names, and rows whose file is gone: a listing compared with the database (M4)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.exceptions import SuspiciousFileOperation
from django.core.management.base import CommandError
from django.utils import timezone

from storage_router.exceptions import FileChangedError, NoRouteError, NoTenantError, TenantMismatchError
from storage_router.files import FileStat, file_store
from storage_router.names import TRASH
from storage_router.references import BackendReference

from .comparison import compared
from .database import Column, column, databases, file_fields, merged

SHARE = 20
"""An orphan in so many files, at most, is deleted without ``--at-most``."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What one run found: when, how many rows with a name and how many files there were, and each orphan's ETag."""

    at: dt.datetime
    rows: int
    files: int
    orphans: Mapping[str, str]

    def write(self, path: str) -> None:
        """Write the report as JSON lines, the numbers first."""
        head = {"at": self.at.isoformat(), "rows": self.rows, "files": self.files}
        lines = [head, *({"name": name, "etag": etag} for name, etag in self.orphans.items())]
        Path(path).write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")

    @classmethod
    def read(cls, path: str) -> Report:
        """Read a report. Raises ``CommandError`` for a file that is none."""
        try:
            head, *lines = map(json.loads, Path(path).read_text(encoding="utf-8").splitlines())
            orphans = {line["name"]: line["etag"] for line in lines}
            return cls(
                at=dt.datetime.fromisoformat(head["at"]), rows=head["rows"], files=head["files"], orphans=orphans
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CommandError(f"{path} is not a report of orphans: {error}", returncode=2) from None


def columns(storage: Any, also: Iterable[str] = ()) -> list[Column]:
    """Return every column that may hold names of the router, in every database, and those of ``also``.

    A field of another storage counts, too, unless that is a backend of another router: a column too many keeps files.
    """
    found: list[Column] = []
    for model, name in map(column, also):
        found += [Column(model=model, field=name, database=database) for database in databases(model)]
    for model, field in file_fields():
        prefixes = [""]
        if type(field.storage) is BackendReference:
            # Its names are the backend's own; the router puts the stripped prefix of a route before them.
            its = [route for route in storage.table.routes if route.options.backend == field.storage.alias]
            routes = [route for route in its if route.strip_prefix]
            prefixes += [f"{prefix}/" for route in routes for prefix in route.prefixes]
        for database in databases(model):
            found += [Column(model=model, field=field.attname, database=database, prefix=one) for one in prefixes]
    return found


def search(storage: Any, found: list[Column], *, older_than: dt.timedelta) -> Report:
    """Compare the router's files with the columns. Static files are no orphans, and neither are younger files."""
    now = timezone.now()
    static = storage.configuration.document.static.prefix.strip("/")
    rows = sum(one.count() for one in found)
    respelled = {name for one in found for name in one.respelled()}
    files = 0
    orphans: dict[str, str] = {}
    listing: Iterator[tuple[str, FileStat]] = ((stat.name, stat) for stat in storage.walk())
    for name, stat, owner in compared(listing, merged(found)):
        if stat is None:
            continue
        files += 1
        claimed = owner is not None or name in respelled or (static and name.startswith(f"{static}/"))
        if (
            not claimed
            and not _may_be_of_another_schema(storage, name)
            and stat.modified is not None
            and stat.modified < now - older_than
        ):
            orphans[name] = stat.etag
    return Report(at=now, rows=rows, files=files, orphans=orphans)


def _may_be_of_another_schema(storage: Any, name: str) -> bool:
    """Return whether the row of a file may be in the schema of another tenant, where no query finds it."""
    return apps.is_installed("django_tenants") and storage.table.match(name).tenant is None


def delete(storage: Any, first: Report, second: Report, *, at_most: int | None, trash: bool) -> tuple[int, int]:
    """Delete what both reports name with the same ETag. Return how many files were deleted, and how many had changed.

    Raises ``CommandError`` where so many orphans, or so few rows, look like a mistake.
    """
    names = [name for name, etag in second.orphans.items() if first.orphans.get(name) == etag]
    if second.rows < 0.9 * first.rows:
        message = f"The database has {second.rows} rows with files; the report saw {first.rows}. Is it the right one?"
        raise CommandError(f"{message} Nothing was deleted.", returncode=2)
    allowed = second.files // SHARE if at_most is None else at_most
    if len(names) > allowed:
        message = f"{len(names)} of {second.files} files would be deleted, more than {allowed}."
        raise CommandError(f"{message} Say how many with --at-most. Nothing was deleted.", returncode=2)
    changed = 0
    for name in names:
        match = storage.table.match(name)
        store = file_store(storage.backends[match.alias])
        etag = second.orphans[name] or None
        try:
            if trash:
                version = store.stat(match.name)
                if etag not in (None, version.etag):
                    raise FileChangedError(match.name)
                store.copy_from(f"{TRASH}/{match.name}", store, match.name, version=version, overwrite=True)
            store.delete(match.name, if_match=etag)
        except (FileChangedError, FileNotFoundError):
            changed += 1
    return len(names) - changed, changed


def dangling(storage: Any, found: list[Column]) -> Iterator[tuple[str, Column]]:
    """Yield each name of a row whose file the router does not have, with its column."""
    listing = ((stat.name, stat) for stat in storage.walk())
    # A backend's own names are in the router under one of the prefixes only.
    plain = [one for one in found if not one.prefix]
    for name, stat, owner in compared(listing, merged(plain)):
        if stat is None and owner is not None and not _exists(owner, name):
            yield name, owner


def _exists(owner: Column, name: str) -> bool:
    storage = getattr(owner.model._meta.get_field(owner.field), "storage", None)
    try:
        return storage is not None and bool(storage.exists(name))
    except (NoTenantError, TenantMismatchError):
        raise
    except (SuspiciousFileOperation, NoRouteError):
        # No file has a name that is refused, or that no route claims.
        return False
