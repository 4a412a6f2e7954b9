"""A8, A12: which names are legal, which are offered, and that none is refused by Azure after all."""

from __future__ import annotations

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage

from storage_router.azure.storage import AzureStorage
from storage_router.exceptions import InvalidNameError

from .conftest import Bench

LEGAL = [
    ".htaccess",
    ".well-known/security.txt",
    "a b.txt",
    "100%.txt",
    "%41.txt",
    "a#b?c=d&e.txt",
    "a+b;c,d'e\"f.txt",
    "[x]{y}(z)~!@$^`|<>.txt",
    "grün/緑/зелёный/أخضر/🟩.txt",
    "e\u0301.txt",
    "name with trailing space ",
    " name with leading space",
    "..a/a..b/...c",
    "ab:c",
    "UPPER/lower.TXT",
]

METHODS = {
    "open": lambda storage, name: storage.open(name),
    "open to write": lambda storage, name: storage.open(name, "wb"),
    "save": lambda storage, name: storage.save(name, ContentFile(b"")),
    "replace": lambda storage, name: storage.replace(name, ContentFile(b"")),
    "delete": lambda storage, name: storage.delete(name),
    "exists": lambda storage, name: storage.exists(name),
    "size": lambda storage, name: storage.size(name),
    "stat": lambda storage, name: storage.stat(name),
    "url": lambda storage, name: storage.url(name),
    "get_modified_time": lambda storage, name: storage.get_modified_time(name),
    "get_created_time": lambda storage, name: storage.get_created_time(name),
    "copy from": lambda storage, name: storage.copy(name, "a"),
    "copy to": lambda storage, name: storage.copy("a", name),
    "move": lambda storage, name: storage.move(name, "a"),
    "listdir": lambda storage, name: storage.listdir(name),
    "walk": lambda storage, name: storage.walk(name),
}


class TestLegalNames:
    """A8"""

    @pytest.mark.parametrize("name", LEGAL)
    def test_they_are_never_rewritten(self, bench, name):
        storage = bench.storage(location="some where")
        file_name = name.rpartition("/")[2]
        assert storage.save(name, ContentFile(name)) == name
        with storage.open(name) as file:
            assert file.read() == name.encode()
        assert [stat.name for stat in storage.walk()] == [name]
        assert file_name in storage.listdir(name.rpartition("/")[0])[1]
        storage.delete(name)
        assert not storage.exists(name)

    def test_the_longest_and_the_deepest_name_are_stored(self, key_bench):
        storage = key_bench.storage()
        for name in ("/".join(["a" * 250] * 4) + "b" * 21, "/".join("a" * 254)):
            assert storage.save(name, ContentFile(b"")) == name
            assert storage.exists(name)

    def test_a_backslash_counts_as_a_slash(self, key_bench):
        """R10"""
        storage = key_bench.storage()
        assert storage.save("a\\b.txt", ContentFile(b"")) == "a/b.txt"
        assert storage.exists("a\\b.txt")
        assert storage.listdir("a\\") == ([], ["b.txt"])


@pytest.fixture
def unasked(azurite):
    """A bench whose container is not there: no request may be made."""
    return Bench(azurite, "not-there")


class TestIllegalNames:
    """A8, R10: errors before any request, in every method."""

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize(
        "name",
        ["../a", "a/../b", "./a", "a/./b", "/a", "a\x00b", "a\nb", "a\x7f", "C:/a", "\udc80", "a./b", "a."],
    )
    def test_they_are_refused_before_any_request(self, unasked, method, name):
        storage = unasked.storage(location="here")
        with pytest.raises(SuspiciousFileOperation):
            METHODS[method](storage, name)
        assert unasked.requests.taken() == []

    @pytest.mark.parametrize("method", sorted(METHODS.keys() - {"listdir", "walk"}))
    @pytest.mark.parametrize("name", ["a" * 1020, "/".join("a" * 254)])
    def test_limits_count_the_location(self, unasked, method, name):
        storage = unasked.storage(location="here")
        with pytest.raises(InvalidNameError, match=r"has at most (1024 characters|254 path segments); this one has"):
            METHODS[method](storage, name)
        assert unasked.requests.taken() == []

    @pytest.mark.parametrize("method", sorted(METHODS.keys() - {"delete", "save", "url"}))
    def test_none_is_no_name(self, unasked, method):
        with pytest.raises((InvalidNameError, TypeError)):
            METHODS[method](unasked.storage(), None)
        assert unasked.requests.taken() == []

    @pytest.mark.parametrize("method", ["open", "size", "stat", "copy from", "copy to", "get_modified_time"])
    @pytest.mark.parametrize("name", ["", "a/"])
    def test_a_directory_is_no_file(self, unasked, method, name):
        with pytest.raises(InvalidNameError):
            METHODS[method](unasked.storage(), name)


