"""Section 5: what an ``AzureStorage`` does as a Django storage."""

from __future__ import annotations

import copy
import datetime as dt
import gzip
import io
import mimetypes
import os
import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.storage.blob import BlobServiceClient, generate_container_sas
from django.contrib.staticfiles.storage import ManifestFilesMixin
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings

from storage_router.azure.container import Blobs
from storage_router.azure.storage import AzureStorage
from storage_router.exceptions import (
    BlobChangedError,
    BlobError,
    BlobExistsError,
    BlobNotFoundError,
    ContainerNotFoundError,
    InvalidNameError,
)
from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME


class TestByteIdentity:
    """A1"""

    def test_every_suffix_that_python_knows_reads_back_as_it_was_saved(self, key_bench):
        storage = key_bench.storage()
        database = mimetypes.MimeTypes()
        suffixes = {
            *database.types_map[True],
            *database.types_map[False],
            *database.encodings_map,
            *database.suffix_map,
        }
        assert {".gz", ".svgz", ".tgz", ".br", ".css"} <= suffixes
        compressed = gzip.compress(b"what a client would get back if somebody unpacked it on the way")

        def round_trip(suffix):
            name = storage.save(f"file{suffix}", ContentFile(compressed))
            with storage.open(name) as file:
                return name, file.read()

        with ThreadPoolExecutor(8) as pool:
            for suffix, (name, content) in zip(sorted(suffixes), pool.map(round_trip, sorted(suffixes)), strict=True):
                assert (name, content) == (f"file{suffix}", compressed)
        assert {stat.content_encoding for stat in storage.walk()} == {None}

    def test_a_blob_that_says_it_is_gzip_is_not_unpacked(self, bench):
        storage = bench.storage(object_parameters={"content_encoding": "gzip"})
        compressed = gzip.compress(os.urandom(5 * 2**20))
        storage.save("app.js", ContentFile(compressed))
        assert storage.stat("app.js").content_encoding == "gzip"
        with storage.open("app.js") as file:
            assert file.read() == compressed


