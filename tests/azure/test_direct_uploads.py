"""P2, P3, T1, T7, T13: what others store with a ticket, and how it becomes a file."""

from __future__ import annotations

import base64

import pytest
from django.core.files.base import ContentFile, File

from storage_router.exceptions import BlobNotFoundError
from storage_router.files import DirectStore, FileSource

from .transferring import fetch

BLOCK = {"x_ms_blob_type": "BlockBlob"}
ID = base64.b64encode(b"000000-aaaa").decode()


@pytest.fixture
def storage(bench):
    return bench.storage(location="quarantine")


@pytest.fixture
def put(bench, storage):
    """Send a request with a ticket, as a browser does, or somebody who wants more."""

    def put(name="a", query="", body=b"", **headers):
        return fetch(storage.ticket(name, 60) + query, bench.azurite, method="PUT", body=body, **headers)

    return put


def test_a_ticket_stores_a_file_at_once_and_in_blocks(storage, put):
    assert isinstance(storage, DirectStore)
    assert put(body=b"small", **BLOCK).status == 201
    assert storage.uploaded("a").size == 5
    assert put("b", f"&comp=block&blockid={ID}", b"large").status == 201
    assert storage.staged("b") == [ID]
    body = f"<?xml version='1.0'?><BlockList><Latest>{ID}</Latest></BlockList>".encode()
    assert put("b", "&comp=blocklist", body).status == 201
    assert storage.uploaded("b").size == 5
    assert storage.staged("b") == []


def test_a_ticket_is_for_one_name_and_neither_reads_nor_lists_nor_deletes(bench, storage, put):
    put(body=b"secret", **BLOCK)
    url = storage.ticket("a", 60)
    assert fetch(url, bench.azurite).status == 403
    assert fetch(url, bench.azurite, method="DELETE").status == 403
    assert fetch(url.replace("/a?", "/b?"), bench.azurite, method="PUT", body=b"", **BLOCK).status == 403
    assert fetch(f"{url}&comp=blocklist", bench.azurite).status == 403


def test_on_azure_a_ticket_can_create_and_nothing_else(key_bench):
    own = {"account_name": "acme", "account_key": "a2V5", "azure_container": "quarantine"}
    ticket = type(key_bench.storage())(**own).ticket("a", 60)
    assert "sp=c&" in ticket
    assert "sv=2026-04-06" in ticket
    assert "sp=cw&" in type(key_bench.storage())(**own, api_version="2024-11-04").ticket("a", 60)


@pytest.mark.parametrize(
    "trick",
    [
        {"x_ms_blob_type": "PageBlob", "x_ms_blob_content_length": "1024"},
        {"x_ms_blob_type": "AppendBlob"},
        {**BLOCK, "x_ms_access_tier": "Archive"},
    ],
    ids=["page blob", "append blob", "archived"],
)
def test_only_a_readable_block_blob_counts_as_uploaded(storage, put, trick):
    assert put(**trick).status == 201
    with pytest.raises(ValueError, match=r"^it is "):
        storage.uploaded("a")


def test_a_copy_does_not_count_as_uploaded(bench, storage, put):
    storage.save("other", ContentFile(b"somebody else's"))
    assert put(x_ms_copy_source=storage.sign("other", 60)).status == 202
    with pytest.raises(ValueError, match="or a copy"):
        storage.uploaded("a")


def test_what_was_never_stored_is_not_found(storage):
    with pytest.raises(BlobNotFoundError):
        storage.uploaded("a")
    assert storage.staged("a") == []


def test_discarding_deletes_snapshots_leases_and_staged_blocks(storage, put):
    put(body=b"x", **BLOCK)
    assert put(query="&comp=snapshot").status == 201
    lease = {"x_ms_lease_action": "acquire", "x_ms_lease_duration": "-1"}
    assert put(query="&comp=lease", **lease).status == 201
    put("staged", f"&comp=block&blockid={ID}", b"x")
    assert sorted(storage.leftovers()) == ["a", "staged"]
    for name in ("a", "staged", "never"):
        storage.discard(name)
    assert list(storage.leftovers()) == []


class Copied(File):
    """A content that another blob has."""

    def __init__(self, store, name):
        found = store.uploaded(name)
        self.taken = 0
        self.file_source = FileSource(store=store, name=name, size=found.size, etag=found.etag, saved=self._saved)
        super().__init__(None, name)

    def _saved(self, *_):
        self.taken += 1

    def chunks(self, chunk_size=None):
        with self.file_source.store.read(self.file_source.name, if_match=self.file_source.etag) as reading:
            yield from reading.chunks


@pytest.mark.parametrize("size", [0, 5, 6 * 2**20])
def test_nothing_of_an_upload_but_its_bytes_reaches_the_file(bench, storage, put, size):
    """T1"""
    hostile = {
        "x_ms_blob_content_type": "text/html",
        "x_ms_blob_cache_control": "public,max-age=31536000",
        "x_ms_meta_evil": "yes",
    }
    assert put(body=bytes(size), **BLOCK, **hostile).status == 201
    target = bench.storage(cache_control="private")
    target.save("final.pdf", Copied(storage, "a"))
    found = target.stat("final.pdf")
    assert (found.size, found.content_type, found.cache_control) == (size, "application/pdf", "private")
    assert found.metadata == {}
    headers = fetch(target.url("final.pdf", expire=60), bench.azurite).headers
    assert "sig=" not in str(headers)


def test_a_taken_name_is_not_overwritten_by_an_upload(bench, storage, put):
    put(body=b"new", **BLOCK)
    target = bench.storage()
    target.save("final.txt", ContentFile(b"old"))
    name = target.save("final.txt", Copied(storage, "a"))
    assert name != "final.txt"
    assert target.open("final.txt").read() == b"old"
    assert target.open(name).read() == b"new"


def test_an_upload_that_was_rewritten_is_not_stored(bench, storage, put):
    put(body=b"checked", **BLOCK)
    content = Copied(storage, "a")
    put(body=b"evil!!!", **BLOCK)
    target = bench.storage()
    with pytest.raises(OSError, match="changed"):
        target.save("final.txt", content)
    assert not target.exists("final.txt")
