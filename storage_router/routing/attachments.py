"""Which files of a backend are stored as downloads: what ``attachment`` of their routes says."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from storage_router import media_types
from storage_router.exceptions import NoRouteError

from .route import Options
from .table import RouteTable


@dataclass(frozen=True)
class Attachments:
    """Tells of one backend's files whether they are stored with ``Content-Disposition: attachment``."""

    alias: str
    routes: Sequence[Options]
    default: str | None

    @classmethod
    def of(cls, alias: str, routes: Sequence[Options], default: str | None) -> Attachments | None:
        """Return those of the backend ``alias``, or None where no route to it has any."""
        found = cls(alias, routes, default)
        return found if any(found._concerns(options) for options in routes) else None

    def __call__(self, name: str, content_type: str) -> bool:
        """Return whether the file that the backend calls ``name``, of this media type, is a download."""
        media_type = content_type.partition(";")[0].strip().lower()
        return any(
            self._claims(index, f"{prefix}/{name}" if options.strip_prefix and prefix else name)
            for index, options in enumerate(self.routes)
            if self._concerns(options) and _lists(options.attachment, media_type)
            for prefix in self._table.routes[index].prefixes or ("",)
        )

    def _concerns(self, options: Options) -> bool:
        return bool(options.attachment) and self.alias in (options.backend, options.moving_from)

    def _claims(self, index: int, full_name: str) -> bool:
        try:
            return self._table.match(full_name).route is self._table.routes[index]
        except NoRouteError:
            return False

    @functools.cached_property
    def _table(self) -> RouteTable:
        return RouteTable(self.routes, self.default)


def _lists(attachment: Sequence[str], media_type: str) -> bool:
    if media_type in attachment or f"{media_type.partition('/')[0]}/*" in attachment:
        return True
    return "active" in attachment and media_types.is_active(media_type)
