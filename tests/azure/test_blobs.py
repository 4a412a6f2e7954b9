"""The requests of one container: A2 to A7 as far as they are requests, A11, and what is stored beside the bytes."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import SecretStr

from storage_router.azure.container import Blobs, FileSettings, FileStat, Write
from storage_router.azure.protocol import SAVE_MARKER
from storage_router.azure.urls import BlobUrls
from storage_router.exceptions import (
    BlobChangedError,
    BlobConnectionError,
    BlobExistsError,
    BlobNotFoundError,
    BlobTimeoutError,
    ContainerNotFoundError,
)
from storage_router.files import Directory, FileNotModifiedError, Reading
from tests.kit.azurite import Azurite
from tests.kit.faults import Answer, Cut, Duplicate, Fault, Reset, Stall
from tests.kit.proxy import FaultProxy

from .backends import blobs_for, options_for, sdk_blob
from .counting import Requests

PLAIN = FileSettings()


@pytest.fixture
def requests() -> Requests:
    return Requests()


@pytest.fixture(params=["key over http", "token over https"])
def blobs(request: pytest.FixtureRequest, requests: Requests, azurite: Azurite, azurite_https: Azurite) -> Blobs:
    """A container with a counter of its requests, in both ways of authentication."""
    server = azurite if request.param == "key over http" else azurite_https
    return blobs_for(options_for(server, server.create_container(), client_options=requests.client_options()))


@pytest.fixture
def shaky(proxy: FaultProxy, container: str) -> Blobs:
    """A container behind a proxy that lets requests fail."""
    return blobs_for(options_for(proxy, container, timeout=5))


@pytest.fixture
def steady(azurite: Azurite, container: str) -> Blobs:
    """The same container, reached directly."""
    return blobs_for(options_for(azurite, container))


class TestHead:
    """A7: one request tells all."""

    def test_it_knows_all_that_is_stored(self, blobs: Blobs, requests: Requests) -> None:
        given = FileSettings(
            content_type="text/css",
            content_encoding="gzip",
            content_language="de",
            content_disposition="inline",
            cache_control="max-age=1",
            content_md5=hashlib.md5(b"content").digest(),
            metadata={"owner": "acme"},
            access_tier="Cool",
        )
        before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=2)
        blobs.create("a.css", b"content", given)
        requests.taken()
        found = blobs.head("a.css")
        assert requests.taken() == ["HEAD blob"]
        assert found == FileStat(
            name="a.css",
            size=7,
            etag=found.etag,
            modified=found.modified,
            created=found.created,
            content_type="text/css",
            content_encoding="gzip",
            content_language="de",
            content_disposition="inline",
            cache_control="max-age=1",
            content_md5=hashlib.md5(b"content").digest(),
            metadata={"owner": "acme"},
            access_tier="Cool",
            save_id=found.save_id,
        )
        assert found.created is not None
        assert before < found.created <= found.modified
        assert found.modified.utcoffset() == dt.timedelta(0)

    def test_a_missing_blob_is_not_found(self, blobs: Blobs) -> None:
        with pytest.raises(BlobNotFoundError, match="There is no such blob"):
            blobs.head("missing")


class TestCreate:
    """A2: one request, on a condition."""

    def test_it_is_one_request(self, blobs: Blobs, requests: Requests) -> None:
        made = blobs.create("a.txt", b"content", PLAIN)
        (request,) = requests.sent
        assert request.operation == "PUT blob"
        assert request.headers["If-None-Match"] == "*"
        found = blobs.head("a.txt")
        assert (made.name, made.size, made.etag, made.modified) == ("a.txt", 7, found.etag, found.modified)

    @pytest.mark.parametrize("body", [b"", b"content", b"\x1f\x8b not gzip"])
    def test_the_bytes_are_stored_as_they_are(self, blobs: Blobs, body: bytes) -> None:
        # A1
        blobs.create("a.gz", body, FileSettings(content_encoding="gzip"))
        assert blobs.read("a.gz", 0, 100)[0] == body

    def test_a_taken_name_is_an_error_and_nothing_changes(self, blobs: Blobs, requests: Requests) -> None:
        blobs.create("a.txt", b"first", PLAIN)
        requests.taken()
        with pytest.raises(BlobExistsError, match="There is a blob of this name already"):
            blobs.create("a.txt", b"second", PLAIN)
        assert requests.taken() == ["PUT blob", "HEAD blob"]
        assert blobs.read("a.txt", 0, 100)[0] == b"first"

    def test_overwriting_replaces_all(self, blobs: Blobs, requests: Requests) -> None:
        blobs.create("a.txt", b"first", FileSettings(content_type="text/css", metadata={"owner": "acme"}))
        requests.taken()
        blobs.create("a.txt", b"second", PLAIN, Write(overwrite=True))
        assert requests.taken() == ["PUT blob"]
        body, found = blobs.read("a.txt", 0, 100)
        assert (body, found.content_type, found.metadata) == (b"second", "application/octet-stream", {})

    def test_a_changed_blob_is_not_replaced(self, blobs: Blobs) -> None:
        # A5
        first = blobs.create("a.txt", b"first", PLAIN)
        second = blobs.create("a.txt", b"second", PLAIN, Write(if_match=first.etag))
        with pytest.raises(BlobChangedError, match="The blob changed in between"):
            blobs.create("a.txt", b"third", PLAIN, Write(if_match=first.etag))
        assert blobs.read("a.txt", 0, 100) == (b"second", blobs.read("a.txt", 0, 100)[1])
        assert blobs.head("a.txt").etag == second.etag

    def test_a_blob_that_was_deleted_is_not_replaced(self, blobs: Blobs) -> None:
        # A5
        first = blobs.create("a.txt", b"first", PLAIN)
        blobs.delete("a.txt")
        with pytest.raises(BlobChangedError):
            blobs.create("a.txt", b"second", PLAIN, Write(if_match=first.etag))

    def test_of_many_writers_one_wins(self, blobs: Blobs) -> None:
        # A2
        barrier = threading.Barrier(8)

        def write(number: int) -> bool:
            barrier.wait()
            try:
                blobs.create("a.txt", str(number).encode(), PLAIN)
            except BlobExistsError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(write, range(8)))
        assert won.count(True) == 1
        assert blobs.read("a.txt", 0, 10)[0] == str(won.index(True)).encode()

    def test_metadata_tags_and_tier_are_stored(self, steady: Blobs) -> None:
        given = FileSettings(metadata={"owner": "acme"}, tags={"project": "x y"}, access_tier="Cool")
        steady.create("a.txt", b"content", given)
        found = steady.head("a.txt")
        assert (found.metadata, found.access_tier) == ({"owner": "acme"}, "Cool")
        assert _tags(steady, "a.txt") == {"project": "x y"}


class TestBlocks:
    """A3: nothing is visible before it is complete."""

    def test_blocks_become_a_blob_when_they_are_committed(self, blobs: Blobs, requests: Requests) -> None:
        for number, block in enumerate((b"first ", b"second")):
            blobs.stage_block("a.txt", f"{number:06}", block)
        with pytest.raises(BlobNotFoundError):
            blobs.head("a.txt")
        requests.taken()
        settings = FileSettings(content_type="text/css", content_md5=b"0123456789abcdef", metadata={"owner": "acme"})
        made = blobs.commit_blocks("a.txt", ["000000", "000001"], settings, size=12)
        assert requests.taken() == ["PUT blocklist"]
        body, found = blobs.read("a.txt", 0, 100)
        assert body == b"first second"
        assert (made.size, made.etag, made.modified) == (found.size, found.etag, found.modified)
        assert (found.content_type, found.metadata) == ("text/css", {"owner": "acme"})
        assert found.content_md5 == b"0123456789abcdef"

    def test_a_commit_finds_a_taken_name(self, blobs: Blobs) -> None:
        blobs.create("a.txt", b"first", PLAIN)
        blobs.stage_block("a.txt", "000000", b"second")
        with pytest.raises(BlobExistsError):
            blobs.commit_blocks("a.txt", ["000000"], PLAIN)
        assert blobs.read("a.txt", 0, 100)[0] == b"first"

    def test_a_commit_overwrites_or_minds_the_etag(self, blobs: Blobs) -> None:
        first = blobs.create("a.txt", b"first", PLAIN)
        blobs.stage_block("a.txt", "000000", b"second")
        second = blobs.commit_blocks("a.txt", ["000000"], PLAIN, Write(overwrite=True))
        blobs.stage_block("a.txt", "000001", b"third")
        with pytest.raises(BlobChangedError):
            blobs.commit_blocks("a.txt", ["000001"], PLAIN, Write(if_match=first.etag))
        blobs.commit_blocks("a.txt", ["000001"], PLAIN, Write(if_match=second.etag))
        assert blobs.read("a.txt", 0, 100)[0] == b"third"


class TestRead:
    """A4: ranges, as they are stored, of one version."""

    def test_one_request_brings_a_small_blob_and_its_size(self, blobs: Blobs, requests: Requests) -> None:
        blobs.create("a.txt", b"0123456789", FileSettings(content_type="text/css", metadata={"owner": "acme"}))
        requests.taken()
        body, found = blobs.read("a.txt", 0, 4 * 2**20)
        assert requests.taken() == ["GET blob"]
        assert body == b"0123456789"
        assert (found.name, found.size, found.content_type) == ("a.txt", 10, "text/css")
        assert found.metadata == {"owner": "acme"}
        assert found.etag == blobs.head("a.txt").etag

    @pytest.mark.parametrize(
        ("offset", "length", "expected"), [(0, 3, b"012"), (4, 3, b"456"), (8, 10, b"89"), (9, 1, b"9")]
    )
    def test_a_range_is_what_was_asked_for(self, blobs: Blobs, offset: int, length: int, expected: bytes) -> None:
        blobs.create("a.txt", b"0123456789", PLAIN)
        body, found = blobs.read("a.txt", offset, length)
        assert (body, found.size) == (expected, 10)

    @pytest.mark.parametrize("offset", [10, 1000])
    def test_beyond_the_end_there_is_nothing(self, blobs: Blobs, offset: int) -> None:
        blobs.create("a.txt", b"0123456789", PLAIN)
        body, found = blobs.read("a.txt", offset, 5)
        assert (body, found.size) == (b"", 10)

    def test_an_empty_blob_is_one_request_and_nothing_else_is_known(self, blobs: Blobs, requests: Requests) -> None:
        blobs.create("a.txt", b"", FileSettings(content_type="text/css"))
        requests.taken()
        assert blobs.read("a.txt", 0, 100) == (b"", None)
        assert requests.taken() == ["GET blob"]

    def test_a_blob_that_was_emptied_is_not_the_one_asked_for(self, blobs: Blobs) -> None:
        first = blobs.create("a.txt", b"0123456789", PLAIN)
        blobs.create("a.txt", b"", PLAIN, Write(overwrite=True))
        with pytest.raises(BlobChangedError):
            blobs.read("a.txt", 0, 5, if_match=first.etag)

    def test_a_changed_blob_is_not_mixed_with_what_was_read_before(self, blobs: Blobs) -> None:
        first = blobs.create("a.txt", b"0123456789", PLAIN)
        assert blobs.read("a.txt", 0, 5, if_match=first.etag)[0] == b"01234"
        blobs.create("a.txt", b"9876543210", PLAIN, Write(overwrite=True))
        with pytest.raises(BlobChangedError):
            blobs.read("a.txt", 5, 5, if_match=first.etag)
        with pytest.raises(BlobChangedError):
            blobs.read("a.txt", 50, 5, if_match=first.etag)

    def test_a_missing_blob_is_not_found(self, blobs: Blobs) -> None:
        with pytest.raises(BlobNotFoundError):
            blobs.read("missing", 0, 10)


class TestDelete:
    """A7: deleting what is not there is no error."""

    def test_it_says_whether_there_was_something(self, blobs: Blobs, requests: Requests) -> None:
        blobs.create("a.txt", b"content", PLAIN)
        requests.taken()
        assert blobs.delete("a.txt") is True
        assert blobs.delete("a.txt") is False
        assert requests.taken() == ["DELETE blob", "DELETE blob"]
        with pytest.raises(BlobNotFoundError):
            blobs.head("a.txt")

    def test_snapshots_go_with_the_blob(self, steady: Blobs) -> None:
        steady.create("a.txt", b"content", PLAIN)
        sdk_blob(steady, "a.txt").create_snapshot()
        assert steady.delete("a.txt") is True

    def test_a_missing_container_is_an_error(self, azurite: Azurite) -> None:
        with pytest.raises(ContainerNotFoundError, match="'missing' does not exist in the account") as caught:
            blobs_for(options_for(azurite, "missing")).delete("a.txt")
        assert 'create --name missing --connection-string "$AZURE_STORAGE_CONNECTION_STRING"' in str(caught.value)


class TestList:
    """A6: listings, page by page."""

    def test_a_flat_listing_has_everything_that_begins_with_the_prefix(self, blobs: Blobs, requests: Requests) -> None:
        for name in ("a/1 ü.txt", "a/b/2.txt", "ab.txt", "c.txt"):
            blobs.create(name, b"content", FileSettings(metadata={"owner": "acme"}))
        requests.taken()
        found = list(blobs.list("a"))
        assert requests.taken() == ["GET list"]
        assert [entry.name for entry in found] == ["a/1 ü.txt", "a/b/2.txt", "ab.txt"]
        head = blobs.head("a/1 ü.txt")
        assert found[0] == head
        assert head.metadata == {"owner": "acme"}

    def test_with_a_delimiter_it_has_what_lies_directly_below(self, blobs: Blobs) -> None:
        for name in ("a/1.txt", "a/b/2.txt", "a/c/3.txt", "ab.txt"):
            blobs.create(name, b"content", PLAIN)
        below_a = list(blobs.list("a/", delimiter="/"))
        assert {entry.name for entry in below_a} == {"a/1.txt", "a/b", "a/c"}
        assert Directory(name="a/b") in below_a
        assert Directory(name="a") in list(blobs.list(delimiter="/"))

    def test_stubs_of_data_lake_are_directories_and_no_directory_comes_twice(self, steady: Blobs) -> None:
        stub = FileSettings(metadata={"hdi_isfolder": "true"})
        for name in ("photos", "photos/empty", "photos/full"):
            steady.create(name, b"", stub)
        steady.create("photos/full/1.jpg", b"content", PLAIN)
        steady.create("photos/full-1.jpg", b"content", PLAIN)
        assert list(steady.list(delimiter="/")) == [Directory(name="photos")]
        names = [entry.name for entry in steady.list("photos/", delimiter="/")]
        assert sorted(names) == ["photos/empty", "photos/full", "photos/full-1.jpg"]
        kinds = {entry.name: type(entry) for entry in steady.list()}
        assert kinds["photos/empty"] is Directory
        assert kinds["photos/full/1.jpg"] is FileStat

    def test_a_stub_and_its_prefix_on_different_pages_are_one_directory(self, azurite: Azurite, container: str) -> None:
        blobs = blobs_for(options_for(azurite, container))
        blobs.create("photos", b"", FileSettings(metadata={"hdi_isfolder": "true"}))
        for name in ("photos-1.jpg", "photos.txt", "photos/1.jpg", "z.txt"):
            blobs.create(name, b"content", PLAIN)
        names = [entry.name for entry in blobs.list(delimiter="/", page_size=1)]
        assert names == ["photos", "photos-1.jpg", "photos.txt", "z.txt"]

    def test_pages_are_fetched_when_they_are_asked_for(
        self, azurite: Azurite, container: str, requests: Requests
    ) -> None:
        blobs = blobs_for(options_for(azurite, container, client_options=requests.client_options()))
        for number in range(5):
            blobs.create(f"{number}.txt", b"content", PLAIN)
        requests.taken()
        listing = blobs.list(page_size=2)
        assert requests.taken() == []
        assert [next(listing).name for _ in range(2)] == ["0.txt", "1.txt"]
        assert requests.taken() == ["GET list"]
        assert [entry.name for entry in listing] == ["2.txt", "3.txt", "4.txt"]
        assert requests.taken() == ["GET list", "GET list"]

    def test_an_empty_container_lists_nothing(self, blobs: Blobs) -> None:
        assert list(blobs.list()) == []
        assert list(blobs.list("x/", delimiter="/")) == []

    def test_a_missing_container_is_an_error(self, azurite: Azurite) -> None:
        with pytest.raises(ContainerNotFoundError):
            list(blobs_for(options_for(azurite, "missing")).list())


class TestLostAnswers:
    """A11: a retry recognises its own work, and a twin's is not taken for it."""

    LOST: tuple[Fault, ...] = (Reset("answer"), Answer(500, "InternalError", done=True), Duplicate())

    @pytest.mark.parametrize("fault", LOST, ids=repr)
    def test_a_create_whose_answer_was_lost_is_a_success(
        self, proxy: FaultProxy, shaky: Blobs, steady: Blobs, fault: Fault
    ) -> None:
        proxy.fail("Put Blob", fault)
        made = shaky.create("a.txt", b"content", FileSettings(metadata={"owner": "acme"}))
        found = steady.head("a.txt")
        assert (made.etag, made.modified, made.size) == (found.etag, found.modified, 7)
        assert found.metadata == {"owner": "acme"}
        assert proxy.count("Put Blob") == (1 if fault == Duplicate() else 2), proxy.story()

    @pytest.mark.parametrize("fault", LOST, ids=repr)
    def test_a_replacement_whose_answer_was_lost_is_a_success(
        self, proxy: FaultProxy, shaky: Blobs, steady: Blobs, fault: Fault
    ) -> None:
        first = steady.create("a.txt", b"first", PLAIN)
        proxy.fail("Put Blob", fault)
        made = shaky.create("a.txt", b"second", PLAIN, Write(if_match=first.etag))
        assert steady.read("a.txt", 0, 10)[0] == b"second"
        assert steady.head("a.txt").etag == made.etag

    @pytest.mark.parametrize("fault", LOST, ids=repr)
    def test_a_commit_whose_answer_was_lost_is_a_success(
        self, proxy: FaultProxy, shaky: Blobs, steady: Blobs, fault: Fault
    ) -> None:
        shaky.stage_block("a.txt", "000000", b"content")
        proxy.fail("Put Block List", fault)
        made = shaky.commit_blocks("a.txt", ["000000"], PLAIN, size=7)
        assert steady.read("a.txt", 0, 10)[0] == b"content"
        assert steady.head("a.txt").etag == made.etag

    @pytest.mark.parametrize("fault", LOST, ids=repr)
    def test_a_copy_whose_answer_was_lost_is_a_success(
        self, proxy: FaultProxy, shaky: Blobs, steady: Blobs, fault: Fault
    ) -> None:
        steady.create("a.txt", b"content", FileSettings(metadata={"owner": "acme"}))
        proxy.fail("Copy Blob", fault)
        made = shaky.copy("b.txt", "a.txt", steady.head("a.txt"), {})
        assert steady.head("b.txt").etag == made.etag
        assert steady.head("b.txt").metadata == {"owner": "acme"}

    def test_a_block_sent_twice_is_one_block(self, proxy: FaultProxy, shaky: Blobs, steady: Blobs) -> None:
        proxy.fail("Put Block", Reset("answer"))
        shaky.stage_block("a.txt", "000000", b"content")
        shaky.commit_blocks("a.txt", ["000000"], PLAIN)
        assert steady.read("a.txt", 0, 100)[0] == b"content"

    def test_overwriting_twice_is_overwriting_once(self, proxy: FaultProxy, shaky: Blobs, steady: Blobs) -> None:
        steady.create("a.txt", b"first", PLAIN)
        proxy.fail("Put Blob", Reset("answer"))
        shaky.create("a.txt", b"second", PLAIN, Write(overwrite=True))
        assert steady.read("a.txt", 0, 100)[0] == b"second"

    def test_a_twin_of_another_writer_is_not_ones_own(self, proxy: FaultProxy, shaky: Blobs, steady: Blobs) -> None:
        # Same bytes, same settings: only the marker tells them apart.
        steady.create("a.txt", b"content", PLAIN)
        proxy.fail("Put Blob", Reset("request"))
        with pytest.raises(BlobExistsError):
            shaky.create("a.txt", b"content", PLAIN)

    def test_a_conflict_stays_one_if_the_look_at_it_fails(self, proxy: FaultProxy, shaky: Blobs, steady: Blobs) -> None:
        steady.create("a.txt", b"content", PLAIN)
        proxy.fail("Get Blob Properties", Answer(403, "AuthorizationFailure"))
        with pytest.raises(BlobExistsError):
            shaky.create("a.txt", b"content", PLAIN)

    def test_the_marker_is_not_shown_as_metadata(self, steady: Blobs) -> None:
        steady.create("a.txt", b"content", FileSettings(metadata={"owner": "acme"}))
        raw = sdk_blob(steady, "a.txt").get_blob_properties()
        assert SAVE_MARKER in raw.metadata
        (listed,) = steady.list()
        for found in (steady.head("a.txt"), steady.read("a.txt", 0, 10)[1], listed):
            assert isinstance(found, FileStat)
            assert found.metadata == {"owner": "acme"}


