"""O5: retries start within a second and end within the time limit."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.pipeline.policies import RetryPolicy
from azure.storage.blob import LinearRetry

from storage_router.azure.container import Blobs, FileSettings
from storage_router.azure.pipeline import Retry
from storage_router.azure.urls import BlobUrls
from storage_router.exceptions import BlobConnectionError, BlobError, BlobTimeoutError
from tests.kit.azurite import Azurite
from tests.kit.faults import BUSY, SERVER_ERROR, Answer, Fault, Reset, Stall
from tests.kit.proxy import FaultProxy

from .backends import blobs_for, options_for

FRIDAY = "Fri, 20 Nov 2020 12:00:00"


@pytest.fixture
def blobs(proxy: FaultProxy, container: str) -> Blobs:
    blobs = blobs_for(options_for(proxy, container, timeout=50))
    blobs.create("a.txt", b"content", FileSettings())
    proxy.forget()
    return blobs


@pytest.mark.parametrize(
    "fault",
    [Reset("request"), Reset("answer"), SERVER_ERROR, BUSY, Answer(429, "TooManyRequests"), Answer(408, "Timeout")],
    ids=repr,
)
def test_one_fault_costs_one_retry(proxy: FaultProxy, blobs: Blobs, fault: Fault) -> None:
    proxy.fail("Get Blob Properties", fault)
    assert blobs.head("a.txt").size == 7
    assert proxy.count("Get Blob Properties") == 2


@pytest.mark.parametrize("status", [400, 404, 409, 501, 505])
def test_what_a_retry_cannot_change_is_not_retried(proxy: FaultProxy, blobs: Blobs, status: int) -> None:
    proxy.fail("Get Blob Properties", Answer(status, "Some"), times=10)
    with pytest.raises(BlobError):
        blobs.head("a.txt")
    assert proxy.count("Get Blob Properties") == 1


def test_a_lost_answer_with_a_delegation_key_is_asked_for_again(azurite_https: Azurite, container_https: str) -> None:
    """The only POST: azure-core itself repeats none."""
    with FaultProxy(azurite_https) as proxy:
        proxy.fail("Get User Delegation Key", Reset("answer"))
        assert "sig=" in BlobUrls(options_for(proxy, container_https)).url("a.txt", expire=60)
        assert proxy.count("Get User Delegation Key") == 2


def test_the_first_retry_comes_well_within_a_second() -> None:
    policy = Retry(deadline=20)
    waits = [policy.get_backoff_time({"history": [None]}) for _ in range(200)]
    assert all(0.1 < wait < 0.5 for wait in waits)
    assert len(set(waits)) > 100, "the threads that one fault hit must not come back together"


def test_waits_grow_and_stop_growing() -> None:
    policy = Retry(deadline=20)
    assert 0.5 <= policy.get_backoff_time({"history": [None] * 3}) <= 1.5
    assert policy.get_backoff_time({"history": [None] * 30}) <= 12


def test_what_the_service_asks_for_is_waited(proxy: FaultProxy, blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(
        "storage_router.azure.pipeline.time", SimpleNamespace(sleep=waits.append, monotonic=time.monotonic)
    )
    proxy.fail("Get Blob Properties", Answer(503, "ServerBusy", retry_after=3))
    assert blobs.head("a.txt").size == 7
    assert waits == [3.0]


def test_a_longer_wait_than_the_time_limit_is_not_begun(proxy: FaultProxy, blobs: Blobs) -> None:
    proxy.fail("Get Blob Properties", Answer(503, "ServerBusy", retry_after=60), times=10)
    with pytest.raises(BlobError):
        blobs.head("a.txt")
    assert proxy.count("Get Blob Properties") == 1


@pytest.mark.parametrize("retry_after", [f"{FRIDAY} GMT", "-5", "soon", f"{FRIDAY} +{'9' * 20}"])
def test_a_retry_after_that_makes_no_sense_does_no_harm(
    proxy: FaultProxy, blobs: Blobs, monkeypatch: pytest.MonkeyPatch, retry_after: Any
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(
        "storage_router.azure.pipeline.time", SimpleNamespace(sleep=waits.append, monotonic=time.monotonic)
    )
    proxy.fail("Get Blob Properties", Answer(503, "ServerBusy", retry_after=retry_after))
    assert blobs.head("a.txt").size == 7
    assert 0 <= waits[0] < 1


def test_no_attempt_waits_beyond_the_time_limit(
    proxy: FaultProxy, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first attempt fails at once; the second one stalls and has what is left of the limit, not all of it again.
    proxy.fail("Get Blob Properties", Reset("request"))
    proxy.fail("Get Blob Properties", Stall(), times=10)
    limits: list[float] = []
    clock, waits = [0.0], list[float]()

    def pass_time(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr(
        "storage_router.azure.pipeline.time", SimpleNamespace(sleep=pass_time, monotonic=lambda: clock[0])
    )

    def note(request: Any) -> None:
        limits.append(request.context.options.get("read_timeout", 2))
        if len(limits) == 2:
            waits.append(clock[0])
            pass_time(limits[1])

    blobs = blobs_for(options_for(proxy, container, timeout=2, client_options={"raw_request_hook": note}))
    with pytest.raises(BlobTimeoutError):
        blobs.head("a.txt")
    assert len(limits) == 2
    assert limits[1] == pytest.approx(2 - waits[0])


def test_the_applications_read_timeout_is_left_alone(proxy: FaultProxy, container: str) -> None:
    # O5: client_options are the last word
    proxy.fail("Get Blob Properties", Reset("request"))
    limits: list[Any] = []
    options = {"raw_request_hook": lambda it: limits.append(it.context.options.get("read_timeout")), "read_timeout": 7}
    with pytest.raises(FileNotFoundError):
        blobs_for(options_for(proxy, container, client_options=options)).head("a.txt")
    assert limits == [None, None]


@pytest.mark.parametrize(
    ("given", "attempts"),
    [
        ({"retry_total": 0}, 1),
        ({"retry_total": 2}, 3),
        ({"retry_policy": LinearRetry(backoff=0, random_jitter_range=0, retry_total=1)}, 2),
        ({"retry_policy": RetryPolicy(retry_total=1)}, 2),
    ],
)
def test_the_applications_retries_are_the_last_word(
    proxy: FaultProxy, container: str, given: dict[str, Any], attempts: int
) -> None:
    proxy.fail("Get Blob Properties", Reset("request"), times=10)
    with pytest.raises(BlobConnectionError):
        blobs_for(options_for(proxy, container, client_options=given)).head("a.txt")
    assert proxy.count("Get Blob Properties") == attempts


@pytest.mark.parametrize(
    ("given", "first", "second"),
    [
        ({"initial_backoff": 1, "increment_base": 2, "random_jitter_range": 0}, 3, 5),
        # What is not given is the SDK's: 15 s and 3 to the power of the attempt.
        ({"random_jitter_range": 0}, 18, 24),
    ],
)
def test_the_applications_waits_are_those_of_the_sdk(
    proxy: FaultProxy,
    container: str,
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, Any],
    first: float,
    second: float,
) -> None:
    waits: list[float] = []
    clock = SimpleNamespace(sleep=waits.append, monotonic=lambda: 0.0)
    monkeypatch.setattr("storage_router.azure.pipeline.time", clock)
    proxy.fail("Get Blob Properties", SERVER_ERROR, times=2)
    proxy.fail("Get Blob Properties", Answer(503, "ServerBusy", retry_after=4))
    blobs = blobs_for(options_for(proxy, container, timeout="1m", client_options=given))
    with pytest.raises(FileNotFoundError):
        blobs.head("a.txt")
    assert waits == [first, second, 4]


def test_the_waits_of_azure_core_are_waited_where_they_are_given(
    proxy: FaultProxy, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    clock = SimpleNamespace(sleep=waits.append, monotonic=lambda: 0.0)
    monkeypatch.setattr("storage_router.azure.pipeline.time", clock)
    proxy.fail("Get Blob Properties", SERVER_ERROR, times=2)
    blobs = blobs_for(options_for(proxy, container, client_options={"retry_backoff_factor": 3, "retry_mode": "fixed"}))
    with pytest.raises(FileNotFoundError):
        blobs.head("a.txt")
    assert waits == [0, 3]


def test_a_refused_credential_is_not_tried_again(azurite_https: Azurite, container_https: str) -> None:
    from azure.core.exceptions import ClientAuthenticationError

    class Refused:
        calls = 0

        def get_token(self, *scopes: str, **options: Any) -> Any:
            self.calls += 1
            raise ClientAuthenticationError("the secret has expired")

    credential = Refused()
    with pytest.raises(PermissionError, match="The credential gives no token: the secret has expired"):
        blobs_for(options_for(azurite_https, container_https, token_credential=credential)).head("a.txt")
    assert credential.calls == 1
