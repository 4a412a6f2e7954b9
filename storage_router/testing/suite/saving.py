"""Saving: what is read is what was saved, under which name."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage
from django.core.files.uploadedfile import SimpleUploadedFile

from .contents import MIXED, NAMES, Stream, below, content_of


class SavingContract:
    """What ``save`` and the hooks for names do."""

    @pytest.mark.parametrize("content", [b"", b"x", MIXED, b"\x1f\x8b\x08\x00no gzip at all", b"\r\n\n\r"])
    def test_what_is_read_is_what_was_saved(self, storage: Storage, content: bytes) -> None:
        """Byte for byte, whatever the content and the extension."""
        for name in ("file.bin", "file.txt", "file.gz", "file.svgz"):
            assert content_of(storage, storage.save(name, ContentFile(content))) == content

    @pytest.mark.parametrize("name", NAMES)
    def test_names_go_in_and_come_out_as_they_are(self, storage: Storage, name: str) -> None:
        """The name that ``save`` returns opens, deletes and is listed."""
        assert storage.save(name, ContentFile(b"content")) == name
        assert storage.exists(name)
        assert content_of(storage, name) == b"content"
        assert below(storage) == {name}
        storage.delete(name)
        assert not storage.exists(name)

    def test_content_is_saved_from_its_beginning(self, storage: Storage) -> None:
        """Wherever the file's position was."""
        content = io.BytesIO(b"from the beginning")
        content.seek(7)
        assert content_of(storage, storage.save("a.txt", File(content))) == b"from the beginning"

    def test_text_is_saved_as_utf_8(self, storage: Storage) -> None:
        """``ContentFile`` and ``StringIO`` hold text."""
        for source in (ContentFile("grün, 緑"), io.StringIO("grün, 緑")):
            assert content_of(storage, storage.save("a.txt", source)) == "grün, 緑".encode()

    def test_uploads_and_bare_files_are_saved(self, storage: Storage) -> None:
        """A Django ``File`` is not needed."""
        assert content_of(storage, storage.save("a.txt", SimpleUploadedFile("b.txt", MIXED))) == MIXED
        assert content_of(storage, storage.save("c.txt", io.BytesIO(MIXED))) == MIXED

    def test_streams_that_cannot_seek_are_saved(self, storage: Storage) -> None:
        """As pipes and sockets are."""
        stream = File(io.BufferedReader(Stream(MIXED * 32)), "stream")
        assert content_of(storage, storage.save("a.bin", stream)) == MIXED * 32

    def test_the_name_may_come_from_the_content(self, storage: Storage) -> None:
        """``save(None, content)`` takes ``content.name``."""
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
        """Nothing is overwritten."""
        first = storage.save("dir/name.tar.gz", ContentFile(b"first"))
        second = storage.save("dir/name.tar.gz", ContentFile(b"second"))
        assert first == "dir/name.tar.gz"
        assert second != first
        assert second.startswith("dir/name_")
        assert second.endswith(".tar.gz")
        assert (content_of(storage, first), content_of(storage, second)) == (b"first", b"second")

    def test_max_length_is_kept(self, storage: Storage) -> None:
        """For the name asked for, and for the one that is found when it is taken."""
        names = {storage.save("dir/name-of-a-file.txt", ContentFile(b""), max_length=22) for _ in range(3)}
        assert len(names) == 3
        assert {len(name) <= 22 for name in names} == {True}

    def test_no_room_for_another_name_is_an_error(self, storage: Storage) -> None:
        """``SuspiciousFileOperation``, in Django's words."""
        storage.save("dir/name.txt", ContentFile(b""), max_length=12)
        with pytest.raises(SuspiciousFileOperation, match="can not find an available filename"):
            storage.save("dir/name.txt", ContentFile(b""), max_length=12)

    def test_an_available_name_is_available(self, storage: Storage) -> None:
        """The hooks agree with what is there."""
        storage.save("name.txt", ContentFile(b""))
        assert storage.get_available_name("other.txt") == "other.txt"
        assert storage.get_available_name("name.txt") != "name.txt"
        assert storage.is_name_available("other.txt") is True
        assert storage.is_name_available("name.txt") is False
        assert storage.is_name_available("other.txt", max_length=5) is False

    def test_upload_paths_become_names(self, storage: Storage) -> None:
        """``generate_filename`` keeps directories and takes ``\\`` for ``/``."""
        assert storage.generate_filename("2026/11/photo.jpg") == "2026/11/photo.jpg"
        assert storage.generate_filename("2026\\11\\photo.jpg") == "2026/11/photo.jpg"
        with pytest.raises(SuspiciousFileOperation):
            storage.generate_filename("2026/../../photo.jpg")

    @pytest.mark.parametrize("name", ["../secret.txt", "public/../../secret.txt", "/etc/passwd"])
    def test_no_name_leads_out(self, storage: Storage, name: str) -> None:
        """In every method that takes one."""
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
        """``save`` has nothing to call the file."""
        with pytest.raises(SuspiciousFileOperation):
            storage.save(name, ContentFile(b"x"))