class TestBrokenReads:
    """F1: what is read is whole, and from one version, or it is an error."""

    @pytest.mark.parametrize("fault", [Reset("answer body"), Cut(), Cut(sealed=True)], ids=repr)
    def test_a_body_that_breaks_is_fetched_again(
        self, proxy: FaultProxy, shaky: Blobs, steady: Blobs, fault: Fault
    ) -> None:
        body = bytes(range(256)) * 4096
        steady.create("a.bin", body, PLAIN)
        proxy.fail("Get Blob", fault)
        assert shaky.read("a.bin", 0, 4 * 2**20)[0] == body
        assert proxy.count("Get Blob") == 2

    def test_a_body_that_always_breaks_is_an_error(self, proxy: FaultProxy, shaky: Blobs, steady: Blobs) -> None:
        steady.create("a.bin", b"0" * 100_000, PLAIN)
        proxy.fail("Get Blob", Cut(), times=100)
        with pytest.raises(BlobConnectionError, match="The connection to the service failed"):
            shaky.read("a.bin", 0, 2**20)

    def test_a_body_that_stalls_is_a_timeout(self, proxy: FaultProxy, container: str, steady: Blobs) -> None:
        steady.create("a.bin", b"0" * 100_000, PLAIN)
        proxy.fail("Get Blob", Stall("answer body"), times=100)
        with pytest.raises(BlobTimeoutError, match="did not answer in time"):
            blobs_for(options_for(proxy, container, timeout=1)).read("a.bin", 0, 2**20)

    def test_half_a_listing_is_an_error_not_a_short_listing(
        self, proxy: FaultProxy, shaky: Blobs, steady: Blobs
    ) -> None:
        for number in range(20):
            steady.create(f"{number}.txt", b"content", PLAIN)
        proxy.fail("List Blobs", Cut(sealed=True), times=100)
        with pytest.raises(BlobConnectionError):
            list(shaky.list())


