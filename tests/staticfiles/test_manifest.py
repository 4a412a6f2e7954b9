"""``ManifestStaticFilesStorage``: Django's hashing on local files, the manifest last. S2, S4."""

from __future__ import annotations

import json
import os
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.management.commands.collectstatic import Command as DjangosCommand
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages
from django.core.management import CommandError
from django.templatetags.static import static

from storage_router import AzureStorage
from storage_router.exceptions import BlobTimeoutError, ManifestError
from storage_router.staticfiles.destination import IMMUTABLE
from storage_router.staticfiles.publishing import _put_in_place
from tests.kit.azurite import Azurite
from tests.kit.faults import Answer, Delay, Stall
from tests.kit.proxy import FaultProxy

from .projects import (
    FILES,
    azure,
    filesystem,
    in_container,
    in_directory,
    only_static,
    project,
    properties,
    router,
    write,
)

MANIFEST = "ManifestStaticFilesStorage"
TESTS = "tests.staticfiles.storages."


def manifest_of(files: dict[str, bytes]) -> dict[str, str]:
    return json.loads(files["staticfiles.json"])["paths"]


def archived(files: dict[str, bytes]) -> set[str]:
    return {name for name in files if name.startswith("staticfiles.") and name != "staticfiles.json"}


@pytest.mark.parametrize(
    ("kind", "djangos"),
    [
        (MANIFEST, "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"),
        (f"{TESTS}Modules", f"{TESTS}ModulesOfDjango"),
        (f"{TESTS}Everything", f"{TESTS}EverythingOfDjango"),
    ],
)
def test_hashes_and_contents_are_djangos(
    kind: str, djangos: str, source: Path, tmp_path: Path, azurite: Azurite, container: str
) -> None:
    """S2: with references in stylesheets, source maps and, if asked for, imports of modules."""
    stored = tmp_path / "stored"
    given = only_static(stored)
    given["staticfiles"]["BACKEND"] = djangos
    with project(source, given) as here:
        expected_output = [here.collect_as_django(verbosity=verbosity).lines for verbosity in (1, 1)]
    with project(source, router(azure(azurite, container), kind=kind)) as here:
        output = [here.collect(verbosity=verbosity).lines for verbosity in (1, 1)]
    expected, found = in_directory(stored), in_container(azurite, container)
    assert json.loads(found["staticfiles.json"]) == json.loads(expected["staticfiles.json"])
    current = {*manifest_of(found), *manifest_of(found).values()}
    assert {name: found[name] for name in current} == {name: expected[name] for name in current}
    # Django leaves what its first passes made of stylesheets behind; here nothing that no manifest names is stored.
    left = set(expected) - current - {"staticfiles.json"}
    assert set(found) - current == {"staticfiles.json", *archived(found), *(left if "Everything" in kind else ())}
    assert output == [[line.replace(f" to '{stored}'", "") for line in lines] for lines in expected_output]


@pytest.mark.parametrize("clear", [False, True])
@pytest.mark.parametrize("place", ["azure", "directory"])
def test_what_a_mixin_packs_is_hashed_as_in_django(
    clear: bool, place: str, source: Path, tmp_path: Path, azurite: Azurite, container: str
) -> None:
    """R9, S2: over three releases, as django-pipeline does it."""
    expected, stored = tmp_path / "expected", tmp_path / "stored"
    given = only_static(expected)
    given["staticfiles"]["BACKEND"] = f"{TESTS}PackedOfDjango"
    backend, files = (
        (azure(azurite, container), lambda: in_container(azurite, container))
        if place == "azure"
        else (filesystem(stored), lambda: in_directory(stored))
    )
    for release in range(3):
        write(source, {"css/base.css": b"p {}\n", "css/more.css": b"a { margin: %dpx }\n" % release})
        for path in source.rglob("*"):
            os.utime(path, (2**31, 2**31))  # Django looks at times
        with project(source, given) as here:
            here.collect_as_django(clear=clear, verbosity=0)
        with project(source, router(backend, kind=f"{TESTS}Packed")) as here:
            here.collect(clear=clear, verbosity=0)
        found, reference = files(), in_directory(expected)
        assert json.loads(found["staticfiles.json"]) == json.loads(reference["staticfiles.json"])
        packed = manifest_of(found)["css/all.css"]
        assert found[packed] == found["css/all.css"] == b"p {}\na { margin: %dpx }\n" % release
        assert [name for name in found if name.startswith("css/all")].count("css/all.css") == 1
        assert all("_" not in name for name in found)


