"""``file_store()``: any storage with what Django's interface lacks."""

from __future__ import annotations

import datetime as dt
import io
import os

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage

from storage_router.azure.storage import AzureStorage
from storage_router.exceptions import FileChangedError
from storage_router.files import (
    Directory,
    FileNotModifiedError,
    FileSettings,
    FileStat,
    FileStore,
    ListingPage,
    file_store,
    merged_page,
)
from storage_router.moving.storage import MovingStorage


class Foreign(Storage):
    """A storage of another package: Django's interface and no more."""

    def __init__(self):
        self._files = InMemoryStorage()

    def __getattr__(self, name):
        return getattr(self._files, name)

    def _open(self, name, mode="rb"):
        return self._files.open(name, mode)

    def _save(self, name, content):
        return self._files.save(name, content)

    def delete(self, name):
        self._files.delete(name)

    def exists(self, name):
        return self._files.exists(name)

    def listdir(self, path):
        return self._files.listdir(path)

    def size(self, name):
        return self._files.size(name)


@pytest.fixture(params=["directory", "memory", "foreign", pytest.param("azure", marks=pytest.mark.azurite)])
def store(request, tmp_path):
    if request.param == "azure":
        azurite, container = request.getfixturevalue("azurite"), request.getfixturevalue("container")
        return AzureStorage(
            connection_string=azurite.connection_string(), azure_container=container, location="some/where"
        )
    storages = {"directory": lambda: FileSystemStorage(tmp_path), "memory": InMemoryStorage, "foreign": Foreign}
    return file_store(storages[request.param]())


@pytest.fixture
def conditional(store):
    if not store.capabilities.conditional:
        store = file_store(InMemoryStorage())
    return store


def names(found):
    return [stat.name for stat in found]


def content_of(store, name, *args, **given):
    with store.read(name, *args, **given) as reading:
        return b"".join(reading.chunks)


def test_every_adapter_is_a_file_store(store):
    assert isinstance(store, FileStore)
    assert file_store(store) is store


def test_what_is_created_is_read_in_parts(store):
    stat = store.create("a/x.txt", ContentFile(b"0123456789"))

    assert (stat.name, stat.size) == ("a/x.txt", 10)
    assert content_of(store, "a/x.txt") == b"0123456789"
    assert content_of(store, "a/x.txt", 3, 4) == b"3456"
    assert content_of(store, "a/x.txt", 8, 100) == b"89"
    assert content_of(store, "a/x.txt", 10) == b""
    assert content_of(store, "a/x.txt", 99, 1) == b""


def test_a_file_that_cannot_seek_is_read_in_parts():
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *_):
            raise io.UnsupportedOperation("seek")

    class Streaming(Foreign):
        def _open(self, name, mode="rb"):
            return File(Pipe(super()._open(name).read()), name)

    store = file_store(Streaming())
    store.create("a.txt", ContentFile(b"0123456789"))
    for start, length, content in ((0, None, b"0123456789"), (2, 3, b"234"), (20, None, b"")):
        with store.read("a.txt", start, length) as reading:
            assert b"".join(reading.chunks) == content


def test_a_taken_name_is_not_created_again(store):
    store.create("x.txt", ContentFile(b"first"))

    with pytest.raises(FileExistsError) as raised:
        store.create("x.txt", ContentFile(b"second"))

    assert raised.value.filename == "x.txt"
    assert content_of(store, "x.txt") == b"first"
    assert names(store.walk()) == ["x.txt"]


def test_a_file_stays_where_the_storage_cannot_tell_whether_it_is_there():
    class Unreachable(Foreign):
        def exists(self, name):
            raise TimeoutError("no answer")

    storage = Unreachable()
    storage._files.save("a.txt", ContentFile(b"theirs"))
    with pytest.raises(TimeoutError):
        file_store(storage).create("a.txt", ContentFile(b"mine"))
    assert storage._files.open("a.txt").read() == b"theirs"


def test_a_file_that_somebody_else_has_just_made_stays():
    class Overtaken(Foreign):
        def save(self, name, content, max_length=None):
            self._files.save(name, ContentFile(b"theirs"))
            raise FileExistsError(17, "File exists", name)

    storage = Overtaken()
    with pytest.raises(FileExistsError):
        file_store(storage).create("a.txt", ContentFile(b"mine"))
    assert storage._files.open("a.txt").read() == b"theirs"


def test_a_shorter_file_replaces_a_longer_one(store):
    store.create("x.txt", ContentFile(b"a long one"))
    assert store.replace("x.txt", ContentFile(b"short")).size == 5
    assert content_of(store, "x.txt") == b"short"
    assert names(store.walk()) == ["x.txt"]


def test_deleting_what_is_not_there_is_no_error(store):
    store.delete("x.txt")


def test_a_missing_file_is_not_found(store):
    with pytest.raises(FileNotFoundError):
        store.stat("x.txt")
    with pytest.raises(FileNotFoundError):
        store.read("x.txt")


