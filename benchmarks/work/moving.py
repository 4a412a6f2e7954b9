"""What moving files between two accounts costs."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django
from contenders import CONTAINER, PlainRequests, object_store, settings, storage
from measuring import Figures, exhausted, timed

from tests.kit.azurite import ACCOUNT_NAME

COUNT = 10_000
AT_ONCE = 32


def ten_thousand(contender: str, endpoint: str) -> Figures:
    """Move 10,000 files of 1 kB, by one worker; the floor has the service copy the same files, and does not compare."""
    settings(
        INSTALLED_APPS=["storage_router", "storage_router.moving"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    )
    django.setup()
    other = endpoint.replace(ACCOUNT_NAME, f"{ACCOUNT_NAME}2")
    names = [f"{index % 100:02}/{index}.txt" for index in range(COUNT)]
    _seed(endpoint, names)
    old, new = storage("ours", endpoint), storage("ours", other)
    move = _floor(old, other, names) if contender == "floor" else _ours(old, new)
    figures = timed(lambda _: move(), 1, warm=0)
    assert exhausted(new.walk()) == COUNT
    return figures


def _ours(old: Any, new: Any) -> Callable[[], None]:
    from django.core.management import call_command

    from storage_router.moving import backfill
    from storage_router.moving.models import Move
    from storage_router.moving.storage import MovingStorage

    call_command("migrate", verbosity=0)
    files = backfill.Files(storage=MovingStorage(old, new, phase="mirror"))
    row = Move.objects.create(router="default", route="", old="old", new="new", began=dt.datetime.now(dt.UTC))

    def move() -> None:
        backfill.make_shards(row, files, COUNT)
        while (shard := backfill.take(row)) is not None:
            backfill.run(shard, files, threads=AT_ONCE)
        assert row.totals()["copied"] == COUNT

    return move


def _floor(old: Any, other: str, names: Iterable[str]) -> Callable[[], None]:
    own = threading.local()

    def copy(name: str) -> None:
        plain = getattr(own, "plain", None)
        if plain is None:
            plain = own.plain = PlainRequests(other)
        plain.copy(name, old.sign(name, 600))

    def move() -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(copy, names))

    return move


def _seed(endpoint: str, names: Iterable[str]) -> None:
    import obstore

    store = object_store(endpoint, CONTAINER)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda name: obstore.put(store, name, name.encode().ljust(1000), use_multipart=False), names))