def test_a_directory_in_a_stylesheet_is_left_alone_as_in_django(
    source: Path, tmp_path: Path, azurite: Azurite, container: str
) -> None:
    """S2: in the first run, too."""
    write(source, {"css/odd.css": b'a { behavior: url("../img") }\nb { x: url("../img/"), url(".."), url(".") }'})
    stored = tmp_path / "stored"
    with project(source, only_static(stored, kind=MANIFEST)) as here:
        here.collect_as_django()
    with project(source, router(azure(azurite, container), kind=MANIFEST)) as here:
        for _ in range(2):
            here.collect()
            found, expected = in_container(azurite, container), in_directory(stored)
            assert manifest_of(found) == manifest_of(expected)
            hashed = manifest_of(found)["css/odd.css"]
            assert found[hashed] == expected[hashed]


def test_the_manifest_is_stored_last(source: Path, proxy: FaultProxy, container: str) -> None:
    """S2"""
    with project(source, router(azure(proxy, container), kind=MANIFEST)) as here:
        here.collect()
    assert proxy.count("Get Blob") == 0, "hashing downloads nothing"
    blobs = [request.blob.partition("/")[2] for request in proxy.requests if request.operation == "Put Blob"]
    names = manifest_of(in_container(proxy, container))
    assert set(blobs[: len(names)]) == set(names.values()), "a new plain file may refer to a new hashed one"
    assert set(blobs[len(names) : -2]) == set(names)
    assert blobs[-1] == "staticfiles.json"


def test_nothing_changed_costs_one_listing(source: Path, proxy: FaultProxy, container: str) -> None:
    """S3"""
    with project(source, router(azure(proxy, container), kind=MANIFEST)) as here:
        here.collect()
    with project(source, router(azure(proxy, container), kind=MANIFEST)) as here:
        proxy.forget()
        here.collect()
    assert [request.operation for request in proxy.requests] == ["List Blobs"], proxy.story()


def test_a_change_costs_a_request_for_each_file_that_is_new(source: Path, proxy: FaultProxy, container: str) -> None:
    """S3: the file itself, its hashed name, that of the stylesheet that names it, and the manifest twice."""
    with project(source, router(azure(proxy, container), kind=MANIFEST)) as here:
        here.collect()
        proxy.forget()
        write(source, {"img/logo.svg": b"<svg/>"})
        here.collect()
    operations = [request.operation for request in proxy.requests]
    assert operations == ["List Blobs", *["Put Blob"] * 5], proxy.story()


def test_the_manifest_is_read_once(source: Path, proxy: FaultProxy, container: str) -> None:
    given = router(azure(proxy, container), kind=MANIFEST)
    with project(source, given) as here:
        here.collect()
    with project(source, given) as here:
        proxy.forget()
        here.storage.exists("css/site.css")
        assert proxy.count("Get Blob") == 0
        assert static("css/site.css")
        assert static("img/logo.svg")
        assert [request.operation for request in proxy.requests if request.method == "GET"] == ["Get Blob"]


def test_threads_that_need_the_manifest_do_not_wait_for_each_other(
    source: Path, proxy: FaultProxy, container: str
) -> None:
    """F1: one after the other, the threads of a server would wait for minutes."""
    with project(source, router(azure(proxy, container), kind=MANIFEST)) as here:
        here.collect()
    together = threading.Barrier(5)
    waiting = threading.Event()

    def wait(request: Any) -> None:
        """Go on when all five threads have come here."""
        if waiting.is_set():
            together.wait(120)

    given = azure(proxy, container, timeout=2, client_options={"raw_request_hook": wait, "retry_total": 0})
    with project(source, router(given, kind=MANIFEST)) as here:
        here.storage.exists("css/site.css")
        proxy.fail("Get Blob", Stall(), times=100)
        waiting.set()

        def ask(_: int) -> None:
            with pytest.raises(BlobTimeoutError, match=r"staticfiles\.json"):
                static("css/site.css")

        with ThreadPoolExecutor(5) as pool:
            list(pool.map(ask, range(5)))
        waiting.clear()
        proxy.heal()
        assert static("css/site.css")


