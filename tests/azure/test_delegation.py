"""U2: one user delegation key for all, in time. Times are seconds since the epoch."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from storage_router.azure.credentials import CLOCK_SKEW, PAUSE_AFTER_FAILURE, DelegationKeys
from storage_router.azure.urls import DelegationKey
from storage_router.conf.azure.authentication import MAX_DELEGATION_SECS

NOON = 1_795_003_200 // 86400 * 86400 + 12 * 3600
MINUTE, HOUR, DAY = 60, 3600, 86400


class Service:
    """Stands for the account: gives keys, counts them, and fails or waits when told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.error: Exception | None = None
        self.wait: threading.Event | None = None
        self.waiting = threading.Event()

    def __call__(self, start: int, expiry: int) -> DelegationKey:
        self.asked.append((start, expiry))
        if self.wait is not None:
            self.waiting.set()
            assert self.wait.wait(120)
        if self.error is not None:
            raise self.error
        name = f"key {len(self.asked)}"
        return DelegationKey(
            oid=name, tid="t", start=start, expiry=expiry, service="b", version="v", value=SecretStr("a2V5")
        )


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def keys() -> DelegationKeys:
    return DelegationKeys()


def test_a_key_starts_at_least_15_minutes_back_and_lives_seven_days(service: Service, keys: DelegationKeys) -> None:
    key, _ = keys.key(service, NOON + 5 * MINUTE, now=NOON)
    assert key.start == NOON - 15 * MINUTE
    assert key.expiry - key.start == 7 * DAY


def test_keys_of_two_processes_are_asked_for_with_the_same_times(service: Service) -> None:
    # U4: the workers of a site sign the same URLs
    for moment in (NOON, NOON + 17 * MINUTE, NOON + 59 * MINUTE):
        DelegationKeys().key(service, moment + 5 * MINUTE, now=moment)
    assert len(set(service.asked)) == 1


def test_a_key_is_fetched_once_for_many_urls(service: Service, keys: DelegationKeys) -> None:
    for second in range(0, HOUR, 10):
        keys.key(service, NOON + second + 5 * MINUTE, now=NOON + second)
    assert len(service.asked) == 1


def test_many_threads_at_once_fetch_one_key(service: Service, keys: DelegationKeys) -> None:
    # O4
    service.wait = threading.Event()
    with ThreadPoolExecutor(16) as pool:
        asking = [pool.submit(keys.key, service, NOON + 5 * MINUTE, now=NOON) for _ in range(16)]
        assert service.waiting.wait(120)
        # Time for the others to arrive at the lock; if they do not, the test proves less, but does not fail.
        service.wait.wait(0.1)
        service.wait.set()
        assert {future.result()[0].oid for future in asking} == {"key 1"}
    assert len(service.asked) == 1


def test_a_thread_that_comes_late_to_a_renewal_finds_it_done(service: Service, keys: DelegationKeys) -> None:
    # O4: between a thread's look at the clock and its turn at the lock another one renews.
    keys.key(service, NOON + 5 * MINUTE, now=NOON)
    later = NOON + HOUR
    lock = keys._lock

    class Late:
        def acquire(self, blocking: bool) -> bool:
            keys._lock = lock
            assert keys.key(service, later + 5 * MINUTE, now=later)[0].oid == "key 2"
            return lock.acquire(blocking)

    keys._lock = Late()  # type: ignore[assignment]
    assert keys.key(service, later + 5 * MINUTE, now=later)[0].oid == "key 2"
    assert len(service.asked) == 2


def test_one_thread_renews_a_key_and_the_others_do_not_wait(service: Service, keys: DelegationKeys) -> None:
    keys.key(service, NOON + 5 * MINUTE, now=NOON)
    later = NOON + HOUR
    service.wait = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(keys.key, service, later + 5 * MINUTE, now=later)
        assert service.waiting.wait(120)
        others = [keys.key(service, later + 5 * MINUTE, now=later)[0].oid for _ in range(10)]
        service.wait.set()
        assert renewing.result()[0].oid == "key 2"
    assert others == ["key 1"] * 10
    assert keys.key(service, later + 5 * MINUTE, now=later)[0].oid == "key 2"
    assert len(service.asked) == 2