class TestQuestions:
    """A7"""

    def test_each_question_is_one_request_and_one_more_where_a_directory_may_be_meant(self, bench):
        storage = bench.storage()
        storage.save("a.txt", ContentFile(b"four"))
        assert bench.requests_of(lambda: storage.size("a.txt")) == ["HEAD blob"]
        assert bench.requests_of(lambda: storage.exists("a.txt")) == ["HEAD blob"]
        assert bench.requests_of(lambda: storage.exists("no.txt")) == ["HEAD blob", "GET list"]
        assert bench.requests_of(lambda: storage.get_available_name("no.txt")) == ["HEAD blob"]
        assert bench.requests_of(lambda: storage.get_modified_time("a.txt")) == ["HEAD blob"]
        assert bench.requests_of(lambda: storage.get_created_time("a.txt")) == ["HEAD blob"]
        assert bench.requests_of(lambda: storage.stat("a.txt")) == ["HEAD blob"]
        assert bench.requests_of(lambda: storage.delete("a.txt")) == ["DELETE blob"]

    def test_the_answers_are_true(self, bench):
        storage = bench.storage(location="deep/down", metadata={"origin": "test"})
        storage.save("a.css", ContentFile(b"four"))
        assert storage.exists("a.css") is True
        assert storage.exists("b.css") is False
        assert storage.size("a.css") == 4
        stat = storage.stat("a.css")
        assert (stat.name, stat.size, stat.content_type) == ("a.css", 4, "text/css")
        assert dict(stat.metadata) == {"origin": "test"}
        assert stat.created == storage.get_created_time("a.css")

    def test_exists_tells_the_truth_where_files_are_overwritten(self, key_bench):
        storage = key_bench.storage(overwrite_files=True)
        assert storage.exists("a.txt") is False
        storage.save("a.txt", ContentFile(b""))
        assert storage.exists("a.txt") is True

    def test_the_root_exists_and_asking_costs_nothing(self, key_bench):
        storage = key_bench.storage()
        assert storage.exists("") is True
        assert key_bench.requests.taken() == []

    def test_a_directory_exists_where_there_is_a_file_in_it(self, key_bench):
        storage = key_bench.storage(location="here")
        storage.save("a/b.txt", ContentFile(b""))
        assert [storage.exists(name) for name in ("a", "a/", "a/b.txt")] == [True] * 3
        assert [storage.exists(name) for name in ("b", "b/", "a/b", "here")] == [False] * 4

    def test_a_directory_that_may_not_be_listed_does_not_exist(self, key_bench):
        key_bench.storage().save("a/b.txt", ContentFile(b""))
        sas = generate_container_sas(
            ACCOUNT_NAME,
            key_bench.container,
            ACCOUNT_KEY,
            permission="r",
            expiry=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1),
        )
        url = key_bench.azurite.account_url()
        storage = AzureStorage(account_url=url, azure_container=key_bench.container, sas_token=sas)
        assert (storage.exists("a"), storage.exists("a/b.txt")) == (False, True)

    def test_a_file_may_be_saved_under_the_name_of_a_directory(self, key_bench):
        storage = key_bench.storage()
        storage.save("a/b.txt", ContentFile(b""))
        assert storage.is_name_available("a")
        assert storage.save("a", ContentFile(b"x")) == "a"

    def test_times_are_aware_in_utc(self, key_bench):
        storage = key_bench.storage()
        storage.save("a.txt", ContentFile(b""))
        for moment in (storage.get_modified_time("a.txt"), storage.get_created_time("a.txt")):
            assert moment.tzinfo is dt.UTC
            assert abs(moment - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)

    def test_without_use_tz_times_are_naive_in_the_systems_zone(self, key_bench, monkeypatch):
        """A12"""
        storage = key_bench.storage()
        storage.save("a.txt", ContentFile(b""))
        aware = storage.get_modified_time("a.txt")
        monkeypatch.setenv("TZ", "Asia/Kathmandu")
        time.tzset()
        try:
            with override_settings(USE_TZ=False):
                naive = storage.get_modified_time("a.txt")
        finally:
            monkeypatch.undo()
            time.tzset()
        assert naive.tzinfo is None
        assert naive - aware.replace(tzinfo=None) == dt.timedelta(hours=5, minutes=45)

    def test_azure_does_not_tell_when_a_blob_was_read(self, key_bench):
        with pytest.raises(NotImplementedError, match="does not tell when a blob was last read"):
            key_bench.storage().get_accessed_time("a.txt")

    def test_there_is_no_path_on_this_machine(self, key_bench):
        with pytest.raises(NotImplementedError, match="doesn't support absolute paths"):
            key_bench.storage().path("a.txt")


class TestDeleting:
    """A7, A12"""

    def test_a_file_that_is_deleted_is_gone_and_deleting_it_again_is_no_error(self, bench):
        storage = bench.storage()
        storage.save("a.txt", ContentFile(b""))
        storage.delete("a.txt")
        assert not storage.exists("a.txt")
        storage.delete("a.txt")

    @pytest.mark.parametrize("name", ["", None])
    def test_delete_without_a_name_fails_as_django_does(self, key_bench, name):
        with pytest.raises(ValueError, match=r"^The name must be given to delete\(\)\.$"):
            key_bench.storage().delete(name)


