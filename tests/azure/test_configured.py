"""Section 4: where options come from. C7, A12: what stands for a storage where options must not be."""

from __future__ import annotations

import copy
import logging
import pickle
import subprocess
import sys
import threading

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import models
from django.db.migrations.writer import MigrationWriter
from django.test import override_settings
from django.utils.deconstruct import deconstructible

from storage_router.azure.client import Account
from storage_router.azure.credentials import credential
from storage_router.azure.storage import AzureStorage
from storage_router.conf.azure.options import AzureOptions
from storage_router.exceptions import ConfigurationError
from storage_router.references import HistoricalStorage, StorageReference

KEY = "c2VjcmV0IGtleSB0aGF0IG5vYm9keSBtYXkgc2Vl"


class AzureMediaStorage(AzureStorage):
    """As in the reference walk-through."""

    account_name = "djangoaccountstorage"
    account_key = KEY
    azure_container = "media"
    expiration_secs = None


@deconstructible
class DecoratedStorage(AzureMediaStorage):
    """As Django's documentation asks for."""

    def __init__(self, account_key=KEY):
        super().__init__(account_key=account_key)


class TenantStorage(AzureMediaStorage):
    def __init__(self, tenant):
        super().__init__(location=tenant)


class FolderStorage(AzureMediaStorage):
    def __init__(self):
        super().__init__(location="folder")


class AssigningStorage(AzureMediaStorage):
    def __init__(self):
        super().__init__()
        self.timeout = 5
        self.location = "assigned"


class Holder:
    class Nested(AzureMediaStorage):
        pass


class LockedCredential:
    """A credential of the project's own, which holds a lock."""

    def __init__(self):
        self.lock = threading.Lock()

    def get_token(self, *scopes, **options):
        raise AssertionError("nobody asks for a token here")


LOCKED = LockedCredential()

PLACEHOLDER = ("storage_router.references.HistoricalStorage", (), {})


def azure(**options):
    return AzureStorage(**{"account_name": "acmefiles", "account_key": KEY, "azure_container": "media", **options})


