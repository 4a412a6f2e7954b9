"""The origins of the site's pages, for CORS: those of ``--origin``, else those of the settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from .selection import UNUSABLE

_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]+)?/?")
_USUAL_PORTS = {"http": ":80", "https": ":443"}


def add_arguments(parser: CommandParser) -> None:
    """Add ``--origin``."""
    parser.add_argument(
        "--origin",
        action="append",
        help="An origin of the site for CORS, such as https://www.example.com; may be repeated. Without it those of "
        "CSRF_TRUSTED_ORIGINS and ALLOWED_HOSTS without wildcards.",
    )


def of_site(options: Mapping[str, Any]) -> list[str]:
    """Return the origins of the site's pages: those given, else what the settings tell without wildcards.

    Raises ``CommandError`` for one that is none.
    """
    if options["origin"]:
        return [_given(text) for text in options["origin"]]
    hosts = (f"https://{host}" for host in settings.ALLOWED_HOSTS if not host.startswith("."))
    return list(dict.fromkeys(filter(None, map(_origin, (*settings.CSRF_TRUSTED_ORIGINS, *hosts)))))


def _given(text: str) -> str:
    if (origin := _origin(text)) is None:
        message = f"{text} is not an origin. Write the scheme and the host of the site: https://www.example.com."
        raise CommandError(f"--origin {message}", returncode=UNUSABLE)
    return origin


def _origin(text: str) -> str | None:
    """Return an origin as browsers send it, None for what is none.

    https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin
    """
    found = _ORIGIN.fullmatch(text.lower())
    if found is None:
        return None
    scheme, host, port = found.groups()
    return f"{scheme}://{host}" + (port if port and port != _USUAL_PORTS.get(scheme) else "")
