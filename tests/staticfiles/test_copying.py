"""The engine: parallel, bounded, and every error an outcome."""

from __future__ import annotations

import threading
import time

import pytest
from django.core.files.storage import InMemoryStorage

from storage_router.exceptions import TransferError
from storage_router.staticfiles.destination import HOPELESS, Budget, FileCopy, Outcome, outcomes

STORAGE = InMemoryStorage()


def copies(count: int) -> list[FileCopy]:
    return [FileCopy(name=str(index), source=STORAGE, source_name=str(index)) for index in range(count)]


def done(copy: FileCopy) -> Outcome:
    return Outcome(copy=copy, action="created")


def test_every_copy_has_one_outcome() -> None:
    found = [outcome.name for outcome in outcomes(copies(100), done, threads=8)]
    assert sorted(found, key=int) == [str(index) for index in range(100)]


def test_so_many_at_a_time_and_no_more() -> None:
    active, most = 0, 0
    lock, four = threading.Lock(), threading.Barrier(4)

    def copy(each: FileCopy) -> Outcome:
        nonlocal active, most
        with lock:
            active += 1
            most = max(most, active)
        if int(each.name) < 4:
            four.wait(120)
        time.sleep(0.002)
        with lock:
            active -= 1
        return done(each)

    assert len(list(outcomes(copies(200), copy, threads=4))) == 200
    assert most == 4


def test_an_error_is_an_outcome_and_the_others_go_on() -> None:
    def copy(each: FileCopy) -> Outcome:
        if each.name == "7":
            raise PermissionError("not you")
        return done(each)

    found = {outcome.name: outcome for outcome in outcomes(copies(20), copy, threads=4)}
    assert len(found) == 20
    assert found["7"].action == "failed"
    assert str(found["7"].error) == "not you"
    assert all(outcome.action == "created" for name, outcome in found.items() if name != "7")


def test_after_many_failures_in_a_row_the_rest_is_not_tried() -> None:
    def copy(each: FileCopy) -> Outcome:
        if int(each.name) >= 50:
            raise ConnectionError("the network is gone")
        return done(each)

    found = list(outcomes(copies(500), copy, threads=4))
    kinds = {action: sum(outcome.action == action for outcome in found) for action in ("created", "failed", "untried")}
    assert 40 <= kinds["created"] <= 50, "what was waiting when the others had failed is not tried either"
    # Successes that are reported late begin the count anew, a few times at the most.
    assert HOPELESS <= kinds["failed"] <= 5 * HOPELESS, "450 would fail if all were tried"
    assert sum(kinds.values()) == 500


def test_failures_now_and_then_are_no_reason_to_stop() -> None:
    def copy(each: FileCopy) -> Outcome:
        if int(each.name) % 2:
            raise ConnectionError("now and then")
        return done(each)

    assert all(outcome.action != "untried" for outcome in outcomes(copies(200), copy, threads=2))


def test_whoever_stops_waits_for_what_is_under_way_and_begins_nothing_new() -> None:
    begun: list[str] = []
    ended: list[str] = []

    def copy(each: FileCopy) -> Outcome:
        begun.append(each.name)
        time.sleep(0.01)
        ended.append(each.name)
        return done(each)

    running = outcomes(copies(500), copy, threads=4)
    next(running)
    running.close()
    assert begun == ended or sorted(begun) == sorted(ended)
    assert len(begun) < 20


def test_what_is_no_mere_error_reaches_the_caller() -> None:
    def copy(each: FileCopy) -> Outcome:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(outcomes(copies(1), copy, threads=1))


def test_memory_is_shared_out_and_nothing_waits_for_ever() -> None:
    budget = Budget(10)
    held, most = 0, 0
    lock = threading.Lock()

    def work(size: int) -> None:
        nonlocal held, most
        with budget.of(size):
            with lock:
                held += min(size, 10)
                most = max(most, held)
            time.sleep(0.001)
            with lock:
                held -= min(size, 10)

    threads = [threading.Thread(target=work, args=(size,)) for size in (3, 4, 5, 100, 1, 6, 7, 2) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < most <= 10


def test_the_error_names_everything_that_failed() -> None:
    error = TransferError({"b.css": OSError("second"), "a.css": OSError("first")}, ["c.css"], 3)
    assert str(error).splitlines() == [
        "2 of 3 files could not be copied:",
        "    a.css: first",
        "    b.css: second",
        "After these failures 1 more files were not tried.",
        "Run the same command again for the rest.",
    ]