class TestPrecedence:
    """Constructor over class attribute over setting over default."""

    @override_settings(AZURE_CONTAINER="of-settings", AZURE_LOCATION="of/settings", AZURE_SSL=False)
    def test_each_source_beats_the_next_option_by_option(self):
        class Storage(AzureMediaStorage):
            location = "of/class"

        storage = Storage(azure_container="of-constructor")
        assert storage.azure_container == "of-constructor"
        assert storage.location == "of/class"
        assert storage.azure_ssl is False
        assert storage.timeout == 20

    @override_settings(AZURE_URL_EXPIRATION_SECS=3600)
    def test_none_in_a_class_beats_a_setting(self):
        assert AzureMediaStorage().expiration_secs is None
        assert azure().expiration_secs == 3600

    @pytest.mark.parametrize("option", sorted(AzureOptions.model_fields.keys() - {"account_name", "azure_container"}))
    def test_none_in_a_class_means_the_default(self, option):
        storage = type("Storage", (AzureMediaStorage,), {option: None})()
        assert getattr(storage.options, option) == AzureOptions.model_fields[option].default

    def test_none_for_what_is_required_is_an_error(self):
        with pytest.raises(ConfigurationError, match=r"Storage.azure_container: 'azure_container' is missing"):
            type("Storage", (AzureMediaStorage,), {"azure_container": None})()

    def test_an_empty_text_is_an_option_that_is_not_given(self):
        # What os.environ.get("CDN", "") gives where there is no CDN.
        for option in ("custom_domain", "cache_control", "api_version", "client_id", "account_url", "expiration_secs"):
            assert getattr(azure(**{option: ""}).options, option) is None, option
        for option in ("connection_string", "sas_token", "token_credential", "credential"):
            storage = azure(**{option: ""})
            assert storage.options.authentication.option == "account_key"
            assert storage.options.unused == ()
        with override_settings(AZURE_CUSTOM_DOMAIN="cdn.acme.example"):
            assert azure(custom_domain="").url("a.txt") == "https://acmefiles.blob.core.windows.net/media/a.txt"

    @pytest.mark.parametrize("option", ["account_key", "sas_token", "connection_string"])
    def test_a_secret_that_code_reads_from_a_variable_has_no_quotes_left(self, option):
        """C5: ``docker --env-file`` keeps them, and ``os.environ`` passes no source of the configuration."""
        with pytest.raises(ConfigurationError) as caught:
            azure(**{option: '"c2VjcmV0"'})
        (problem,) = caught.value.problems
        assert (problem.place, problem.message) == (f"AzureStorage({option}=…)", "the value has quotes around it")
        assert "c2VjcmV0" not in str(caught.value)

    def test_an_empty_secret_is_an_error_where_nothing_else_authenticates(self):
        for option, message in {
            "account_key": "the key is not base64",
            "connection_string": "the connection string has neither AccountKey nor SharedAccessSignature",
            "sas_token": "the value is not a shared access signature",
        }.items():
            with pytest.raises(ConfigurationError, match=message):
                AzureStorage(**{"account_name": "acmefiles", "azure_container": "media", option: ""})

    def test_an_empty_text_is_an_error_where_there_is_a_default(self):
        with pytest.raises(ConfigurationError, match="'' is not the end of a host name"):
            azure(endpoint_suffix="")

    @pytest.mark.parametrize(
        ("setting", "value", "option", "expected"),
        [
            ("AZURE_SSL", False, "azure_ssl", False),
            ("AZURE_UPLOAD_MAX_CONN", 7, "upload_max_conn", 7),
            ("AZURE_CONNECTION_TIMEOUT_SECS", 7, "timeout", 7),
            ("AZURE_BLOB_MAX_MEMORY_SIZE", "1MiB", "max_memory_size", 2**20),
            ("AZURE_URL_EXPIRATION_SECS", "5m", "expiration_secs", 300),
            ("AZURE_OVERWRITE_FILES", True, "overwrite_files", True),
            ("AZURE_LOCATION", "here", "location", "here"),
            ("AZURE_ENDPOINT_SUFFIX", "core.chinacloudapi.cn", "endpoint_suffix", "core.chinacloudapi.cn"),
            ("AZURE_CUSTOM_DOMAIN", "cdn.acme.example", "custom_domain", "cdn.acme.example"),
            ("AZURE_CACHE_CONTROL", "no-store", "cache_control", "no-store"),
            ("AZURE_OBJECT_PARAMETERS", {"content_language": "de"}, "object_parameters", {"content_language": "de"}),
            ("AZURE_API_VERSION", "2021-08-06", "api_version", "2021-08-06"),
            ("AZURE_CLIENT_OPTIONS", {"retry_total": 1}, "client_options", {"retry_total": 1}),
            ("AZURE_DEFAULT_CONTENT_TYPE", "text/plain", "default_content_type", "text/plain"),
            ("AZURE_METADATA", {"by": "test"}, "metadata", {"by": "test"}),
        ],
    )
    def test_settings_of_the_reference_document_are_read(self, setting, value, option, expected):
        with override_settings(**{setting: value}):
            storage = azure()
        assert getattr(storage, option) == getattr(storage.options, option) == expected

    def test_every_option_has_a_setting_and_a_class_attribute(self):
        assert {
            "account_name",
            "connection_string",
            "sas_token",
            "token_credential",
        } <= AzureOptions.model_fields.keys()
        with override_settings(AZURE_ACCOUNT_NAME="ofsettings", AZURE_ACCOUNT_KEY=KEY, AZURE_CONTAINER="media"):
            storage = AzureStorage()
        assert (storage.account_name, storage.azure_container) == ("ofsettings", "media")
        assert storage.options.authentication.kind == "account_key"

    def test_a_property_of_a_subclass_is_its_option(self):
        class Storage(AzureMediaStorage):
            @property
            def custom_domain(self):
                return "cdn.acme.example"

        assert Storage().url("a.txt") == "https://cdn.acme.example/media/a.txt"

    def test_a_property_is_asked_each_time(self):
        class OfTenant(AzureMediaStorage):
            tenant = "one"

            @property
            def azure_container(self):
                return self.tenant

            @property
            def location(self):
                return f"of/{self.tenant}"

        storage = OfTenant()
        found = []
        for storage.tenant in ("one", "two", "one"):
            found.append(storage.url("a.txt"))
        host = "https://djangoaccountstorage.blob.core.windows.net"
        assert found == [f"{host}/one/of/one/a.txt", f"{host}/two/of/two/a.txt", f"{host}/one/of/one/a.txt"]
        assert repr(storage) == f"<OfTenant {host}/one/of/one/>"
        assert storage.options is storage.options
        storage.tenant = "No Container"
        with pytest.raises(ConfigurationError, match=r"OfTenant\.azure_container: .*"):
            storage.url("a.txt")

    def test_a_location_of_none_is_not_the_root(self):
        class OfTenant(AzureMediaStorage):
            location = property(lambda _: None)

        storage = OfTenant()
        with pytest.raises(ConfigurationError) as caught:
            storage.url("a.txt")
        (problem,) = caught.value.problems
        assert (problem.id, problem.place) == ("storage_router.E003", "OfTenant.location")
        assert problem.message == "the value (NoneType) is not a directory in a container"
        assert repr(storage) == "<OfTenant, not configured>"

    @override_settings(AZURE_CONTAINER="of-settings", AZURE_LOCATION="of/settings")
    def test_what_a_constructor_assigns_counts_before_and_after_ours(self):
        class Before(AzureMediaStorage):
            azure_container = "of-class"

            def __init__(self, **options):
                self.azure_container = "before"
                self.custom_domain = "cdn.acme.example"
                super().__init__(**options)

        class After(Before):
            def __init__(self, **options):
                super().__init__(**options)
                self.azure_container = "after"
                self.expiration_secs = "5m"
                self.account_key = "b3RoZXIga2V5"

        assert Before().url("a.txt") == "https://cdn.acme.example/before/of/settings/a.txt"
        assert Before(azure_container="given").url("a.txt") == "https://cdn.acme.example/given/of/settings/a.txt"
        after = After()
        assert after.url("a.txt").startswith("https://cdn.acme.example/after/of/settings/a.txt?")
        assert (after.options.azure_container, after.options.expiration_secs) == ("after", 300)
        assert after.options.account_key.get_secret_value() == "b3RoZXIga2V5"
        assert copy.copy(after).options == after.options
        after.timeout = "never"
        with pytest.raises(ConfigurationError, match=r"After\.timeout: "):
            after.exists("a.txt")

    def test_default_settings_can_be_replaced_as_in_the_reference_backend(self):
        class Storage(AzureStorage):
            def get_default_settings(self):
                return {**super().get_default_settings(), "location": "of/method", "timeout": 5}

        with override_settings(AZURE_ACCOUNT_NAME="ofsettings", AZURE_ACCOUNT_KEY=KEY, AZURE_CONTAINER="media"):
            storage = Storage(timeout=6)
        assert (storage.location, storage.timeout) == ("of/method", 6)

    def test_a_subclass_may_have_settings_of_its_own(self):
        class Storage(AzureMediaStorage):
            colour = "of-class"

            def get_default_settings(self):
                return {**super().get_default_settings(), "tenant": "of-default", "colour": "of-default"}

        storage = Storage()
        assert (storage.tenant, storage.colour) == ("of-default", "of-class")
        assert Storage(tenant="given").tenant == "given"
        with pytest.raises(ConfigurationError, match="there is no setting 'tenants'"):
            Storage(tenants="given")

    @override_settings(AZURE_CLIENT_ID="00000000-0000-0000-0000-000000000001")
    def test_a_client_id_for_signing_in_does_not_become_an_identity(self):
        assert azure().options.client_id is None
        named = AzureStorage(account_name="acmefiles", azure_container="media", credential="managed_identity")
        assert named.options.client_id == "00000000-0000-0000-0000-000000000001"

    @override_settings(AZURE_LOCATION="of/settings")
    def test_from_options_takes_just_those(self):
        options = AzureOptions(account_name="acmefiles", account_key=KEY, azure_container="media")
        storage = AzureMediaStorage.from_options(options, alias="private")
        assert (storage.location, storage.account_name, storage.alias) == ("", "acmefiles", "private")
        assert storage.options is options


