"""The conditions of a request, and how a write recognises its own work when the answer was lost."""

from __future__ import annotations

import uuid
from typing import Any

from .errors import OVERWRITE_REFUSED
from .properties import SAVE_MARKER


def unchanged(etag: str | None) -> dict[str, Any]:
    """Return the SDK's arguments for "only if the blob still has this ETag"; none for None."""
    from azure.core import MatchConditions

    return {} if etag is None else {"etag": etag, "match_condition": MatchConditions.IfNotModified}


class Write:
    """One write: the conditions it is made on, and the marker that it leaves in the blob's metadata.

    With ``overwrite`` there is neither: done twice, it does the same twice. Otherwise the name must be free, or, with
    ``if_match``, the blob must still have that ETag; then a write that was delivered twice, because its answer was
    lost or because something between here and Azure repeats requests, fails by its own success, which the marker
    shows.
    """

    def __init__(self, *, overwrite: bool, if_match: str | None) -> None:
        from azure.core import MatchConditions

        conditional = if_match is not None or not overwrite
        self.marker = uuid.uuid4().hex if conditional else None
        self.conditions = unchanged(if_match)
        if conditional and if_match is None:
            self.conditions["match_condition"] = MatchConditions.IfMissing

    def may_have_caused(self, error: Exception) -> bool:
        """Whether ``error`` may be a conflict of the write with itself."""
        conflict = getattr(error, "status_code", None) in (409, 412)
        return self.marker is not None and (conflict or getattr(error, "error_code", None) == OVERWRITE_REFUSED)

    def made(self, properties: Any) -> bool:
        """Whether the blob with these properties (the SDK's) is what this write made."""
        return bool(properties.metadata.get(SAVE_MARKER) == self.marker)