def test_a_renewal_that_fails_leaves_the_old_key_and_is_tried_again_later(
    service: Service, keys: DelegationKeys
) -> None:
    keys.key(service, NOON + 5 * MINUTE, now=NOON)
    later = NOON + HOUR
    service.error = OSError("the service is down")
    for _ in range(3):
        key, renewal = keys.key(service, later + 5 * MINUTE, now=later)
        assert (key.oid, renewal) == ("key 1", later + PAUSE_AFTER_FAILURE)
    assert len(service.asked) == 2
    service.error = None
    assert keys.key(service, later + 6 * MINUTE, now=later + PAUSE_AFTER_FAILURE)[0].oid == "key 3"


def test_the_first_key_is_waited_for_and_its_failure_is_raised(service: Service, keys: DelegationKeys) -> None:
    service.error = PermissionError("not you")
    with pytest.raises(PermissionError, match="not you"):
        keys.key(service, NOON + 5 * MINUTE, now=NOON)
    service.error = None
    assert keys.key(service, NOON + 5 * MINUTE, now=NOON)[0].oid == "key 2"


def test_a_key_that_ends_too_early_is_replaced_before_it_signs(service: Service, keys: DelegationKeys) -> None:
    keys.key(service, NOON + 5 * MINUTE, now=NOON)
    much_later = NOON + 7 * DAY
    key, _ = keys.key(service, much_later + 5 * MINUTE, now=much_later)
    assert key.oid == "key 2"
    assert key.expiry > much_later + 5 * MINUTE


def test_urls_of_seven_days_take_a_key_an_hour_not_a_key_each(service: Service, keys: DelegationKeys) -> None:
    for minute in range(0, 180, 2):
        moment = NOON + minute * MINUTE
        key, _ = keys.key(service, moment + 7 * DAY, now=moment)
        assert key.expiry >= moment + 7 * DAY - CLOCK_SKEW - HOUR
    assert len(service.asked) == 3


def test_urls_that_stay_the_same_for_hours_are_signed_with_a_key_of_the_day(
    service: Service, keys: DelegationKeys
) -> None:
    # U4
    used = {
        keys.key(service, NOON + hour * HOUR + DAY, stable_for=6 * HOUR, now=NOON + hour * HOUR)[0].oid
        for hour in range(12)
    }
    assert used == {"key 1"}
    assert service.asked == [(NOON - 12 * HOUR - CLOCK_SKEW, NOON - 12 * HOUR - CLOCK_SKEW + MAX_DELEGATION_SECS)]


def test_a_key_of_the_day_that_ends_too_early_gives_way_to_one_of_the_hour(
    service: Service, keys: DelegationKeys
) -> None:
    # U1: a URL lives as long as was asked, rather than staying the same
    until = NOON + 7 * DAY - HOUR
    key, _ = keys.key(service, until, stable_for=6 * HOUR, now=NOON)
    assert key.expiry >= until


def test_keys_survive_a_fork_whatever_thread_was_renewing_one(service: Service, keys: DelegationKeys) -> None:
    # O4, F6
    service.wait = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(keys.key, service, NOON + 5 * MINUTE, now=NOON)
        assert service.waiting.wait(120)
        child = os.fork()
        if child == 0:  # pragma: no cover - not measured
            service.wait = None
            os._exit(0 if keys.key(service, NOON + HOUR, now=NOON)[0].oid == "key 2" else 1)
        for _ in range(600):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
            time.sleep(0.1)
        else:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail("The child waits for a lock of its parent.")
        service.wait.set()
        assert renewing.result()[0].oid == "key 1"
    assert status == 0