class TestMistakes:
    """C4, C5, O3: found at construction, all at once, each with its place."""

    def test_an_unknown_option_gets_the_nearest_name(self):
        with pytest.raises(
            ConfigurationError, match=r"AzureStorage\(overwrite_fles=…\).*\n.*Did you mean 'overwrite_files'"
        ) as caught:
            azure(overwrite_fles=True)
        assert isinstance(caught.value, ImproperlyConfigured)

    @override_settings(AZURE_UPLOAD_MAX_CONN="many")
    def test_every_mistake_is_told_with_its_place(self):
        class Storage(AzureMediaStorage):
            location = "../other"

            def get_default_settings(self):
                return {**super().get_default_settings(), "timeout": "soon"}

        with pytest.raises(ConfigurationError) as caught:
            Storage(cache_control="a\r\nb", object_parameters={"content_typ": "x"})
        places = {problem.place.partition("[")[0] for problem in caught.value.problems}
        assert places == {
            "Storage(cache_control=…)",
            "Storage(object_parameters=…)",
            "Storage.location",
            "Storage: settings.AZURE_UPLOAD_MAX_CONN",
            "Storage.get_default_settings(): timeout",
        }

    def test_a_missing_container_is_told(self):
        with pytest.raises(ConfigurationError, match="AzureStorage: azure_container"):
            AzureStorage(account_name="acmefiles", account_key=KEY)

    def test_secrets_are_in_no_message(self):
        with pytest.raises(ConfigurationError) as caught:
            azure(account_key=f"{KEY}?", sas_token="sig=c2VjcmV0", timeout="soon")
        assert "c2VjcmV0" not in str(caught.value) + repr(caught.value)


