"""M3: a range of names. Copies whose sources one listing looks at afterwards; what the range's row says meanwhile."""

from __future__ import annotations

import datetime as dt
import os
import re
import threading
import time

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.core.management.base import CommandError

from storage_router.files import DirectoryStore
from storage_router.moving import backfill
from storage_router.moving.backfill import Copies, Files
from storage_router.moving.models import Shard
from storage_router.moving.storage import MovingStorage

NAMES = ["a/1.txt", "a/2.txt", "b.txt", "c/3.txt"]


class Listed(DirectoryStore):
    """A directory whose files are looked at as on a service. ``listings`` are the names that its walks gave."""

    capabilities = DirectoryStore.capabilities._replace(copies=True)

    def __init__(self, path):
        super().__init__(FileSystemStorage(path))
        self.listings: list[list[str]] = []
        self.fails_after: int | None = None

    def walk(self, path="", *, start=""):
        names: list[str] = []
        self.listings.append(names)
        for stat in super().walk(path, start=start):
            if len(names) == self.fails_after:
                raise ConnectionError("broken off")
            names.append(stat.name)
            yield stat


@pytest.fixture
def sides(tmp_path):
    old, new = Listed(tmp_path / "old"), DirectoryStore(FileSystemStorage(tmp_path / "new"))
    for name in NAMES:
        old.create(name, ContentFile(name.encode()))
    return old, new


@pytest.fixture
def rows(monkeypatch):
    """What is written to the row of a range, save by save."""
    saved: list[dict[str, object]] = []

    def save(self, *, update_fields):
        saved.append({name: getattr(self, name) for name in update_fields})

    monkeypatch.setattr(Shard, "save", save)
    return saved


def moving_files(sides) -> Files:
    return Files(storage=MovingStorage(*sides, phase="mirror"))


def names(store) -> list[str]:
    return [stat.name for stat in DirectoryStore(store.storage).walk()]


def content(store, name: str) -> bytes:
    with store.read(name) as reading:
        return b"".join(reading.chunks)


def copied(sides) -> Copies:
    """Return the copies of all files; their sources have not been looked at."""
    files = moving_files(sides)
    copies = Copies(files)
    assert [copies.settle(pair) for pair in files.compared()] == [[]] * len(NAMES)
    sides[0].listings.clear()
    return copies


def test_one_listing_looks_at_the_sources_of_many_copies_and_ends_with_the_last_one(sides):
    copies = copied(sides)
    sides[0].create("d.txt", ContentFile(b"later"))
    assert copies.looked_at() == []
    assert copies.looked_at(rest=True) == [(name, "copied", len(name)) for name in NAMES]
    assert sides[0].listings == [NAMES]
    assert copies.looked_at(rest=True) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_whose_source_was_deleted_is_taken_back(sides, name):
    copies = copied(sides)
    sides[0].delete(name)
    outcomes = {name: outcome for name, outcome, _ in copies.looked_at(rest=True)}
    assert outcomes == dict.fromkeys(NAMES, "copied") | {name: "changed"}
    assert names(sides[1]) == names(sides[0])


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_copy_whose_source_was_overwritten_is_taken_back_and_what_was_written_on_the_new_backend_stays(
    sides, mirrored
):
    copies = copied(sides)
    for side in sides[: 1 + mirrored]:
        side.replace("b.txt", ContentFile(b"another content"))
    outcomes = {name: outcome for name, outcome, _ in copies.looked_at(rest=True)}
    assert outcomes["b.txt"] == "changed"
    assert ("b.txt" in names(sides[1])) is mirrored


def test_copies_are_failed_where_the_listing_breaks_off_and_the_next_comparison_looks_at_them(sides):
    copies = copied(sides)
    sides[0].delete("c/3.txt")
    sides[0].fails_after = 2
    outcomes = copies.looked_at(rest=True)
    assert [outcome if isinstance(outcome, str) else str(outcome) for _, outcome, _ in outcomes] == (
        ["copied", "copied", "broken off", "broken off"]
    )
    sides[0].fails_after = None
    again = Copies(moving_files(sides))
    differing = [pair for pair in moving_files(sides).compared() if backfill.differs(pair)]
    assert [again.settle(pair) for pair in differing] == [[("c/3.txt", "deleted", 7)]]


@pytest.mark.parametrize(("limit", "value"), [("LOOKS", 2), ("LOOK_SECS", 0)])
def test_no_copy_waits_for_many_others_or_long(sides, monkeypatch, limit, value):
    monkeypatch.setattr(backfill, limit, value)
    files = moving_files(sides)
    copies = Copies(files)
    found = [len(copies.settle(pair) + copies.looked_at()) for pair in files.compared()]
    assert found == ([0, 2, 0, 2] if limit == "LOOKS" else [1, 1, 1, 1])