class TestStream:
    """A part of a blob over an open connection."""

    CONTENT = bytes(range(256)) * 4096

    def test_all_of_it_comes_in_pieces(self, blobs: Blobs, requests: Requests) -> None:
        blobs.create("a.bin", self.CONTENT, PLAIN)
        requests.taken()
        with _stream(blobs, "a.bin") as reading:
            assert (reading.start, reading.length, reading.stat.size) == (0, 2**20, 2**20)
            pieces = list(reading.chunks)
        assert b"".join(pieces) == self.CONTENT
        assert max(map(len, pieces)) < 2**20
        assert requests.taken() == ["GET blob"]

    @pytest.mark.parametrize(("start", "length", "expected"), [(5, 7, 7), (2**20 - 3, 10, 3), (100, None, 2**20 - 100)])
    def test_a_part_of_it(self, blobs: Blobs, start: int, length: int | None, expected: int) -> None:
        blobs.create("a.bin", self.CONTENT, PLAIN)
        with _stream(blobs, "a.bin", start, length) as reading:
            assert (reading.start, reading.length, reading.stat.size) == (start, expected, 2**20)
            assert b"".join(reading.chunks) == self.CONTENT[start : start + expected]

    def test_what_is_beyond_the_end_is_empty(self, blobs: Blobs) -> None:
        blobs.create("a.bin", b"content", PLAIN)
        with _stream(blobs, "a.bin", 7, 3) as reading:
            assert (reading.length, list(reading.chunks), reading.stat.size) == (0, [], 7)

    def test_conditions_hold(self, blobs: Blobs) -> None:
        etag = blobs.create("a.bin", b"content", PLAIN).etag
        with pytest.raises(FileNotModifiedError, match=r"^a\.bin$"):
            blobs.stream("a.bin", if_none_match=etag)
        with _stream(blobs, "a.bin", if_none_match='"0x1"', if_match=etag) as reading:
            assert b"".join(reading.chunks) == b"content"
        with pytest.raises(BlobChangedError):
            blobs.stream("a.bin", if_match='"0x1"')
        with pytest.raises(BlobNotFoundError):
            blobs.stream("missing")

    def test_one_that_is_closed_early_disturbs_no_other(self, blobs: Blobs) -> None:
        blobs.create("a.bin", self.CONTENT, PLAIN)
        blobs.create("b.bin", b"other", PLAIN)
        for _ in range(5):
            with _stream(blobs, "a.bin") as reading:
                assert self.CONTENT.startswith(next(reading.chunks))
            assert blobs.read("b.bin", 0, 10)[0] == b"other"

    @pytest.mark.parametrize("fault", [Cut(), Cut(sealed=True), Reset("answer body")], ids=repr)
    def test_a_body_that_breaks_off_is_an_error(
        self, proxy: FaultProxy, shaky: Blobs, steady: Blobs, fault: Fault
    ) -> None:
        steady.create("a.bin", self.CONTENT, PLAIN)
        proxy.fail("Get Blob", fault)
        with _stream(shaky, "a.bin", 1, 2**19) as reading, pytest.raises(BlobConnectionError) as caught:
            list(reading.chunks)
        assert (caught.value.alias, caught.value.blob) == ("media", "a.bin")