class TestSecrets:
    """C7"""

    def test_repr_shows_where_and_no_secret(self):
        storage = azure(location="here")
        assert repr(storage) == "<AzureStorage https://acmefiles.blob.core.windows.net/media/here/>"
        named = AzureStorage.from_options(storage.options, alias="private")
        assert repr(named) == "<AzureStorage 'private' https://acmefiles.blob.core.windows.net/media/here/>"

    def test_secrets_are_no_attributes(self):
        storage = azure()
        assert not {"account_key", "sas_token", "connection_string"} & vars(storage).keys()
        assert KEY not in str(vars(storage))


class TestMigrations:
    """C7: never an option, and the same in every environment."""

    def test_one_of_djangos_storages_is_its_alias(self):
        backend = {"BACKEND": "storage_router.azure.storage.AzureStorage", "OPTIONS": vars_of_media()}
        with override_settings(STORAGES={"media": backend}):
            written, imports = MigrationWriter.serialize(storages["media"])
            assert written == "storage_router.references.StorageReference('media')"
            assert imports == {"import storage_router.references"}

    def test_a_subclass_is_its_class(self):
        assert AzureMediaStorage().deconstruct() == (f"{__name__}.AzureMediaStorage", (), {})

    def test_one_that_settings_build_is_its_class(self):
        with override_settings(AZURE_ACCOUNT_NAME="ofsettings", AZURE_ACCOUNT_KEY=KEY, AZURE_CONTAINER="media"):
            assert AzureStorage().deconstruct() == ("storage_router.AzureStorage", (), {})

    def test_one_with_options_is_a_placeholder(self):
        class Local(AzureMediaStorage):
            pass

        assert azure().deconstruct() == PLACEHOLDER
        assert AzureMediaStorage(timeout=5).deconstruct() == PLACEHOLDER
        assert Local().deconstruct() == PLACEHOLDER

    def test_an_argument_of_a_subclass_is_no_less_an_argument(self):
        # Without it, the class alone would not build the storage when the migration is loaded.
        assert TenantStorage("one").deconstruct() == PLACEHOLDER
        assert TenantStorage(tenant="one").deconstruct() == PLACEHOLDER
        assert FolderStorage().deconstruct() == (f"{__name__}.FolderStorage", (), {})

    def test_options_that_a_constructor_assigns_are_part_of_the_class(self):
        assert AssigningStorage().deconstruct() == (f"{__name__}.AssigningStorage", (), {})
        changed = AssigningStorage()
        changed.timeout = 7
        assert changed.deconstruct() == PLACEHOLDER

    def test_a_class_within_a_class_is_a_placeholder(self):
        # Django would write an import of the outer class, which no later command could load.
        assert Holder.Nested().deconstruct() == PLACEHOLDER

    def test_djangos_decorator_writes_no_argument(self):
        for _ in range(2):
            written, _ = MigrationWriter.serialize(DecoratedStorage(account_key=KEY))
            assert written == "storage_router.references.HistoricalStorage()"
        assert DecoratedStorage(KEY).deconstruct() == PLACEHOLDER
        assert DecoratedStorage().deconstruct() == (f"{__name__}.DecoratedStorage", (), {})
        assert KEY not in str(pickle.loads(pickle.dumps(DecoratedStorage(account_key=KEY))).deconstruct())

    def test_what_others_have_decorated_keeps_what_it_has(self):
        @deconstructible
        class Mixin:
            pass

        class Mixed(Mixin, DecoratedStorage):
            pass

        mixins = Mixin.deconstruct
        assert Mixed(account_key=KEY).deconstruct() == PLACEHOLDER
        assert Mixin.deconstruct is mixins

    def test_a_subclass_may_say_what_stands_for_it(self):
        class Own(AzureMediaStorage):
            def deconstruct(self):
                _, args, options = super().deconstruct()
                return "acme.storages.Own", args, options

        class Inheriting(Own):
            pass

        for kind in (Own, Inheriting, deconstructible(type("Redecorated", (Own,), {}))):
            assert kind(timeout=5).deconstruct() == ("acme.storages.Own", (), {})

    def test_a_field_can_be_written_and_read_back_without_any_configuration(self):
        field = models.FileField(storage=azure(account_key=KEY))
        written, _ = MigrationWriter.serialize(field)
        assert "HistoricalStorage()" in written
        assert KEY not in written
        _, path, args, _ = field.clone().deconstruct()
        assert (path, args) == ("django.db.models.FileField", [])
        assert field.clone().storage is field.storage


