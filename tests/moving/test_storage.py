"""M1, M2: the two backends of a moving route, phase by phase."""

from __future__ import annotations

import logging

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage

from storage_router.exceptions import FileChangedError
from storage_router.files import file_store
from storage_router.moving.storage import MovingStorage

PHASES = ("mirror", "switch", "settle")


class Down(FileSystemStorage):
    """A backend that does not answer."""

    def _save(self, name, content):
        raise ConnectionError("down")

    def delete(self, name):
        raise ConnectionError("down")


class Closing(FileSystemStorage):
    """A backend that closes what it has stored, as those over boto3 do."""

    def _save(self, name, content):
        try:
            return super()._save(name, content)
        finally:
            content.close()


@pytest.fixture
def sides(tmp_path):
    return [FileSystemStorage(tmp_path / side, base_url=f"/{side}/") for side in ("old", "new")]


@pytest.fixture(params=PHASES)
def moving(request, sides):
    return MovingStorage(*sides, phase=request.param)


def text(storage, name):
    if not storage.exists(name):
        return None
    with storage.open(name) as file:
        return file.read()


def texts(moving, name):
    return [text(moving.old, name), text(moving.new, name)]


def test_a_file_is_saved_on_both_backends_under_the_same_name(moving):
    name = moving.save("docs/a.txt", ContentFile(b"one"))
    assert (name, texts(moving, name)) == ("docs/a.txt", [b"one", b"one"])
    with moving.open(name) as file:
        assert file.read() == b"one"
    assert (moving.size(name), moving.exists(name), moving.listdir("docs")) == (3, True, ([], ["a.txt"]))


@pytest.mark.parametrize("taken", ["old", "new"])
def test_a_name_that_is_taken_on_either_backend_is_not_used(moving, taken):
    getattr(moving, taken).save("a.txt", ContentFile(b"other"))
    name = moving.save("a.txt", ContentFile(b"mine"))
    assert name != "a.txt"
    assert texts(moving, name) == [b"mine", b"mine"]
    assert sorted(texts(moving, "a.txt"), key=str) == sorted([b"other", None], key=str)


def test_another_name_keeps_all_extensions_and_the_largest_length(moving):
    moving.save("docs/archive.tar.gz", ContentFile(b"one"))
    name = moving.save("docs/archive.tar.gz", ContentFile(b"two"), max_length=24)
    assert (len(name), name[:5], name[-7:]) == (24, "docs/", ".tar.gz")
    assert texts(moving, name) == [b"two", b"two"]


def test_a_backend_that_closes_the_content_leaves_it_to_the_other(tmp_path):
    moving = MovingStorage(*(Closing(tmp_path / side) for side in ("old", "new")), phase="mirror")
    name = moving.save("a.txt", ContentFile(b"one"))
    moving.replace(name, ContentFile(b"two"))
    assert texts(moving, name) == [b"two", b"two"]


def test_a_stream_that_can_be_read_once_reaches_both_backends(moving):
    left = [b"a" * 5_000_000, b"b" * 5_000_000]

    class Stream:
        def read(self, size=-1):
            return left.pop(0) if left else b""

        def seekable(self):
            return False

    name = moving.save(None, File(Stream(), "s.bin"))
    assert moving.old.size(name) == moving.new.size(name) == 10_000_000


def test_max_length_holds_on_both_backends(moving):
    moving.save("a" * 20 + ".txt", ContentFile(b"1"))
    name = moving.save("a" * 20 + ".txt", ContentFile(b"2"), max_length=24)
    assert len(name) <= 24
    assert texts(moving, name) == [b"2", b"2"]


def test_a_file_is_deleted_on_both_backends(moving):
    name = moving.save("a.txt", ContentFile(b"one"))
    moving.delete(name)
    assert texts(moving, name) == [None, None]
    moving.delete(name)


def test_a_file_that_was_replaced_is_not_deleted_by_its_old_etag(moving):
    name = moving.save("a.txt", ContentFile(b"one"))
    with pytest.raises(FileChangedError):
        moving.delete(name, if_match='"other"')
    assert texts(moving, name) == [b"one", b"one"]


@pytest.mark.parametrize(("phase", "side"), [("mirror", "old"), ("switch", "new"), ("settle", "new")])
def test_the_url_is_that_of_the_backend_that_the_phase_reads(sides, phase, side):
    assert MovingStorage(*sides, phase=phase).url("a b.txt") == f"/{side}/a%20b.txt"


def test_switch_reads_the_old_backend_only_where_the_new_one_has_no_such_file(sides, caplog):
    moving = MovingStorage(*sides, phase="switch")
    moving.old.save("a.txt", ContentFile(b"one"))
    caplog.set_level(logging.WARNING, "storage_router.moving")
    with moving.open("a.txt") as file:
        assert file.read() == b"one"
    assert moving.fallbacks == 1
    assert "a.txt was found on the backend that the route moves from only." in caplog.text
    assert [stat.name for stat in moving.walk()] == ["a.txt"]