class TestOtherPlaces:
    """Copies from a URL, and listings that start at a name."""

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_blob_is_copied_from_a_url_with_all_that_is_known_of_it(
        self, azurite: Azurite, container: str, steady: Blobs, overwrite: bool
    ) -> None:
        given = FileSettings(content_type="text/css", cache_control="max-age=1", metadata={"owner": "acme"})
        source = steady.create("a b.css", b"content", given)
        known = steady.head("a b.css")
        other = blobs_for(options_for(azurite, azurite.create_container()))
        url = SecretStr(BlobUrls(options_for(azurite, container)).url("a b.css", expire=60))
        made = other.copy("b.css", url, known, {}, Write(overwrite=overwrite))
        found = other.head("b.css")
        assert other.read("b.css", 0, 10)[0] == b"content"
        assert (found.content_type, found.cache_control, found.metadata) == ("text/css", "max-age=1", {"owner": "acme"})
        assert found.save_id == source.save_id == made.save_id is not None
        assert found.etag == made.etag
        # A11: done again, it knows its own copy.
        assert other.copy("b.css", url, known, {}, Write(overwrite=overwrite)).size == 7
        other.create("c.css", b"taken", PLAIN)
        with pytest.raises(BlobExistsError):
            other.copy("c.css", url, known, {})
        steady.create("a b.css", b"changed", given, Write(overwrite=True))
        with pytest.raises(BlobChangedError):
            other.copy("d.css", url, known, {}, Write(overwrite=True))

    def test_a_listing_starts_at_a_name(self, blobs: Blobs) -> None:
        for name in ("a/1", "a/2", "b/1", "b/2"):
            blobs.create(name, b"", PLAIN)
        assert [entry.name for entry in blobs.list(start_from="a/2")] == ["a/2", "b/1", "b/2"]
        assert [entry.name for entry in blobs.list("b/", start_from="b/2")] == ["b/2"]

    def test_a_listing_starts_at_a_name_where_the_service_cannot(self, azurite: Azurite, container: str) -> None:
        blobs = blobs_for(options_for(azurite, container, api_version="2022-11-02"))
        for name in ("a/1", "a/2", "b/1"):
            blobs.create(name, b"", PLAIN)
        assert [entry.name for entry in blobs.list(start_from="a/2")] == ["a/2", "b/1"]

    @pytest.mark.parametrize("names", [{"a_b": "1", "ab": "2", "a1": "3", "A": "4", "b_": "5", "Z9_x": "6"}])
    def test_metadata_of_any_name_is_signed_as_azure_sorts_it(self, steady: Blobs, names: dict[str, str]) -> None:
        steady.create("a.txt", b"", FileSettings(metadata=names))
        assert {key.lower(): value for key, value in steady.head("a.txt").metadata.items()} == {
            key.lower(): value for key, value in names.items()
        }


def _stream(blobs: Blobs, *given: Any, **conditions: Any) -> Reading:
    reading = blobs.stream(*given, **conditions)
    assert reading is not None
    return reading


def _tags(blobs: Blobs, name: str) -> Any:
    return sdk_blob(blobs, name).get_blob_tags()
