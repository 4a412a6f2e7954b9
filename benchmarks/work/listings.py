"""What listing many files costs."""

from __future__ import annotations

from contenders import storage
from measuring import Figures, exhausted, timed


def ten_thousand(contender: str, endpoint: str) -> Figures:
    """List 10,000 files."""
    return _listed(contender, endpoint, 10_000)


def hundred_thousand(contender: str, endpoint: str) -> Figures:
    """List 100,000 files."""
    return _listed(contender, endpoint, 100_000)


def _listed(contender: str, endpoint: str, count: int) -> Figures:
    made = storage(contender, endpoint)
    made.exists("small")

    def operation(_: int) -> None:
        directory = f"list-{count}"
        assert exhausted(made.walk(directory) if contender == "ours" else made.list_all(directory)) == count

    return timed(operation, 1, warm=0)
