"""A2, A3, A8, A12: what ``save`` sends, and under which name it ends."""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import io
import itertools
import os
import subprocess
import sys
import tempfile
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from azure.storage.blob import BlobServiceClient, generate_container_sas
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile, File
from django.core.files.uploadedfile import InMemoryUploadedFile, SimpleUploadedFile, TemporaryUploadedFile

from storage_router.azure.container import Blobs, Write
from storage_router.azure.storage import AzureStorage
from storage_router.azure.upload import block_sizes, blocks
from storage_router.exceptions import BlobError, BlobExistsError
from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME
from tests.kit.faults import Answer
from tests.kit.proxy import FaultProxy

from .backends import options_for

MIB = 2**20
BLOCK = "PUT block"


class OnlyChunks:
    """Content that has nothing but ``chunks()``, and that only once."""

    def __init__(self, *pieces):
        self._pieces = iter(pieces)

    def chunks(self):
        return self._pieces


class Chunks:
    """Content with a ``chunks()`` of its own, as encrypting or generating wrappers have."""

    def __init__(self, pieces):
        self.chunks = pieces


class Unseekable(io.RawIOBase):
    """A stream as a socket is one: short reads, no way back."""

    def __init__(self, content):
        self._content = io.BytesIO(content)

    def readable(self):
        return True

    def readinto(self, buffer):
        part = self._content.read(min(len(buffer), 100_003))
        buffer[: len(part)] = part
        return len(part)


def take_by_blocks(storage, name, content):
    """Write ``name`` as a large upload does, which drops the blocks that others staged for it.

    On Azure a small upload does that, too; on Azurite it does not.
    """
    blobs = Blobs(storage.options)
    block_id = f"{uuid.uuid4().hex:>48}"
    blobs.stage_block(name, block_id, content)
    blobs.commit_blocks(name, [block_id], storage.blob_settings(name), Write(overwrite=True))


def content_of(storage, name):
    with storage.open(name) as file:
        return file.read()


@pytest.fixture
def large():
    return os.urandom(9 * MIB + 7)


class TestSmall:
    """A2"""

    @pytest.mark.parametrize("size", [0, 10_000, 4 * MIB])
    def test_a_free_name_is_one_request(self, bench, size):
        storage, content = bench.storage(), os.urandom(size)
        assert bench.requests_of(lambda: storage.save("a.bin", ContentFile(content))) == ["PUT blob"]
        assert content_of(storage, "a.bin") == content
        assert storage.stat("a.bin").content_md5 == hashlib.md5(content).digest()

    def test_it_passes_through_fewer_than_sixteen_modules(self, key_bench):
        """H2"""
        storage = AzureStorage.from_options(options_for(key_bench.azurite, key_bench.container))
        storage.save("first.bin", ContentFile(b"x"))
        modules = set()

        def note(frame, event, _):
            modules.add(frame.f_globals.get("__name__", ""))

        before = sys.getprofile()
        sys.setprofile(note)
        try:
            storage.save("a.bin", ContentFile(bytes(10_000)))
        finally:
            sys.setprofile(before)
        ours = {module for module in modules if module.startswith("storage_router")}
        assert len(ours) < 16, sorted(ours)

    def test_a_taken_name_is_one_more_request_and_the_file_gets_a_name_like_it(self, bench):
        storage = bench.storage()
        storage.save("dir/a.tar.gz", ContentFile(b"first"))
        names = []
        taken = bench.requests_of(lambda: names.append(storage.save("dir/a.tar.gz", ContentFile(b"second"))))
        # The look tells a name that others took from one that this very request took before its answer was lost (A11).
        assert taken == ["PUT blob", "HEAD blob", "PUT blob"]
        assert names[0].startswith("dir/a_")
        assert names[0].endswith(".tar.gz")
        assert (content_of(storage, "dir/a.tar.gz"), content_of(storage, names[0])) == (b"first", b"second")

    def test_where_files_are_overwritten_the_name_stays_and_it_is_one_request(self, bench):
        storage = bench.storage(overwrite_files=True)
        storage.save("a.txt", ContentFile(b"first"))
        assert bench.requests_of(lambda: storage.save("a.txt", ContentFile(b"second"))) == ["PUT blob"]
        assert content_of(storage, "a.txt") == b"second"

    def test_replace_overwrites_in_one_request_whatever_the_options_say(self, bench):
        storage = bench.storage()
        storage.save("a.txt", ContentFile(b"first"))
        stats = []
        assert bench.requests_of(lambda: stats.append(storage.replace("a.txt", io.BytesIO(b"second")))) == ["PUT blob"]
        assert [(stat.name, stat.size) for stat in stats] == [("a.txt", 6)]
        assert content_of(storage, "a.txt") == b"second"

    def test_writers_of_one_name_at_once_all_get_a_file(self, bench):
        storage = bench.storage()
        with ThreadPoolExecutor(8) as pool:
            names = list(pool.map(lambda index: storage.save("a.txt", ContentFile(b"%d" % index)), range(24)))
        assert len(set(names)) == 24
        assert [content_of(storage, name) for name in names] == [b"%d" % index for index in range(24)]


