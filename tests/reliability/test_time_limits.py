"""F1, O5: how long a call may take at most when Azure is not there; docs/reliability.md has the same numbers.

The shortest ``timeout`` that there is (one second) is used, so that the limits can be waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from storage_router.exceptions import BlobConnectionError, BlobError, BlobTimeoutError
from tests.kit.azurite import Azurite, UnsignedTokenCredential
from tests.kit.faults import BUSY, Reset, Stall
from tests.kit.proxy import FaultProxy

from .conftest import Folder
from .operations import OPERATIONS, Operation
from .test_races import delegating

TIMEOUT = 1
LIMIT = 2 * TIMEOUT
"""Seconds that one request may take: ``timeout``, and the time to connect, which is at most as long here."""

SLACK = 2
"""The factor that the contract grants."""


def ends_within(limit: float, work: Callable[[], Any]) -> bool:
    """Return whether one of ten calls took less than ``limit``: the machine may be busy with something else."""
    return any(took(work) < limit for _ in range(10))


def took(work: Callable[[], Any]) -> float:
    start = time.monotonic()
    with pytest.raises(BlobError) as caught:
        work()
    assert isinstance(caught.value, (BlobTimeoutError, BlobConnectionError)) or caught.value.status == 503
    return time.monotonic() - start


_SOME = [it for it in OPERATIONS if it.name in {"save-small", "save-large", "read-small", "delete", "listdir", "copy"}]


@pytest.mark.parametrize("operation", _SOME, ids=str)
def test_every_call_ends_within_its_limit_when_the_service_says_nothing(folder: Folder, operation: Operation) -> None:
    folder.put(operation.before)
    folder.proxy.fail("*", Stall("request"), times=1_000)
    storage = folder.storage(**operation.options, timeout=TIMEOUT)
    assert ends_within(LIMIT * SLACK, lambda: operation.run(storage))
    assert folder.files() == operation.before


@pytest.mark.parametrize("fault", [Reset("request"), Reset("answer"), BUSY], ids=str)
def test_every_call_ends_within_its_limit_when_the_service_fails_at_once(folder: Folder, fault: Any) -> None:
    folder.proxy.fail("*", fault, times=1_000)
    storage = folder.storage(timeout=TIMEOUT)
    assert ends_within(LIMIT * SLACK, lambda: storage.size("a"))


def test_a_service_that_refuses_connections_is_reported_within_the_limit(folder: Folder) -> None:
    storage = folder.storage(timeout=TIMEOUT)
    with folder.proxy.down():
        assert ends_within(LIMIT * SLACK, lambda: storage.size("a"))


def test_a_large_upload_that_stalls_in_its_middle_ends_within_the_limit(folder: Folder) -> None:
    operation = next(it for it in OPERATIONS if it.name == "save-large")
    folder.proxy.fail("Put Block", Stall("request body"), times=1_000)
    storage = folder.storage(timeout=TIMEOUT)
    # Two requests one after the other: the look at the name, then the block.
    assert ends_within(2 * LIMIT * SLACK, lambda: operation.run(storage))
    assert folder.files() == {}


def test_a_large_download_that_stalls_in_its_middle_ends_within_the_limit(folder: Folder) -> None:
    operation = next(it for it in OPERATIONS if it.name == "read-large")
    folder.put(operation.before)
    folder.proxy.fail("Get Blob", Stall("answer body"), skip=1, times=1_000)
    storage = folder.storage(timeout=TIMEOUT)
    assert ends_within(LIMIT * SLACK, lambda: operation.run(storage))


def test_a_url_that_needs_a_key_ends_within_the_limit(azurite_https: Azurite, container_https: str) -> None:
    with FaultProxy(azurite_https) as proxy:
        proxy.fail("Get User Delegation Key", Stall("request"), times=1_000)
        storage = delegating(proxy, container_https, timeout=TIMEOUT)
        assert ends_within(LIMIT * SLACK, lambda: storage.url("a"))


def test_a_url_with_a_key_at_hand_needs_no_service(azurite_https: Azurite, container_https: str) -> None:
    with FaultProxy(azurite_https) as proxy:
        storage = delegating(proxy, container_https, token_credential=UnsignedTokenCredential())
        storage.url("a")
        with proxy.down():
            assert "sig=" in storage.url("b")