class TestStandIns:
    """C7: what a migration reads back."""

    def test_a_reference_is_the_storage_when_it_is_used(self, key_bench):
        reference = StorageReference("files")
        assert repr(reference) == "<StorageReference 'files'>"
        assert reference.deconstruct() == ("storage_router.references.StorageReference", ("files",), {})
        backend = {"BACKEND": "storage_router.azure.storage.AzureStorage", "OPTIONS": key_bench.options()}
        with override_settings(STORAGES={"files": backend}):
            assert reference.save("a.txt", ContentFile(b"content")) == "a.txt"
            assert reference.exists("a.txt")
            assert reference.stat("a.txt").size == 7
            with reference.open("a.txt") as file:
                assert file.read() == b"content"
            assert reference.listdir("") == ([], ["a.txt"])
            assert copy.copy(reference).url("a.txt") == storages["files"].url("a.txt")
            with pytest.raises(AttributeError):
                _ = reference.no_such_method

    def test_a_placeholder_says_what_to_do(self):
        placeholder = HistoricalStorage()
        assert copy.deepcopy(placeholder).deconstruct() == placeholder.deconstruct()
        for action in (
            lambda: placeholder.open("a"),
            lambda: placeholder.save("a", None),
            lambda: placeholder.url("a"),
        ):
            with pytest.raises(
                NotImplementedError, match=r"A historical model has no storage here.*storages\['alias'\]"
            ):
                action()


class TestPickles:
    """A12"""

    def test_one_of_djangos_storages_comes_back_as_itself_without_its_secrets(self):
        backend = {"BACKEND": "storage_router.azure.storage.AzureStorage", "OPTIONS": vars_of_media()}
        with override_settings(STORAGES={"media": backend}):
            pickled = pickle.dumps(storages["media"])
            assert KEY.encode() not in pickled
            assert pickle.loads(pickled) is storages["media"]

    def test_another_comes_back_equal_though_it_was_used(self):
        storage = azure(expiration_secs=60, url_window_secs=0)
        storage.url("a.txt")
        twin = pickle.loads(pickle.dumps(storage))
        assert (twin.options, twin.alias, type(twin)) == (storage.options, None, AzureStorage)
        assert twin.url("a.txt").partition("?")[0] == storage.url("a.txt").partition("?")[0]

    def test_another_reads_and_writes_the_same_files(self, key_bench):
        storage = key_bench.storage(client_options={})
        storage.save("a.txt", ContentFile(b"content"))
        twin = pickle.loads(pickle.dumps(storage))
        with twin.open("a.txt") as file:
            assert file.read() == b"content"
        assert storage.exists(twin.save("b.txt", ContentFile(b"more")))

    def test_another_is_pickled_with_its_secrets(self):
        # Nothing else would bring them back; docs/azure-storage.md says so.
        assert KEY.encode() in pickle.dumps(azure())

    @pytest.mark.parametrize(
        "options",
        [{"token_credential": LOCKED}, {"account_key": KEY, "client_options": {"raw_request_hook": LOCKED.get_token}}],
    )
    def test_an_object_that_cannot_be_pickled_stands_in_the_way_of_what_has_no_alias(self, options):
        # As docs/azure-storage.md says, with what to do about it.
        options = {"account_name": "acmefiles", "azure_container": "media", **options}
        with pytest.raises(TypeError, match=r"cannot pickle '_thread\.lock' object"):
            pickle.dumps(AzureStorage(**options))
        entry = {"BACKEND": "storage_router.AzureStorage", "OPTIONS": options}
        with override_settings(STORAGES={"media": entry}):
            assert pickle.loads(pickle.dumps(storages["media"])) is storages["media"]
        if "token_credential" in options:
            options["token_credential"] = f"{__name__}.LOCKED"
            twin = pickle.loads(pickle.dumps(AzureStorage(**options)))
            assert credential(twin.options.authentication) is LOCKED


