"""The conditions of a request, and how a write recognises its own work when the answer was lost."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from .properties import SAVE_MARKER


def unchanged(etag: str | None) -> dict[str, Any]:
    """Return the SDK's arguments for "only if the blob still has this ETag"; none for None."""
    from azure.core import MatchConditions

    return {} if etag is None else {"etag": etag, "match_condition": MatchConditions.IfNotModified}


class Write:
    """One write: the conditions it is made on, the marker it leaves, and whether it was sent more than once.

    With ``overwrite`` there is no condition: sent twice, it does the same twice. Otherwise the name must be free, or,
    with ``if_match``, the blob must still have that ETag; then the first attempt, if only its answer was lost, is
    what makes the second one fail. ``policy`` is the retry policy that the application gave, or None.
    """

    def __init__(self, *, overwrite: bool, if_match: str | None, policy: Any) -> None:
        from azure.core import MatchConditions

        conditional = if_match is not None or not overwrite
        self.marker = uuid.uuid4().hex if conditional else None
        self.conditions: dict[str, Any] = unchanged(if_match)
        if conditional and if_match is None:
            self.conditions["match_condition"] = MatchConditions.IfMissing
        # The hook is the storage SDK's. A policy of another kind knows none, so a conflict always costs a look.
        self._repeated = policy is not None and not hasattr(policy, "configure_retries")
        if not self._repeated:
            self.conditions["retry_hook"] = self._note_retry

    def answer(self, error: Exception, properties: Callable[[], Any]) -> Mapping[str, Any]:
        """Return the answer that was lost, if ``error`` is a conflict with the first attempt; else raise ``error``.

        ``properties`` asks for the blob's properties; it is called only where a retry makes that possible.
        """
        conflict = getattr(error, "status_code", None) in (409, 412)
        if not conflict or not self._repeated or self.marker is None:
            raise error
        from azure.core.exceptions import AzureError

        try:
            found = properties()
        except AzureError:
            # The conflict is what the caller must hear of.
            raise error from None
        if found.metadata.get(SAVE_MARKER) != self.marker:
            raise error
        return {"etag": found.etag, "last_modified": found.last_modified}

    def _note_retry(self, **_: Any) -> None:
        self._repeated = True
