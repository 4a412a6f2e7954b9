"""A1, A4, A12: files that are read, and what each way of reading costs."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shutil
import tempfile
import threading
import zipfile
from pathlib import Path

import pytest
from django.core.files.base import ContentFile, File
from django.http import FileResponse
from PIL import Image

from storage_router.exceptions import BlobChangedError

from .conftest import Bench

MIB = 2**20
GET = "GET blob"


@pytest.fixture(scope="module")
def large():
    return os.urandom(23 * MIB + 11)


@pytest.fixture(scope="module")
def filled(azurite, large):
    """A container with a large file, for everybody who only reads."""
    bench = Bench(azurite, azurite.create_container())
    bench.storage().save("large.bin", ContentFile(large))
    bench.storage().save("small.txt", ContentFile("eins\nzwei\r\ndrei\rvier"))
    return bench


@pytest.fixture
def shelf(filled):
    """The same for one test, nothing counted yet."""
    filled.requests.taken()
    return filled


class TestSmall:
    """A4: up to 4 MiB, one request."""

    @pytest.mark.parametrize("size", [0, 1, 3 * MIB, 4 * MIB])
    def test_open_and_read_are_one_request_together(self, bench, size):
        storage, content = bench.storage(), os.urandom(size)
        storage.save("a.bin", ContentFile(content))
        bench.requests.taken()
        with storage.open("a.bin") as file:
            assert file.size == size
            assert file.read() == content
            file.seek(-1 if size else 0, io.SEEK_END)
            assert file.read() == content[-1:]
        assert bench.requests.taken() == [GET]

    def test_a_missing_file_fails_at_open(self, bench):
        with pytest.raises(FileNotFoundError, match="There is no such blob"):
            bench.storage().open("no.txt")

    def test_more_than_max_memory_size_goes_to_disk(self, key_bench, settings_folder):
        storage = key_bench.storage(max_memory_size=MIB)
        content = os.urandom(MIB + 1)
        storage.save("a.bin", ContentFile(content))
        storage.save("b.bin", ContentFile(content[1:]))
        with storage.open("a.bin") as on_disk, storage.open("b.bin") as in_memory:
            assert _files_in(settings_folder) == 1
            assert (on_disk.read(), in_memory.read()) == (content, content[1:])
        assert _files_in(settings_folder) == 0

    def test_asking_whether_it_is_closed_costs_nothing_and_it_opens_again(self, bench):
        """A12"""
        storage = bench.storage()
        storage.save("a.txt", ContentFile(b"content"))
        file = storage.open("a.txt")
        bench.requests.taken()
        assert file.closed is False
        file.close()
        assert file.closed is True
        for action in (file.read, lambda: file.file.raw.read(1), lambda: file.file.raw.seek(0)):
            with pytest.raises(ValueError, match="closed file"):
                action()
        file.close()
        assert bench.requests.taken() == []
        assert file.open() is file
        assert (file.closed, file.read()) == (False, b"content")
        assert bench.requests.taken() == [GET]
        assert file.open().read() == b"content"
        assert file.open("rb").read() == b"content"
        assert bench.requests.taken() == []
        assert file.open("r").read() == "content"
        file.close()

    def test_a_file_that_is_gone_cannot_be_opened_again(self, key_bench):
        storage = key_bench.storage()
        storage.save("a.txt", ContentFile(b"content"))
        file = storage.open("a.txt")
        file.close()
        storage.delete("a.txt")
        with pytest.raises(FileNotFoundError):
            file.open()
        assert file.closed


class TestLarge:
    """A4: ranges on demand, read-ahead, one version."""

    def test_the_first_bytes_are_one_request(self, shelf, large):
        with shelf.storage().open("large.bin") as file:
            assert file.read(100) == large[:100]
            assert file.size == len(large)
        assert shelf.requests.taken() == [GET]

    def test_reading_from_the_beginning_to_the_end_is_one_request_for_each_window(self, shelf, large):
        with shelf.storage().open("large.bin") as file:
            assert b"".join(file.chunks()) == large
        assert shelf.requests.taken() == [GET] * 6
        with shelf.storage(max_memory_size=MIB).open("large.bin") as file:
            assert file.read() == large
        assert shelf.requests.taken() == [GET] * (1 + 10)

    def test_no_byte_is_asked_for_twice(self, shelf, large):
        with shelf.storage().open("large.bin") as file:
            shutil.copyfileobj(file, io.BytesIO())
        ranges = [_range(request) for request in shelf.requests.sent]
        shelf.requests.taken()
        assert min(ranges) == (0, 4 * MIB - 1)
        assert sum(last - first + 1 for first, last in ranges) == len(large)

    def test_a_seek_costs_nothing_and_the_read_after_it_fetches_little(self, shelf, large):
        with shelf.storage().open("large.bin") as file:
            shelf.requests.taken()
            assert file.seek(10 * MIB) == file.tell() == 10 * MIB
            assert shelf.requests.taken() == []
            assert file.read(10) == large[10 * MIB :][:10]
            assert [_range(request) for request in shelf.requests.sent] == [(10 * MIB, 10 * MIB + MIB // 2 - 1)]
            shelf.requests.taken()
            assert file.seek(-5, io.SEEK_CUR) == 10 * MIB + 5
            assert file.read(100_000) == large[10 * MIB + 5 :][:100_000]
            file.seek(7)
            assert file.read(5) == large[7:12]
        assert shelf.requests.taken() == []

    def test_a_large_read_after_a_seek_fetches_what_it_asks_for(self, shelf, large):
        with shelf.storage().open("large.bin") as file:
            shelf.requests.taken()
            file.seek(10 * MIB)
            assert file.read(2 * MIB) == large[10 * MIB : 12 * MIB]
            # The buffer asks for what fills whole blocks first, so there may be a rest.
            assert _range(shelf.requests.sent[0]) == (10 * MIB, 12 * MIB - 1)
            shelf.requests.taken()

    def test_what_precedes_the_end_is_there_when_the_end_was_read(self, shelf, large):
        """Archives and columnar files: the last bytes say where their directory is, shortly before."""
        with shelf.storage().open("large.bin") as file:
            shelf.requests.taken()
            file.seek(-8, io.SEEK_END)
            assert file.read(8) == large[-8:]
            file.seek(-300_000, io.SEEK_END)
            assert file.read() == large[-300_000:]
        assert shelf.requests.taken() == [GET]

    def test_places_that_are_read_in_turns_are_kept_up_to_max_memory_size(self, shelf, large):
        with shelf.storage(max_memory_size=2 * MIB).open("large.bin") as file:
            shelf.requests.taken()
            for _ in range(3):
                for place in (6 * MIB, 12 * MIB, 18 * MIB):
                    file.seek(place)
                    assert file.read(10) == large[place : place + 10]
            assert shelf.requests.taken() == [GET] * 3

    def test_jumps_drop_what_was_fetched_ahead(self, shelf, large):
        with shelf.storage().open("large.bin") as file:
            file.read(7 * MIB)
            for place in (10 * MIB, 8 * MIB, 22 * MIB, 5 * MIB):
                file.seek(place)
                assert file.read(MIB) == large[place : place + MIB]
            file.seek(0)
            assert file.read() == large

    def test_there_is_nothing_after_the_end(self, shelf):
        with shelf.storage().open("large.bin") as file:
            shelf.requests.taken()
            file.seek(100, io.SEEK_END)
            assert file.read(10) == b""
            with pytest.raises(ValueError, match="negative seek"):
                file.seek(-1)
            with pytest.raises(ValueError, match="invalid whence"):
                file.file.raw.seek(0, 7)
        assert shelf.requests.taken() == []

    def test_readinto_fills_the_callers_buffer(self, shelf, large):
        buffer = bytearray(5 * MIB)
        with shelf.storage().open("large.bin") as file:
            file.seek(MIB)
            assert file.readinto(buffer) == 5 * MIB
        assert buffer == large[MIB : 6 * MIB]

    @pytest.mark.parametrize(("max_memory_size", "window"), [(MIB, 2 * MIB), (2 * MIB, 4 * MIB), (8 * MIB, 4 * MIB)])
    def test_windows_are_as_large_as_max_memory_size_allows(self, shelf, large, max_memory_size, window):
        with shelf.storage(max_memory_size=max_memory_size).open("large.bin") as file:
            for start in range(0, len(large), MIB):
                assert file.read(MIB) == large[start : start + MIB]
        # The first window is that of open(), however often a busy machine made it be asked for.
        ranges = list(dict.fromkeys(map(_range, shelf.requests.sent)))
        assert max(last - first + 1 for first, last in ranges[1:]) == window
        shelf.requests.taken()

    @pytest.mark.parametrize("change", ["replaced", "deleted"])
    def test_a_blob_that_changes_while_it_is_read_raises(self, bench, large, change):
        storage = bench.storage()
        storage.save("a.bin", ContentFile(large[: 9 * MIB]))
        with storage.open("a.bin") as file:
            assert file.read(MIB) == large[:MIB]
            if change == "replaced":
                storage.replace("a.bin", ContentFile(large[-9 * MIB :]))
            else:
                storage.delete("a.bin")
            with pytest.raises((BlobChangedError, FileNotFoundError)) as caught:
                file.read()
        assert caught.value.filename == "a.bin"

    def test_closing_waits_for_nobody_and_leaves_no_thread(self, shelf):
        before = threading.active_count()
        file = shelf.storage().open("large.bin")
        file.read(7 * MIB)
        threads = [thread for thread in threading.enumerate() if thread.name.startswith("storage_router-read")]
        assert threads
        file.close()
        for thread in threads:
            thread.join(120)
        assert threading.active_count() <= before

    def test_a_forked_child_reads_on_by_itself(self, shelf, large):
        """O4"""
        with shelf.storage().open("large.bin") as file:
            file.read(7 * MIB)
            child = os.fork()
            if child == 0:  # pragma: no cover - the child ends without writing what was covered
                os._exit(0 if file.read() == large[7 * MIB :] else 1)
            assert os.waitpid(child, 0)[1] == 0
            assert file.read() == large[7 * MIB :]

    @pytest.mark.parametrize("before", [1, 100, 8192, 8193, 100_001])
    def test_a_forked_child_that_closes_a_file_leaves_its_parents_place_on_disk(self, key_bench, before):
        """O4: Python moves the place of a file that it has read ahead of, when it closes the file."""
        content = os.urandom(2 * MIB)
        storage = key_bench.storage(max_memory_size=MIB)
        storage.save("a.bin", ContentFile(content))
        with storage.open("a.bin") as file:
            raw = file.file.raw
            assert raw.read(before) == content[:before]
            child = os.fork()
            if child == 0:  # pragma: no cover - the child ends without writing what was covered
                found = raw.read(10)
                raw.close()
                os._exit(0 if found == content[before : before + 10] else 1)
            assert os.waitpid(child, 0)[1] == 0
            assert raw.read(20_000) == content[before : before + 20_000]


class TestText:
    """A5: mode ``r``."""

    def test_lines_end_as_they_do_with_open(self, shelf):
        with shelf.storage().open("small.txt", "r") as file:
            assert file.read() == "eins\nzwei\ndrei\nvier"
            file.seek(0)
            assert file.readline() == "eins\n"
        assert shelf.requests.taken() == [GET]

    def test_text_is_utf_8(self, key_bench):
        storage = key_bench.storage()
        storage.save("a.txt", ContentFile("grün 緑"))
        for mode in ("r", "rt"):
            with storage.open("a.txt", mode) as file:
                assert file.read() == "grün 緑"

    def test_binary_lines_are_left_as_they_are(self, shelf):
        with shelf.storage().open("small.txt") as file:
            assert file.readline() == b"eins\n"
            assert file.readlines() == [b"zwei\r\n", b"drei\rvier"]
            assert list(file) == [b"eins\n", b"zwei\r\n", b"drei\r", b"vier"]


class TestClients:
    """A4: the libraries that people read files with, and the requests that each takes."""

    def test_django_files(self, shelf, large):
        with shelf.storage().open("large.bin") as file:
            assert isinstance(file, File)
            assert (file.name, file.mode, len(file), bool(file)) == ("large.bin", "rb", len(large), True)
            assert file.multiple_chunks() is True
            assert (file.readable(), file.writable(), file.seekable()) == (True, False, True)
            assert next(file.chunks(1000)) == large[:1000]
            with pytest.raises(io.UnsupportedOperation):
                file.write(b"x")
        assert shelf.requests.taken() == [GET]

    def test_pillow(self, key_bench):
        storage = key_bench.storage()
        picture = io.BytesIO()
        Image.frombytes("RGB", (1600, 1600), os.urandom(1600 * 1600 * 3)).save(picture, "PNG")
        assert len(picture.getvalue()) > 4 * MIB
        storage.save("a.png", picture)
        key_bench.requests.taken()
        with storage.open("a.png") as file, Image.open(file) as image:
            assert image.size == (1600, 1600)
            assert key_bench.requests.taken() == [GET]
            image.load()
        assert key_bench.requests.taken() == [GET]

    def test_zipfile(self, key_bench):
        storage = key_bench.storage()
        members = {f"{index}.bin": os.urandom(MIB) for index in range(24)}
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        storage.save("a.zip", packed)
        key_bench.requests.taken()
        with storage.open("a.zip") as file, zipfile.ZipFile(file) as archive:
            assert archive.namelist() == list(members)
            assert key_bench.requests.taken() == [GET] * 2
            assert archive.read("12.bin") == members["12.bin"]
            assert key_bench.requests.taken() == [GET] * 2
            assert archive.testzip() is None
            # 24 MiB in windows of 2 MiB; the first 4 MiB and what was read last are still there.
        assert len(key_bench.requests.taken()) <= 12

    def test_csv_and_json(self, key_bench):
        storage = key_bench.storage()
        rows = [[str(index), "grün"] for index in range(1000)]
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        storage.save("a.csv", text)
        storage.save("a.json", ContentFile(json.dumps(rows)))
        key_bench.requests.taken()
        with storage.open("a.csv", "r") as file:
            assert list(csv.reader(file)) == rows
        with storage.open("a.csv") as file:
            assert list(csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline=""))) == rows
        with storage.open("a.json") as file:
            assert json.load(file) == rows
        assert key_bench.requests.taken() == [GET] * 3

    def test_copyfileobj(self, shelf, large):
        with shelf.storage().open("large.bin") as file, tempfile.TemporaryFile() as target:
            shutil.copyfileobj(file, target)
            assert target.tell() == len(large)
        assert shelf.requests.taken() == [GET] * 6

    def test_a_file_response_knows_the_length_before_it_reads(self, shelf, large):
        response = FileResponse(shelf.storage().open("large.bin"), as_attachment=True)
        assert shelf.requests.taken() == [GET]
        assert response["Content-Length"] == str(len(large))
        assert response["Content-Disposition"] == 'attachment; filename="large.bin"'
        assert b"".join(response.streaming_content) == large
        response.close()
        assert shelf.requests.taken() == [GET] * 5

    def test_a_view_that_serves_a_range_reads_the_range(self, shelf, large):
        """``Range: bytes=10485760-10486783``, as a video player asks for it."""
        first, last = 10 * MIB, 10 * MIB + 1023
        file = shelf.storage().open("large.bin")
        file.seek(first)
        response = FileResponse(io.BytesIO(file.read(last - first + 1)), status=206)
        file.close()
        response["Content-Range"] = f"bytes {first}-{last}/{file.size}"
        assert b"".join(response.streaming_content) == large[first : last + 1]
        assert response["Content-Range"] == f"bytes 10485760-10486783/{len(large)}"
        assert shelf.requests.taken() == [GET] * 2

    def test_columnar_readers(self, shelf, large):
        """The way of pyarrow and pandas: the footer's length, the footer, then some columns."""
        with shelf.storage().open("large.bin") as file:
            shelf.requests.taken()
            file.seek(0, io.SEEK_END)
            end = file.tell()
            file.seek(end - 8)
            file.read(8)
            file.seek(end - 70_000)
            assert len(file.read(70_000)) == 70_000
            for place in (5 * MIB, 15 * MIB):
                file.seek(place)
                assert file.read(300_000) == large[place : place + 300_000]
        assert shelf.requests.taken() == [GET] * 3


@pytest.fixture
def settings_folder(tmp_path, settings_override):
    settings_override(FILE_UPLOAD_TEMP_DIR=str(tmp_path))
    return tmp_path


@pytest.fixture
def settings_override():
    from contextlib import ExitStack

    from django.test import override_settings

    with ExitStack() as stack:
        yield lambda **values: stack.enter_context(override_settings(**values))


def _files_in(folder):
    """Count this process's open files in ``folder``, the nameless ones included."""
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        # The one that lists the directory is gone by now.
        with contextlib.suppress(FileNotFoundError):
            count += str(descriptor.readlink()).startswith(str(folder))
    return count


def _range(request):
    headers = {name.lower(): value for name, value in request.headers.items()}
    first, _, last = (headers.get("x-ms-range") or headers["range"]).removeprefix("bytes=").partition("-")
    return int(first), int(last)
