"""From a file's name to its media type, the same on every host.

Python's ``mimetypes`` reads the host's own files and knows more or less from version to version, so the same name
would be served, and routed, differently here and there. The table in ``media_types.txt`` is the package's own, and
nothing else is consulted.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Collection, Mapping
from types import MappingProxyType


def _read() -> Mapping[str, str]:
    # pathlib takes longer to import than the table to read.
    with open(f"{os.path.dirname(__file__)}/media_types.txt", encoding="utf-8") as table:  # noqa: PTH120, PTH123
        entries = [line.split() for line in table.read().splitlines() if not line.startswith("#")]
    return MappingProxyType({extension: media_type for media_type, *extensions in entries for extension in extensions})


TYPES = _read()
"""Extension, in lower case and without its first dot (``"png"``, ``"tar.gz"``), to media type."""

_LONGEST = max(extension.count(".") for extension in TYPES) + 1


def extension(name: str) -> str | None:
    """Return the longest known extension of ``name``, in lower case and without its first dot; None if none is known.

    Dots that begin a file's name begin no extension: ``.png`` is a hidden file without one, as in ``os.path.splitext``.
    """
    parts = name.rpartition("/")[2].lower().lstrip(".").split(".")
    for start in range(max(1, len(parts) - _LONGEST), len(parts)):
        if (found := ".".join(parts[start:])) in TYPES:
            return found
    return None


def content_type(name: str) -> str | None:
    """Return the media type of a file of this name, such as ``image/png``; None if its extension is unknown."""
    found = extension(name)
    return None if found is None else TYPES[found]


@functools.lru_cache
def extensions(pattern: str) -> frozenset[str]:
    """Return the known extensions of a media type, or of all that ``video/*`` stands for, in lower case."""
    start = pattern.removesuffix("*") if pattern.endswith("/*") else None
    return frozenset(
        one for one, kind in TYPES.items() if (kind == pattern if start is None else kind.startswith(start))
    )


_ACTIVE_TYPES = """
    text/html text/xml application/xml application/xml-dtd text/xsl text/xml-external-parsed-entity
    application/xml-external-parsed-entity text/javascript application/javascript application/x-javascript
    text/x-javascript text/ecmascript application/ecmascript text/jscript text/livescript text/css text/vbscript
    application/wasm message/rfc822 multipart/related multipart/x-mixed-replace application/x-mimearchive
    application/x-shockwave-flash text/cache-manifest
"""
_ACTIVE = frozenset(_ACTIVE_TYPES.split())


def is_active(media_type: str) -> bool:
    """Return whether browsers run or apply files of this media type, which is in lower case: HTML, every XML with SVG
    and MathML, JavaScript, CSS, WebAssembly, MHTML (``message/rfc822``) and Flash."""
    return media_type in _ACTIVE or media_type.endswith("+xml")


def matches(media_type: str, patterns: Collection[str]) -> bool:
    """Return whether one of ``patterns`` is ``media_type``, or stands for it (``image/*``). A ``*`` never stands for an
    active type."""
    if media_type in patterns:
        return True
    return not is_active(media_type) and f"{media_type.partition('/')[0]}/*" in patterns
