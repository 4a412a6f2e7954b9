"""Each storage that ``STORAGES["staticfiles"]`` may name, by both ``collectstatic`` commands. S5."""

from __future__ import annotations

import io
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.management.commands.collectstatic import Command as DjangosCommand
from django.core.files.storage import FileSystemStorage, storages
from django.core.management import CommandError, call_command
from django.templatetags.static import static

from tests.kit.azurite import Azurite
from tests.kit.faults import Answer
from tests.kit.proxy import FaultProxy

from .projects import azure, in_container, in_directory, only_static, project, router, write
from .test_collectstatic import COLLECTED
from .test_manifest import manifest_of

TESTS = "tests.staticfiles.storages."


def alone(kind: str) -> Callable[[Any, str], dict[str, Any]]:
    def given(server: Any, container: str, **options: Any) -> dict[str, Any]:
        backend = {key: value for key, value in azure(server, container, **options).items() if key != "type"}
        return {
            "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
            "staticfiles": {"BACKEND": kind, "OPTIONS": backend},
        }

    return given


def as_router(kind: str) -> Callable[[Any, str], dict[str, Any]]:
    def given(server: Any, container: str, **options: Any) -> dict[str, Any]:
        config = {"backends": {"static": azure(server, container, **options)}, "default": "static"}
        return {
            "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
            "staticfiles": {"BACKEND": kind, "OPTIONS": config},
        }

    return given


def over_a_router(kind: str) -> Callable[[Any, str], dict[str, Any]]:
    return lambda server, container, **options: router(azure(server, container, **options), kind=kind)


HASHED = {
    "ours": over_a_router("ManifestStaticFilesStorage"),
    "Django's mixin over a container": alone(f"{TESTS}ProjectsManifestStorage"),
    "Django's mixin over a router": as_router(f"{TESTS}HashedRouter"),
}
PLAIN = {
    "ours": over_a_router("StaticFilesStorage"),
    "a container": alone("storage_router.AzureStorage"),
    "a subclass": alone(f"{TESTS}ProjectsStorage"),
    "a router": as_router("storage_router.RouterStorage"),
}
EVERY = {f"{name}, hashed": given for name, given in HASHED.items()} | PLAIN
COMMANDS = {"ours": "collectstatic", "Django's": DjangosCommand}


def run(here: Any, command: Any, **options: Any) -> Any:
    return here.collect(command=command if isinstance(command, str) else command(), **options)


@pytest.mark.parametrize("given", EVERY.values(), ids=EVERY)
def test_the_first_run_lists_once_and_sends_each_file_once(given, source: Path, proxy, container: str) -> None:
    with project(source, given(proxy, container)) as here:
        _ = here.storage  # Django's mixin reads the manifest when it is built
        proxy.forget()
        here.collect()
    operations = [request.operation for request in proxy.requests]
    assert operations.count("List Blobs") == 1, proxy.story()
    assert set(operations) == {"List Blobs", "Put Blob"}, proxy.story()
    sent = [request.blob for request in proxy.requests if request.operation == "Put Blob"]
    assert len(sent) == len(set(sent)) == len(in_container(proxy, container))


@pytest.mark.parametrize("given", EVERY.values(), ids=EVERY)
def test_when_nothing_has_changed_there_is_one_listing(given, source: Path, proxy, container: str) -> None:
    with project(source, given(proxy, container)) as here:
        here.collect()
    with project(source, given(proxy, container)) as here:
        _ = here.storage
        proxy.forget()
        said = here.collect()
    assert [request.operation for request in proxy.requests] == ["List Blobs"], proxy.story()
    assert f"0 static files copied, {len(COLLECTED)} unmodified" in said.out


@pytest.mark.parametrize("given", HASHED.values(), ids=HASHED)
def test_hashed_files_come_first_and_the_manifest_last(given, source: Path, proxy, container: str) -> None:
    with project(source, given(proxy, container)) as here:
        here.collect()
        proxy.forget()
        write(source, {"img/logo.svg": b"<svg/>", "css/base.css": b"p { margin: 1px }"})
        here.collect()
    sent = [request.blob.partition("/")[2] for request in proxy.requests if request.operation == "Put Blob"]
    names = manifest_of(in_container(proxy, container))
    assert set(sent[:3]) == {names[name] for name in ("img/logo.svg", "css/base.css", "css/site.css")}
    assert set(sent[3:5]) == {"img/logo.svg", "css/base.css"}
    assert sent[5].startswith("staticfiles.")
    assert sent[6:] == ["staticfiles.json"]
    assert proxy.count("Delete Blob") == 0, proxy.story()


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("clear", [False, True], ids=["", "clear"])
@pytest.mark.parametrize("given", EVERY.values(), ids=EVERY)
def test_both_commands_store_what_django_stores(
    given, clear: bool, command, source: Path, tmp_path: Path, azurite: Azurite, container: str
) -> None:
    stored = tmp_path / "stored"
    hashed = given in HASHED.values()
    with project(source, only_static(stored, kind=f"{'Manifest' if hashed else ''}StaticFilesStorage")) as here:
        here.collect_as_django()
    with project(source, given(azurite, container)) as here:
        run(here, command)
        run(here, command, clear=clear)
        found, expected = in_container(azurite, container), in_directory(stored)
        if not hashed:
            assert found == expected
            return
        assert manifest_of(found) == manifest_of(expected)
        for name in {*manifest_of(found), *manifest_of(found).values()}:
            assert found[name] == expected[name], name
        assert static("css/site.css").endswith(manifest_of(found)["css/site.css"])


