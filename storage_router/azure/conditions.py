"""The conditions of a request, as headers, and how a write recognises its own work when the answer was lost."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from .errors import OVERWRITE_REFUSED
from .properties import METADATA, SAVE_MARKER


def unchanged(etag: str | None) -> dict[str, str]:
    """Return the header for "only if the blob still has this ETag"; none for None."""
    return {} if etag is None else {"If-Match": etag}


class Write:
    """One write: the conditions it is made on, and the marker that it leaves in the blob's metadata.

    With ``overwrite`` there is neither: done twice, it does the same twice. Otherwise the name must be free, or, with
    ``if_match``, the blob must still have that ETag; then a write that was delivered twice, because its answer was
    lost or because something between here and Azure repeats requests, fails by its own success, which the marker
    shows.
    """

    def __init__(self, *, overwrite: bool, if_match: str | None) -> None:
        self.creates = not overwrite and if_match is None
        conditional = if_match is not None or not overwrite
        self.marker = uuid.uuid4().hex if conditional else None
        self.conditions = unchanged(if_match)
        if conditional and if_match is None:
            self.conditions["If-None-Match"] = "*"

    def may_have_caused(self, error: Exception) -> bool:
        """Whether ``error`` may be a conflict of the write with itself."""
        conflict = getattr(error, "status_code", None) in (409, 412)
        return self.marker is not None and (conflict or getattr(error, "error_code", None) == OVERWRITE_REFUSED)

    def made(self, headers: Mapping[str, str]) -> bool:
        """Whether the blob that is answered for with these headers is what this write made."""
        return headers.get(METADATA + SAVE_MARKER) == self.marker
