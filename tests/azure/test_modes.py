"""A5: every mode of ``open()``."""

from __future__ import annotations

import gc
import io
import os
import warnings
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient
from django.core.files.base import ContentFile, File
from django.db import models
from django.test import override_settings
from django.test.utils import isolate_apps

from storage_router.azure.file import Draft, Mode
from storage_router.exceptions import BlobChangedError, BlobExistsError, BlobNotFoundError

MIB = 2**20


def content_of(storage, name):
    with storage.open(name) as file:
        return file.read()


@pytest.fixture
def storage(bench):
    storage = bench.storage()
    storage.save("old.txt", ContentFile(b"old content"))
    bench.requests.taken()
    return storage


class TestSpelling:
    @pytest.mark.parametrize(
        ("spelt", "parsed"),
        [
            ("r", Mode(verb="r", text=True, updating=False)),
            ("rt", Mode(verb="r", text=True, updating=False)),
            ("rb", Mode(verb="r", text=False, updating=False)),
            ("br+", Mode(verb="r", text=False, updating=True)),
            ("ab", Mode(verb="a", text=False, updating=False)),
            ("x", Mode(verb="x", text=True, updating=False)),
            ("w+b", Mode(verb="w", text=False, updating=True)),
        ],
    )
    def test_modes_are_read_as_open_reads_them(self, spelt, parsed):
        assert Mode.parse(spelt) == parsed
        assert Mode.parse(str(parsed)) == parsed

    @pytest.mark.parametrize("mode", ["", "q", "rw", "rbt", "bt", "rr", "U", "+"])
    def test_what_open_refuses_is_refused_before_any_request(self, key_bench, tmp_path, mode):
        (tmp_path / "file").write_text("")
        with pytest.raises(ValueError) as pythons:
            open(tmp_path / "file", mode)  # noqa: PTH123, SIM115 - Python's own is the model
        with pytest.raises(ValueError) as ours:
            key_bench.storage().open("a.txt", mode)
        assert key_bench.requests.taken() == []
        if mode not in ("", "+", "rr", "U"):
            assert str(ours.value) == str(pythons.value)


