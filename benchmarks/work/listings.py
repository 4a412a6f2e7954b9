"""What listing many files costs, and comparing two listings."""

from __future__ import annotations

import django
from contenders import object_store, settings, storage
from measuring import Figures, exhausted, timed

MILLION = "list-1000000"


def ten_thousand(contender: str, endpoint: str) -> Figures:
    """List 10,000 files."""
    return _listed(contender, endpoint, 10_000)


def hundred_thousand(contender: str, endpoint: str) -> Figures:
    """List 100,000 files."""
    return _listed(contender, endpoint, 100_000)


def compared(contender: str, endpoint: str) -> Figures:
    """Compare two containers of a million files each; the floor lists both."""
    settings(INSTALLED_APPS=["storage_router", "storage_router.moving"])
    django.setup()
    from storage_router.moving import backfill
    from storage_router.moving.storage import MovingStorage

    old, new = storage("ours", endpoint), storage("ours", endpoint, azure_container="other")
    for each in (old, new):
        each.exists("small")
    files = backfill.Files(storage=MovingStorage(old, new, phase="mirror"), directory=MILLION)

    def operation(_: int) -> None:
        if contender == "floor":
            assert [exhausted(each.walk(MILLION)) for each in (old, new)] == [1_000_000, 1_000_000]
        else:
            assert sum(not backfill.differs(pair) for pair in files.compared()) == 1_000_000

    return timed(operation, 1, warm=0)


def _listed(contender: str, endpoint: str, count: int) -> Figures:
    directory = f"list-{count}"
    if contender == "floor":
        import obstore

        store = object_store(endpoint)
        obstore.list(store, "list-1/").collect()
        figures = timed(lambda _: _checked(sum(map(len, obstore.list(store, f"{directory}/"))), count), 1, warm=0)
        del figures["requests"]  # obstore does not send by http.client
        return figures
    made = storage(contender, endpoint)
    made.exists("small")
    walk = made.walk if contender == "ours" else made.list_all
    return timed(lambda _: _checked(exhausted(walk(directory)), count), 1, warm=0)


def _checked(found: int, expected: int) -> None:
    assert found == expected, found