class TestListing:
    """A6"""

    def test_listdir_returns_what_lies_directly_below(self, bench):
        storage = bench.storage(location="site one")
        for name in ("a.txt", "b/c.txt", "b/d/e.txt", "b.txt", "f/g.txt"):
            storage.save(name, ContentFile(b""))
        bench.storage(location="site one and more").save("h.txt", ContentFile(b""))
        assert storage.listdir("") == (["b", "f"], ["a.txt", "b.txt"])
        assert storage.listdir("b") == (["d"], ["c.txt"])
        assert storage.listdir("b/") == storage.listdir("b")
        assert storage.listdir("nothing") == ([], [])

    def test_stubs_of_data_lake_are_directories(self, key_bench):
        storage = key_bench.storage()
        stub = key_bench.storage(metadata={"hdi_isfolder": "true"})
        stub.save("empty", ContentFile(b""))
        stub.save("full", ContentFile(b""))
        storage.save("full/a.txt", ContentFile(b""))
        directories, files = storage.listdir("")
        assert (sorted(directories), files) == (["empty", "full"], [])
        assert [stat.name for stat in storage.walk()] == ["full/a.txt"]

    def test_a_file_and_a_directory_of_one_name_are_both_listed(self, key_bench):
        storage = key_bench.storage()
        storage.save("a", ContentFile(b""))
        storage.save("a/b", ContentFile(b""))
        assert storage.listdir("") == (["a"], ["a"])

    def test_names_that_the_storage_would_refuse_are_not_listed(self, key_bench):
        storage = key_bench.storage()
        for name in ("a//b.txt", "dir/", "good.txt", "dotted.", "dotted./c.txt"):
            Blobs(storage.options).create(name, b"", storage.blob_settings("x"))
        assert storage.listdir("") == (["a", "dir"], ["good.txt"])
        assert storage.listdir("dir") == ([], [])
        assert storage.listdir("a") == ([], [])
        assert [stat.name for stat in storage.walk()] == ["good.txt"]

    def test_a_name_that_would_be_a_drives_at_the_root_is_listed_below(self, bench):
        storage = bench.storage(location="site")
        for name in ("talks/a:b.txt", "talks/q: what/c.txt"):
            storage.save(name, ContentFile(b""))
        assert storage.listdir("talks") == (["q: what"], ["a:b.txt"])
        assert [stat.name for stat in storage.walk("talks")] == ["talks/a:b.txt", "talks/q: what/c.txt"]

    def test_walk_finds_everything_below_by_the_storages_names(self, bench):
        storage = bench.storage(location="here")
        for name in ("a.txt", "b/c.txt", "b/d/e.txt"):
            storage.save(name, ContentFile(b"12"))
        bench.storage(location="there").save("f.txt", ContentFile(b""))
        assert [(stat.name, stat.size) for stat in storage.walk()] == [("a.txt", 2), ("b/c.txt", 2), ("b/d/e.txt", 2)]
        assert [stat.name for stat in storage.walk("b")] == ["b/c.txt", "b/d/e.txt"]

    def test_walk_asks_for_pages_when_they_are_wanted(self, key_bench):
        storage = key_bench.storage()
        assert key_bench.requests_of(storage.walk) == []
        assert key_bench.requests_of(lambda: list(storage.walk())) == ["GET list"]

    def test_walk_refuses_a_bad_path_at_once(self, key_bench):
        with pytest.raises(SuspiciousFileOperation, match="Detected path traversal attempt"):
            key_bench.storage().walk("../other")