class TestWriting:
    def test_wb_creates_a_file_whole_at_close(self, bench):
        storage = bench.storage()
        with storage.open("new.css", "wb") as file:
            file.write(b"one ")
            file.write(b"two")
            assert file.size == 7
            assert not storage.exists("new.css")
            bench.requests.taken()
        assert bench.requests.taken() == ["PUT blob"]
        assert content_of(storage, "new.css") == b"one two"
        assert storage.stat("new.css").content_type == "text/css"

    def test_wb_replaces_exactly_that_file(self, storage):
        with storage.open("old.txt", "wb") as file:
            file.write(b"new")
        assert content_of(storage, "old.txt") == b"new"
        assert storage.listdir("") == ([], ["old.txt"])

    @pytest.mark.parametrize("mode", ["wb", "xb", "ab", "w"])
    def test_a_new_file_is_there_even_if_nothing_was_written(self, key_bench, mode):
        storage = key_bench.storage()
        storage.open("new.txt", mode).close()
        assert content_of(storage, "new.txt") == b""

    def test_wb_empties_a_file_even_if_nothing_is_written(self, storage):
        storage.open("old.txt", "wb").close()
        assert storage.size("old.txt") == 0

    def test_text_is_stored_as_utf_8_and_as_it_is(self, key_bench):
        storage = key_bench.storage()
        with storage.open("new.txt", "w") as file:
            file.write("grün\n")
            file.writelines(["緑\r\n", "end"])
            assert file.size == len("grün\n緑\r\nend".encode())
        assert content_of(storage, "new.txt") == "grün\n緑\r\nend".encode()

    def test_text_written_to_a_binary_file_is_utf_8(self, key_bench):
        storage = key_bench.storage()
        with storage.open("new.txt", "wb") as file:
            assert file.write("grün") == 5
            file.writelines([b" and ", "緑"])
        assert content_of(storage, "new.txt") == "grün and 緑".encode()

    def test_bytes_are_no_text(self, key_bench):
        with pytest.raises(TypeError), key_bench.storage().open("new.txt", "w") as file:
            file.write(b"bytes")
        assert not key_bench.storage().exists("new.txt")

    def test_xb_fails_at_open_if_the_file_exists(self, storage):
        with pytest.raises(FileExistsError, match="There is a blob of this name already") as caught:
            storage.open("old.txt", "xb")
        assert (type(caught.value), caught.value.filename) == (BlobExistsError, "old.txt")

    def test_ab_appends(self, bench, storage):
        with storage.open("old.txt", "ab") as file:
            assert file.tell() == 11
            file.seek(0)
            file.write(b", and more")
        assert bench.requests.taken() == ["GET blob", "PUT blob"]
        assert content_of(storage, "old.txt") == b"old content, and more"

    def test_a_plus_reads_what_is_there(self, storage):
        with storage.open("old.txt", "a+") as file:
            file.write(", and more")
            file.seek(0)
            assert file.read() == "old content, and more"

    def test_r_plus_b_changes_in_place(self, bench, storage):
        with storage.open("old.txt", "r+b") as file:
            assert file.read(4) == b"old "
            file.write(b"stuff")
            file.seek(0)
            assert file.read() == b"old stuffnt"
            file.truncate(9)
            assert file.size == 9
        assert bench.requests.taken() == ["GET blob", "PUT blob"]
        assert content_of(storage, "old.txt") == b"old stuff"

    @pytest.mark.parametrize("mode", ["ab", "r+b"])
    def test_an_empty_file_is_changed_as_any_other(self, bench, mode):
        storage = bench.storage()
        storage.save("empty.txt", ContentFile(b""))
        bench.requests.taken()
        with storage.open("empty.txt", mode) as file:
            file.write(b"first")
        assert bench.requests.taken() == ["GET blob", "HEAD blob", "PUT blob"]
        assert content_of(storage, "empty.txt") == b"first"

    @pytest.mark.parametrize("mode", ["ab", "r+b"])
    def test_an_empty_file_that_is_filled_while_it_is_opened_is_opened_filled(self, key_bench, mode):
        storage = key_bench.storage()
        storage.save("a.txt", ContentFile(b""))

        def filled_before_the_look(request):
            if request.http_request.method == "HEAD":
                storage.replace("a.txt", ContentFile(b"filled"))

        other = key_bench.storage(client_options={"raw_request_hook": filled_before_the_look})
        with other.open("a.txt", mode) as file:
            file.seek(0, io.SEEK_END)
            file.write(b" up")
        assert content_of(storage, "a.txt") == b"filled up"

    def test_truncate_alone_is_a_change(self, storage):
        with storage.open("old.txt", "r+b") as file:
            file.seek(3)
            assert file.truncate() == 3
        assert content_of(storage, "old.txt") == b"old"

    @pytest.mark.parametrize("limit", [2**20, 8])
    def test_truncate_lengthens_with_zeros_and_leaves_the_position(self, key_bench, limit):
        storage = key_bench.storage(max_memory_size=limit)
        with storage.open("a.bin", "wb") as file:
            file.write(b"abc")
            assert file.truncate(10) == 10
            assert file.tell() == 3
            file.write(b"d")
        assert content_of(storage, "a.bin") == b"abcd" + bytes(6)

    def test_r_plus_needs_the_file(self, bench):
        with pytest.raises(FileNotFoundError) as caught:
            bench.storage().open("no.txt", "r+")
        assert caught.value.filename == "no.txt"

    @pytest.mark.parametrize("mode", ["r+b", "ab"])
    def test_without_a_change_nothing_is_uploaded(self, bench, storage, mode):
        storage.open("old.txt", mode).close()
        assert bench.requests.taken() == ["GET blob"]

    @pytest.mark.parametrize("mode", ["r+b", "ab"])
    def test_a_file_that_is_changed_gets_the_tags_and_the_tier_of_the_options(self, key_bench, mode):
        storage = key_bench.storage(tags={"project": "acme"}, access_tier="Cool")
        storage.save("a.txt", ContentFile(b"x"))
        with storage.open("a.txt", mode) as file:
            file.write(b"y")
        with BlobServiceClient.from_connection_string(key_bench.azurite.connection_string()) as service:
            tags = service.get_blob_client(key_bench.container, "a.txt").get_blob_tags()
        assert tags == {"project": "acme"}
        assert storage.stat("a.txt").access_tier == "Cool"

    @pytest.mark.parametrize("mode", ["r+b", "ab"])
    def test_a_file_that_is_changed_keeps_what_is_stored_with_it(self, key_bench, mode):
        parameters = {"content_type": "text/x-own", "content_disposition": "inline", "content_language": "de"}
        key_bench.storage(object_parameters=parameters, cache_control="no-store", metadata={"by": "hand"}).save(
            "a.css", ContentFile(b"x")
        )
        storage = key_bench.storage()
        with storage.open("a.css", mode) as file:
            file.write(b"y")
        stat = storage.stat("a.css")
        assert {key: getattr(stat, key) for key in parameters} == parameters
        assert (stat.cache_control, dict(stat.metadata)) == ("no-store", {"by": "hand"})

    def test_large_files_are_written_by_blocks_from_disk(self, bench):
        storage, content = bench.storage(), os.urandom(9 * MIB)
        with storage.open("new.bin", "wb") as file:
            for start in range(0, len(content), 65_536):
                file.write(content[start : start + 65_536])
        with storage.open("new.bin", "ab") as file:
            file.write(b"tail")
        assert content_of(storage, "new.bin") == content + b"tail"

    @pytest.mark.parametrize("limit", [1, 100])
    def test_what_is_stored_says_its_size_in_memory_and_on_disk(self, limit):
        """Content of more than 64 MiB is not digested while it is stored."""
        with Draft(Mode.parse("wb"), max_memory_size=limit) as draft:
            draft.write(b"content")
            draft.seek(0)
            assert File(draft, "a.bin").size == 7

    def test_files_read_only_or_write_only_say_so(self, storage):
        with storage.open("new.txt", "wb") as file:
            assert (file.readable(), file.writable(), file.seekable()) == (False, True, True)
            with pytest.raises(io.UnsupportedOperation):
                file.read()
        with storage.open("old.txt", "r+b") as file:
            assert (file.readable(), file.writable()) == (True, True)

    def test_a_written_file_can_be_opened_again_to_be_read(self, key_bench):
        storage = key_bench.storage()
        file = storage.open("new.txt", "wb")
        file.write(b"content")
        assert file.open("rb").read() == b"content"
        file.close()
        assert file.open("ab").mode == "ab"
        file.close()

    @pytest.mark.parametrize(("mode", "written"), [("wb", b"content"), ("w", "eins\nzw\u00f6lf"), ("ab", b"more")])
    def test_a_closed_file_still_knows_its_size(self, bench, storage, mode, written):
        file = storage.open("old.txt", mode)
        file.write(written)
        size = file.size
        file.close()
        bench.requests.taken()
        assert file.size == size
        assert bench.requests.taken() == []
        assert storage.size("old.txt") == size

    def test_a_closed_file_takes_nothing(self, storage):
        file = storage.open("new.txt", "wb")
        file.close()
        with pytest.raises(ValueError, match="closed file"):
            file.write(b"x")

    def test_temporary_files_go_where_django_puts_uploads(self, key_bench, tmp_path):
        with override_settings(FILE_UPLOAD_TEMP_DIR=tmp_path):
            file = key_bench.storage(max_memory_size=10).open("new.txt", "wb")
            file.write(b"more than ten bytes")
            file.flush()
            opened = {str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}
            assert any(path.startswith(str(tmp_path)) for path in opened)
            file.close()


