"""F1: whatever happens on the way, operations succeed or raise, and nothing is lost, doubled, halved or mixed."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.base import ContentFile

from storage_router.azure import pipeline
from storage_router.exceptions import BlobConnectionError, BlobError, BlobExistsError, BlobTimeoutError
from tests.kit.faults import (
    BUSY_WITH_RETRY_AFTER,
    DONE_BUT_FAILED,
    SERVER_ERROR,
    TOO_MANY_REQUESTS,
    TRANSIENT,
    Answer,
    Cut,
    Fault,
    Reset,
    Stall,
)
from tests.kit.proxy import FaultProxy

from .conftest import Folder
from .operations import OPERATIONS, Operation

STALLS = (Stall("request"), Stall("request body"), Stall("answer"), Stall("answer body"))


@pytest.fixture(autouse=True)
def _quick(quick_retries: None) -> None:
    """All of these tests retry a lot."""


def label(value: object) -> str:
    return str(value)


def requests_of(operation: Operation, folder: Folder) -> int:
    """Run the operation without a fault, and return how many requests it takes."""
    folder.renew().put(operation.before)
    storage = folder.storage(**operation.options)
    folder.proxy.forget()
    assert operation.run(storage) == operation.result
    taken = folder.proxy.count()
    assert folder.files() == operation.ends_in
    return taken


@pytest.mark.parametrize("operation", OPERATIONS, ids=label)
def test_a_fault_at_any_request_is_survived(folder: Folder, operation: Operation, share: int) -> None:
    for number in range(requests_of(operation, folder)):
        for fault in TRANSIENT[(number + len(operation.name)) % share :: share]:
            folder.proxy.heal()
            folder.renew().put(operation.before)
            storage = folder.storage(**operation.options)
            folder.proxy.forget()
            folder.proxy.fail("*", fault, skip=number)
            assert operation.run(storage) == operation.result, folder.proxy.story()
            assert folder.files() == operation.ends_in, folder.proxy.story()


@pytest.mark.parametrize("operation", OPERATIONS, ids=label)
def test_a_stall_is_ended_by_the_client_and_survived(folder: Folder, operation: Operation, share: int) -> None:
    def hurry(request: Any) -> None:
        """Give up soon until the stall has happened: a machine that is busy must not look like another one.

        What stalled behind a whole answer still holds a connection, and a later request may meet it there.
        """
        happened = any(seen.fault for seen in list(folder.proxy.requests))
        request.context.options["read_timeout"] = 3 if happened else 0.3

    for fault in STALLS[len(operation.name) % share :: share]:
        folder.proxy.heal()
        folder.renew().put(operation.before)
        storage = folder.storage(**operation.options, client_options={"raw_request_hook": hurry})
        folder.proxy.forget()
        folder.proxy.fail("*", fault)
        assert operation.run(storage) == operation.result, folder.proxy.story()
        assert folder.files() == operation.ends_in, folder.proxy.story()


LASTING = (
    Reset("request body"),
    Reset("answer"),
    Reset("answer body"),
    Cut(),
    Cut(sealed=True),
    SERVER_ERROR,
    Answer(503, "ServerBusy", retry_after=600),
    DONE_BUT_FAILED,
    *STALLS,
)


@pytest.mark.parametrize("operation", OPERATIONS, ids=label)
def test_a_fault_that_stays_ends_in_one_of_our_errors_and_leaves_nothing_halved(
    folder: Folder, operation: Operation, share: int
) -> None:
    for fault in LASTING[len(operation.name) % share :: share]:
        folder.renew()
        folder.proxy.forget()
        _let_it_stay(folder, operation, fault)


def _let_it_stay(folder: Folder, operation: Operation, fault: Fault) -> None:
    folder.put(operation.before)
    patient = {"retry_total": 1}
    client_options = {**patient, "read_timeout": 0.2} if isinstance(fault, Stall) else patient
    storage = folder.storage(**operation.options, client_options=client_options)
    folder.proxy.fail("*", fault, times=10_000)
    try:
        result = operation.run(storage)
    except BlobError:
        assert folder.files() in operation.may_leave, folder.proxy.story()
    else:
        # Answers without a body cannot be cut.
        assert (result, folder.files()) == (operation.result, operation.ends_in), folder.proxy.story()
    # The storage works again as soon as the service does. What stalled behind a whole answer still holds a connection,
    # and all backends of an account share those.
    folder.proxy.heal()
    folder.proxy.drop_connections()
    folder.renew().put(operation.before)
    again = folder.storage(**operation.options, client_options=patient)
    assert operation.run(again) == operation.result


@pytest.mark.parametrize("operation", OPERATIONS, ids=label)
def test_a_service_that_nobody_reaches_is_a_connection_error(folder: Folder, operation: Operation) -> None:
    folder.put(operation.before)
    storage = folder.storage(**operation.options, client_options={"retry_total": 1})
    with folder.proxy.down(), pytest.raises(BlobConnectionError, match="The connection to the service failed"):
        operation.run(storage)
    assert folder.files() == operation.before
    assert operation.run(storage) == operation.result


def test_a_conflict_that_cannot_be_looked_at_is_an_error_and_no_second_file(folder: Folder, proxy: FaultProxy) -> None:
    """A11: with another name, the save would have stored the content twice."""
    storage = folder.storage(client_options={"retry_total": 2})
    proxy.fail("Put Blob", Reset("answer"))
    proxy.fail("Get Blob Properties", SERVER_ERROR, times=3)
    with pytest.raises(BlobError) as caught:
        storage.save("a.txt", ContentFile(b"content"))
    assert caught.value.status == 500
    assert folder.files() == {"a.txt": b"content"}


def test_a_service_that_denies_to_overwrite_is_an_error_of_ours(folder: Folder, proxy: FaultProxy) -> None:
    proxy.fail("Put Blob", Answer(409, "BlobAlreadyExists"), times=2)
    with pytest.raises(BlobExistsError, match="There is a blob of this name already"):
        folder.storage().replace("a.txt", ContentFile(b"content"))
    with pytest.raises(BlobExistsError, match="There is a blob of this name already"):
        folder.storage(overwrite_files=True).save("a.txt", ContentFile(b"content"))


def test_connections_that_died_while_they_were_idle_are_replaced(folder: Folder, proxy: FaultProxy) -> None:
    for operation in OPERATIONS:
        folder.renew().put(operation.before)
        storage = folder.storage(**operation.options)
        assert storage.exists("none") is False
        proxy.drop_connections()
        assert operation.run(storage) == operation.result, operation


def test_a_stalled_service_is_a_timeout_error(folder: Folder, proxy: FaultProxy) -> None:
    storage = folder.storage(client_options={"read_timeout": 0.2, "retry_total": 0})
    proxy.fail("Get Blob Properties", Stall("request"))
    with pytest.raises(BlobTimeoutError, match="The service did not answer in time"):
        storage.size("a")


class TestWithTheRealPaceOfRetries:
    @pytest.fixture(autouse=True)
    def _quick(self) -> None:
        """Leave the pace alone."""

    @pytest.mark.parametrize("fault", [BUSY_WITH_RETRY_AFTER, TOO_MANY_REQUESTS], ids=label)
    def test_a_service_that_says_when_to_come_back_is_obeyed(
        self, folder: Folder, proxy: FaultProxy, fault: Fault
    ) -> None:
        proxy.fail("Put Blob", fault)
        start = time.monotonic()
        assert folder.storage().save("a.txt", ContentFile(b"content")) == "a.txt"
        assert time.monotonic() - start >= 1
        assert proxy.count("Put Blob") == 2

    def test_a_service_that_wants_to_be_left_alone_for_longer_than_the_time_limit_is_an_error_at_once(
        self, folder: Folder, proxy: FaultProxy
    ) -> None:
        proxy.fail("Put Blob", Answer(503, "ServerBusy", retry_after=600))
        with pytest.raises(BlobError) as caught:
            folder.storage().save("a.txt", ContentFile(b"content"))
        assert (caught.value.status, caught.value.error_code) == (503, "ServerBusy")
        assert proxy.count() == 1

    @pytest.mark.parametrize("fault", [Reset("request"), Reset("request body"), Reset("answer")], ids=label)
    def test_one_dropped_connection_costs_less_than_a_second(
        self, folder: Folder, proxy: FaultProxy, fault: Fault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waits: list[float] = []
        monkeypatch.setattr(pipeline, "time", SimpleNamespace(sleep=waits.append, monotonic=time.monotonic))
        storage = folder.storage()
        for number in range(3):
            proxy.fail("Put Blob", fault)
            storage.save(f"{number}.txt", ContentFile(b"content" * 20_000))
        assert len(waits) == 3
        assert max(waits) < 1
        assert folder.files() == {f"{number}.txt": b"content" * 20_000 for number in range(3)}
