"""Questions: what is there, how large, since when, and where."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.test import override_settings
from django.utils import timezone

from .contents import below


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

    @pytest.mark.parametrize("name", ["", None])
    def test_deleting_nothing_deletes_nothing(self, storage: Storage, name: Any) -> None:
        """Refused or not: of Django's own storages one raises ``ValueError``, the other takes the empty name."""
        storage.save("a.txt", ContentFile(b""))
        storage.save("dir/b.txt", ContentFile(b""))
        with contextlib.suppress(ValueError, TypeError, SuspiciousFileOperation):
            storage.delete(name)
        assert below(storage) == {"a.txt", "dir/b.txt"}

    def test_directories_and_files_directly_below_are_listed(self, storage: Storage) -> None:
        """By their last segment, each once."""
        for name in ("top/a.txt", "top/b/c.txt", "top/b/d.txt", "top/b/e/f.txt", "top/bb/g.txt"):
            storage.save(name, ContentFile(b""))
        assert "top" in storage.listdir("")[0]
        directories, files = storage.listdir("top")
        assert (sorted(directories), sorted(files)) == (["b", "bb"], ["a.txt"])
        directories, files = storage.listdir("top/b")
        assert (sorted(directories), sorted(files)) == (["e"], ["c.txt", "d.txt"])

    @pytest.mark.parametrize("use_tz", [True, False])
    @pytest.mark.parametrize("method", ["get_modified_time", "get_created_time"])
    def test_times_are_aware_where_time_zones_are_used(self, storage: Storage, method: str, use_tz: bool) -> None:
        """And naive, in the system's zone, where they are not; both close to now."""
        # Django's memory storage notes the time as the setting is when the file is saved.
        with override_settings(USE_TZ=use_tz):
            name = storage.save("a.txt", ContentFile(b""))
            moment = getattr(storage, method)(name)
            assert timezone.is_aware(moment) is use_tz
            assert abs(moment - timezone.now()) < dt.timedelta(minutes=5)

    def test_a_url_ends_in_the_quoted_name(self, storage: Storage) -> None:
        """Nothing in a name can become a query or a fragment. What comes before the last segment is the storage's
        own.
        """
        storage.save("dir/a b#c?.txt", ContentFile(b""))
        assert storage.url("dir/a b#c?.txt").partition("?")[0].endswith("/a%20b%23c%3F.txt")