def test_a_directory_is_no_file(store):
    store.create("a/b.txt", ContentFile(b""))
    for ask in (store.stat, store.read):
        with pytest.raises((FileNotFoundError, IsADirectoryError)):
            ask("a")


def test_a_walk_is_in_the_order_of_the_full_names_and_begins_where_it_is_told(store):
    saved = ["a/z", "a-b", "a0", "a/b/c", "b", "Z", "a/b.txt"]
    for name in saved:
        store.create(name, ContentFile(b"x"))

    assert names(store.walk()) == sorted(saved)
    assert names(store.walk("a")) == ["a/b.txt", "a/b/c", "a/z"]
    assert names(store.walk("nothing/here")) == []
    for start in [*saved, "a/", "a/b/", "a/b/d", "zz"]:
        assert names(store.walk(start=start)) == [name for name in sorted(saved) if name >= start]


def test_a_directory_is_listed_a_page_at_a_time(store):
    for name in ["a/z", "a-b", "a0", "a/b/c", "a/b/d", "b", "Z", "a/b.txt"]:
        store.create(name, ContentFile(b"x"))

    for limit in (1, 2, 3, 100):
        assert pages(store, "", limit) == ["Z", "a-b", "a/", "a0", "b"]
        assert pages(store, "a", limit) == ["a/b.txt", "a/b/", "a/z"]
    assert pages(store, "a/z", 3) == pages(store, "nothing/here", 3) == []
    [found] = (one for one in store.page("a").entries if one.name == "a/z")
    assert (found.size, found.modified) == (1, store.stat("a/z").modified)


def pages(store, path, limit):
    found, marker = [], ""
    while True:
        page = store.page(path, limit=limit, marker=marker)
        assert len(page.entries) <= limit
        found += [f"{one.name}/" if isinstance(one, Directory) else one.name for one in page.entries]
        if not (marker := page.marker):
            return sorted(found)


def test_tags_are_read_where_there_are_some(store):
    store.create("x.txt", ContentFile(b"x"), FileSettings(tags={"for": "a b"}))
    assert store.tags_of("x.txt") == ({"for": "a b"} if store.capabilities.settings else {})


def test_a_file_is_copied_from_another_store(store):
    source = file_store(InMemoryStorage())
    source.create("from.bin", ContentFile(os.urandom(300_000)))

    store.copy_from("to/x.bin", source, "from.bin")

    assert content_of(store, "to/x.bin") == content_of(source, "from.bin")
    with pytest.raises(FileExistsError):
        store.copy_from("to/x.bin", source, "from.bin")
    store.copy_from("to/x.bin", source, "from.bin", overwrite=True)
    assert content_of(store, "to/x.bin") == content_of(source, "from.bin")


def test_conditions_hold_where_the_store_says_so(conditional):
    old = conditional.create("x.txt", ContentFile(b"old")).etag
    assert old
    assert content_of(conditional, "x.txt", if_match=old) == b"old"
    with pytest.raises(FileNotModifiedError):
        conditional.read("x.txt", if_none_match=old)

    new = conditional.replace("x.txt", ContentFile(b"newer"), if_match=old).etag

    assert new != old
    assert content_of(conditional, "x.txt", if_none_match=old) == b"newer"
    for work in (
        lambda: conditional.read("x.txt", if_match=old),
        lambda: conditional.replace("x.txt", ContentFile(b"lost"), if_match=old),
        lambda: conditional.delete("x.txt", if_match=old),
    ):
        with pytest.raises(FileChangedError):
            work()
    assert content_of(conditional, "x.txt") == b"newer"
    conditional.delete("x.txt", if_match=new)
    conditional.delete("x.txt", if_match=new)
    assert names(conditional.walk()) == []


def test_a_file_is_created_where_the_file_system_has_no_hard_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    store = file_store(FileSystemStorage(tmp_path))

    store.create("x.txt", ContentFile(b"x"))

    with pytest.raises(FileExistsError):
        store.create("x.txt", ContentFile(b"y"))
    assert content_of(store, "x.txt") == b"x"
    assert names(store.walk()) == ["x.txt"]


def test_what_a_killed_process_was_writing_is_not_listed(tmp_path, monkeypatch):
    store = file_store(FileSystemStorage(tmp_path))

    def killed(*_):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        patch.setattr(FileSystemStorage, "delete", killed)
        with pytest.raises(SystemExit):
            store.replace("a/b.txt", ContentFile(b"x"))
    store.create("a/c.txt", ContentFile(b"x"))
    assert len(list((tmp_path / "a").iterdir())) == 2
    assert names(store.walk()) == ["a/c.txt"]
    assert names(store.page("a").entries) == ["a/c.txt"]