def test_before_the_first_run_there_is_no_manifest(source: Path, azurite: Azurite, container: str) -> None:
    """S2"""
    given = router(azure(azurite, container), kind=MANIFEST)
    with (
        project(source, given),
        pytest.raises(ValueError, match=r"Missing staticfiles manifest entry for 'css/site\.css'"),
    ):
        static("css/site.css")
    with project(source, given) as here:
        here.collect()
        assert static("css/site.css").endswith(manifest_of(in_container(azurite, container))["css/site.css"])


def test_an_unknown_file_is_an_error_unless_the_manifest_is_lenient(source: Path, azurite, container: str) -> None:
    with project(source, router(azure(azurite, container), kind=MANIFEST)) as here:
        here.collect()
        with pytest.raises(ValueError, match=r"Missing staticfiles manifest entry for 'late\.css'"):
            static("late.css")
    with project(source, router(azure(azurite, container), kind=f"{TESTS}Lenient")) as here:
        write(source, {"late.css": b"p {}"})
        here.collect(post_process=False)
        assert static("late.css").endswith("/late.32e1a4b83cd7.css") or static("late.css").count(".") > 3


def test_a_hash_of_the_projects_own_is_used(source: Path, azurite: Azurite, container: str) -> None:
    with project(source, router(azure(azurite, container), kind=f"{TESTS}ShortHashes")) as here:
        here.collect()
    for name, hashed in manifest_of(in_container(azurite, container)).items():
        assert len(hashed) == len(name) + 7


def test_addresses_keep_fragments_queries_and_slashes(source: Path, azurite: Azurite, container: str) -> None:
    """A8: Django asks for ``url("path/")``."""
    with project(source, router(azure(azurite, container), kind=MANIFEST)) as here:
        here.collect()
        hashed = manifest_of(in_container(azurite, container))
        base = f"{azurite.account_url()}/{container}/"
        assert static("fonts/icons.eot?#iefix") == f"{base}{hashed['fonts/icons.eot']}?#iefix"
        assert static("img/logo.svg#top") == f"{base}{hashed['img/logo.svg']}#top"
        assert static("img/logo.svg?v=1") == f"{base}{hashed['img/logo.svg']}?v=1"
        assert static("img/") == f"{base}img/"


def test_with_debug_names_are_not_hashed(source: Path, azurite: Azurite, container: str) -> None:
    with project(source, router(azure(azurite, container), kind=MANIFEST), DEBUG=True) as here:
        assert static("css/site.css#x") == f"{azurite.account_url()}/{container}/css/site.css#x"
        here.collect()
        assert ".css" in here.storage.url("css/site.css", force=True)
        assert here.storage.url("css/site.css", force=True) != here.storage.url("css/site.css")


@pytest.mark.parametrize("name", ["css/site.css", "img/logo.svg?v=1"])
def test_a_signed_address_of_a_hashed_file_can_be_fetched(name: str, source: Path, azurite, container: str) -> None:
    """U6: Django's own code would decode the signature's percent signs."""
    with project(source, router(azure(azurite, container, expiration_secs=60), kind=MANIFEST)) as here:
        here.collect()
        for expire in range(60, 80):  # some signatures have a plus or a slash in them
            with urllib.request.urlopen(here.storage.url(name, expire=expire)) as answer:
                assert answer.headers["Cache-Control"] == IMMUTABLE


def test_names_with_odd_characters_are_hashed_and_fetched(source: Path, azurite: Azurite) -> None:
    """U6"""
    public = azurite.create_container(public_access="blob")
    names = ["img/grün & blau.png", "img/100 percent.png", "img/a+b.png", "日本/語.png", "img/it's.png"]
    write(source, {name: name.encode() for name in names})
    with project(source, router(azure(azurite, public), kind=MANIFEST)) as here:
        here.collect()
        for name in names:
            with urllib.request.urlopen(static(name)) as answer:
                assert answer.read() == name.encode()


def test_a_reference_to_a_missing_file_fails_before_anything_is_published(
    source: Path, azurite, container: str
) -> None:
    write(source, {"css/broken.css": b'body { background: url("missing.png") }'})
    with (
        project(source, router(azure(azurite, container), kind=MANIFEST)) as here,
        pytest.raises((ValueError, CommandError), match=r"The file 'css/missing\.png' could not be found"),
    ):
        here.collect()
    assert set(in_container(azurite, container)) <= {*FILES, "css/broken.css"}


