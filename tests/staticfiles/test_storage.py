"""``StaticFilesStorage``: one prefix of a router, with every method of a Django storage. S1, S4."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import urllib.request
from datetime import datetime
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured, SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.templatetags.static import static

from storage_router import StaticFilesStorage
from tests.kit.azurite import Azurite

from .projects import azure, filesystem, in_container, project, router, write


@pytest.fixture(params=[pytest.param("azure", marks=pytest.mark.azurite), "filesystem", "memory"])
def backend(request: pytest.FixtureRequest, azurite: Azurite, container: str, tmp_path: Path) -> dict[str, object]:
    return {
        "azure": azure(azurite, container),
        "filesystem": filesystem(tmp_path / "stored"),
        "memory": {"type": "memory", "base_url": "/static/"},
    }[request.param]


ROUTES = {
    "stripped": [{"prefix": "static/", "backend": "static", "strip_prefix": True}],
    "kept": [{"prefix": "static/", "backend": "static"}],
}


@pytest.mark.parametrize("routes", ROUTES.values(), ids=ROUTES)
def test_a_static_file_is_a_file_of_the_router_below_the_prefix(backend, routes, source: Path) -> None:
    with project(source, router(backend, routes=routes)) as here:
        saved = here.storage.save("css/a.css", ContentFile(b"a"))
        assert saved == "css/a.css"
        for storage, name in ((here.storage, saved), (storages["default"], "static/css/a.css")):
            with storage.open(name) as file:
                assert file.read() == b"a"
        assert here.storage.exists("css/a.css")
        assert not here.storage.exists("css/b.css")
        assert here.storage.exists("")
        assert here.storage.size("css/a.css") == 1
        assert here.storage.listdir("") == (["css"], [])
        assert here.storage.listdir("css") == ([], ["a.css"])
        assert [stat.name for stat in here.storage.walk()] == ["css/a.css"]
        assert [stat.name for stat in here.storage.walk("css")] == ["css/a.css"]
        assert isinstance(here.storage.get_modified_time("css/a.css"), datetime)
        assert isinstance(here.storage.get_created_time("css/a.css"), datetime)
        assert here.storage.save("css/a.css", ContentFile(b"bb")) == saved, "S5: what is there is replaced"
        with here.storage.open(saved) as file:
            assert file.read() == b"bb"
        assert here.storage.listdir("css") == ([], ["a.css"])
        assert here.storage.save(None, ContentFile(b"c", name="c.css")) == "c.css"
        here.storage.delete(saved)
        assert not here.storage.exists(saved)


def test_the_path_is_the_backends_where_it_has_one(source: Path, tmp_path: Path, azurite, container: str) -> None:
    stored = tmp_path / "stored"
    with project(source, router(filesystem(stored))) as here:
        assert here.storage.path("css/a.css") == str(stored / "css/a.css")
        assert os.path.normpath(here.storage.path("")) == str(stored)
        assert here.storage.location == str(stored)
        here.storage.save("a.css", ContentFile(b"a"))
        assert isinstance(here.storage.get_accessed_time("a.css"), datetime)
    with project(source, router(azure(azurite, container))) as here:
        assert here.storage.location == ""
        for name in ("", "css/a.css"):
            with pytest.raises(NotImplementedError):
                here.storage.path(name)


class Sorting(StaticFilesStorage):
    """A subclass with a directory of its own for what is saved."""

    def _save(self, name: str, content) -> str:
        return super()._save(f"sorted/{name}", content)


def test_a_subclass_has_its_hooks_called(backend, source: Path) -> None:
    """R9"""
    with project(source, router(backend, kind=f"{__name__}.Sorting")) as here:
        assert here.storage.save("b.css", ContentFile(b"b")) == "sorted/b.css"
        assert here.storage.exists("sorted/b.css")


ODD_NAMES = {
    "css//a.css": "css/a.css",
    "./a.css": "a.css",
    "img/../a.css": "a.css",
    "../a.css": "a.css",
    "/a.css": "a.css",
    "css\\a.css": "css/a.css",
    "css/": "css/",
}


@pytest.mark.parametrize("kind", ["StaticFilesStorage", "ManifestStaticFilesStorage"])
def test_an_odd_name_in_a_template_means_what_a_browser_would_make_of_it(kind: str, backend, source: Path) -> None:
    """S8"""
    write(source, {"a.css": b"a", "css/a.css": b"css/a"})
    with project(source, router(backend, kind=kind)) as here:
        here.collect(verbosity=0)
        for odd, plain in ODD_NAMES.items():
            assert static(odd) == static(plain), odd


@pytest.mark.parametrize("name", ["a\n.css", "C:/a.css", "odd./a.css", "x" * 2000, "..", "."])
def test_a_name_that_no_file_can_have_is_a_link_to_nothing(name: str, source: Path, azurite, container: str) -> None:
    """S8: and not an error 400 of the page."""
    with project(source, router(azure(azurite, container))):
        assert static(name).startswith(f"{azurite.account_url()}/{container}/")


def test_a_template_gets_an_address_that_a_browser_can_fetch(source: Path, azurite: Azurite) -> None:
    """S1"""
    public = azurite.create_container(public_access="blob")
    with project(source, router(azure(azurite, public))) as here:
        here.storage.save("css/a.css", ContentFile(b"p {}"))
        with urllib.request.urlopen(static("css/a.css")) as answer:
            assert answer.read() == b"p {}"
            assert answer.headers["Content-Type"] == "text/css"


def test_a_custom_domain_is_in_the_address(source: Path, azurite: Azurite, container: str) -> None:
    backend = azure(azurite, container, custom_domain="https://cdn.acme.example/assets", container_in_url=False)
    with project(source, router(backend)):
        assert static("css/a.css") == "https://cdn.acme.example/assets/css/a.css"


def test_a_signed_address_takes_the_backends_arguments(source: Path, azurite: Azurite, container: str) -> None:
    with project(source, router(azure(azurite, container))) as here:
        here.storage.save("a.css", ContentFile(b"p {}"))
        address = here.storage.url("a.css", expire=60, parameters={"content_type": "text/plain"})
        with urllib.request.urlopen(address) as answer:
            assert answer.headers["Content-Type"] == "text/plain"


def test_an_address_needs_neither_the_sdk_nor_the_network(source: Path) -> None:
    script = textwrap.dedent(
        """
        import sys, django
        from django.conf import settings
        static = {"type": "azure", "account_name": "acme", "azure_container": "static", "credential": "default"}
        options = {"backends": {"static": static}, "default": "static"}
        settings.configure(
            DEBUG=True,
            STATIC_URL="/static/",
            INSTALLED_APPS=["django.contrib.staticfiles"],
            STORAGES={
                "default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options},
                "staticfiles": {"BACKEND": "storage_router.ManifestStaticFilesStorage"},
            },
        )
        django.setup()
        from django.templatetags.static import static
        print(static("css/a.css"))
        print([name for name in sys.modules if name.startswith("azure.")])
        """
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["https://acme.blob.core.windows.net/static/static/css/a.css", "[]"]


def test_the_prefix_can_be_another_one(source: Path) -> None:
    memory = {"type": "memory"}
    routes = [{"prefix": "assets/", "backend": "static"}]
    with project(source, router(memory, routes=routes, static={"prefix": "assets"})) as here:
        here.storage.save("a.css", ContentFile(b"a"))
        assert storages["default"].exists("assets/a.css")
    given = router(memory)
    given["staticfiles"]["OPTIONS"] = {"prefix": ""}
    with project(source, given) as here:
        here.storage.save("a.css", ContentFile(b"a"))
        assert storages["default"].exists("a.css")
        assert here.storage.exists("")
        assert here.storage.listdir("") == (["static"], ["a.css"])


def test_a_name_that_leaves_the_prefix_is_refused(source: Path) -> None:
    """R10"""
    with project(source, router({"type": "memory"})) as here:
        for name in ("../media/x.css", "/etc/passwd", "a/../../x", "a\\..\\..\\x"):
            for call in (here.storage.open, here.storage.exists, here.storage.delete):
                with pytest.raises(SuspiciousFileOperation):
                    call(name)


def test_a_backslash_counts_as_a_slash(source: Path) -> None:
    with project(source, router({"type": "memory"})) as here:
        assert here.storage.save("css\\a.css", ContentFile(b"a")) == "css/a.css"


def test_the_router_is_found_by_its_alias_among_several(source: Path) -> None:
    given = router({"type": "memory"})
    given["other"] = {"BACKEND": "storage_router.RouterStorage", "OPTIONS": {**given["default"]["OPTIONS"]}}
    with (
        project(source, given) as here,
        pytest.raises(ImproperlyConfigured, match=r"several routers: default, other\."),
    ):
        here.storage.exists("a.css")
    given["staticfiles"]["OPTIONS"] = {"router": "other"}
    with project(source, given) as here:
        here.storage.save("a.css", ContentFile(b"a"))
        assert storages["other"].exists("static/a.css")
        assert not storages["default"].exists("static/a.css")


def test_without_a_router_the_error_says_what_to_add(source: Path) -> None:
    memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    given = {"default": memory, "staticfiles": {"BACKEND": "storage_router.StaticFilesStorage"}}
    with (
        project(source, given) as here,
        pytest.raises(ImproperlyConfigured, match=r"no entry whose BACKEND is 'storage_router\.RouterStorage'"),
    ):
        here.storage.url("a.css")
    given["staticfiles"]["OPTIONS"] = {"router": "default"}
    with project(source, given) as here, pytest.raises(ImproperlyConfigured, match="is a InMemoryStorage"):
        here.storage.url("a.css")


def test_a_router_of_ones_own_class_is_found(source: Path) -> None:
    given = router({"type": "memory"})
    given["default"]["BACKEND"] = "tests.staticfiles.storages.CustomRouter"
    with project(source, given) as here:
        here.storage.save("a.css", ContentFile(b"a"))
        assert storages["default"].exists("static/a.css")


def test_the_admin_is_copied_and_its_login_page_finds_its_styles(azurite: Azurite, tmp_path: Path) -> None:
    """S1"""
    public = azurite.create_container(public_access="blob")
    finders = ["django.contrib.staticfiles.finders.AppDirectoriesFinder"]
    apps = ["storage_router", "django.contrib.admin", "django.contrib.auth", "django.contrib.staticfiles"]
    with project(
        tmp_path, router(azure(azurite, public)), STATICFILES_FINDERS=finders, INSTALLED_APPS=apps, STATICFILES_DIRS=[]
    ) as here:
        here.collect()
        stored = in_container(azurite, public)
        assert {name.partition("/")[0] for name in stored} == {"admin", "storage_router"}
        with urllib.request.urlopen(static("admin/css/login.css")) as answer:
            assert answer.read() == stored["admin/css/login.css"]
