"""The names that the database holds, as ordered streams."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.core.management.base import CommandError
from django.db import connections
from django.db.models import FileField, Model
from django.db.models.functions import Collate

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
        vendor = connections[self.database].vendor
        rows = (
            self.model._base_manager.using(self.database)
            .exclude(**{f"{self.field}__isnull": True})
            .exclude(**{self.field: ""})
        )
        if (collation := _COLLATIONS.get(vendor)) is not None:
            rows = rows.order_by(Collate(self.field, collation))
        else:
            rows = rows.order_by(self.field)
        for name in rows.values_list(self.field, flat=True).iterator(chunk_size=_CHUNK):
            yield f"{self.prefix}{name}", self

    def count(self) -> int:
        """Return the number of rows with a name."""
        rows = self.model._base_manager.using(self.database).exclude(**{f"{self.field}__isnull": True})
        return int(rows.exclude(**{self.field: ""}).count())


def column(path: str) -> Column:
    """Return the column that ``app.Model.field`` names. Raises ``CommandError``."""
    try:
        label, _, name = path.rpartition(".")
        model = apps.get_model(label)
        model._meta.get_field(name)
    except (LookupError, ValueError, FieldDoesNotExist) as error:
        raise CommandError(f"{path!r} is not app.Model.field: {error}") from None
    return Column(model=model, field=name)


def file_fields() -> Iterator[tuple[type[Model], FileField]]:
    """Yield every ``FileField`` of a model with a table of its own."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy or not model._meta.managed:
            continue
        for field in model._meta.local_fields:
            if isinstance(field, FileField):
                yield model, field


def merged(columns: Iterable[Column]) -> Iterator[tuple[str, Column]]:
    """Yield the names of all columns in order, each once, with the first column that has it."""
    return unique(heapq.merge(*(each.names() for each in columns), key=lambda item: item[0]))