def test_a_reference_to_a_file_of_an_earlier_run_is_found(source: Path, azurite: Azurite, container: str) -> None:
    """S2: as in Django, where the destination still has it."""
    with project(source, router(azure(azurite, container), kind=MANIFEST)) as here:
        here.collect(verbosity=0)
        (source / "img/logo.svg").unlink()
        here.collect(verbosity=0)
        found = in_container(azurite, container)
    assert "img/logo.svg" not in manifest_of(found)
    assert b"logo." in found[manifest_of(found)["css/site.css"]]


def test_without_post_processing_or_in_a_dry_run_there_is_no_manifest(source: Path, azurite, container: str) -> None:
    """S3"""
    with project(source, router(azure(azurite, container), kind=MANIFEST)) as here:
        here.collect(dry_run=True)
        assert in_container(azurite, container) == {}
        here.collect(post_process=False)
        assert set(in_container(azurite, container)) <= set(FILES)


@pytest.mark.parametrize("where", ["put of a hashed file", "put of the manifest"])
def test_after_a_failed_upload_the_manifest_is_the_old_one(where: str, source: Path, proxy, container: str) -> None:
    """S3: the command fails and names the file, and the next run finishes the job."""
    pattern = {"put of a hashed file": "*/css/base.????????????.css", "put of the manifest": "*/staticfiles.json"}[
        where
    ]
    with project(source, router(azure(proxy, container), kind=MANIFEST)) as here:
        here.collect()
        old = in_container(proxy, container)
        write(source, {"css/base.css": b"p { margin: 1px }"})
        proxy.fail("Put Blob", Answer(403, "AuthorizationFailure"), times=100, blob=pattern)
        with pytest.raises(CommandError) as caught:
            here.collect()
        assert "1 of" in str(caught.value)
        assert "css/base." in str(caught.value) or "staticfiles.json" in str(caught.value)
        found = in_container(proxy, container)
        assert found["staticfiles.json"] == old["staticfiles.json"]
        assert old.keys() <= found.keys()
        proxy.heal()
        here.collect()
        found = in_container(proxy, container)
        assert found[manifest_of(found)["css/base.css"]] == b"p { margin: 1px }"


def test_during_a_deployment_both_releases_find_everything(source: Path, azurite: Azurite) -> None:
    """S2: a reader of the old and one of the new manifest, all the time, and never a 404."""
    public = azurite.create_container(public_access="blob")
    given = router(azure(azurite, public), kind=MANIFEST)
    with project(source, given) as here:
        here.collect()
        base = f"{azurite.account_url()}/{public}/"
        over = threading.Event()
        fetched: list[str] = []

        def read_all() -> None:
            old = None
            while not over.is_set():
                with urllib.request.urlopen(f"{base}staticfiles.json") as answer:
                    new = json.load(answer)["paths"]
                for name in {*(old or new).values(), *new.values()}:
                    # urlopen raises for a 404.
                    with urllib.request.urlopen(base + name) as answer:
                        answer.read()
                        fetched.append(name)
                old = old or new

        with ThreadPoolExecutor(2) as pool:
            readers = [pool.submit(read_all) for _ in range(2)]
            for release in range(4):
                write(source, dict.fromkeys(("css/base.css", "js/draw.js"), b"/* %d */ p {}" % release))
                here.collect()
            over.set()
            for reader in readers:
                reader.result()
    assert len(fetched) > 20


def test_hashed_names_are_kept_for_ever_and_others_are_not(source: Path, azurite: Azurite, container: str) -> None:
    def cache_control() -> dict[str, str | None]:
        found = properties(azurite, container)
        return {
            kind: found[name].content_settings.cache_control
            for kind, name in {
                "hashed": manifest_of(in_container(azurite, container))["css/site.css"],
                "plain": "css/site.css",
                "manifest": "staticfiles.json",
            }.items()
        }

    def collect(static: dict[str, str], **options: str) -> dict[str, str | None]:
        with project(source, router(azure(azurite, container, **options), kind=MANIFEST, static=static)) as here:
            here.collect()
        return cache_control()

    assert collect({}) == {"hashed": IMMUTABLE, "plain": None, "manifest": None}
    configured = "max-age=60"
    assert collect({}, cache_control=configured) == dict.fromkeys(("hashed", "plain", "manifest"), configured)
    mixed = {"hashed": "max-age=3600", "plain": configured, "manifest": configured}
    assert collect({"hashed_cache_control": "max-age=3600"}, cache_control=configured) == mixed


