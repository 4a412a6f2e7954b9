"""What every Django storage promises, as tests that the author of a storage inherits (F4).

    class TestMyStorage(ModesContract, ConcurrencyContract, StorageContract):
        @pytest.fixture
        def storage(self):
            return MyStorage(...)

``storage`` must be empty, have no ``overwrite``, and may be used for one test only. ``StorageContract`` is what
Django documents and its own storages do; ``ModesContract`` adds the writing modes of Python's ``open()``;
``ConcurrencyContract`` adds writers at the same time. pytest is needed, nothing else; it explains failures of the
suite better after ``pytest.register_assert_rewrite("storage_router.testing.suite")`` in ``conftest.py``.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings
from django.utils import timezone

__all__ = ["ConcurrencyContract", "ModesContract", "StorageContract"]

NAMES = (
    "plain.txt",
    "no-extension",
    "deep/er/and/deeper.txt",
    "a name with spaces.txt",
    ".htaccess",
    ".well-known/security.txt",
    "100% #1?.txt",
    "grün/緑/зелёный.txt",
    "archive.tar.gz",
)
"""Names that every storage stores as they are."""

MIXED = bytes(range(256)) * 64
"""Every byte there is, 16 KiB of them."""


def content_of(storage: Storage, name: str) -> bytes:
    """Return what the file holds."""
    with storage.open(name) as file:
        return bytes(file.read())


def below(storage: Storage, path: str = "") -> set[str]:
    """Return the full names of all files at or below ``path``, by ``listdir`` alone."""
    directories, files = storage.listdir(path)
    prefix = f"{path}/" if path else ""
    found = {f"{prefix}{name}" for name in files}
    for directory in directories:
        found |= below(storage, f"{prefix}{directory}")
    return found


class Stream(io.RawIOBase):
    """A stream that cannot seek and gives little at a time, as sockets do."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        part = self._content.read(min(len(buffer), 1000))
        buffer[: len(part)] = part
        return len(part)


