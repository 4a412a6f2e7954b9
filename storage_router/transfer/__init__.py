"""Many files copied from any storage to any other: listed once, compared by content, in parallel, each whole or not at
all."""

from .copying import FileCopy, Outcome
from .destination import Destination, Progress, no_progress

__all__ = ["Destination", "FileCopy", "Outcome", "Progress", "no_progress"]
