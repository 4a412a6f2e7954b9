"""F4: one contract suite, inherited by every backend."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage
from django.test import override_settings
from django.utils import timezone

from storage_router.azure.storage import AzureStorage
from storage_router.router import RouterStorage
from storage_router.testing.suite import ConcurrencyContract, ModesContract, StorageContract
from tests.kit.azurite import ACCOUNT_NAME, UnsignedTokenCredential


class TestAzureWithAKey(ModesContract, ConcurrencyContract, StorageContract):
    @pytest.fixture
    def storage(self, azurite, container):
        return AzureStorage(connection_string=azurite.connection_string(), azure_container=container)


class TestAzureWithATokenAndALocation(ModesContract, ConcurrencyContract, StorageContract):
    @pytest.fixture
    def storage(self, azurite_https, container_https):
        return AzureStorage(
            account_name=ACCOUNT_NAME,
            account_url=azurite_https.account_url(),
            token_credential=UnsignedTokenCredential(),
            azure_container=container_https,
            location="some/where",
            expiration_secs=300,
            client_options={"connection_verify": str(azurite_https.certificate)},
        )


class TestFileSystem(ModesContract, StorageContract):
    """A reader of Django's file system may see a file that is half written, so writers at once are not promised."""

    @pytest.fixture
    def storage(self, tmp_path):
        return FileSystemStorage(tmp_path, base_url="/media/")


class TestMemory(StorageContract):
    """Django's memory storage knows neither modes nor threads."""

    @pytest.fixture
    def storage(self):
        return InMemoryStorage(base_url="/media/")


class TestRouterOverThemAll(ModesContract, ConcurrencyContract, StorageContract):
    """Three backends behind one storage: what the suite saves spreads over all of them."""

    @pytest.fixture
    def storage(self, azurite, container, tmp_path):
        return RouterStorage(
            backends={
                "azure": {
                    "type": "azure",
                    "connection_string": azurite.connection_string(),
                    "azure_container": container,
                },
                "disk": {"type": "filesystem", "location": str(tmp_path), "base_url": "/disk/"},
                "memory": {"type": "memory", "base_url": "/memory/"},
            },
            routes=[
                {"prefix": "deep/er/", "backend": "memory", "strip_prefix": True},
                {"prefix": [".well-known", "top/bb"], "backend": "disk"},
                {"types": ".htaccess", "backend": "disk"},
                {"glob": "top/b/*.txt", "backend": "memory"},
            ],
            default="azure",
        )


class TestRouterOverTheFileSystem(ModesContract, StorageContract):
    @pytest.fixture
    def storage(self, tmp_path):
        (tmp_path / "near").mkdir()
        return RouterStorage(
            backends={
                "near": {"type": "filesystem", "location": str(tmp_path / "near"), "base_url": "/near/"},
                "far": {"type": "filesystem", "location": str(tmp_path / "far"), "base_url": "/far/"},
            },
            routes=[{"prefix": "dir", "backend": "far", "strip_prefix": True}],
            default="near",
        )


class TestTheSuiteItself:
    """A suite that cannot fail proves nothing."""

    def test_a_storage_that_overwrites_fails(self):
        class Overwriting(InMemoryStorage):
            def get_available_name(self, name, max_length=None):
                return name

        with pytest.raises(AssertionError):
            StorageContract().test_a_taken_name_gets_a_name_like_it(Overwriting())
        with pytest.raises(AssertionError):
            ConcurrencyContract().test_every_writer_gets_a_file_of_its_own(Overwriting())

    def test_a_storage_that_changes_content_fails(self):
        class Trimming(InMemoryStorage):
            def _save(self, name, content):
                return super()._save(name, ContentFile(content.read().rstrip()))

        with pytest.raises(AssertionError):
            StorageContract().test_what_is_read_is_what_was_saved(Trimming(), b"line\r\n")

    def test_a_storage_without_modes_fails(self):
        with pytest.raises(AssertionError):
            ModesContract().test_w_replaces_the_whole_file(InMemoryStorage())

    def test_a_storage_that_shows_half_a_file_fails(self, tmp_path):
        class Dropping(FileSystemStorage):
            def exists(self, name):
                return False

        with pytest.raises(AssertionError):
            StorageContract().test_what_is_there_is_told(Dropping(tmp_path))

    @pytest.mark.parametrize("use_tz", [True, False])
    def test_a_storage_whose_times_are_always_of_one_kind_fails(self, use_tz):
        class Stubborn(InMemoryStorage):
            def get_modified_time(self, name):
                with override_settings(USE_TZ=not use_tz):
                    return timezone.now()

        with pytest.raises(AssertionError):
            StorageContract().test_times_are_aware_where_time_zones_are_used(Stubborn(), "get_modified_time", use_tz)

    @pytest.mark.parametrize("name", ["", None])
    def test_a_storage_that_takes_no_name_for_every_name_fails(self, name):
        class Eager(InMemoryStorage):
            def delete(self, name):
                if name:
                    super().delete(name)
                else:
                    self.__init__()

        with pytest.raises(AssertionError):
            StorageContract().test_deleting_nothing_deletes_nothing(Eager(), name)

    def test_the_storage_has_to_be_given(self):
        with pytest.raises(NotImplementedError, match="Define a fixture 'storage'"):
            StorageContract.storage.__wrapped__(StorageContract())
