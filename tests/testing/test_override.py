"""The router in memory, for the tests of users' projects."""

from __future__ import annotations

import inspect
import io
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, default_storage, storages
from django.core.management import call_command
from django.test import SimpleTestCase, override_settings

import storage_router
from storage_router import RouterStorage
from storage_router.exceptions import ConfigurationError, NoRouteError, ReadOnlyRouteError
from storage_router.testing import memory_router, override_storage_router
from storage_router.testing.override import MemoryStorage

CONFIG = {
    "backends": {
        "media": {"type": "azure", "account_name": "acmefiles", "azure_container": "media", "credential": "default"},
        "private": {"type": "filesystem", "location": "/nowhere"},
        "bulk": {"type": "memory"},
    },
    "routes": [
        {"prefix": "private/", "backend": "private", "strip_prefix": True},
        {"types": ["video/*"], "backend": "bulk", "read_only": True},
        {"prefix": "media/", "backend": "media"},
    ],
}


def project() -> override_settings:
    """A project whose default storage is a router with an Azure backend."""
    return override_settings(
        STORAGES={
            "default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": CONFIG},
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        }
    )


def save(name: str) -> str:
    return default_storage.save(name, ContentFile(b"content"))


def test_the_routes_stay_and_every_backend_is_memory() -> None:
    with project():
        before = storages["default"]
        with override_storage_router() as router:
            assert router is storages["default"]
            assert all(type(backend) is MemoryStorage for backend in router.backends.values())
            assert save("private/a.txt") == "private/a.txt"
            assert router.backends["private"].exists("a.txt")
            assert default_storage.url("private/a.txt") == "/private/a.txt"
            assert storage_router.backend("private").exists("a.txt")
            with pytest.raises(ReadOnlyRouteError):
                save("a.mp4")
            with pytest.raises(NoRouteError):
                save("a.txt")
            assert "staticfiles" in storages.backends
        assert type(storages["default"]) is type(before)
        assert not isinstance(storages["default"].backends["media"], InMemoryStorage)


def test_every_override_starts_empty() -> None:
    with project():
        for _ in range(2):
            with override_storage_router():
                assert save("media/a.txt") == "media/a.txt"


def test_overrides_nest() -> None:
    with project(), override_storage_router() as outer:
        save("media/outer.txt")
        with override_storage_router() as inner:
            assert inner.exists("media/outer.txt") is False
        assert default_storage.exists("media/outer.txt") is True
        assert storages["default"] is outer


def test_the_files_outlive_the_override_of_other_settings() -> None:
    with project(), override_storage_router():
        save("media/a.txt")
        with override_settings(STATIC_URL="/elsewhere/"):
            assert default_storage.exists("media/a.txt") is True


def test_a_configuration_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "storage_router.toml").write_text('default = "nonsense"\n')
    (tmp_path / ".env").write_text("STORAGE_ROUTER__DEFAULT=nonsense\n")
    monkeypatch.setenv("STORAGE_ROUTER__DEFAULT", "nonsense")
    config = {"backends": {"files": {"type": "filesystem", "location": str(tmp_path)}}, "default": "files"}
    nonsense = {
        "default": "nonsense",
        "backends": {"nonsense": {"type": "memory"}},
        "routes": [{"backend": "nonsense"}],
    }
    with override_settings(STORAGE_ROUTER=nonsense), override_storage_router(config) as router:
        save("a.txt")
        assert list(memory_router(config).backends) == list(router.backends) == ["files"]
        assert router.configuration.document.routes == ()
        assert (tmp_path / "a.txt").read_bytes() == b"content"
        assert router.configuration.document.default == "files"
    assert isinstance(memory_router(config).backends["files"], InMemoryStorage)


def test_backends_are_called_as_azures_storage_is() -> None:
    with project(), override_storage_router():
        assert default_storage.url("media/a.txt") == "/media/media/a.txt"
        signed = default_storage.url("media/a.txt", expire=60, parameters={"content_type": "text/plain"}, mode="r")
        assert signed == default_storage.url("media/a.txt", 60) == "/media/media/a.txt"


@pytest.mark.parametrize(
    "options",
    [
        {"type": "azure", "account_name": "acmefiles", "azure_container": "media", "overwrite_files": True},
        {"type": "filesystem", "location": "/nowhere", "allow_overwrite": True},
        {"type": "django", "backend": "storages.backends.s3.S3Storage", "options": {"file_overwrite": True}},
    ],
)
def test_backends_that_overwrite_do_so_in_memory(options: dict[str, Any]) -> None:
    """A2: the last writer wins whole."""
    config = {"backends": {"files": options, "kept": {"type": "memory"}}, "default": "files"}
    config |= {"routes": [{"prefix": "kept", "backend": "kept"}]}
    for router in (memory_router(config), memory_router(config)):
        for content in (b"first, and longer", b"second", b""):
            assert router.save("a.txt", ContentFile(content)) == "a.txt"
            assert router.open("a.txt").read() == content
        backend = router.backends["files"]
        assert backend.get_available_name("a.txt") == "a.txt"
        assert backend.is_name_available("a.txt", max_length=4) is False
        assert len(router.save("a-long-name.txt", ContentFile(b""), max_length=8)) == 8
        router.save("kept/a.txt", ContentFile(b""))
        assert router.save("kept/a.txt", ContentFile(b"")) != "kept/a.txt"