class TestExceptions:
    """A5: an exception inside ``with`` uploads nothing."""

    @pytest.mark.parametrize("mode", ["wb", "w", "xb", "ab", "r+b"])
    def test_nothing_is_uploaded(self, bench, storage, mode):
        name = "new.txt" if mode == "xb" else "old.txt"

        def fail_inside():
            with storage.open(name, mode) as file:
                file.write("x" if mode == "w" else b"x")
                bench.requests.taken()
                raise LookupError(file)

        with pytest.raises(LookupError) as caught:
            fail_inside()
        (file,) = caught.value.args
        assert bench.requests.taken() == []
        assert file.closed
        assert content_of(storage, "old.txt") == b"old content"

    def test_nothing_is_uploaded_through_a_model_field_either(self, storage):
        with isolate_apps("tests"):

            class Document(models.Model):
                file = models.FileField(storage=storage)

                class Meta:
                    app_label = "tests"

        document = Document(file="old.txt")

        def fail_inside():
            with document.file.open("wb") as file:
                file.write(b"half a fi")
                raise LookupError

        with pytest.raises(LookupError):
            fail_inside()
        assert content_of(storage, "old.txt") == b"old content"
        with document.file.open("wb") as file:
            file.write(b"a whole file")
        assert content_of(storage, "old.txt") == b"a whole file"

    def test_nothing_is_uploaded_through_django_files_around_it(self, storage):
        def fail_inside():
            with File(storage.open("old.txt", "wb")) as file:
                file.write(b"half a fi")
                raise LookupError

        with pytest.raises(LookupError):
            fail_inside()
        assert content_of(storage, "old.txt") == b"old content"

    def test_an_exception_that_was_handled_before_does_not_count(self, storage):
        try:
            raise LookupError
        except LookupError:
            with storage.open("old.txt", "wb") as file:
                file.write(b"new")
        assert content_of(storage, "old.txt") == b"new"

    def test_what_is_discarded_is_not_uploaded(self, storage):
        file = storage.open("old.txt", "w")
        file.write("half")
        file.discard()
        assert file.closed
        assert content_of(storage, "old.txt") == b"old content"

    def test_nothing_is_uploaded_where_a_file_is_closed_while_an_exception_passes(self, storage):
        def fail():
            file = storage.open("old.txt", "wb")
            try:
                file.write(b"half")
                raise LookupError
            finally:
                file.close()

        with pytest.raises(LookupError):
            fail()
        assert content_of(storage, "old.txt") == b"old content"

    def test_what_is_written_while_an_exception_is_handled_is_stored(self, storage):
        file = storage.open("opened-before.txt", "wb")
        try:
            raise LookupError("why")
        except LookupError as error:
            file.write(str(error).encode())
            file.close()
            with File(storage.open("opened-within.txt", "wb")) as other:
                other.write(b"within")
        assert content_of(storage, "opened-before.txt") == b"why"
        assert content_of(storage, "opened-within.txt") == b"within"

    def test_a_file_that_nobody_closed_uploads_nothing_and_says_so(self, storage):
        file = storage.open("old.txt", "wb")
        file.write(b"lost")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del file
            gc.collect()
        assert ["was not closed: nothing was stored" in str(warning.message) for warning in caught] == [True]
        assert caught[0].category is ResourceWarning
        assert content_of(storage, "old.txt") == b"old content"

    def test_a_read_file_that_nobody_closed_is_forgotten_in_peace(self, storage):
        file = storage.open("old.txt")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del file
            gc.collect()
        assert caught == []