class StorageContract:
    """What Django documents of ``Storage``, and what its own storages do."""

    @pytest.fixture
    def storage(self) -> Storage:
        """Return the storage: new and empty. To be overridden."""
        raise NotImplementedError("Define a fixture 'storage' that returns a new, empty storage.")

    @pytest.mark.parametrize("content", [b"", b"x", MIXED, b"\x1f\x8b\x08\x00no gzip at all", b"\r\n\n\r"])
    def test_what_is_read_is_what_was_saved(self, storage: Storage, content: bytes) -> None:
        for name in ("file.bin", "file.txt", "file.gz", "file.svgz"):
            assert content_of(storage, storage.save(name, ContentFile(content))) == content

    @pytest.mark.parametrize("name", NAMES)
    def test_names_go_in_and_come_out_as_they_are(self, storage: Storage, name: str) -> None:
        assert storage.save(name, ContentFile(b"content")) == name
        assert storage.exists(name)
        assert content_of(storage, name) == b"content"
        assert below(storage) == {name}
        storage.delete(name)
        assert not storage.exists(name)

    def test_content_is_saved_from_its_beginning(self, storage: Storage) -> None:
        content = io.BytesIO(b"from the beginning")
        content.seek(7)
        assert content_of(storage, storage.save("a.txt", File(content))) == b"from the beginning"

    def test_text_is_saved_as_utf_8(self, storage: Storage) -> None:
        for source in (ContentFile("grün, 緑"), io.StringIO("grün, 緑")):
            assert content_of(storage, storage.save("a.txt", source)) == "grün, 緑".encode()

    def test_uploads_and_bare_files_are_saved(self, storage: Storage) -> None:
        assert content_of(storage, storage.save("a.txt", SimpleUploadedFile("b.txt", MIXED))) == MIXED
        assert content_of(storage, storage.save("c.txt", io.BytesIO(MIXED))) == MIXED

    def test_streams_that_cannot_seek_are_saved(self, storage: Storage) -> None:
        stream = File(io.BufferedReader(Stream(MIXED * 32)), "stream")
        assert content_of(storage, storage.save("a.bin", stream)) == MIXED * 32

    def test_the_name_may_come_from_the_content(self, storage: Storage) -> None:
        assert storage.save(None, ContentFile(b"x", name="from-content.txt")) == "from-content.txt"

    def test_an_error_of_the_content_reaches_the_caller(self, storage: Storage) -> None:
        """And is not taken for the content's end."""

        class Broken(File):  # type: ignore[type-arg]
            def chunks(self, chunk_size: int | None = None) -> Any:  # noqa: ARG002 - Django's signature
                yield b"some"
                raise LookupError("the source broke")

        with pytest.raises(LookupError, match="the source broke"):
            storage.save("a.txt", Broken(io.BytesIO(b""), "a.txt"))

    def test_a_taken_name_gets_a_name_like_it(self, storage: Storage) -> None:
        first = storage.save("dir/name.tar.gz", ContentFile(b"first"))
        second = storage.save("dir/name.tar.gz", ContentFile(b"second"))
        assert first == "dir/name.tar.gz"
        assert second != first
        assert second.startswith("dir/name_")
        assert second.endswith(".tar.gz")
        assert (content_of(storage, first), content_of(storage, second)) == (b"first", b"second")

    def test_max_length_is_kept(self, storage: Storage) -> None:
        names = {storage.save("dir/name-of-a-file.txt", ContentFile(b""), max_length=22) for _ in range(3)}
        assert len(names) == 3
        assert {len(name) <= 22 for name in names} == {True}

    def test_no_room_for_another_name_is_an_error(self, storage: Storage) -> None:
        storage.save("dir/name.txt", ContentFile(b""), max_length=12)
        with pytest.raises(SuspiciousFileOperation, match="can not find an available filename"):
            storage.save("dir/name.txt", ContentFile(b""), max_length=12)

    def test_an_available_name_is_available(self, storage: Storage) -> None:
        storage.save("name.txt", ContentFile(b""))
        assert storage.get_available_name("other.txt") == "other.txt"
        assert storage.get_available_name("name.txt") != "name.txt"
        assert storage.is_name_available("other.txt") is True
        assert storage.is_name_available("name.txt") is False
        assert storage.is_name_available("other.txt", max_length=5) is False

    def test_upload_paths_become_names(self, storage: Storage) -> None:
        assert storage.generate_filename("2026/11/photo.jpg") == "2026/11/photo.jpg"
        assert storage.generate_filename("2026\\11\\photo.jpg") == "2026/11/photo.jpg"
        with pytest.raises(SuspiciousFileOperation):
            storage.generate_filename("2026/../../photo.jpg")

    @pytest.mark.parametrize("name", ["../secret.txt", "public/../../secret.txt", "/etc/passwd"])
    def test_no_name_leads_out(self, storage: Storage, name: str) -> None:
        actions = (
            lambda: storage.open(name),
            lambda: storage.open(name, "wb"),
            lambda: storage.save(name, ContentFile(b"x")),
            lambda: storage.exists(name),
            lambda: storage.size(name),
            lambda: storage.delete(name),
            lambda: storage.listdir(name),
            lambda: storage.get_modified_time(name),
        )
        for action in actions:
            with pytest.raises(SuspiciousFileOperation):
                action()

    @pytest.mark.parametrize("name", ["", ".", "..", "dir/", "dir/.."])
    def test_what_is_no_file_name_is_refused(self, storage: Storage, name: str) -> None:
        with pytest.raises(SuspiciousFileOperation):
            storage.save(name, ContentFile(b"x"))

    def test_what_is_there_is_told(self, storage: Storage) -> None:
        assert storage.exists("a.txt") is False
        storage.save("a.txt", ContentFile(b"four"))
        assert storage.exists("a.txt") is True
        assert storage.size("a.txt") == 4

    def test_the_root_exists(self, storage: Storage) -> None:
        storage.save("a.txt", ContentFile(b""))
        assert storage.exists("") is True

    def test_what_is_missing_is_not_found(self, storage: Storage) -> None:
        """``FileNotFoundError``, at ``open`` and not later."""
        for action in (storage.open, storage.size, storage.get_modified_time, storage.get_created_time):
            with pytest.raises(FileNotFoundError):
                action("missing.txt")

    def test_deleting_what_is_missing_is_no_error(self, storage: Storage) -> None:
        """Two may delete at once."""
        storage.save("a.txt", ContentFile(b""))
        storage.delete("a.txt")
        storage.delete("a.txt")
        storage.delete("never/was.txt")

    @pytest.mark.parametrize("name", ["", None])
    def test_deleting_nothing_deletes_nothing(self, storage: Storage, name: Any) -> None:
        """Refused or not: of Django's own storages one raises ``ValueError``, the other takes the empty name."""
        storage.save("a.txt", ContentFile(b""))
        storage.save("dir/b.txt", ContentFile(b""))
        with contextlib.suppress(ValueError, TypeError, SuspiciousFileOperation):
            storage.delete(name)
        assert below(storage) == {"a.txt", "dir/b.txt"}

    def test_directories_and_files_directly_below_are_listed(self, storage: Storage) -> None:
        for name in ("top/a.txt", "top/b/c.txt", "top/b/d.txt", "top/b/e/f.txt", "top/bb/g.txt"):
            storage.save(name, ContentFile(b""))
        assert "top" in storage.listdir("")[0]
        directories, files = storage.listdir("top")
        assert (sorted(directories), sorted(files)) == (["b", "bb"], ["a.txt"])
        directories, files = storage.listdir("top/b")
        assert (sorted(directories), sorted(files)) == (["e"], ["c.txt", "d.txt"])

    @pytest.mark.parametrize("use_tz", [True, False])
    @pytest.mark.parametrize("method", ["get_modified_time", "get_created_time"])
    def test_times_are_aware_where_time_zones_are_used(self, storage: Storage, method: str, use_tz: bool) -> None:
        """And naive, in the system's zone, where they are not; both close to now."""
        # Django's memory storage notes the time as the setting is when the file is saved.
        with override_settings(USE_TZ=use_tz):
            name = storage.save("a.txt", ContentFile(b""))
            moment = getattr(storage, method)(name)
            assert timezone.is_aware(moment) is use_tz
            assert abs(moment - timezone.now()) < dt.timedelta(minutes=5)

    def test_a_url_ends_in_the_quoted_name(self, storage: Storage) -> None:
        """Nothing in a name can become a query or a fragment. What comes before the last segment is the storage's
        own.
        """
        storage.save("dir/a b#c?.txt", ContentFile(b""))
        assert storage.url("dir/a b#c?.txt").partition("?")[0].endswith("/a%20b%23c%3F.txt")

    def test_files_can_be_read_from_any_place(self, storage: Storage) -> None:
        storage.save("a.bin", ContentFile(MIXED))
        with storage.open("a.bin") as file:
            assert file.size == len(MIXED)
            assert file.read(10) == MIXED[:10]
            assert file.tell() == 10
            file.seek(-5, io.SEEK_END)
            assert file.read() == MIXED[-5:]
            assert file.read() == b""
            file.seek(256)
            assert file.read(256) == bytes(range(256))

    def test_chunks_are_the_whole_file(self, storage: Storage) -> None:
        storage.save("a.bin", ContentFile(MIXED))
        with storage.open("a.bin") as file:
            file.read(10)
            chunks = list(file.chunks(1000))
        assert b"".join(chunks) == MIXED
        assert {len(chunk) for chunk in chunks[:-1]} == {1000}

    def test_lines_are_lines(self, storage: Storage) -> None:
        storage.save("a.txt", ContentFile(b"one\ntwo\n\nend"))
        with storage.open("a.txt") as file:
            assert list(file) == [b"one\n", b"two\n", b"\n", b"end"]
            file.seek(4)
            assert file.readline() == b"two\n"

    def test_text_is_read_in_mode_r(self, storage: Storage) -> None:
        storage.save("a.txt", ContentFile("grün\n緑".encode()))
        with storage.open("a.txt", "r") as file:
            assert file.read() == "grün\n緑"

    def test_a_file_can_be_written(self, storage: Storage) -> None:
        with storage.open("a.bin", "wb") as file:
            file.write(b"one ")
            file.write(b"two")
        assert content_of(storage, "a.bin") == b"one two"

    def test_text_can_be_written(self, storage: Storage) -> None:
        with storage.open("a.txt", "w") as file:
            file.write("grün\n")
        assert content_of(storage, "a.txt") == "grün\n".encode()