class TestContentType:
    """A9"""

    @pytest.mark.parametrize(
        ("name", "claimed", "stored"),
        [
            ("a.css", "text/x-evil", "text/css"),
            ("photo.WOFF2", None, "font/woff2"),
            ("data.unknown", "application/x-special", "application/x-special"),
            ("data.unknown", "text/plain; charset=utf-8", "text/plain; charset=utf-8"),
            ("data.unknown", None, "application/octet-stream"),
            ("data.unknown", "no type at all", "application/octet-stream"),
            ("data.unknown", "text/plain\r\nX-Injected: yes", "application/octet-stream"),
        ],
    )
    def test_it_comes_from_the_name_then_the_upload_then_the_default(self, key_bench, name, claimed, stored):
        storage = key_bench.storage()
        content = SimpleUploadedFile("upload", b"x", claimed)
        if claimed is None:
            content.content_type = None
        assert storage.stat(storage.save(name, content)).content_type == stored

    def test_the_default_can_be_set(self, key_bench):
        storage = key_bench.storage(default_content_type="application/x-default")
        storage.save("data.unknown", ContentFile(b""))
        assert storage.stat("data.unknown").content_type == "application/x-default"

    def test_object_parameters_and_cache_control_are_stored(self, bench):
        parameters = {
            "content_type": "text/x-own",
            "content_language": "de",
            "content_disposition": "attachment",
            "content_encoding": "identity",
        }
        storage = bench.storage(object_parameters=parameters, cache_control="max-age=60")
        storage.save("a.css", ContentFile(b"x"))
        stat = storage.stat("a.css")
        assert {key: getattr(stat, key) for key in parameters} == parameters
        assert stat.cache_control == "max-age=60"

    def test_object_parameters_beat_cache_control(self, key_bench):
        storage = key_bench.storage(object_parameters={"cache_control": "no-store"}, cache_control="max-age=60")
        storage.save("a.css", ContentFile(b"x"))
        assert storage.stat("a.css").cache_control == "no-store"

    def test_a_subclass_decides_for_each_file(self, key_bench):
        class PerFile(AzureStorage):
            def get_object_parameters(self, name):
                return {
                    **super().get_object_parameters(name),
                    "content_disposition": f'attachment; filename="{name}"',
                    "metadata": {"by": "hand"},
                    "tags": {"kind": "test"},
                    "access_tier": "Cool",
                    "content_language": None,
                }

        storage = key_bench.storage(PerFile, location="here", metadata={"by": "default"})
        storage.save("a.pdf", ContentFile(b"x"))
        stat = storage.stat("a.pdf")
        assert stat.content_disposition == 'attachment; filename="a.pdf"'
        assert stat.content_type == "application/pdf"
        assert (dict(stat.metadata), stat.access_tier) == ({"by": "hand"}, "Cool")
        with BlobServiceClient.from_connection_string(key_bench.azurite.connection_string()) as service:
            tags = service.get_blob_client(key_bench.container, "here/a.pdf").get_blob_tags()
        assert tags == {"kind": "test"}

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            (
                {"content_typ": "text/css"},
                r"get_object_parameters\('a.txt'\): content_typ: there is no setting 'content_typ'",
            ),
            ({"cache_control": "a\r\nX: y"}, "cannot be sent as a header"),
            ({"metadata": {"not-a-name": "x"}}, "cannot be the name of metadata"),
            ({"tags": {"a": "?"}}, "is not one that Azure stores"),
            ({"metadata": {"n": 5}}, "metadata.n: 5 is not valid: it should be a valid string"),
            ({"metadata": "a=b"}, "metadata: the value is not valid JSON"),
            ({"tags": {"n": 1}}, "tags.n: 1 is not valid: it should be a valid string"),
            ({"access_tier": 5}, "access_tier: 5 is not one of the allowed values"),
            ({"access_tier": "hot"}, "access_tier: 'hot' is not one of the allowed values"),
            (
                {"access_tier": "Hot\r\nX: y", "content_type": "no"},
                "content_type: 'no' is not a content type; access_tier: 'Hot",
            ),
        ],
    )
    def test_what_azure_cannot_store_is_refused_before_any_request(self, key_bench, parameters, message):
        class PerFile(AzureStorage):
            def get_object_parameters(self, name):
                return parameters

        storage = key_bench.storage(PerFile)
        with pytest.raises(ValueError, match=message):
            storage.save("a.txt", ContentFile(b"x"))
        assert key_bench.requests.taken() == []

    def test_a_digest_may_be_given_in_base64(self, key_bench):
        class PerFile(AzureStorage):
            def get_object_parameters(self, name):
                return {"content_md5": "nhB9nTcrtoJr2B01QqQZ1g=="}

        storage = key_bench.storage(PerFile)
        storage.save("a.txt", io.BytesIO(b"The quick brown fox jumps over the lazy dog"))
        assert storage.stat("a.txt").content_md5.hex() == "9e107d9d372bb6826bd81d3542a419d6"
        with pytest.raises(BlobError, match="MD5"):
            storage.save("b.txt", io.BytesIO(b"something else"))