@pytest.mark.parametrize("given", HASHED.values(), ids=HASHED)
def test_a_failure_of_post_processing_sends_nothing(given, source: Path, azurite, container: str) -> None:
    with project(source, given(azurite, container)) as here:
        here.collect()
        before = in_container(azurite, container)
        write(source, {"css/broken.css": b'@import url("nowhere.css");', "new.txt": b"new"})
        with pytest.raises((ValueError, CommandError), match=r"The file 'css/nowhere\.css' could not be found"):
            here.collect()
        assert in_container(azurite, container) == before


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("given", HASHED.values(), ids=HASHED)
def test_css_that_is_not_utf_8_is_named(given, command, source: Path, azurite, container: str) -> None:
    """S9"""
    write(source, {"css/latin.css": "a::after { content: 'ü' }".encode("latin-1")})
    with project(source, given(azurite, container)):
        err = io.StringIO()
        with pytest.raises((UnicodeDecodeError, CommandError), match="0xfc"):
            call_command(command if isinstance(command, str) else command(), interactive=False, stderr=err)
    assert "Post-processing 'css/latin.css' failed!" in err.getvalue()


@pytest.mark.parametrize("given", HASHED.values(), ids=HASHED)
def test_a_manifest_storage_of_its_own_gets_the_manifest_last(
    given, source: Path, tmp_path: Path, proxy: FaultProxy, container: str
) -> None:
    kept = tmp_path / "kept"
    entries = given(proxy, container)
    entries["staticfiles"].setdefault("OPTIONS", {})["manifest_storage"] = FileSystemStorage(location=kept)
    with project(source, entries) as here:
        here.collect()
        old = in_directory(kept)["staticfiles.json"]
        write(source, {"css/base.css": b"p { margin: 1px }"})
        proxy.fail("Put Blob", Answer(403, "AuthorizationFailure"), times=100, blob="*/base.css")
        with pytest.raises(Exception, match=r"css/base\.css"):
            here.collect()
        assert in_directory(kept)["staticfiles.json"] == old
        proxy.heal()
        here.collect()
    assert not any("staticfiles" in name for name in in_container(proxy, container))
    hashed = json.loads(in_directory(kept)["staticfiles.json"])["paths"]["css/base.css"]
    assert in_container(proxy, container)[hashed] == b"p { margin: 1px }"


def test_a_subclass_that_saves_in_its_own_way_goes_djangos(source: Path, azurite, container: str, tmp_path) -> None:
    stored = tmp_path / "stored"
    with project(source, only_static(stored, kind="ManifestStaticFilesStorage")) as here:
        here.collect_as_django()
    with project(source, alone(f"{TESTS}OwnSave")(azurite, container)) as here:
        said = here.collect()
        why = (
            "OwnSave overrides _save(), so its files are stored one after the other, as by Django's own collectstatic."
        )
        assert said.err == f"{why}\n"
        found = in_container(azurite, container)
    assert manifest_of(found) == manifest_of(in_directory(stored))


class Site(threading.Thread):
    """A site that reads the manifest and fetches hashed files a hundred times a second."""

    def __init__(self) -> None:
        super().__init__()
        self.missing: list[str] = []
        self.fetched = 0
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.wait(0.01):
            storage = storages.create_storage(storages.backends["staticfiles"])
            for name in ("css/site.css", "css/base.css", "img/logo.svg"):
                try:
                    with urllib.request.urlopen(storage.url(name)) as answer:
                        answer.read()
                    self.fetched += 1
                except (urllib.error.HTTPError, ValueError) as error:
                    self.missing.append(f"{name}: {error}")


@pytest.mark.parametrize("given", HASHED.values(), ids=HASHED)
def test_no_hashed_file_is_missing_during_a_deployment(given, source: Path, azurite: Azurite) -> None:
    """Without --clear, which deletes the files of the release before."""
    container = azurite.create_container(public_access="blob")
    with project(source, given(azurite, container)) as here:
        here.collect()
        sites = [Site(), Site()]
        for site in sites:
            site.start()
        try:
            for release in range(3):
                write(source, {"css/base.css": b"p { margin: %dpx }" % release, "img/logo.svg": b"<svg>%d" % release})
                here.collect(verbosity=0)
                # A busy machine gives the sites less to do.
                enough = time.monotonic() + 60
                while min(site.fetched for site in sites) <= 5 * (release + 1) and time.monotonic() < enough:
                    time.sleep(0.05)
        finally:
            for site in sites:
                site.stop.set()
            for site in sites:
                site.join()
    assert [site.missing for site in sites] == [[], []]
    assert min(site.fetched for site in sites) > 10