def test_the_manifest_can_be_shipped_with_the_release(source: Path, tmp_path: Path, proxy, container: str) -> None:
    path = tmp_path / "release" / "staticfiles.json"
    given = router(azure(proxy, container), kind=MANIFEST, static={"manifest": str(path)})
    with (
        project(source, given),
        pytest.raises(ImproperlyConfigured, match=r"static\.manifest names a file that does not exist: .*ship it"),
    ):
        static("css/site.css")
    with project(source, given) as here:
        here.collect()
    with project(source, given):
        proxy.forget()
        address = static("css/site.css")
        assert proxy.requests == []
    stored = in_container(proxy, container)
    assert path.read_bytes() == stored["staticfiles.json"]
    assert [entry.name for entry in path.parent.iterdir()] == ["staticfiles.json"]
    assert address.endswith(manifest_of(stored)["css/site.css"])


@pytest.mark.parametrize("obstacle", ["directory", "file"])
def test_a_local_manifest_that_cannot_be_written_is_known_before_anything_is_published(
    obstacle: str, source: Path, tmp_path: Path, azurite: Azurite, container: str
) -> None:
    path = tmp_path / "release" / "staticfiles.json"
    if obstacle == "directory":
        path.mkdir(parents=True)
    else:
        path.parent.write_bytes(b"")
    given = router(azure(azurite, container), kind=MANIFEST, static={"manifest": str(path)})
    with (
        project(source, given) as here,
        pytest.raises(CommandError, match=r"static\.manifest names a file that cannot be written: .*release"),
    ):
        here.collect()
    assert set(in_container(azurite, container)) <= set(FILES)
    left = [entry.name for entry in tmp_path.rglob("*") if "source" not in entry.parts]
    assert sorted(left) == (["release", "staticfiles.json"] if obstacle == "directory" else ["release"])