class TestCopies:
    """A13"""

    @pytest.mark.parametrize("make", [copy.copy, copy.deepcopy])
    def test_a_copy_has_options_of_its_own_and_shares_the_account(self, make):
        backend = {"BACKEND": "storage_router.azure.storage.AzureStorage", "OPTIONS": vars_of_media()}
        with override_settings(STORAGES={"media": backend}):
            original = storages["media"]
            twin = make(original)
            assert twin is not original
            assert twin.options == original.options
            twin.location, twin.azure_container, twin.metadata["by"] = "tenant-a", "other", "twin"
            assert original.url("a.txt") == "https://acmefiles.blob.core.windows.net/media/a.txt"
            assert twin.url("a.txt") == "https://acmefiles.blob.core.windows.net/other/tenant-a/a.txt"
            assert Account.of(twin.options) is Account.of(original.options)
            assert twin.deconstruct() == PLACEHOLDER
            assert pickle.loads(pickle.dumps(original)) is original
            assert pickle.loads(pickle.dumps(twin)).url("a.txt") == twin.url("a.txt")

    @pytest.mark.parametrize("make", [copy.copy, copy.deepcopy])
    def test_a_copy_shares_a_credential_and_hooks_that_cannot_be_copied(self, make):
        options = {"token_credential": LOCKED, "client_options": {"raw_request_hook": LOCKED.get_token}}
        storage = AzureStorage(account_name="acmefiles", azure_container="media", **options)
        twin = make(storage)
        assert credential(twin.options.authentication) is LOCKED
        twin.timeout = 5
        assert (storage.options.timeout, twin.options.timeout) == (20, 5)
        assert credential(twin.options.authentication) is LOCKED

    @pytest.mark.parametrize("make", [copy.copy, copy.deepcopy])
    def test_a_copy_of_a_backend_has_no_alias(self, make):
        options = AzureOptions(account_name="acmefiles", account_key=KEY, azure_container="media")
        assert make(AzureStorage.from_options(options, alias="private")).alias is None

    def test_a_storage_whose_options_were_changed_is_pickled_with_them(self):
        backend = {"BACKEND": "storage_router.azure.storage.AzureStorage", "OPTIONS": vars_of_media()}
        for option, value in (("location", "elsewhere"), ("azure_container", "other"), ("timeout", 5)):
            with override_settings(STORAGES={"media": backend}):
                storage = storages["media"]
                setattr(storage, option, value)
                twin = pickle.loads(pickle.dumps(storage))
                assert twin is not storage
                assert getattr(twin, option) == value
                assert twin.url("a.txt") == storage.url("a.txt")