class ModesContract:
    """The writing modes, as Python's ``open()`` has them."""

    def test_w_replaces_the_whole_file(self, storage: Storage) -> None:
        """A shorter content leaves nothing of the longer one."""
        storage.save("a.txt", ContentFile(b"long content"))
        with storage.open("a.txt", "wb") as file:
            file.write(b"short")
        assert content_of(storage, "a.txt") == b"short"

    def test_x_needs_a_free_name(self, storage: Storage) -> None:
        """``FileExistsError`` otherwise, and the file stays."""
        with storage.open("a.txt", "xb") as file:
            file.write(b"first")
        with pytest.raises(FileExistsError):
            storage.open("a.txt", "xb")
        assert content_of(storage, "a.txt") == b"first"

    def test_a_appends_and_creates(self, storage: Storage) -> None:
        """Wherever the position is."""
        for part in (b"one ", b"two"):
            with storage.open("a.txt", "ab") as file:
                file.seek(0)
                file.write(part)
        assert content_of(storage, "a.txt") == b"one two"

    def test_r_plus_changes_in_place(self, storage: Storage) -> None:
        storage.save("a.txt", ContentFile(b"one two"))
        with storage.open("a.txt", "r+b") as file:
            assert file.read(4) == b"one "
            file.write(b"2")
        assert content_of(storage, "a.txt") == b"one 2wo"
        with pytest.raises(FileNotFoundError):
            storage.open("missing.txt", "r+b")

    def test_a_file_does_what_its_mode_says(self, storage: Storage) -> None:
        storage.save("a.txt", ContentFile(b"content"))
        with storage.open("a.txt", "rb") as file, pytest.raises(io.UnsupportedOperation):
            file.write(b"x")
        with storage.open("b.txt", "wb") as file, pytest.raises(io.UnsupportedOperation):
            file.read()

    def test_a_closed_file_can_be_opened_again(self, storage: Storage) -> None:
        storage.save("a.txt", ContentFile(b"content"))
        file = storage.open("a.txt")
        assert file.closed is False
        file.close()
        assert file.closed is True
        assert file.open().read() == b"content"
        file.close()


class ConcurrencyContract:
    """Writers of one name at the same time, each in its own thread."""

    def test_every_writer_gets_a_file_of_its_own(self, storage: Storage) -> None:
        contents = [b"%d " % index * 1000 for index in range(40)]
        with ThreadPoolExecutor(8) as pool:
            names = list(pool.map(lambda content: storage.save("dir/a.txt", ContentFile(content)), contents))
        assert len(set(names)) == 40
        assert [content_of(storage, name) for name in names] == contents
        assert below(storage) == set(names)

    def test_a_file_is_never_seen_half_written(self, storage: Storage) -> None:
        """A reader finds no file, or a whole one."""
        content = MIXED * 330
        with ThreadPoolExecutor(2) as pool:
            written = [pool.submit(storage.save, f"{index}.bin", ContentFile(content)) for index in range(2)]
            while not all(future.done() for future in written):
                for index in range(2):
                    if storage.exists(f"{index}.bin"):
                        assert content_of(storage, f"{index}.bin") == content
            assert sorted(future.result() for future in written) == [f"{index}.bin" for index in range(2)]