class TestErrors:
    """A10"""

    @pytest.mark.parametrize("ask", ["size", "stat", "get_modified_time", "get_created_time", "open"])
    def test_a_missing_file_is_a_file_not_found_error(self, bench, ask):
        storage = bench.storage(location="here")
        with pytest.raises(FileNotFoundError) as caught:
            getattr(storage, ask)("no/such.txt")
        error = caught.value
        assert isinstance(error, BlobNotFoundError)
        assert (error.errno, error.filename, error.strerror) == (2, "no/such.txt", "There is no such blob.")
        assert str(error).startswith("[Errno 2] No such file or directory: 'no/such.txt'")
        assert (error.container, error.blob, error.status) == (bench.container, "here/no/such.txt", 404)
        assert error.request_id
        assert type(error.__cause__).__module__.startswith("azure.")

    def test_a_missing_container_says_how_to_create_it(self, bench):
        storage = bench.storage(azure_container="not-there")
        for action in (
            lambda: storage.save("a.txt", ContentFile(b"")),
            lambda: storage.listdir(""),
            lambda: storage.open("a.txt"),
        ):
            with pytest.raises(ContainerNotFoundError, match="az storage container create --name not-there"):
                action()


class TestOnTheServer:
    def test_copy_leaves_the_original_and_move_does_not(self, bench):
        storage = bench.storage(location="here")
        storage.save("a.txt", ContentFile(b"content"))
        assert storage.copy("a.txt", "b/c.txt") == "b/c.txt"
        assert storage.move("a.txt", "d.txt") == "d.txt"
        assert [stat.name for stat in storage.walk()] == ["b/c.txt", "d.txt"]
        with storage.open("d.txt") as file:
            assert file.read() == b"content"

    def test_a_copy_overwrites_only_where_files_are_overwritten(self, bench):
        storage = bench.storage()
        storage.save("a.txt", ContentFile(b"a"))
        storage.save("b.txt", ContentFile(b"b"))
        with pytest.raises(BlobExistsError) as caught:
            storage.copy("a.txt", "b.txt")
        assert caught.value.filename == "b.txt"
        bench.storage(overwrite_files=True).copy("a.txt", "b.txt")
        with storage.open("b.txt") as file:
            assert file.read() == b"a"

    def test_a_second_copy_does_not_pass_for_the_first(self, bench):
        storage = bench.storage()
        storage.save("a.txt", ContentFile(b"a"))
        storage.copy("a.txt", "b.txt")
        for method in (storage.copy, storage.move):
            with pytest.raises(BlobExistsError):
                method("a.txt", "b.txt")
        assert storage.exists("a.txt")

    def test_a_subclass_with_a_delete_of_its_own_moves_files(self, key_bench):
        class Kept(AzureStorage):
            def delete(self, name):
                raise PermissionError(name)

        storage = Kept.from_options(key_bench.storage().options)
        storage.save("a.txt", ContentFile(b"a"))
        assert storage.move("a.txt", "b.txt") == "b.txt"
        assert storage.listdir("") == ([], ["b.txt"])

    def test_a_file_moved_onto_itself_stays(self, key_bench):
        storage = key_bench.storage(overwrite_files=True)
        storage.save("a.txt", ContentFile(b"a"))
        storage.move("a.txt", "a.txt")
        assert storage.exists("a.txt")

    @pytest.mark.parametrize("method", ["copy", "move"])
    def test_a_missing_original_is_not_found(self, key_bench, method):
        with pytest.raises(FileNotFoundError) as caught:
            getattr(key_bench.storage(location="here"), method)("no.txt", "b.txt")
        assert (caught.value.filename, caught.value.blob) == ("no.txt", "here/no.txt")

    def test_a_move_leaves_an_original_that_was_overwritten_meanwhile(self, key_bench):
        storage = key_bench.storage()
        storage.save("a.txt", ContentFile(b"copied"))

        def overwrite(request):
            if request.http_request.method == "DELETE":
                storage.replace("a.txt", ContentFile(b"written since"))

        mover = key_bench.storage(client_options={"raw_request_hook": overwrite})
        with pytest.raises(BlobChangedError) as caught:
            mover.move("a.txt", "b.txt")
        assert caught.value.filename == "a.txt"
        contents = {name: storage.open(name).read() for name in ("a.txt", "b.txt")}
        assert contents == {"a.txt": b"written since", "b.txt": b"copied"}