class TestSubclasses:
    """O7"""

    @pytest.mark.parametrize(
        "hook",
        [
            "_get_valid_path",
            "_normalize_name",
            "_get_service_client",
            "_expire_at",
            "_get_content_settings_parameters",
            "get_user_delegation_key",
        ],
    )
    def test_a_hook_that_nothing_calls_is_an_error_when_an_instance_is_built(self, hook):
        class Mixin:
            pass

        setattr(Mixin, hook, lambda self, *args: None)

        class Storage(Mixin, AzureMediaStorage):
            pass

        with pytest.raises(ConfigurationError, match=rf"Mixin\.{hook}: nothing calls this hook .*E014") as caught:
            Storage()
        assert f"unused_hooks = ({hook!r},)" in caught.value.problems[0].hint
        assert type("Meant", (Storage,), {"unused_hooks": (hook,)})().azure_container == "media"

    @pytest.mark.parametrize("name", ["client", "service_client"])
    def test_a_property_that_nothing_asks_is_one(self, name):
        kind = type("Storage", (AzureMediaStorage,), {name: property(lambda self: None)})
        with pytest.raises(ConfigurationError, match=rf"Storage\.{name}: nothing calls this hook"):
            kind()

    @pytest.mark.parametrize(
        ("name", "option"),
        [
            ("expiration_specs", "expiration_secs"),
            ("overwrite_file", "overwrite_files"),
            ("azure_containers", "azure_container"),
            ("acount_name", "account_name"),
            ("locaton", "location"),
            ("cusotm_domain", "custom_domain"),
        ],
    )
    def test_a_misspelt_option_is_an_error(self, name, option):
        kind = type("Storage", (AzureMediaStorage,), {name: 300})
        with pytest.raises(ConfigurationError, match=rf"Storage\.{name}: .*E014\)\n +Did you mean '{option}'\?"):
            kind()
        assert type("Meant", (kind,), {"unused_hooks": (name,)})().azure_container == "media"

    def test_what_is_no_misspelt_option_is_none(self):
        class Storage(AzureMediaStorage):
            tenant, tag, colour = "one", "two", "three"
            _locaton = "private"
            locations = property(lambda self: ())

            def timeouts(self):
                return ()

            def get_default_settings(self):
                return {**super().get_default_settings(), "metadatas": "known"}

            metadatas = "of-class"

        assert Storage().metadatas == "of-class"

    @override_settings(PRIVATE_URL_EXPIRATION_SECS=300, PRIVATE_LOCATION="private", AZURE_TIMEOUT=9)
    def test_a_loop_over_the_default_settings_reads_one_prefix_for_each_storage(self):
        class Private(AzureMediaStorage):
            def get_default_settings(self):
                from django.conf import settings

                found = super().get_default_settings()
                names = {"expiration_secs": "PRIVATE_URL_EXPIRATION_SECS"}
                return {
                    option: getattr(settings, names.get(option, f"PRIVATE_{option.upper()}"), value)
                    for option, value in found.items()
                }

        del AzureMediaStorage.expiration_secs
        try:
            storage = Private()
        finally:
            AzureMediaStorage.expiration_secs = None
        assert (storage.expiration_secs, storage.location) == (300, "private")
        assert "sig=" in storage.url("a.txt")

    def test_the_default_settings_have_every_option_and_count_as_not_given(self):
        storage = azure()
        assert storage.get_default_settings().keys() == AzureOptions.model_fields.keys()
        assert storage.get_default_settings()["timeout"] == 20
        assert storage.options.model_fields_set == {"account_name", "account_key", "azure_container"}
        storage.get_default_settings()["metadata"]["by"] = "caller"
        assert storage.get_default_settings()["metadata"] == {}


class TestImports:
    """Section 1: building storages and asking for URLs loads nothing of the SDK."""

    def test_building_a_storage_and_signing_urls_load_no_sdk(self):
        code = (
            "import sys\n"
            "from django.conf import settings\n"
            "settings.configure(SECRET_KEY='x')\n"
            "from storage_router.azure.storage import AzureStorage\n"
            f"storage = AzureStorage(account_name='acmefiles', account_key='{KEY}', azure_container='media')\n"
            "storage.url('a'), storage.url('a', expire=60), storage.generate_filename('a/b'), repr(storage)\n"
            "parts = ('azure', 'requests', 'pydantic_settings')\n"
            "loaded = sorted(name for name in sys.modules if name.partition('.')[0] in parts)\n"
            "assert loaded == [], loaded\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True)


class TestLogging:
    """A12: the SDK's request log stays out of the application's log unless asked for."""

    def test_requests_are_logged_at_info_only_where_asked_for(self, key_bench, caplog):
        caplog.set_level(logging.INFO)
        key_bench.storage().exists("a.txt")
        assert [record for record in caplog.records if record.name.startswith("azure")] == []
        key_bench.storage(log_requests=True).exists("a.txt")
        assert any("Request URL" in record.getMessage() for record in caplog.records)


def vars_of_media():
    return {"account_name": "acmefiles", "account_key": KEY, "azure_container": "media"}
