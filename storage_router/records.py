"""``Record``: values with named fields whose classes cost next to nothing to make.

A process makes all classes of the package when it starts. For each named tuple and data class, Python writes and
compiles code; for a record it does not.
"""

from typing import Any, dataclass_transform


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Record:
    """A data class for type checkers, which see to it that all fields are given, by name, and never changed."""

    def __init__(self, **fields: Any) -> None:
        vars(self).update(fields)
