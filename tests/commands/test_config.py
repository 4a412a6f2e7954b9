"""C8: ``config`` shows every value and the source it came from, secrets masked."""

from __future__ import annotations

import json

import pytest
from django.db import models
from django.test import override_settings
from django.test.utils import isolate_apps
from pydantic import SecretStr

from storage_router import installed
from storage_router.azure.storage import AzureStorage
from storage_router.conf.azure.options import AzureOptions
from storage_router.management.config import MASK, shown
from tests.kit.azurite import ACCOUNT_KEY, UnsignedTokenCredential

SAS = "sv=2024-11-04&sr=c&sp=rl&se=2999-01-01T00%3A00%3A00Z&spr=https&sig=c2lnbmF0dXJl"


class Classy(AzureStorage):
    """A subclass that sets an option."""

    cache_control = "no-store"


def rows(ran) -> dict[str, tuple[str, str]]:
    return {name: (value, source) for name, value, source in ran.rows}


@pytest.fixture
def toml(tmp_path, monkeypatch):
    """A configuration in a file and in variables."""
    (tmp_path / "storage_router.toml").write_text(
        """
        default = "media"
        [backends.media]
        type = "azure"
        account_name = "acmefiles"
        azure_container = "media"
        [[routes]]
        prefix = "a/"
        types = [".psd"]
        backend = "media"
        """
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY", ACCOUNT_KEY)
    monkeypatch.setenv("STORAGE_ROUTER__BACKENDS__MEDIA__METADATA", '{"team": "web"}')
    return {"BACKEND": "storage_router.RouterStorage"}


def test_every_option_has_a_value_and_a_source(run, toml):
    found = rows(run("config", "--all", default=toml))
    for option in AzureOptions.model_fields.keys() - {"metadata"}:
        assert f"backends.media.{option}" in found
    assert found["backends.media.account_name"] == ("acmefiles", "storage_router.toml")
    assert found["backends.media.timeout"] == ("20", "default")
    assert found["backends.media.location"] == ('""', "default")
    assert found["backends.media.custom_domain"] == ("-", "default")
    assert found["backends.media.metadata.team"] == ("web", "STORAGE_ROUTER__BACKENDS__MEDIA__METADATA")
    assert found["routes[0].prefix"] == ('["a/"]', "storage_router.toml")
    assert found["routes[0].types"] == ('[".psd"]', "storage_router.toml")
    assert found["default"] == ("media", "storage_router.toml")
    assert found["static.prefix"] == ("static/", "default")


def test_secrets_are_masked_and_their_source_is_not(run, toml):
    """C7"""
    found = rows(run("config", default=toml))
    assert found["backends.media.account_key"] == (MASK, "STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY")


def test_the_option_that_authenticates_is_named_with_those_that_lost(run, toml, monkeypatch):
    """O1"""
    monkeypatch.setenv("STORAGE_ROUTER__BACKENDS__MEDIA__SAS_TOKEN", SAS)
    found = rows(run("config", default=toml))
    assert found["backends.media.authentication"] == ("account_key (not used: sas_token)", "effective")
    assert found["backends.media.endpoint"] == ("https://acmefiles.blob.core.windows.net", "effective")


def test_the_identity_that_is_meant_where_nothing_authenticates_is_named(run):
    """O1"""
    backend = {"type": "azure", "account_name": "acmefiles", "azure_container": "media"}
    router = {
        "BACKEND": "storage_router.RouterStorage",
        "OPTIONS": {"backends": {"media": backend}, "default": "media"},
    }
    found = rows(run("config", default=router))
    assert found["backends.media.authentication"] == ("credential default", "effective")


def test_defaults_are_shown_only_with_all(run, toml):
    """Section 8"""
    found = rows(run("config", default=toml))
    assert "default" not in {source for _, source in found.values()}
    assert set(found) == {
        *("backends.media.account_key", "backends.media.account_name", "backends.media.authentication"),
        *("backends.media.azure_container", "backends.media.endpoint", "backends.media.metadata.team"),
        "backends.media.type",
        *("default", "routes[0].backend", "routes[0].prefix", "routes[0].types"),
    }


def test_a_terminal_gets_a_table_for_each_backend_and_the_warnings(run, toml, monkeypatch):
    monkeypatch.setenv("STORAGE_ROUTER__BACKENDS__IDLE__TYPE", "memory")
    text = run("config", default=toml, terminal=True).text
    assert "STORAGES['default'] backends.media\n" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "STORAGES['default']\n" in text
    assert "no name leads to the backend\n'idle' (storage_router.W003)\n    Add a route" in text
    assert "(storage_router.W003)" in text


def test_json_holds_paths_values_sources_and_the_authentication(run, toml):
    data = json.loads(run("config", "--json", default=toml).text)["default"]
    settings = {tuple(setting["path"]): setting for setting in data["settings"]}
    assert settings["backends", "media", "account_key"] == {
        "path": ["backends", "media", "account_key"],
        "value": MASK,
        "source": "environment",
        "place": "STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY",
    }
    assert data["effective"] == {
        "media": {
            "endpoint": "https://acmefiles.blob.core.windows.net",
            "authentication": {"option": "account_key", "credential": None, "kind": "account_key", "unused": []},
        }
    }
    assert data["warnings"] == []


def test_json_holds_the_warnings(run):
    options = {"backends": {"ram": {"type": "memory"}, "idle": {"type": "memory"}}, "default": "ram"}
    ran = run("config", "--json", default={"BACKEND": "storage_router.RouterStorage", "OPTIONS": options})
    [warning] = json.loads(ran.text)["default"]["warnings"]
    assert warning["id"] == "storage_router.W003"


def test_an_azure_storage_of_its_own_tells_code_class_setting_and_default_apart(run):
    entry = {
        "BACKEND": f"{__name__}.Classy",
        "OPTIONS": {"account_name": "acmefiles", "token_credential": UnsignedTokenCredential()},
    }
    with override_settings(AZURE_CONTAINER="media"):
        ran = run("config", "--all", "--storage", "own", own=entry)
    found = rows(ran)
    assert found["account_name"] == ("acmefiles", "STORAGES['own']['OPTIONS']['account_name']")
    assert found["cache_control"] == ("no-store", "Classy.cache_control")
    assert found["azure_container"] == ("media", "AZURE_CONTAINER")
    assert found["timeout"] == ("20", "default")
    assert found["token_credential"][0] == "<tests.kit.azurite.UnsignedTokenCredential>"
    assert found["authentication"] == ("token_credential", "effective")


class Defaulting(AzureStorage):
    """A subclass with defaults of its own, one of them assigned."""

    def __init__(self, **options):
        self.cache_control = "no-store"
        super().__init__(**options)

    def get_default_settings(self):
        return {**super().get_default_settings(), "azure_container": "thumbs", "timeout": 7}


def test_defaults_of_a_subclass_are_not_taken_for_settings_nor_what_was_put_aside_for_given(run):
    """C8"""
    entry = {"BACKEND": f"{__name__}.Defaulting", "OPTIONS": {"account_name": "acmefiles", "account_key": ACCOUNT_KEY}}
    application = "01234567-89ab-cdef-0123-456789abcdef"
    with override_settings(AZURE_CONTAINER="media", AZURE_CLIENT_ID=application, AZURE_LOCATION="files"):
        found = rows(run("config", "--all", "--storage", "own", own=entry))
    assert found["azure_container"] == ("thumbs", "Defaulting.get_default_settings()")
    assert found["timeout"] == ("7", "Defaulting.get_default_settings()")
    assert found["cache_control"] == ("no-store", "Defaulting.cache_control")
    assert found["location"] == ("files", "AZURE_LOCATION")
    assert found["client_id"] == ("-", "default")


def test_static_files_have_no_settings_but_their_routers(run):
    """Section 7: they go through the router, whose table ``static`` is theirs."""
    router = {
        "BACKEND": "storage_router.RouterStorage",
        "OPTIONS": {"backends": {"ram": {"type": "memory"}}, "default": "ram"},
    }
    ran = run("config", "--json", default=router, files={"BACKEND": "storage_router.StaticFilesStorage"})
    assert set(json.loads(ran.text)) == {"default"}


@isolate_apps("tests")
def test_storages_of_model_fields_are_shown_once_for_each_class_and_options(run, monkeypatch):
    """Section 8; entry 32 of issue 11."""

    class Letter(models.Model):
        file = models.FileField(
            storage=Classy(account_name="acmefiles", azure_container="letters", credential="default")
        )
        scan = models.FileField(
            storage=Classy(account_name="acmefiles", azure_container="letters", credential="default")
        )
        other = models.FileField(
            storage=Classy(account_name="acmefiles", azure_container="other", credential="default")
        )

        class Meta:
            app_label = "tests"

    monkeypatch.setattr(installed.apps, "get_models", lambda: [Letter])
    plain = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    found = rows(run("config", default=plain))
    assert found["tests.Letter.file:cache_control"] == ("no-store", "Classy.cache_control")
    assert found["tests.Letter.other:azure_container"][0] == "other"
    assert not any(name.startswith("tests.Letter.scan") for name in found)
    assert rows(run("config", "--storage", "tests.Letter.other", default=plain))["endpoint"][1] == "effective"


def test_settings_of_several_entries_carry_the_entrys_alias(run):
    entry = {
        "BACKEND": "storage_router.AzureStorage",
        "OPTIONS": {"account_name": "acmefiles", "azure_container": "own", "credential": "default"},
    }
    found = rows(run("config", own=entry))
    assert found["own:azure_container"] == ("own", "STORAGES['own']['OPTIONS']['azure_container']")
    assert "default:backends.media.azure_container" in found


@pytest.mark.parametrize(
    ("value", "path", "expected"),
    [
        (SecretStr("secret"), ("account_key",), MASK),
        ("acme", ("backends", "s3", "options", "bucket_name"), MASK),
        ("acme", ("backends", "s3", "options", "secret_key"), MASK),
        ("acme", ("backends", "s3", "options", "anything"), MASK),
        (8675309424, ("backends", "sftp", "options", "params", "password"), MASK),
        (1.5, ("backends", "s3", "options", "anything"), MASK),
        (True, ("backends", "s3", "options", "anything"), True),
        (["acme", 1234], ("backends", "s3", "options", "list"), [MASK, MASK]),
        ({"a": "b", "gzip": True}, ("backends", "s3", "options", "table"), {"a": MASK, "gzip": True}),
        ("http://user:word@proxy", ("client_options", "location"), MASK),
        ("https://acme.example/?sig=abc", ("custom_domain",), MASK),
        (12.5, ("client_options", "retry_total"), MASK),
        ("https://acme.example/", ("custom_domain",), "https://acme.example/"),
        (object(), ("client_options", "transport"), "<builtins.object>"),
    ],
)
def test_what_could_be_a_secret_is_masked(value, path, expected):
    """C7"""
    assert shown(value, path) == expected
