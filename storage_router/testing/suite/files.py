"""The files that ``open`` returns."""

from __future__ import annotations

import io

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import Storage

from .contents import MIXED, content_of


class FilesContract:
    """What can be done with a file that is open."""

    def test_files_can_be_read_from_any_place(self, storage: Storage) -> None:
        """``seek``, ``tell``, ``read`` and ``size`` as files have them."""
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
        """From the beginning, of the size asked for."""
        storage.save("a.bin", ContentFile(MIXED))
        with storage.open("a.bin") as file:
            file.read(10)
            chunks = list(file.chunks(1000))
        assert b"".join(chunks) == MIXED
        assert {len(chunk) for chunk in chunks[:-1]} == {1000}

    def test_lines_are_lines(self, storage: Storage) -> None:
        """By iteration and by ``readline``."""
        storage.save("a.txt", ContentFile(b"one\ntwo\n\nend"))
        with storage.open("a.txt") as file:
            assert list(file) == [b"one\n", b"two\n", b"\n", b"end"]
            file.seek(4)
            assert file.readline() == b"two\n"

    def test_text_is_read_in_mode_r(self, storage: Storage) -> None:
        """As UTF-8."""
        storage.save("a.txt", ContentFile("grün\n緑".encode()))
        with storage.open("a.txt", "r") as file:
            assert file.read() == "grün\n緑"

    def test_a_file_can_be_written(self, storage: Storage) -> None:
        """Mode ``wb``: what was written is there once it is closed."""
        with storage.open("a.bin", "wb") as file:
            file.write(b"one ")
            file.write(b"two")
        assert content_of(storage, "a.bin") == b"one two"

    def test_text_can_be_written(self, storage: Storage) -> None:
        """Mode ``w``: as UTF-8."""
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
        """And needs the file."""
        storage.save("a.txt", ContentFile(b"one two"))
        with storage.open("a.txt", "r+b") as file:
            assert file.read(4) == b"one "
            file.write(b"2")
        assert content_of(storage, "a.txt") == b"one 2wo"
        with pytest.raises(FileNotFoundError):
            storage.open("missing.txt", "r+b")

    def test_a_file_does_what_its_mode_says(self, storage: Storage) -> None:
        """``io.UnsupportedOperation`` otherwise."""
        storage.save("a.txt", ContentFile(b"content"))
        with storage.open("a.txt", "rb") as file, pytest.raises(io.UnsupportedOperation):
            file.write(b"x")
        with storage.open("b.txt", "wb") as file, pytest.raises(io.UnsupportedOperation):
            file.read()

    def test_a_closed_file_can_be_opened_again(self, storage: Storage) -> None:
        """``closed`` tells the truth before and after."""
        storage.save("a.txt", ContentFile(b"content"))
        file = storage.open("a.txt")
        assert file.closed is False
        file.close()
        assert file.closed is True
        assert file.open().read() == b"content"
        file.close()
