"""F2, A2: many writers and readers at once, in threads and in processes."""

from __future__ import annotations

import multiprocessing
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.base import ContentFile

from storage_router import AzureStorage
from storage_router.azure.client import Account
from storage_router.exceptions import BlobChangedError, BlobError, BlobExistsError
from tests.kit.azurite import Azurite, UnsignedTokenCredential
from tests.kit.faults import Delay, Stall
from tests.kit.proxy import FaultProxy

from . import SOAK
from .conftest import LARGE, Folder

PROCESSES = 4
THREADS = 32


def together(threads: int, work: Callable[[int], Any]) -> list[Any]:
    """Run ``work`` with the numbers from 0 on, all at the same time, and return what they return."""
    start = threading.Barrier(threads)

    def run(number: int) -> Any:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


def save_the_same_name(options: dict[str, Any], process: int, threads: int, saves: int) -> dict[str, str]:
    """Save ``same.txt`` again and again; return the content by the name that it got."""
    storage = AzureStorage(**options)

    def work(thread: int) -> dict[str, str]:
        contents = (f"{process}-{thread}-{number}" for number in range(saves))
        return {storage.save("d/same.txt", ContentFile(content.encode())): content for content in contents}

    return {name: content for saved in together(threads, work) for name, content in saved.items()}


@pytest.mark.parametrize("count", [256, pytest.param(1_000, marks=pytest.mark.large)])
def test_saves_of_one_name_from_processes_and_threads_are_as_many_files(
    azurite: Azurite, shared_container: str, folder: Folder, count: int
) -> None:
    options = {
        "connection_string": azurite.connection_string(),
        "azure_container": shared_container,
        "location": folder.location,
    }
    # 4 processes of 8 threads: 32 threads in all.
    threads = THREADS // PROCESSES
    saves = -(-count // THREADS)
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        each = pool.starmap(save_the_same_name, [(options, number, threads, saves) for number in range(PROCESSES)])
    expected = {name: content for saved in each for name, content in saved.items()}
    assert len(expected) >= count
    assert sum(map(len, each)) == len(expected)
    assert {name: content.decode() for name, content in folder.files().items()} == expected


def test_thirty_two_threads_create_one_name_exclusively_and_one_of_them_wins(folder: Folder) -> None:
    storage = folder.storage()

    def create(number: int) -> int | None:
        try:
            with storage.open("lock.txt", "xb") as file:
                file.write(str(number).encode())
        except (BlobExistsError, BlobChangedError):
            return None
        return number

    winners = [number for number in together(THREADS, create) if number is not None]
    assert len(winners) == 1
    assert folder.files() == {"lock.txt": str(winners[0]).encode()}


@pytest.mark.parametrize("size", [20_000, len(LARGE)], ids=["small", "blocks"])
def test_with_overwrite_files_the_last_writer_wins_whole_and_readers_see_one_version(folder: Folder, size: int) -> None:
    storage = folder.storage(overwrite_files=True)
    threads, rounds = (16, 10 * SOAK) if size < 2**20 else (6, 3 * SOAK)
    storage.save("same.bin", ContentFile(b"\0" * size))
    seen: Counter[int] = Counter()
    writing = threading.Semaphore(0)

    def work(number: int) -> None:
        if number % 2:
            try:
                for _ in range(rounds):
                    assert storage.save("same.bin", ContentFile(bytes([number]) * size)) == "same.bin"
            finally:
                writing.release()
            return
        ended = False
        # One that was too slow for the writers reads what they left.
        while not ended or not seen:
            ended = ended or writing.acquire(blocking=False)
            try:
                with storage.open("same.bin") as file:
                    content = file.read()
            except BlobChangedError:
                continue
            assert len(content) == size
            assert len(set(content)) == 1
            seen[content[0]] += 1

    together(threads, work)
    [(name, content)] = folder.files().items()
    assert (name, len(content), len(set(content))) == ("same.bin", size, 1)
    assert content[0] % 2 == 1
    assert set(seen) <= {0, *range(1, threads, 2)}
    assert seen


def test_a_name_deleted_and_saved_at_once_holds_a_whole_file_or_none(folder: Folder) -> None:
    storage = folder.storage()

    def work(number: int) -> list[str]:
        if number % 2:
            for _ in range(10):
                storage.delete("same.txt")
            return []
        return [storage.save("same.txt", ContentFile(f"{number}-{turn}".encode() * 100)) for turn in range(10)]

    saved = [name for names in together(8, work) for name in names]
    files = folder.files()
    # Other names than the deleted one are still there, each with one whole content.
    others = [name for name in saved if name != "same.txt"]
    assert len(set(others)) == len(others)
    assert set(files) | {"same.txt"} == {*others, "same.txt"}
    assert len(set(files.values())) == len(files)
    assert all(content == content[:3] * 100 for content in files.values())


def delegating(proxy: FaultProxy, container: str, **options: Any) -> AzureStorage:
    return AzureStorage(
        account_url=proxy.account_url(),
        token_credential=options.pop("token_credential", None) or UnsignedTokenCredential(),
        azure_container=container,
        expiration_secs=600,
        client_options={"connection_verify": str(proxy.certificate), **options.pop("client_options", {})},
        **options,
    )


@pytest.mark.usefixtures("one_moment")
def test_the_user_delegation_key_is_fetched_once_under_load(azurite_https: Azurite, container_https: str) -> None:
    credential = UnsignedTokenCredential()
    with FaultProxy(azurite_https) as proxy:
        proxy.fail("Get User Delegation Key", Delay(0.2), times=100)
        storages = [
            delegating(proxy, container_https, token_credential=credential, location=f"l{number}")
            for number in range(4)
        ]
        urls = together(32, lambda number: [storages[number % 4].url(f"{turn}.txt") for turn in range(20)])
    assert proxy.count("Get User Delegation Key") == 1
    assert all("sig=" in url for found in urls for url in found)


def test_a_stalled_delegation_key_fails_all_who_wait_in_one_time_limit(
    azurite_https: Azurite, container_https: str
) -> None:
    def ask(number: int) -> str:
        try:
            return storage.url(f"{number}.txt")
        except BlobError as error:
            return type(error).__name__

    with FaultProxy(azurite_https) as proxy:
        proxy.fail("Get User Delegation Key", Stall("request"), times=100)
        options = {"client_options": {"read_timeout": 3, "retry_total": 0}}
        storage = delegating(proxy, container_https, **options)
        assert set(together(16, ask)) == {"BlobTimeoutError"}
        # Who came while the first was waiting shares its failure; a straggler may have begun a second attempt.
        assert proxy.count("Get User Delegation Key") <= 2, proxy.story()
        proxy.heal()
        assert "sig=" in storage.url("x.txt")


def test_threads_that_use_a_storage_first_at_the_same_time_share_one_account(folder: Folder) -> None:
    storages = [folder.storage(location=f"{folder.location}/{number}") for number in range(THREADS)]
    services = together(
        THREADS, lambda number: id(Account.of(given := storages[number].options).client(given).sender())
    )
    assert len(set(services)) == 1
    assert together(THREADS, lambda number: storages[number].save("x", ContentFile(b"x"))) == ["x"] * THREADS


def _service(storage: AzureStorage) -> Any:
    return Account.of(storage.options).client(storage.options).sender()