@pytest.mark.usefixtures("rows")
def test_a_copy_does_not_wait_for_the_end_of_many_files_that_are_the_same(sides, tmp_path, monkeypatch):
    monkeypatch.setattr(backfill, "LOOK_SECS", -1)
    settled, listings_before_the_last_name = threading.Event(), []
    settle = Copies.settle

    def noted(self, pair):
        outcomes = settle(self, pair)
        settled.set()
        return outcomes

    class Slow(Listed):
        """The comparison goes on when the first file has been copied."""

        def walk(self, path="", *, start=""):
            for stat in super().walk(path, start=start):
                assert stat.name == NAMES[0] or settled.wait(120)
                if stat.name == NAMES[-1]:
                    listings_before_the_last_name.append(len(self.listings))
                yield stat

    monkeypatch.setattr(Copies, "settle", noted)
    for name in NAMES[1:]:
        sides[1].create(name, ContentFile(name.encode()))
    shard = backfill.run(Shard(), moving_files((Slow(tmp_path / "old"), sides[1])))
    assert (shard.copied, shard.same) == (1, 3)
    assert listings_before_the_last_name == [2]


@pytest.mark.usefixtures("rows")
def test_in_switch_a_file_that_only_the_new_backend_has_is_copied_to_the_old_one(sides):
    """The old backend has failed when it was saved; it can be read, so it must not be lost."""
    for name in NAMES:
        sides[1].create(name, ContentFile(name.encode()))
    sides[1].create("saved.txt", ContentFile(b"saved"))
    files = Files(storage=MovingStorage(*sides, phase="switch"))
    shard = backfill.run(Shard(), files)
    assert (shard.copied, shard.size, shard.deleted, shard.state) == (1, 5, 0, Shard.State.DONE)
    assert names(sides[0]) == names(sides[1]) == sorted([*NAMES, "saved.txt"])


@pytest.mark.usefixtures("rows")
def test_in_switch_nothing_is_written_over_a_file_of_the_new_backend(sides):
    for name in NAMES:
        sides[1].create(name, ContentFile(name.encode()))
    sides[0].replace("b.txt", ContentFile(b"of a save that is under way"))
    shard = backfill.run(Shard(), Files(storage=MovingStorage(*sides, phase="switch")))
    assert (shard.copied, shard.changed, shard.state) == (0, 1, Shard.State.FAILED)
    assert content(sides[1], "b.txt") == b"b.txt"


@pytest.mark.usefixtures("rows")
def test_in_switch_what_a_save_has_left_that_was_killed_is_copied_after_an_hour(sides, tmp_path):
    for name in NAMES:
        sides[1].create(name, ContentFile(name.encode()))
    sides[0].replace("b.txt", ContentFile(b"of a save that was killed"))
    before = time.time() - 3700
    os.utime(tmp_path / "old/b.txt", (before, before))
    shard = backfill.run(Shard(), Files(storage=MovingStorage(*sides, phase="switch")))
    assert (shard.copied, shard.changed, shard.state) == (1, 0, Shard.State.DONE)
    assert content(sides[1], "b.txt") == b"of a save that was killed"


@pytest.mark.usefixtures("rows")
def test_nothing_is_deleted_where_the_old_backend_has_no_file_as_on_a_machine_without_its_disk(sides, tmp_path):
    empty = DirectoryStore(FileSystemStorage(tmp_path / "not mounted"))
    message = "The old backend has no file of this route, and the new one has. Is its disk mounted on this machine?"
    with pytest.raises(CommandError, match=re.escape(message)):
        backfill.run(Shard(), moving_files((empty, sides[0])))
    assert names(sides[0]) == NAMES


def test_a_directory_is_looked_at_file_by_file(sides):
    """That makes no request, and a listing would read the directory again."""
    files = moving_files((DirectoryStore(sides[0].storage), sides[1]))
    copies = Copies(files)
    assert [copies.settle(pair) for pair in files.compared()] == [[(name, "copied", len(name))] for name in NAMES]


def test_the_row_of_a_range_says_meanwhile_how_far_it_is(sides, rows, monkeypatch):
    monkeypatch.setattr(backfill, "LEASE", dt.timedelta(0))
    monkeypatch.setattr(backfill, "LOOKS", 1)
    shard = backfill.run(Shard(state=Shard.State.RUNNING), moving_files(sides), threads=1)
    copied = [row["copied"] for row in rows]
    # At most two copies are under way before the first of them is counted.
    assert (next(filter(None, copied)) in (1, 2), copied[-1], copied) == (True, 4, sorted(copied))
    assert all(row["lease"] for row in rows[:-1])
    # Whoever has the range decides on its state, at its end.
    assert ["state" in row for row in rows] == [False] * (len(rows) - 1) + [True]
    assert (shard.state, shard.copied, shard.size, shard.last_name) == ("done", 4, sum(map(len, NAMES)), NAMES[-1])
    assert rows[-1]["lease"] is None


def test_a_range_that_is_interrupted_looks_at_what_it_has_copied(sides, rows, tmp_path):
    class Interrupted(Listed):
        """The comparison is interrupted at its end. Before the look a source is deleted."""

        def walk(self, path="", *, start=""):
            if self.listings:
                self.delete("a/1.txt")
            yield from super().walk(path, start=start)
            if len(self.listings) == 1:
                raise KeyboardInterrupt

    old = Interrupted(tmp_path / "old")
    with pytest.raises(KeyboardInterrupt):
        backfill.run(Shard(), moving_files((old, sides[1])))
    assert names(sides[1]) == names(old) == NAMES[1:]
    assert not any("state" in row for row in rows)