class TestLarge:
    """A3"""

    def test_it_is_looked_for_sent_in_blocks_and_committed(self, bench, large):
        storage = bench.storage()
        taken = bench.requests_of(lambda: storage.save("a.bin", ContentFile(large)))
        assert taken[0] == "HEAD blob"
        assert taken[1:] == [BLOCK, BLOCK, BLOCK, "PUT blocklist"]
        assert content_of(storage, "a.bin") == large
        stat = storage.stat("a.bin")
        assert (stat.size, stat.content_md5) == (len(large), hashlib.md5(large).digest())

    def test_a_digest_that_is_given_is_stored(self, key_bench, large):
        class PerFile(AzureStorage):
            def get_object_parameters(self, name):
                return {"content_md5": hashlib.md5(b"of something else").digest()}

        storage = key_bench.storage(PerFile)
        storage.save("a.bin", ContentFile(large))
        assert storage.stat("a.bin").content_md5 == hashlib.md5(b"of something else").digest()

    def test_the_sdks_options_make_requests_smaller(self, key_bench, large):
        """O5: a proxy on the way may take less than 4 MiB at a time."""
        given = key_bench.requests.client_options(max_single_put_size=2**20, max_block_size=3 * 2**20)
        storage = key_bench.storage(client_options=given)
        content = large[: 6 * MIB]
        taken = key_bench.requests_of(lambda: storage.save("a.bin", ContentFile(content[: 2 * MIB])))
        assert taken == ["HEAD blob", BLOCK, "PUT blocklist"]
        taken = key_bench.requests_of(lambda: storage.save("b.bin", ContentFile(content)))
        assert taken == ["HEAD blob", BLOCK, BLOCK, "PUT blocklist"]
        assert (content_of(storage, "a.bin"), content_of(storage, "b.bin")) == (content[: 2 * MIB], content)

    def test_a_doomed_upload_costs_one_request(self, key_bench, large):
        storage = key_bench.storage()
        storage.save("a.bin", ContentFile(b"small"))
        names = []
        taken = key_bench.requests_of(lambda: names.append(storage.save("a.bin", ContentFile(large))))
        assert taken == ["HEAD blob", "HEAD blob", BLOCK, BLOCK, BLOCK, "PUT blocklist"]
        assert content_of(storage, names[0]) == large

    def test_nobody_looks_where_files_are_overwritten(self, key_bench, large):
        storage = key_bench.storage(overwrite_files=True)
        storage.save("a.bin", ContentFile(b"small"))
        assert key_bench.requests_of(lambda: storage.save("a.bin", ContentFile(large)))[:1] == [BLOCK]
        assert content_of(storage, "a.bin") == large

    def test_no_more_blocks_than_upload_max_conn_are_under_way(self, key_bench, large):
        lock, now, most = threading.Lock(), 0, 0

        def send(request):
            nonlocal now, most
            with lock:
                now += "comp=block&" in request.http_request.url + "&"
                most = max(most, now)

        def answered(response):
            nonlocal now
            with lock:
                now -= "comp=block&" in response.http_request.url + "&"

        hooks = {"raw_request_hook": send, "raw_response_hook": answered}
        storage = key_bench.storage(upload_max_conn=3, client_options=hooks)
        storage.save("a.bin", ContentFile(large * 3))
        assert 1 < most <= 3

    def test_nothing_is_visible_before_it_is_complete(self, key_bench, large):
        storage = key_bench.storage()
        seen = []

        def pieces():
            for start in range(0, len(large), MIB):
                seen.append(storage.exists("a.bin"))
                yield large[start : start + MIB]

        storage.save("a.bin", Chunks(pieces))
        assert set(seen) == {False}
        assert content_of(storage, "a.bin") == large

    def test_an_error_inside_chunks_reaches_the_caller_and_leaves_nothing(self, key_bench, large):
        """A12"""
        storage = key_bench.storage()

        def pieces():
            yield large
            raise LookupError("the source broke")

        with pytest.raises(LookupError, match="the source broke"):
            storage.save("a.bin", Chunks(pieces))
        assert storage.listdir("") == ([], [])

    def test_chunks_that_are_no_bytes_are_an_error(self, key_bench):
        """A12: ``yield from b"..."`` gives numbers, and each was stored as that many zeros."""
        storage = key_bench.storage()
        for piece in (65, None):
            with pytest.raises(TypeError, match="bytes-like object is required"):
                storage.save("a.bin", OnlyChunks(piece))
        assert storage.listdir("") == ([], [])

    def test_a_failed_block_fails_the_save(self, key_bench, large):
        storage = key_bench.storage(azure_container="not-there", overwrite_files=True)
        with pytest.raises(FileNotFoundError, match="az storage container create"):
            storage.save("a.bin", ContentFile(large))

    def test_a_name_taken_while_blocks_are_sent_is_left_alone(self, key_bench, large):
        storage = key_bench.storage()

        def pieces():
            yield large
            # By now the name was found to be free.
            take_by_blocks(storage, "a.bin", b"quicker")
            yield large

        name = storage.save("a.bin", Chunks(pieces))
        assert name != "a.bin"
        assert (content_of(storage, "a.bin"), content_of(storage, name)) == (b"quicker", large * 2)

    def test_a_file_is_read_again_where_its_name_was_taken_meanwhile(self, key_bench, large):
        storage = key_bench.storage()

        class Interrupted(io.BytesIO):
            def read(self, size=-1):
                if self.tell() > 8 * MIB and not storage.exists("a.bin"):
                    storage.replace("a.bin", ContentFile(b"quicker"))
                return super().read(size)

        name = storage.save("a.bin", File(Interrupted(large)))
        assert (content_of(storage, "a.bin"), content_of(storage, name)) == (b"quicker", large)

    def test_the_last_writer_wins_whole_where_files_are_overwritten(self, key_bench):
        storage = key_bench.storage(overwrite_files=True)
        contents = [bytes([letter]) * (9 * MIB) for letter in b"abc"]
        with ThreadPoolExecutor(3) as pool:
            for name in pool.map(lambda content: storage.save("a.bin", ContentFile(content)), contents):
                assert name == "a.bin"
        assert content_of(storage, "a.bin") in contents

    def test_blocks_that_another_writer_dropped_are_sent_again(self, key_bench, large):
        storage = key_bench.storage(overwrite_files=True, upload_max_conn=1)

        def pieces():
            yield large
            take_by_blocks(storage, "a.bin", b"quicker")
            yield large

        storage.save("a.bin", Chunks(pieces))
        assert content_of(storage, "a.bin") == large * 2

    def test_writers_that_never_stop_overwrite_it_at_once_and_do_not_make_it_fail(self, key_bench, large):
        """A2: the last writer wins whole, and none fails because of another."""
        # One after the other, so that the first block is there when the others write.
        storage = key_bench.storage(overwrite_files=True, upload_max_conn=1)

        class Spoiled(io.BytesIO):
            def read(self, size=-1):
                if self.tell() > 8 * MIB:
                    take_by_blocks(storage, "a.bin", b"again")
                return super().read(size)

        assert storage.save("a.bin", File(Spoiled(large[:-6]))) == "a.bin"
        assert content_of(storage, "a.bin") == b"again"

    def test_a_name_that_somebody_clears_again_and_again_is_given_up_on(self, key_bench, large):
        storage = key_bench.storage(overwrite_files=True, upload_max_conn=1)

        class Spoiled(io.BytesIO):
            def read(self, size=-1):
                if self.tell() > 8 * MIB:
                    take_by_blocks(storage, "a.bin", b"again")
                    storage.delete("a.bin")
                return super().read(size)

        with pytest.raises(BlobError) as caught:
            storage.save("a.bin", File(Spoiled(large[:-6])))
        assert caught.value.error_code == "InvalidBlockList"

    def test_blocks_that_a_failed_upload_of_another_tool_left_behind_do_no_harm(self, key_bench, large):
        # As the own uploads of azure-storage-blob 12.31 leave them: ids of 48 characters.
        with BlobServiceClient.from_connection_string(key_bench.azurite.connection_string()) as service:
            blob = service.get_blob_client(key_bench.container, "a.bin")
            blob.stage_block("0" * 48, b"unfinished")
            assert len(blob.get_block_list("uncommitted")[1]) == 1
        storage = key_bench.storage()
        assert storage.save("a.bin", ContentFile(large)) == "a.bin"
        assert content_of(storage, "a.bin") == large

    def test_a_name_that_holds_unfinished_blocks_of_another_kind_is_taken(self, key_bench, large):
        with BlobServiceClient.from_connection_string(key_bench.azurite.connection_string()) as service:
            service.get_blob_client(key_bench.container, "a.bin").stage_block("short", b"unfinished")
        storage = key_bench.storage()
        name = storage.save("a.bin", ContentFile(large))
        assert name != "a.bin"
        assert content_of(storage, name) == large

    @pytest.mark.parametrize("connections", [1, 2, 8])
    def test_a_stream_that_cannot_be_read_twice_is_not_cut_where_its_first_name_is_taken(self, key_bench, connections):
        """F5: with several uploads that others left unfinished, one after the other."""
        content = os.urandom(20 * MIB + 7)

        class Counting(AzureStorage):
            def get_alternative_name(self, file_root, file_ext):
                self.count = getattr(self, "count", 0) + 1
                return f"{file_root}-{self.count}{file_ext}"

        with BlobServiceClient.from_connection_string(key_bench.azurite.connection_string()) as service:
            for name in ("big.bin", "big-1.bin"):
                service.get_blob_client(key_bench.container, name).stage_block("short", b"unfinished")
        storage = key_bench.storage(Counting, upload_max_conn=connections)
        assert storage.save("big.bin", File(io.BufferedReader(Unseekable(content)))) == "big-2.bin"
        assert content_of(storage, "big-2.bin") == content
        assert storage.stat("big-2.bin").content_md5 == hashlib.md5(content).digest()

    def test_blocks_grow_so_that_azure_takes_20_tib_and_memory_stays_bounded(self):
        sizes = list(itertools.islice(block_sizes(2), 50_000))
        assert (sizes[0], sizes[5_000], max(sizes)) == (4 * MIB, 8 * MIB, 2048 * MIB)
        assert sum(sizes) > 19 * 2**40
        assert all(next(block_sizes(n)) * (n + 1) <= 40 * MIB for n in range(1, 40))

    def test_pieces_are_cut_and_joined_to_blocks(self):
        pieces = [b"ab", b"cdefgh", b"", b"i"]
        assert list(blocks(pieces, itertools.chain([3, 2], itertools.repeat(4)))) == [b"abc", b"de", b"fghi"]
        assert list(blocks([b"abc"], itertools.repeat(2))) == [b"ab", b"c"]
        assert list(blocks([], itertools.repeat(2))) == []