class TestConflicts:
    """A5: a conflicting write in between raises, and the other one's content stays."""

    @pytest.mark.parametrize("mode", ["wb", "ab", "r+b"])
    @pytest.mark.parametrize("size", [1, 9 * MIB])
    def test_a_file_that_somebody_changed_raises(self, storage, mode, size):
        file = storage.open("old.txt", mode)
        file.write(b"x" * size)
        storage.replace("old.txt", ContentFile(b"theirs"))
        with pytest.raises(BlobChangedError, match="changed in between") as caught:
            file.close()
        assert caught.value.filename == "old.txt"
        assert file.closed
        assert content_of(storage, "old.txt") == b"theirs"

    @pytest.mark.parametrize("mode", ["wb", "ab", "r+b"])
    def test_a_file_that_somebody_deleted_raises(self, storage, mode):
        file = storage.open("old.txt", mode)
        file.write(b"x")
        storage.delete("old.txt")
        with pytest.raises(BlobChangedError):
            file.close()
        assert not storage.exists("old.txt")

    @pytest.mark.parametrize("size", [1, 9 * MIB])
    @pytest.mark.parametrize(
        ("mode", "error"), [("wb", BlobChangedError), ("ab", BlobChangedError), ("xb", FileExistsError)]
    )
    def test_a_file_that_somebody_created_raises(self, bench, mode, error, size):
        storage = bench.storage()
        file = storage.open("new.txt", mode)
        file.write(b"x" * size)
        storage.save("new.txt", ContentFile(b"theirs"))
        with pytest.raises(error) as caught:
            file.close()
        assert caught.value.filename == "new.txt"
        assert content_of(storage, "new.txt") == b"theirs"

    def test_overwrite_files_changes_nothing_about_that(self, key_bench):
        storage = key_bench.storage(overwrite_files=True)
        file = storage.open("new.txt", "wb")
        storage.save("new.txt", ContentFile(b"theirs"))
        with pytest.raises(BlobChangedError):
            file.close()

    def test_a_missing_container_is_told_at_open(self, key_bench):
        with pytest.raises(FileNotFoundError, match="az storage container create") as caught:
            key_bench.storage(azure_container="not-there").open("new.txt", "wb")
        assert not isinstance(caught.value, BlobNotFoundError)