def test_a_local_manifest_that_ends_with_the_disk_leaves_no_part_of_itself(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    staging: Any = FileSystemStorage(location=tmp_path)
    staging.save("staticfiles.json", ContentFile(b"{" * 100_000))
    place, limits = tmp_path / "release" / "staticfiles.json", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with (
            pytest.raises(ManifestError, match=r"static\.manifest names a file that cannot be written: .*large"),
            _put_in_place(str(place), staging, "staticfiles.json"),
        ):
            pytest.fail("Nothing is published.")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(place.parent.iterdir()) == []


@pytest.mark.parametrize("place", ["missing container", "directory in its place"])
def test_a_manifest_that_cannot_be_stored_is_named(place: str, source: Path, tmp_path: Path, azurite: Azurite) -> None:
    (tmp_path / "kept/staticfiles.json").mkdir(parents=True)
    manifest_storage, said = {
        "missing container": (
            AzureStorage(connection_string=azurite.connection_string(), azure_container="not-there"),
            r"The container 'not-there' does not exist",
        ),
        "directory in its place": (FileSystemStorage(location=tmp_path / "kept"), r"staticfiles\.json: .*[Ii]s a dir"),
    }[place]
    given = router({"type": "memory"}, kind=MANIFEST)
    given["staticfiles"]["OPTIONS"] = {"manifest_storage": manifest_storage}
    with project(source, given) as here, pytest.raises(CommandError, match=said):
        here.collect()


def test_a_local_manifest_stays_the_old_one_if_publishing_fails(
    source: Path, tmp_path: Path, proxy: FaultProxy, container: str
) -> None:
    path = tmp_path / "release" / "staticfiles.json"
    with project(source, router(azure(proxy, container), kind=MANIFEST, static={"manifest": str(path)})) as here:
        here.collect()
        old = path.read_bytes()
        write(source, {"css/base.css": b"p { margin: 1px }"})
        proxy.fail("Put Blob", Answer(403, "AuthorizationFailure"), times=100, blob="*/staticfiles.json")
        with pytest.raises(CommandError, match=r"staticfiles\.json"):
            here.collect()
    assert path.read_bytes() == old
    assert [entry.name for entry in path.parent.iterdir()] == ["staticfiles.json"]


def test_the_manifest_can_have_a_storage_of_its_own(source: Path, tmp_path: Path, azurite, container: str) -> None:
    """Django's option ``manifest_storage``."""
    kept = tmp_path / "kept"
    given = router(azure(azurite, container), kind=MANIFEST)
    given["staticfiles"]["OPTIONS"] = {"manifest_storage": FileSystemStorage(location=kept)}
    with project(source, given) as here:
        here.collect()
        here.collect()
        assert "staticfiles.json" not in in_container(azurite, container)
        hashed = manifest_of(in_directory(kept))["css/site.css"]
        assert static("css/site.css").endswith(hashed)
        assert hashed in in_container(azurite, container)


def test_an_unreadable_manifest_is_djangos_error(source: Path, azurite: Azurite, container: str) -> None:
    given = router(azure(azurite, container), kind=MANIFEST)
    with project(source, given) as here:
        write(source, {"staticfiles.json": b"{"})
        here.collect(post_process=False)
    with project(source, given), pytest.raises(ValueError, match=r"Couldn't load manifest 'staticfiles\.json'"):
        static("css/site.css")


def test_a_backend_that_is_not_azure_works_the_same_way(source: Path, tmp_path: Path) -> None:
    """S4"""
    stored, expected = tmp_path / "stored", tmp_path / "expected"
    with project(source, only_static(expected, kind=MANIFEST)) as here:
        here.collect_as_django()
    with project(source, router(filesystem(stored), kind=MANIFEST)) as here:
        here.collect()
        assert static("css/site.css") == "/static/" + manifest_of(in_directory(expected))["css/site.css"]
        here.collect()
        here.collect(clear=True, verbosity=0)
    found = in_directory(stored)
    assert json.loads(found["staticfiles.json"]) == json.loads(in_directory(expected)["staticfiles.json"])
    assert all(found[name] == in_directory(expected)[name] for name in manifest_of(found).values())


def test_clear_takes_old_hashes_away_and_keeps_the_new_ones(source: Path, azurite: Azurite, container: str) -> None:
    with project(source, router(azure(azurite, container), kind=MANIFEST)) as here:
        here.collect()
        first = set(in_container(azurite, container))
        write(source, {"css/base.css": b"p { margin: 2px }"})
        here.collect(clear=True, verbosity=0)
        found = in_container(azurite, container)
        assert first - found.keys()
        assert found.keys() == {
            *manifest_of(found),
            *manifest_of(found).values(),
            "staticfiles.json",
            *archived(found),
        }
        assert len(archived(found)) == 1


def test_djangos_own_command_publishes_in_the_same_order(source: Path, proxy: FaultProxy, container: str) -> None:
    """Where ``storage_router`` stands after ``django.contrib.staticfiles``."""
    with project(source, router(azure(proxy, container), kind=MANIFEST)) as here:
        here.collect(command=DjangosCommand())
        blobs = [request.blob for request in proxy.requests if request.operation == "Put Blob"]
        assert blobs[-1] == f"{container}/staticfiles.json"
        assert storages["default"].exists("static/staticfiles.json")


def test_two_publications_of_one_process_id_do_not_share_a_temporary_file(
    source: Path, tmp_path: Path, proxy: FaultProxy, container: str
) -> None:
    """S2: two containers on one volume may both be process 1."""
    path = tmp_path / "volume/staticfiles.json"
    given = router(azure(proxy, container), kind=MANIFEST, static={"manifest": str(path)})
    with project(source, given) as here:
        here.storage.exists("css/site.css")
        files = FileSystemStorage(location=source)
        paths = {name: (files, name) for name in FILES}
        proxy.fail("Put Blob", Delay(0.3), times=1000)
        with ThreadPoolExecutor(2) as pool:
            for results in pool.map(lambda _: list(here.storage.post_process(paths)), range(2)):
                assert len(results) == len(FILES)
    assert [entry.name for entry in path.parent.iterdir()] == ["staticfiles.json"]
    assert json.loads(path.read_bytes())["paths"].keys() == FILES.keys()