class TestSources:
    """A3, A12"""

    @pytest.mark.parametrize("size", [9, 5 * MIB])
    def test_every_kind_of_content_is_stored_from_its_beginning(self, key_bench, size):
        storage, content = key_bench.storage(), os.urandom(size)
        temporary = TemporaryUploadedFile("a.bin", None, size, None)
        temporary.write(content)
        at_the_end = io.BytesIO(content)
        at_the_end.seek(0, io.SEEK_END)
        with tempfile.TemporaryFile() as on_disk, temporary:
            on_disk.write(content)
            sources = {
                "file on disk": File(on_disk, "x"),
                "bare file object": at_the_end,
                "content file": ContentFile(content),
                "temporary upload": temporary,
                "upload in memory": InMemoryUploadedFile(io.BytesIO(content), None, "a", None, size, None),
                "simple upload": SimpleUploadedFile("a.bin", content),
                "stream": File(io.BufferedReader(Unseekable(content)), "x"),
                "raw stream": Unseekable(content),
                "chunks only": OnlyChunks(content[:5], bytearray(content[5:7]), memoryview(content[7:])),
            }
            for kind, source in sources.items():
                assert content_of(storage, storage.save(kind, source)) == content, kind

    def test_a_pipe_is_stored_as_it_comes(self, key_bench, large):
        storage = key_bench.storage()
        reading, writing = os.pipe()

        def write():
            with os.fdopen(writing, "wb") as end:
                end.write(large)

        writer = threading.Thread(target=write)
        writer.start()
        with os.fdopen(reading, "rb") as stream:
            name = storage.save("a.bin", File(stream, "a.bin"))
        writer.join()
        assert content_of(storage, name) == large

    def test_text_is_stored_as_utf_8(self, bench):
        storage = bench.storage()
        text = "grün, 緑, 🟩\r\n" * 400_000
        for kind, source in {
            "content file": ContentFile(text),
            "string": io.StringIO(text),
            "chunks": OnlyChunks(text[:7], text[7:]),
        }.items():
            assert content_of(storage, storage.save(kind, source)) == text.encode(), kind

    @pytest.mark.parametrize("make", [lambda: ContentFile(b"plain"), lambda: SimpleUploadedFile("a", b"plain")])
    def test_chunks_that_were_replaced_on_the_instance_are_what_is_stored(self, key_bench, make):
        """A12: as encrypting or scanning wrappers do."""
        storage, content = key_bench.storage(), make()
        content.chunks = lambda chunk_size=None: iter([b"from ", b"chunks"])
        assert content_of(storage, storage.save("a.txt", content)) == b"from chunks"

    def test_the_name_may_come_from_the_content(self, key_bench):
        storage = key_bench.storage()
        assert storage.save(None, ContentFile(b"x", name="from/content.txt")) == "from/content.txt"

    def test_an_open_azure_file_is_content_too(self, key_bench, large):
        storage = key_bench.storage()
        storage.save("a.bin", ContentFile(large))
        with storage.open("a.bin") as source:
            source.read(10)
            storage.save("b.bin", source)
        assert content_of(storage, "b.bin") == large

    def test_what_was_read_is_what_is_stored_though_the_source_lies_about_its_size(self, key_bench):
        storage = key_bench.storage()
        content = ContentFile(b"four")
        content.size = 400
        storage.save("a.txt", content)
        assert storage.size("a.txt") == 4