def test_a_subclass_that_saves_in_its_own_way_is_asked_to_do_so(tmp_path):
    class Shouting(FileSystemStorage):
        def _save(self, name, content):
            return super()._save(name, ContentFile(content.read().upper()))

    store = file_store(Shouting(tmp_path))

    store.create("x.txt", ContentFile(b"quiet"))

    assert content_of(store, "x.txt") == b"QUIET"


def test_links_are_refused_where_the_store_cannot_sign(store):
    if store.capabilities.signs:
        assert "sig=" in store.sign("x.txt", 60)
        return
    with pytest.raises(NotImplementedError, match="cannot sign"):
        store.sign("x.txt", 60)


def test_a_file_is_copied_on_the_server_within_an_account(azurite, container):
    options = {"connection_string": azurite.connection_string(), "metadata": {"by": "source"}}
    source = AzureStorage(
        azure_container=azurite.create_container(), location="from", cache_control="no-store", **options
    )
    target = AzureStorage(azure_container=container, location="to", connection_string=azurite.connection_string())
    source.create("x.txt", ContentFile(b"content"), save_id="marker")

    copied = target.copy_from("y.txt", source, "x.txt", version=source.stat("x.txt"))

    assert (copied.name, copied.size) == ("y.txt", 7)
    stat = target.stat("y.txt")
    assert (stat.cache_control, dict(stat.metadata), stat.save_id) == ("no-store", {"by": "source"}, "marker")
    assert content_of(target, "y.txt") == b"content"
    with pytest.raises(FileChangedError):
        target.copy_from("z.txt", source, "x.txt", version=source.stat("x.txt")._replace(etag='"another"'))
    there = target.create("taken.txt", ContentFile(b"there"))
    with pytest.raises(FileExistsError):
        target.copy_from("taken.txt", source, "x.txt")
    with pytest.raises(FileChangedError):
        target.copy_from("taken.txt", source, "x.txt", if_match=copied.etag)
    assert content_of(target, "taken.txt") == b"there"
    target.copy_from("taken.txt", source, "x.txt", if_match=there.etag)
    assert content_of(target, "taken.txt") == b"content"


def test_an_azure_storage_that_opens_in_its_own_way_is_asked_to_do_so(azurite, container):
    class Rotated(AzureStorage):
        def _save(self, name, content):
            return super()._save(name, ContentFile(content.read()[::-1]))

        def _open(self, name, mode="rb"):
            with super()._open(name, mode) as file:
                return ContentFile(file.read()[::-1])

    storage = Rotated(connection_string=azurite.connection_string(), azure_container=container)
    store = file_store(storage)

    store.create("x.txt", ContentFile(b"abc"))
    assert content_of(store, "x.txt") == b"abc"
    assert content_of(AzureStorage.from_options(storage.options), "x.txt") == b"cba"


def test_merged_pages_lose_no_file_after_a_directory_that_sorts_behind_it():
    """Data Lake lists the directory "photos" before "photos-x", which comes before "photos/"."""

    def file(name):
        return FileStat(name=name, size=1, etag='"1"', modified=dt.datetime.now(dt.UTC))

    pages = {
        "": ListingPage(entries=(file("a"), Directory(name="photos")), marker="2"),
        "2": ListingPage(entries=(file("photos-x"), file("z"))),
    }
    found, marker = [], ""
    while True:
        page = merged_page([pages.__getitem__, lambda _: ListingPage(entries=())], limit=2, marker=marker)
        found += [entry.name for entry in page.entries]
        if not (marker := page.marker):
            break
    assert found == ["a", "photos", "photos-x", "z"]


class ServiceError(Exception):
    """What an SDK raises."""


class Remote(Foreign):
    """A storage that asks a service for times, as that of S3 in django-storages: it raises the SDK's errors."""

    fails = False

    def get_modified_time(self, name):
        if self.fails or not self.exists(name):
            raise ServiceError("An error occurred (404) when calling the HeadObject operation: Not Found")
        return self._files.get_modified_time(name)


def test_a_missing_file_of_another_package_is_not_found_whatever_its_storage_raises():
    storage = Remote()
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: 'a.txt'"):
        file_store(storage).stat("a.txt")
    storage.save("a.txt", ContentFile(b"one"))
    assert file_store(storage).stat("a.txt").size == 3
    storage.fails = True
    with pytest.raises(ServiceError):
        file_store(storage).stat("a.txt")


@pytest.mark.parametrize("phase", ["mirror", "switch", "settle"])
@pytest.mark.parametrize("side", ["old", "new"])
def test_a_file_of_a_move_from_or_to_such_a_storage_is_deleted(phase, side):
    sides = {"old": InMemoryStorage(), "new": InMemoryStorage(), side: Remote()}
    moving = MovingStorage(**sides, phase=phase)
    moving.save("a.txt", ContentFile(b"one"))
    moving.delete("a.txt")
    assert not any(storage.exists("a.txt") for storage in sides.values())
    moving.delete("a.txt")