def test_switch_does_not_fall_back_for_another_reason(sides, tmp_path):
    class Broken(FileSystemStorage):
        def _open(self, name, mode="rb"):
            raise PermissionError("refused")

    moving = MovingStorage(sides[0], Broken(tmp_path / "new"), phase="switch")
    moving.old.save("a.txt", ContentFile(b"one"))
    with pytest.raises(PermissionError, match="refused"):
        moving.open("a.txt")


@pytest.mark.parametrize("phase", PHASES)
def test_a_failure_on_the_backend_that_is_read_is_raised_and_nothing_stays(sides, tmp_path, phase):
    down = Down(tmp_path / "down")
    old, new = (down, sides[1]) if phase == "mirror" else (sides[0], down)
    moving = MovingStorage(old, new, phase=phase)
    with pytest.raises(ConnectionError, match="down"):
        moving.save("a.txt", ContentFile(b"one"))
    assert texts(moving, "a.txt") == [None, None]


@pytest.mark.parametrize("mirror_errors", ["log", "raise"])
def test_a_failure_on_the_other_backend_is_logged_or_raised(sides, tmp_path, mirror_errors, caplog):
    moving = MovingStorage(sides[0], Down(tmp_path / "down"), phase="mirror", mirror_errors=mirror_errors)
    if mirror_errors == "raise":
        with pytest.raises(ConnectionError, match="down"):
            moving.save("a.txt", ContentFile(b"one"))
        assert texts(moving, "a.txt") == [None, None]
    else:
        assert moving.save("a.txt", ContentFile(b"one")) == "a.txt"
        assert moving.mirror_failures == 1
        assert "a.txt was saved on one backend of the move only" in caplog.text


def test_a_failed_delete_is_raised(sides, tmp_path):
    moving = MovingStorage(sides[0], Down(tmp_path / "down"), phase="mirror")
    sides[0].save("a.txt", ContentFile(b"one"))
    FileSystemStorage(tmp_path / "down").save("a.txt", ContentFile(b"one"))
    with pytest.raises(ConnectionError, match="down"):
        moving.delete("a.txt")


@pytest.mark.parametrize("mode", ["wb", "w"])
def test_a_file_that_is_written_is_stored_on_both_when_it_is_closed(moving, mode):
    with moving.open("a.txt", mode) as file:
        file.write("text" if mode == "w" else b"text")
        assert not moving.exists("a.txt")
    assert texts(moving, "a.txt") == [b"text", b"text"]
    with pytest.raises(RuntimeError), moving.open("b.txt", mode):
        raise RuntimeError
    assert not moving.exists("b.txt")
    with pytest.raises(ValueError, match="During a move a file can be read"):
        moving.open("a.txt", "ab")


def test_it_is_a_file_store(moving):
    store = file_store(moving)
    assert store is moving
    store.replace("a/b.txt", ContentFile(b"12345"))
    assert store.stat("a/b.txt").size == 5
    with store.read("a/b.txt", 1, 2) as reading:
        assert b"".join(reading.chunks) == b"23"
    assert store.capabilities.conditional


def test_a_directory_is_listed_a_page_at_a_time_of_both_backends_in_switch(sides):
    for number, side in enumerate(sides):
        for name in (f"{number}.txt", "both.txt", "both/x.txt", f"{number}/x.txt"):
            side.save(name, ContentFile(b"x"))
    found, marker = [], ""
    while True:
        page = MovingStorage(*sides, phase="switch").page("", limit=2, marker=marker)
        found += [one.name for one in page.entries]
        if not (marker := page.marker):
            break
    assert found == ["0.txt", "0", "1.txt", "1", "both.txt", "both"]


def test_conditions_take_the_etag_that_stat_returns(moving):
    moving.save("a.txt", ContentFile(b"one"))
    stale = moving.stat("a.txt").etag
    moving.replace("a.txt", ContentFile(b"two!"), if_match=stale)
    assert texts(moving, "a.txt") == [b"two!", b"two!"]
    for change in (moving.delete, lambda name, **options: moving.replace(name, ContentFile(b"three"), **options)):
        with pytest.raises(FileChangedError):
            change("a.txt", if_match=stale)
    assert texts(moving, "a.txt") == [b"two!", b"two!"]
    moving.delete("a.txt", if_match=moving.stat("a.txt").etag)
    assert texts(moving, "a.txt") == [None, None]
    moving.delete("a.txt", if_match=stale)


@pytest.mark.parametrize("phase", ["mirror", "switch", "settle"])
def test_a_name_that_is_a_directory_on_the_other_backend_is_taken(tmp_path, phase):
    old, new = FileSystemStorage(tmp_path / "old"), FileSystemStorage(tmp_path / "new")
    moving = MovingStorage(old, new, phase=phase)
    new.save("a/b.txt", ContentFile(b""))
    name = moving.save("a", ContentFile(b"one"))
    assert name.startswith("a_")
    assert old.listdir("") == ([], [name])
    assert new.listdir("") == (["a"], [name])
    old.save("a", ContentFile(b"only here"))
    moving.delete("a")
    assert old.listdir("") == ([], [name])