class TestManifests:
    """S2: Django's mixin over a subclass, as projects have it without a router."""

    def test_hashed_names_are_stored_and_found(self, key_bench):
        class Storage(ManifestFilesMixin, AzureStorage):
            pass

        storage = key_bench.storage(Storage, location="static")
        storage.save("app.css", ContentFile(b"body { background: url(img/a.png) }"))
        storage.save("img/a.png", ContentFile(b"not a picture"))
        names = {"app.css": (storage, "app.css"), "img/a.png": (storage, "img/a.png")}
        with override_settings(DEBUG=False, STATIC_URL="/static/"):
            processed = {name: hashed for name, hashed, _ in storage.post_process(names)}
            again = key_bench.storage(Storage, location="static")
            assert again.url("app.css").endswith(f"/static/{processed['app.css']}")
            assert again.url("img/").endswith("/static/img/")
        with storage.open(processed["app.css"]) as file:
            assert processed["img/a.png"].rpartition("/")[2].encode() in file.read()
        assert storage.exists("staticfiles.json")


class TestUrls:
    def test_urls_are_public_or_signed_as_the_options_and_the_call_say(self, key_bench):
        storage = key_bench.storage(location="here")
        base = f"{storage.options.endpoint}/{key_bench.container}/here/"
        assert storage.url("a b#.txt") == f"{base}a%20b%23.txt"
        assert "sp=r&" in storage.url("a.txt", expire=60)
        assert "sp=w&" in storage.url("a.txt", expire=60, mode="w")
        assert "rsct=text%2Fhtml" in storage.url("a.txt", expire=60, parameters={"content_type": "text/html"})
        assert "sig=" in key_bench.storage(expiration_secs=60).url("a.txt")
        assert key_bench.requests.taken() == []

    @pytest.mark.parametrize(("name", "end"), [("path/", "here/path/"), ("", "here/")])
    def test_directories_keep_their_slash_and_are_never_signed(self, key_bench, name, end):
        """A8: Django's manifest storage asks for ``url("path/")``."""
        url = key_bench.storage(location="here", expiration_secs=60).url(name)
        assert url.endswith(f"/{key_bench.container}/{end}")

    def test_the_url_of_no_name_is_that_of_the_root(self, key_bench):
        """As with Django's own storages."""
        storage = key_bench.storage()
        assert storage.url(None) == storage.url("")

    @pytest.mark.parametrize("name", ["../x", "a/./b"])
    def test_bad_names_have_no_url(self, key_bench, name):
        with pytest.raises(InvalidNameError):
            key_bench.storage().url(name)


class TestPickling:
    """A12"""

    def test_a_storage_can_be_pickled_and_copied(self, key_bench):
        storage = AzureStorage(
            connection_string=key_bench.azurite.connection_string(), azure_container=key_bench.container
        )
        storage.save("a.txt", ContentFile(b"content"))
        for twin in (pickle.loads(pickle.dumps(storage)), copy.copy(storage), copy.deepcopy(storage)):
            assert type(twin) is AzureStorage
            assert twin.options == storage.options
            with twin.open("a.txt") as file:
                assert file.read() == b"content"
