"""The end of uploads that nobody saved, and ``manage.py storage_router uploads`` (P4)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.management.base import CommandParser

from storage_router.files import DirectStore, direct_store
from storage_router.management.subcommand import Subcommand, age, unusable
from storage_router.router import RouterStorage

_TIME = re.compile(r"(\d{10,})-[0-9a-f]{32}")


class Uploads(Subcommand):
    """Empties the quarantine."""

    help = "Delete uploads that were begun and never saved, with their snapshots and staged blocks."
    shared = ("storage",)

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the action and the age."""
        parser.add_argument("action", choices=["purge"])
        parser.add_argument("--older-than", default="2d", metavar="TIME", help="The age of what is deleted, as 12h.")

    def run(self) -> int:
        """Delete what is old enough."""
        try:
            count = sum(1 for _ in purge(self.router, older_than=age(self.options["older_than"])))
        except LookupError as error:
            raise unusable(str(error)) from None
        self.output.line(f"{count} uploads were deleted.")
        return 0


def purge(router: RouterStorage, *, older_than: float) -> Iterator[str]:
    """Delete what has been in the quarantine for longer than ``older_than`` seconds, with snapshots and staged blocks,
    and yield the names. A name that ``begin`` has not made counts as old."""
    store, directory = _quarantine(router)
    for name in store.leftovers(directory):
        found = _TIME.fullmatch(name.rpartition("/")[2])
        if found is None or int(found[1]) <= time.time() - older_than:
            store.discard(name)
            yield name


def lifecycle_rule(router: RouterStorage, *, days: int = 2) -> Mapping[str, Any]:
    """Return the rule for the account's lifecycle policy that empties the quarantine.

    https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-policy-structure
    """
    store, directory = _quarantine(router)
    options: Any = getattr(store, "options", None)
    prefix = "/".join(filter(None, (options.azure_container, options.location.strip("/"), directory)))
    gone = {"delete": {"daysAfterCreationGreaterThan": days}}
    return {
        "name": "storage-router-quarantine",
        "enabled": True,
        "type": "Lifecycle",
        "definition": {
            "filters": {"blobTypes": ["blockBlob", "appendBlob"], "prefixMatch": [f"{prefix}/"]},
            "actions": {"baseBlob": gone, "snapshot": gone},
        },
    }


def _quarantine(router: RouterStorage) -> tuple[DirectStore, str]:
    """Return the store of the quarantine, and its directory there. Raises ``LookupError`` where there is none."""
    uploads = router.configuration.document.uploads
    if uploads is None:
        raise LookupError("The configuration has no [uploads].")
    prefix = uploads.quarantine.strip("/")
    match = router.table.match(f"{prefix}/x", hidden=True)
    store = direct_store(router.backends[match.alias])
    if store is None:
        raise LookupError(f"The quarantine's backend {match.alias!r} takes no uploads from browsers.")
    return store, str(match.name).rpartition("/")[0]