def test_overwriting_stays_where_overrides_nest() -> None:
    backends = {"media": {**CONFIG["backends"]["media"], "overwrite_files": True}}
    options = {"backends": backends, "default": "media"}
    entry = {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}
    with override_settings(STORAGES={"default": entry}), override_storage_router(), override_storage_router():
        assert [save("a.txt"), save("a.txt")] == ["a.txt", "a.txt"]


def test_static_files_checks_and_commands_find_the_router(tmp_path: Path) -> None:
    """Whoever reads ``STORAGES`` sees what a project with a router writes."""
    (tmp_path / "site.css").write_text("body {}")
    entries = {
        "default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": CONFIG},
        "staticfiles": {"BACKEND": "storage_router.StaticFilesStorage"},
    }
    config = {**CONFIG, "default": "media"}
    with (
        override_settings(STORAGES=entries, STATICFILES_DIRS=[str(tmp_path)], STORAGE_ROUTER=None),
        override_storage_router(config),
        override_storage_router() as router,
    ):
        assert staticfiles_storage.url("site.css") == "/media/static/site.css"
        out = io.StringIO()
        call_command("collectstatic", interactive=False, stdout=out)
        assert router.open("static/site.css").read() == b"body {}"
        call_command("check", stdout=out)
        call_command("storage_router", "routes", stdout=out)
        call_command("storage_router", "explain", "private/a.txt", stdout=out)
        call_command("storage_router", "config", "--all", stdout=out)
        assert "System check identified no issues" in out.getvalue()
        assert "backends.media.options.base_url" in out.getvalue()
        assert storages["default"] is router


@pytest.mark.parametrize("given", [None, {"backends": {"files": {"type": "memory"}}, "default": "files"}])
def test_the_projects_setting_is_not_missed(given: dict[str, Any] | None) -> None:
    """``check`` says of a setting STORAGE_ROUTER that nothing reads it; a test may well do without."""
    entries = {
        "default": {"BACKEND": "storage_router.RouterStorage"},
        "staticfiles": {"BACKEND": "storage_router.StaticFilesStorage"},
    }
    setting = {**CONFIG, "default": "media"}
    with override_settings(STORAGES=entries, STORAGE_ROUTER=setting), override_storage_router(given):
        call_command("check", stdout=io.StringIO())


def test_another_default_within_the_override_is_the_one_that_counts() -> None:
    memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    with project(), override_storage_router() as router:
        with override_settings(STORAGES={"default": memory}):
            assert type(storages["default"]) is InMemoryStorage
        assert storages["default"] is router


def test_a_wrong_configuration_is_reported_and_changes_nothing() -> None:
    before = storages["default"]
    wrong = {"backends": {"a": {"type": "memory"}}, "routes": [{"prefix": "x/", "backend": "b"}], "default": "c"}
    with pytest.raises(ConfigurationError) as caught:
        override_storage_router(wrong).enable()
    text = str(caught.value)
    assert "config" in text
    assert "'b'" in text
    assert "'c'" in text
    assert storages["default"] is before


def test_a_project_without_a_router_must_say_what_to_test_with() -> None:
    with pytest.raises(TypeError, match=r"STORAGES\['default'\] is a InMemoryStorage, not a RouterStorage"):
        memory_router()


def test_a_memory_router_of_the_project_leaves_the_project_alone() -> None:
    with project():
        router = memory_router()
        assert isinstance(router, RouterStorage)
        router.save("media/a.txt", ContentFile(b"content"))
        assert sorted(router.listdir("")[0]) == ["media", "private"]
        assert storages["default"] is not router


@override_storage_router({"backends": {"files": {"type": "memory"}}, "default": "files"}, attr_name="router")
class TestThatTestCasesCanBeDecoratedAndEachTestStartsEmpty(SimpleTestCase):
    router: RouterStorage

    def test_one_saves(self) -> None:
        assert save("a.txt") == "a.txt"
        assert storages["default"] is self.router

    @override_storage_router(CONFIG, kwarg_name="inner")
    def test_methods_can_be_decorated(self, inner: RouterStorage) -> None:
        assert storages["default"] is inner is not self.router

    def test_another_saves_the_same_name(self) -> None:
        assert save("a.txt") == "a.txt"


def test_the_kit_loads_what_is_asked_for_and_nothing_else() -> None:
    from storage_router import testing

    for name in testing.__all__:
        assert inspect.isclass(getattr(testing, name)) or inspect.isfunction(getattr(testing, name))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        testing.nothing  # noqa: B018