class TestNames:
    """A2, A8, A12: the name that a file ends under."""

    def test_max_length_holds_for_the_first_name_and_the_next(self, bench):
        storage = bench.storage()
        first = storage.save("folder/a-long-name.txt", ContentFile(b""), max_length=22)
        second = storage.save("folder/a-long-name.txt", ContentFile(b""), max_length=22)
        third = storage.save("folder/a-longer-name.txt", ContentFile(b""), max_length=22)
        assert first == "folder/a-long-name.txt"
        assert len(second) == len(third) == 22
        assert second != third
        assert second.startswith("folder/a-l")
        assert second.endswith(".txt")

    def test_no_room_for_another_name_is_djangos_error(self, key_bench):
        storage = key_bench.storage()
        storage.save("folder/a.txt", ContentFile(b""), max_length=12)
        with pytest.raises(SuspiciousFileOperation, match="Storage can not find an available filename"):
            storage.save("folder/a.txt", ContentFile(b""), max_length=12)

    def test_a_name_too_long_is_cut_only_where_the_caller_sets_a_length(self, key_bench):
        storage = key_bench.storage(location="x" * 24)
        with pytest.raises(SuspiciousFileOperation, match="at most 1024 characters; this one has 1025"):
            storage.save("a" * 1000, ContentFile(b""))
        assert len(storage.save("a" * 2000 + ".txt", ContentFile(b""), max_length=5000)) == 999

    def test_another_name_for_the_longest_legal_one_is_legal(self, key_bench):
        storage = key_bench.storage()
        name = "/".join(["a" * 250] * 4) + "b" * 21
        assert storage.save(name, ContentFile(b"")) == name
        another = storage.save(name, ContentFile(b""))
        assert len(another) == 1024
        assert storage.exists(another)

    def test_an_alternative_of_a_subclass_is_asked(self, key_bench):
        class Counting(AzureStorage):
            def get_alternative_name(self, file_root, file_ext):
                self.count = getattr(self, "count", 0) + 1
                return f"{file_root}-{self.count}{file_ext}"

        storage = key_bench.storage(Counting)
        assert [storage.save("a.txt", ContentFile(b"")) for _ in range(3)] == ["a.txt", "a-1.txt", "a-2.txt"]

    @pytest.mark.parametrize("size", [10, 9 * MIB])
    def test_a_sas_that_may_write_and_not_read_saves_under_the_next_name(self, key_bench, size):
        sas = generate_container_sas(
            ACCOUNT_NAME,
            key_bench.container,
            ACCOUNT_KEY,
            permission="cw",
            expiry=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1),
        )
        writer = AzureStorage(
            account_url=key_bench.azurite.account_url(), azure_container=key_bench.container, sas_token=sas
        )
        assert writer.save("a.bin", ContentFile(bytes(size))) == "a.bin"
        second = writer.save("a.bin", ContentFile(b"x" * size))
        storage = key_bench.storage()
        assert (content_of(storage, "a.bin"), content_of(storage, second)) == (bytes(size), b"x" * size)

    @pytest.mark.parametrize("hook", ["get_available_name", "is_name_available", "exists"])
    def test_hooks_of_a_subclass_are_asked_first_as_django_does(self, key_bench, hook):
        asked = []

        def overridden(self, name, *args, **kwargs):
            asked.append(name)
            return getattr(super(kind, self), hook)(name, *args, **kwargs)

        kind = type("Subclass", (AzureStorage,), {hook: overridden})
        storage = key_bench.storage(kind)
        assert storage.save("a.txt", ContentFile(b"")) == "a.txt"
        assert storage.save("a.txt", ContentFile(b"")) != "a.txt"
        assert asked[:2] == ["a.txt", "a.txt"]

    def test_a_subclass_that_stores_itself_goes_through_djangos_steps(self, key_bench):
        class Shouting(AzureStorage):
            def _save(self, name, content):
                return super()._save(name, ContentFile(content.read().upper()))

        storage = key_bench.storage(Shouting)
        storage.save("a.txt", ContentFile(b"taken"))
        name = storage.save("a.txt", ContentFile(b"loud"), max_length=13)
        assert len(name) == 13
        assert content_of(storage, name) == b"LOUD"

    def test_a_race_behind_a_subclasss_back_is_no_error(self, key_bench):
        other = key_bench.storage()

        class Slow(AzureStorage):
            def get_available_name(self, name, max_length=None):
                name = super().get_available_name(name, max_length)
                if name == "a.txt":
                    other.save(name, ContentFile(b"quicker"))
                return name

        name = key_bench.storage(Slow).save("a.txt", ContentFile(b"slower"))
        assert (content_of(other, "a.txt"), content_of(other, name)) == (b"quicker", b"slower")

    def test_max_length_holds_for_the_next_name_of_a_subclasss_hook_too(self, key_bench):
        other = key_bench.storage()

        class Slow(AzureStorage):
            def get_available_name(self, name, max_length=None):
                name = super().get_available_name(name, max_length)
                if name == "a-name.txt":
                    other.save(name, ContentFile(b"quicker"))
                return name

        name = key_bench.storage(Slow).save("a-name.txt", ContentFile(b"slower"), max_length=14)
        assert len(name) == 14
        assert content_of(other, name) == b"slower"

    def test_a_subclass_that_insists_on_a_taken_name_gets_an_error(self, key_bench):
        class Insisting(AzureStorage):
            def get_available_name(self, name, max_length=None):
                return name

        storage = key_bench.storage(Insisting)
        storage.save("a.txt", ContentFile(b"first"))
        with pytest.raises(BlobExistsError) as caught:
            storage.save("a.txt", ContentFile(b"second"))
        assert caught.value.filename == "a.txt"
        assert content_of(storage, "a.txt") == b"first"

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("", "Could not derive file name from ''"),
            ("a/..", "Could not derive file name from"),
            ("../a.txt", "Detected path traversal attempt in '../a.txt'"),
            ("/a.txt", "Detected path traversal attempt in '/a.txt'"),
            ("./b.txt", "must not contain '.' segments"),
            ("a\x00.txt", "control characters"),
            ("a./b.txt", "may end in a dot"),
            ("a.", "may end in a dot"),
        ],
    )
    def test_bad_names_are_refused_before_any_request(self, key_bench, name, message):
        storage = key_bench.storage()
        for action in (storage.save, storage.replace):
            if action == storage.replace and name == "a/..":
                message = "Detected path traversal attempt"
            with pytest.raises(SuspiciousFileOperation, match=message.replace(".", r"\.")):
                action(name, ContentFile(b"x"))
        assert key_bench.requests.taken() == []

    def test_content_without_any_name_fails_as_djangos_storages_do(self, key_bench):
        with pytest.raises(TypeError):
            key_bench.storage().save(None, ContentFile(b"x"))


