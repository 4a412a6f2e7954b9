"""The end of uploads that nobody saved: ``manage.py storage_router uploads`` (P4)."""

from __future__ import annotations

import math
import re
import time
from typing import ClassVar

from storage_router.files import DirectStore, direct_store
from storage_router.management.subcommand import STORAGE, Subcommand, age, unusable

_TIME = re.compile(r"(\d{10,})-[0-9a-f]{32}")


class Uploads(Subcommand):
    """Deletes what has been in the quarantine for too long, with snapshots and staged blocks."""

    help = "Delete uploads that were begun and never saved, with their snapshots and staged blocks."
    arguments: ClassVar = {
        "action": {"choices": ["purge"]},
        **STORAGE,
        "--older-than": {"default": "2d", "metavar": "TIME", "help": "The age of what is deleted, such as 12h."},
    }

    def run(self) -> int:
        older_than = age(self.options["older_than"])
        store, directory = self._quarantine()
        count = 0
        for name in store.leftovers(directory):
            if seconds_waited(name) >= older_than:
                store.discard(name)
                count += 1
        self.output.line(f"{count} uploads were deleted.")
        return 0

    def _quarantine(self) -> tuple[DirectStore, str]:
        """Return the store of the quarantine, and its directory there."""
        uploads = self.router.configuration.document.uploads
        if uploads is None:
            raise unusable("The configuration has no [uploads].")
        match = self.router.table.match(f"{uploads.quarantine.strip('/')}/x", hidden=True)
        store = direct_store(self.router.backends[match.alias])
        if store is None:
            raise unusable(f"The quarantine's backend {match.alias!r} takes no uploads from browsers.")
        return store, match.name.rpartition("/")[0]


def seconds_waited(name: str) -> float:
    """Return for how long an upload has been in the quarantine; a name that ``begin`` has not made counts as old."""
    found = _TIME.fullmatch(name.rpartition("/")[2])
    return time.time() - int(found[1]) if found else math.inf
