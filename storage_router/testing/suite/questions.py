"""Questions: what is there, how large, since when, and where."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.test import override_settings


class QuestionsContract:
    """What is told of files."""

    def test_what_is_there_is_told(self, storage: Storage) -> None:
        """``exists`` and ``size``."""
        assert storage.exists("a.txt") is False
        storage.save("a.txt", ContentFile(b"four"))
        assert storage.exists("a.txt") is True
        assert storage.size("a.txt") == 4

    def test_the_root_exists(self, storage: Storage) -> None:
        """``""`` names it."""
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

    def test_directories_and_files_directly_below_are_listed(self, storage: Storage) -> None:
        """By their last segment, each once."""
        for name in ("top/a.txt", "top/b/c.txt", "top/b/d.txt", "top/b/e/f.txt", "top/bb/g.txt"):
            storage.save(name, ContentFile(b""))
        assert "top" in storage.listdir("")[0]
        directories, files = storage.listdir("top")
        assert (sorted(directories), sorted(files)) == (["b", "bb"], ["a.txt"])
        directories, files = storage.listdir("top/b")
        assert (sorted(directories), sorted(files)) == (["e"], ["c.txt", "d.txt"])

    @pytest.mark.parametrize("method", ["get_modified_time", "get_created_time"])
    def test_times_are_aware_where_time_zones_are_used(self, storage: Storage, method: str) -> None:
        """And close to now."""
        name = storage.save("a.txt", ContentFile(b""))
        moment = getattr(storage, method)(name)
        assert moment.tzinfo is not None
        assert abs(moment - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
        with override_settings(USE_TZ=True):
            assert getattr(storage, method)(name).tzinfo is not None

    def test_a_url_ends_in_the_quoted_name(self, storage: Storage) -> None:
        """Nothing in a name can become a query or a fragment. What comes before the last segment is the storage's
        own.
        """
        storage.save("dir/a b#c?.txt", ContentFile(b""))
        assert storage.url("dir/a b#c?.txt").partition("?")[0].endswith("/a%20b%23c%3F.txt")