class TestGivingUp:
    """F5"""

    def test_a_save_whose_names_are_all_taken_ends(self, key_bench, monkeypatch):
        moments = itertools.count(step=3)
        monkeypatch.setattr("storage_router.azure.storage.time", SimpleNamespace(monotonic=moments.__next__))
        with FaultProxy(key_bench.azurite) as proxy:
            proxy.fail("Put Blob", Answer(412, "ConditionNotMet"), times=100_000)
            proxy.fail("Get Blob Properties", Answer(403, "AuthorizationFailure"), times=100_000)
            options = options_for(proxy, key_bench.container)
            with pytest.raises(FileExistsError) as caught:
                AzureStorage.from_options(options).save("a.txt", ContentFile(b"x"))
            assert next(moments) > options.timeout
            puts = [request for request in proxy.requests if request.operation == "Put Blob"]
        assert len(puts) >= 10
        assert caught.value.errno == errno.EEXIST

    def test_fewer_than_ten_taken_names_are_no_reason_however_long_it_takes(self, key_bench, monkeypatch):
        moments = itertools.count(step=1000)
        monkeypatch.setattr("storage_router.azure.storage.time", SimpleNamespace(monotonic=moments.__next__))
        with FaultProxy(key_bench.azurite) as proxy:
            storage = AzureStorage.from_options(options_for(proxy, key_bench.container))
            storage.save("a.txt", ContentFile(b"taken"))
            proxy.fail("Put Blob", Answer(412, "ConditionNotMet"), times=4)
            proxy.fail("Get Blob Properties", Answer(403, "AuthorizationFailure"), times=4)
            assert storage.save("a.txt", ContentFile(b"x")).startswith("a_")


class TestTheEnd:
    """F6"""

    def test_large_files_are_saved_and_read_after_the_main_thread_has_ended(self, key_bench):
        code = (
            "import os, sys, threading\n"
            "from django.conf import settings\n"
            "settings.configure(SECRET_KEY='x')\n"
            "from django.core.files.base import ContentFile\n"
            "from storage_router.azure.storage import AzureStorage\n"
            "storage = AzureStorage(connection_string=sys.argv[1], azure_container=sys.argv[2])\n"
            "content = os.urandom(13 * 2**20)\n"
            "storage.save('first.bin', ContentFile(b'x'))\n"
            "def work():\n"
            "    threading.main_thread().join()\n"
            "    name = storage.save('late.bin', ContentFile(content))\n"
            "    with storage.open(name) as file:\n"
            "        os.write(1, b'whole' if file.read() == content else b'other')\n"
            "threading.Thread(target=work).start()\n"
        )
        command = [sys.executable, "-c", code, key_bench.azurite.connection_string(), key_bench.container]
        done = subprocess.run(command, capture_output=True, timeout=120)
        assert (done.stdout, done.stderr) == (b"whole", b"")
