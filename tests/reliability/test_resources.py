"""Thousands of operations, good ones and failing ones, leave no sockets, threads, temporary files or growing memory."""

from __future__ import annotations

import gc
import os
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import override_settings

from storage_router import AzureStorage
from storage_router.azure.client import Account
from storage_router.exceptions import BlobError
from tests.kit.faults import DONE_BUT_FAILED, SERVER_ERROR, Cut, Reset

from . import SOAK
from .conftest import LARGE, SMALL, Folder

THREADS = 8
TURNS = 7
"""Turns in each thread and round: a thousand operations, with those of ``large`` and ``broken``. Each round is the same
work, so nothing has a reason to grow with their number."""

SPARE = 20
"""Sockets and the like. A busy machine lets more requests, and so connections, exist at the same time."""

OBJECTS = 1_000
"""What one object left by each operation of one round would make."""

GROWTH = 16 * 2**20
"""Bytes. What allocators and caches keep makes some 6 MiB; 1 KiB kept of each of 10,000 operations would make 10."""


def descriptors() -> Counter[str]:
    """Return how many sockets, files and pipes the process has open."""
    kinds: Counter[str] = Counter()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            kinds[str(entry.readlink()).partition(":")[0]] += 1
        except FileNotFoundError:
            continue
    return kinds


def resident() -> int:
    """Return the process's memory in bytes, as the system counts it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def use(storage: AzureStorage, who: str, turns: int) -> int:
    """Return how many operations it was."""
    for turn in range(turns):
        name = storage.save(f"{who}/{turn}.txt", ContentFile(SMALL))
        for _ in range(3):
            with storage.open(name) as file:
                file.read(100)
            storage.exists(name)
            storage.url(name, expire=60)
            storage.size(name)
        with storage.open(name, "ab") as file:
            file.write(b"more")
        storage.open(name).close()
        storage.listdir(who)
        list(storage.walk(who))
        with pytest.raises(FileNotFoundError):
            storage.open(f"{who}/none")
        storage.delete(name)
    return turns * (3 * 4 + 7)


def give_up(storage: AzureStorage) -> None:
    with storage.open("never.bin", "wb") as draft:
        draft.write(LARGE)
        raise ZeroDivisionError


def large(storage: AzureStorage) -> int:
    """What uses threads and temporary files: blocks, read-ahead, files that are given up half-way."""
    name = storage.save("large.bin", ContentFile(LARGE))
    with storage.open(name) as file:
        file.read(4 * 2**20 + 1)
    file = storage.open(name)
    file.seek(4 * 2**20)
    file.read(1)
    del file
    with pytest.raises(ZeroDivisionError):
        give_up(storage)
    with storage.open(name, "r+b") as draft:
        draft.write(b"!")
    storage.delete(name)
    return 6


def broken(folder: Folder, storage: AzureStorage) -> int:
    """The same with a proxy that fails: it is on the way of errors that connections and files are forgotten."""
    done = 0
    for fault in (Reset("request"), Reset("answer"), Reset("answer body"), Cut(), SERVER_ERROR, DONE_BUT_FAILED):
        folder.proxy.fail("*", fault, times=10_000)
        works: list[Callable[[], Any]] = [
            lambda: storage.save("a", ContentFile(SMALL)),
            lambda: storage.save("b", ContentFile(LARGE)),
            lambda: storage.open("large.bin").read(),
            lambda: storage.listdir(""),
            lambda: storage.delete("a"),
        ]
        for work in works:
            done += 1
            try:
                work()
            except BlobError:
                continue
        folder.proxy.heal()
        folder.proxy.forget()
    return done


@pytest.mark.parametrize("rounds", [1, pytest.param(10 * SOAK, marks=pytest.mark.large)])
@pytest.mark.usefixtures("quick_retries")
def test_thousands_of_operations_leave_nothing_behind(
    azurite: Any, folder: Folder, tmp_path: Path, rounds: int
) -> None:
    direct = folder.storage(connection_string=azurite.connection_string())
    through = folder.storage(client_options={"retry_total": 1})

    def round_of_work() -> int:
        with ThreadPoolExecutor(THREADS) as pool:
            done = sum(pool.map(lambda number: use(direct, f"t{number}", TURNS), range(THREADS)))
        done += large(direct) + broken(folder, through)
        gc.collect()
        return done

    with override_settings(FILE_UPLOAD_TEMP_DIR=str(tmp_path)):
        assert tempfile.gettempdir() != str(tmp_path)
        round_of_work()
        threads, open_before = set(threading.enumerate()), descriptors()
        memory, objects = resident(), len(gc.get_objects())
        assert sum(round_of_work() for _ in range(rounds)) >= 1_000 * rounds
    # A thread that fetched ahead for a file that was closed ends when its request does.
    for thread in set(threading.enumerate()) - threads:
        thread.join(60)
    assert set(threading.enumerate()) <= threads
    assert list(tmp_path.iterdir()) == []
    now = descriptors()
    # Connections are kept for the next request: as many as there were requests at a time, on both sides of the proxy.
    assert now["socket"] <= open_before["socket"] + SPARE
    assert sum(now.values()) - now["socket"] <= sum(open_before.values()) - open_before["socket"]
    gc.collect()
    assert len(gc.get_objects()) - objects < OBJECTS
    if rounds >= 10:
        assert resident() - memory < GROWTH
    Account.of(direct.options).pools.clear()
    Account.of(through.options).pools.clear()
    gc.collect()
    assert descriptors()["socket"] < now["socket"]
