"""The names that the database holds, as ordered streams."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.core.management.base import CommandError
from django.db import DatabaseError, connections, router
from django.db.models import FileField, Model, Q, QuerySet
from django.db.models.functions import Collate

from storage_router.exceptions import InvalidNameError
from storage_router.names import clean_name

from .comparison import unique

_COLLATIONS = {"postgresql": "C", "sqlite": "BINARY", "mysql": "utf8mb4_bin"}
"""Vendor -> the collation that orders text by code points."""

_CHUNK = 2000
"""Rows fetched at a time from a server-side cursor."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column that holds names of files. ``prefix`` is what precedes its names in the router."""

    model: type[Model]
    field: str
    database: str = "default"
    prefix: str = ""

    def __str__(self) -> str:
        return f"{self.model._meta.label}.{self.field}"

    def names(self) -> Iterator[tuple[str, Column]]:
        """Yield each name with its column, ordered by code points; an empty column gives nothing."""
        vendor, rows = connections[self.database].vendor, self._rows()
        if (collation := _COLLATIONS.get(vendor)) is not None:
            rows = rows.order_by(Collate(self.field, collation))
        else:
            rows = rows.order_by(self.field)
        with self._read():
            for name in rows.values_list(self.field, flat=True).iterator(chunk_size=_CHUNK):
                yield f"{self.prefix}{name}", self

    def respelled(self) -> Iterator[str]:
        """Yield the names that storages read in another way, as they read them: those with `//` or a backslash."""
        odd = Q(**{f"{self.field}__contains": "//"}) | Q(**{f"{self.field}__contains": "\\"})
        for name in self._rows().filter(odd).values_list(self.field, flat=True).iterator(chunk_size=_CHUNK):
            with suppress(InvalidNameError):
                yield str(clean_name(f"{self.prefix}{name}"))

    def count(self) -> int:
        """Return the number of rows with a name. Raises ``CommandError`` where they cannot be read."""
        with self._read():
            return self._rows().count()

    @contextmanager
    def _read(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            message = f"{self} cannot be read in the database {self.database!r}, so nobody knows which files it names"
            hint = "Create the table, or correct the database routers."
            raise CommandError(f"{message}: {error}\n{hint}", returncode=2) from error

    def _rows(self) -> QuerySet[Model]:
        rows = self.model._base_manager.using(self.database)
        return rows.exclude(**{f"{self.field}__isnull": True}).exclude(**{self.field: ""})


def column(path: str) -> tuple[type[Model], str]:
    """Return the model and the field that ``app.Model.field`` names. Raises ``CommandError``."""
    try:
        label, _, name = path.rpartition(".")
        model = apps.get_model(label)
        model._meta.get_field(name)
    except (LookupError, ValueError, FieldDoesNotExist) as error:
        raise CommandError(f"{path!r} is not app.Model.field: {error}") from None
    return model, name


def databases(model: type[Model]) -> Iterator[str]:
    """Yield the databases that may have rows of a model: where it is migrated, and where it is read and written.

    A database that the project does not migrate is no less its own.
    """
    used = (router.db_for_read(model), router.db_for_write(model))
    return (one for one in connections if one in used or router.allow_migrate_model(one, model))


def file_fields() -> Iterator[tuple[type[Model], FileField]]:
    """Yield every ``FileField`` of a model with a table of its own, or one that it finds there."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy:
            continue
        for field in model._meta.local_fields:
            if isinstance(field, FileField):
                yield model, field


def merged(columns: Iterable[Column]) -> Iterator[tuple[str, Column]]:
    """Yield the names of all columns in order, each once, with the first column that has it."""
    return unique(heapq.merge(*(each.names() for each in columns), key=lambda item: item[0]))
