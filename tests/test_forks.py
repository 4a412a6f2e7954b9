"""F6, A14: locks of ours in forked children, and systems without fork."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable

import pytest
from django.core.files.storage import InMemoryStorage

from storage_router import RouterStorage
from storage_router.forks import Lock, RLock


def in_a_child(question: Callable[[], bool]) -> bool:
    """Answer ``question`` in a forked child, which has a minute."""
    child = os.fork()
    if child == 0:  # pragma: no cover - not measured
        try:
            os._exit(0 if question() else 1)
        finally:
            os._exit(2)
    for _ in range(1200):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pytest.fail("The child waits for ever.")


@pytest.mark.parametrize("kind", [Lock, RLock])
def test_a_lock_that_another_thread_holds_is_free_in_a_child(kind: type[Lock]) -> None:
    lock, held, release = kind(), threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            release.wait(120)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(120)
    try:
        assert in_a_child(lambda: lock.acquire(blocking=False))
        assert not lock.acquire(blocking=False)
    finally:
        release.set()
        thread.join()
    assert lock.acquire(blocking=False)


@pytest.mark.parametrize("kind", [Lock, RLock])
def test_a_child_that_was_forked_inside_the_lock_leaves_it_without_error(kind: type[Lock]) -> None:
    lock = kind()

    def fork() -> int:
        with lock:
            return os.fork()

    child = fork()
    if child == 0:  # pragma: no cover - not measured
        os._exit(0 if lock.acquire(blocking=False) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert lock.acquire(blocking=False)


def test_a_child_builds_a_backend_that_another_thread_was_building() -> None:
    """F6: ``Slow`` below is a backend whose building takes its time."""
    Slow.building.clear()
    Slow.go_on.clear()
    options = {"type": "django", "backend": "tests.test_forks.Slow"}
    router = RouterStorage(backends={"media": options}, default="media")
    thread = threading.Thread(target=lambda: router.backends["media"])
    thread.start()
    assert Slow.building.wait(120)
    try:
        assert in_a_child(lambda: Slow.go_on.set() or type(router.backends["media"]).__name__ == "Slow")
    finally:
        Slow.go_on.set()
        thread.join()


class Slow(InMemoryStorage):
    """A storage that is built when told to."""

    building = threading.Event()
    go_on = threading.Event()

    def __init__(self) -> None:
        super().__init__()
        self.building.set()
        assert self.go_on.wait(120)


def test_nothing_asks_for_fork_at_import() -> None:
    """A14: as on Windows."""
    script = """
        import os
        del os.register_at_fork, os.fork
        import storage_router, storage_router.azure.storage, storage_router.azure.container, storage_router.factory
        import storage_router.azure.pipeline, storage_router.azure.transport, storage_router.delivery
        from django.conf import settings
        settings.configure(USE_TZ=True)
        import storage_router.staticfiles.manifest
        storage = storage_router.AzureStorage(account_name="acme", account_key="a2V5", azure_container="media")
        print(storage.url("a.txt", expire=60).partition("?")[0])
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False, timeout=120
    )
    assert (ran.stderr, ran.stdout) == ("", "https://acme.blob.core.windows.net/media/a.txt\n")
