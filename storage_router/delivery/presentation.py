"""How a browser may treat a file: its media type, inline or a download, and the policy it is sent with (D4)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.utils.http import content_disposition_header

from storage_router import media_types
from storage_router.conf.routes import RouteOptions
from storage_router.exceptions import NoRouteError
from storage_router.routing import RouteTable

UNKNOWN = "application/octet-stream"
SVG = "image/svg+xml"
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""Stops every script of an SVG and keeps its styles."""


@dataclass(frozen=True, kw_only=True)
class Presentation:
    """What the answer says of a file, decided by its name alone; what is stored with the file is never sent."""

    content_type: str
    content_disposition: str
    content_security_policy: str
    resource_policy: str

    @classmethod
    def of(cls, name: str, route: RouteOptions) -> Presentation:
        """Decide how the file is sent. A script with its own type works for any page of the site, as a download, too;
        so active types travel as bytes without a type, except for SVG, which runs nothing in a page."""
        media_type = media_types.content_type(name) or UNKNOWN
        inline = media_type != UNKNOWN and media_types.matches(media_type, route.inline)
        active = media_types.is_active(media_type)
        policy = SANDBOX if active or not inline else ""
        # Not for what is not active: browsers show no PDF in a sandbox.
        policies = [policy, "frame-ancestors 'self'" if inline else ""]
        return cls(
            content_type=UNKNOWN if active and media_type != SVG else media_type,
            content_disposition=str(content_disposition_header(not inline, _file_name(name))),
            content_security_policy="; ".join(filter(None, policies)),
            resource_policy=route.resource_policy,
        )

    def headers(self) -> dict[str, str]:
        """Return the headers that say so."""
        return {
            "Content-Type": self.content_type,
            "Content-Disposition": self.content_disposition,
            "Content-Security-Policy": self.content_security_policy,
            "Cross-Origin-Resource-Policy": self.resource_policy,
        }


def _file_name(name: str) -> str:
    """Return the last segment without characters that change how the rest is read, such as U+202E."""
    file_name = name.rpartition("/")[2]
    return "".join("_" if unicodedata.category(one) in ("Cf", "Zl", "Zp") else one for one in file_name)


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
        wanted = {media_type, f"{media_type.partition('/')[0]}/*"}
        if media_types.is_active(media_type):
            wanted.add("active")
        for route in self._routes:
            if wanted.isdisjoint(route.options.attachment):
                continue
            for prefix in route.prefixes if route.strip_prefix else ("",):
                with suppress(NoRouteError):
                    if self._table.match(f"{prefix}/{name}" if prefix else name).route is route:
                        return True
        return False
