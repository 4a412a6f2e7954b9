"""Many files from any storage to any other: listed once, compared by content, copied in parallel, each whole or not at
all."""

from .copying import FileCopy, Outcome
from .destination import Destination, no_progress

__all__ = ["Destination", "FileCopy", "Outcome", "no_progress"]
