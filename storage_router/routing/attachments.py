"""Which files of a backend are stored as downloads: what ``attachment`` of their routes says."""

from __future__ import annotations

from collections.abc import Sequence

from storage_router import media_types
from storage_router.conf.routes import RouteOptions
from storage_router.exceptions import NoRouteError

from .table import RouteTable


class Attachments:
    """Tells of one backend's files whether they are stored with ``Content-Disposition: attachment``."""

    def __init__(self, alias: str, routes: Sequence[RouteOptions], default: str | None) -> None:
        self._table = RouteTable(routes, default)
        self._routes = [
            route
            for route in self._table.routes
            if route.options.attachment and alias in (route.options.backend, route.options.moving_from)
        ]

    def __call__(self, name: str, content_type: str) -> bool:
        """Return whether the file that the backend calls ``name``, of this media type, is a download."""
        media_type = content_type.partition(";")[0].strip().lower()
        for route in self._routes:
            if _lists(route.options.attachment, media_type):
                for prefix in route.prefixes if route.strip_prefix else ("",):
                    try:
                        if self._table.match(f"{prefix}/{name}" if prefix else name).route is route:
                            return True
                    except NoRouteError:
                        continue
        return False


def _lists(attachment: Sequence[str], media_type: str) -> bool:
    if media_type in attachment or f"{media_type.partition('/')[0]}/*" in attachment:
        return True
    return "active" in attachment and media_types.is_active(media_type)