class TestHooks:
    """A8, A12"""

    @pytest.mark.parametrize(
        "name", ["My Summer (2).png", "a b.txt", ".htaccess", "grün.txt", "a\x00b c.txt", "tab\there.txt", "C:/"]
    )
    def test_uploads_are_named_as_django_names_them(self, unasked, name):
        django = InMemoryStorage()
        assert unasked.storage().get_valid_name(name) == django.get_valid_name(name)
        if "/" not in name:
            assert unasked.storage().generate_filename(name) == django.generate_filename(name)

    @pytest.mark.parametrize("name", ["", ".", ".."])
    def test_nothing_to_make_a_name_of_is_djangos_error(self, key_bench, name):
        with pytest.raises(SuspiciousFileOperation, match="Could not derive file name from"):
            key_bench.storage().get_valid_name(name)

    @pytest.mark.parametrize("name", ["/tmp/..", "/tmp/.", "dir/", "../a.txt", "a/../b.txt"])
    def test_an_available_name_is_refused_in_djangos_words(self, unasked, name):
        with pytest.raises(SuspiciousFileOperation) as expected:
            InMemoryStorage().get_available_name(name)
        with pytest.raises(SuspiciousFileOperation) as raised:
            unasked.storage().get_available_name(name)
        assert str(raised.value) == str(expected.value)

    def test_a_doubled_slash_is_one_in_every_method(self, key_bench):
        """R10: as with Django's own storages."""
        storage = key_bench.storage()
        assert storage.save("a//b\\c.txt", ContentFile(b"x")) == "a/b/c.txt"
        assert storage.exists("a//b//c.txt")
        assert storage.stat("a//b/c.txt").name == "a/b/c.txt"
        assert storage.listdir("a//b") == ([], ["c.txt"])
        assert [stat.name for stat in storage.walk("a//b")] == ["a/b/c.txt"]
        assert storage.url("a//b/c.txt") == storage.url("a/b/c.txt")
        assert storage.get_available_name("a//free.txt") == "a/free.txt"
        assert storage.copy("a//b/c.txt", "d//e.txt") == "d/e.txt"
        with storage.open("d//e.txt") as file:
            assert file.read() == b"x"
        storage.delete("a//b/c.txt")
        assert not storage.exists("a/b/c.txt")

    def test_an_available_name_is_free_and_short_enough(self, bench):
        storage = bench.storage()
        storage.save("dir/name.txt", ContentFile(b""))
        assert storage.get_available_name("dir/other.txt") == "dir/other.txt"
        assert storage.get_available_name("dir/name.txt") != "dir/name.txt"
        short = storage.get_available_name("dir/name-that-is-long.txt", max_length=20)
        assert (len(short), short[:7], short[-4:]) == (20, "dir/nam", ".txt")
        with pytest.raises(SuspiciousFileOperation, match="can not find an available filename"):
            storage.get_available_name("dir/name.txt", max_length=12)

    def test_a_name_too_long_for_azure_is_an_error_unless_the_caller_wants_it_cut(self, key_bench):
        storage = key_bench.storage()
        with pytest.raises(InvalidNameError, match="at most 1024 characters"):
            storage.get_available_name("a" * 1025)
        assert len(storage.get_available_name("a" * 1025, max_length=2000)) == 1024

    def test_availability_asks_only_where_it_matters(self, key_bench):
        storage = key_bench.storage()
        storage.save("a.txt", ContentFile(b""))
        key_bench.requests.taken()
        assert storage.is_name_available("a.txt") is False
        assert storage.is_name_available("b.txt", max_length=5) is True
        assert key_bench.requests.taken() == ["HEAD blob"] * 2
        assert storage.is_name_available("b.txt", max_length=4) is False
        overwriting = key_bench.storage(overwrite_files=True)
        assert overwriting.is_name_available("a.txt") is True
        assert overwriting.is_name_available("a.txt", max_length=4) is False
        assert key_bench.requests.taken() == []

    def test_where_files_are_overwritten_the_alternative_is_the_name_itself(self, key_bench):
        assert key_bench.storage(overwrite_files=True).get_alternative_name("dir/a", ".txt") == "dir/a.txt"
        alternative = key_bench.storage().get_alternative_name("dir/a", ".txt")
        assert (alternative[:6], alternative[-4:], len(alternative)) == ("dir/a_", ".txt", 17)

    def test_where_files_are_overwritten_long_names_are_still_cut(self, key_bench):
        storage = key_bench.storage(overwrite_files=True)
        assert storage.get_available_name("dir/long-name.txt", max_length=12) == "dir/long.txt"
        assert storage.save("dir/long-name.txt", ContentFile(b""), max_length=12) == "dir/long.txt"


class TestLocation:
    """A6: ``location`` never leaks, and nothing outside of it is reached."""

    def test_a_storage_sees_only_what_is_below_its_location(self, bench):
        outside, inside = bench.storage(), bench.storage(location="in/side")
        outside.save("in/other.txt", ContentFile(b""))
        outside.save("in/side.txt", ContentFile(b""))
        inside.save("a.txt", ContentFile(b""))
        assert inside.listdir("") == ([], ["a.txt"])
        assert not inside.exists("side.txt")
        assert outside.exists("in/side/a.txt")
        assert [stat.name for stat in inside.walk()] == ["a.txt"]

    def test_a_location_may_be_computed(self, key_bench):
        class PerTenant(AzureStorage):
            tenant = "one"

            @property
            def location(self):
                return f"tenants/{self.tenant}"

        storage = key_bench.storage(PerTenant)
        storage.save("a.txt", ContentFile(b""))
        storage.tenant = "two"
        assert not storage.exists("a.txt")
        storage.save("a.txt", ContentFile(b""))
        assert [stat.name for stat in key_bench.storage().walk()] == ["tenants/one/a.txt", "tenants/two/a.txt"]

    def test_a_computed_location_is_no_way_out(self, key_bench):
        class Broken(AzureStorage):
            location = ""

        storage = key_bench.storage(Broken)
        storage.location = "../other-container"
        for method in ("open", "listdir", "exists", "url"):
            with pytest.raises(SuspiciousFileOperation):
                METHODS[method](storage, "a.txt")
        with pytest.raises(SuspiciousFileOperation):
            storage.listdir("")
        assert key_bench.requests.taken() == []
