"""How many threads store, and who saves where a storage of the project's own stands in the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage

from storage_router import RouterStorage
from storage_router.transfer import Destination, FileCopy
from storage_router.transfer.azure import IMMUTABLE
from tests.kit.azurite import Azurite
from tests.staticfiles.projects import (
    FILES,
    azure,
    filesystem,
    in_container,
    in_directory,
    only_static,
    project,
    router,
    write,
)
from tests.staticfiles.storages import AskedFor, Noting, OneConnection
from tests.staticfiles.test_collectstatic import COLLECTED
from tests.staticfiles.test_manifest import manifest_of

TESTS = "tests.staticfiles.storages."


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    write(folder, FILES)
    return folder


def copies(folder: Path, **options) -> list[FileCopy]:
    files = FileSystemStorage(location=folder)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return [FileCopy(name=name, source=files, source_name=name, **options) for name in names]


def test_a_storage_that_bears_one_thread_gets_one(source: Path) -> None:
    """S4, C1: as those have it that talk over one connection."""
    storage = OneConnection()
    Destination(storage).copy_all(copies(source))
    write(source, {"css/site.css": b"p {}"})
    Destination(storage).copy_all(copies(source))
    with storage.open("css/site.css") as file:
        assert file.read() == b"p {}"
    Destination(storage).delete_all(FILES)
    assert storage.listdir("css") == ([], [])


def test_only_the_backends_that_do_not_bear_threads_go_without(source: Path, tmp_path: Path) -> None:
    storage = RouterStorage(
        backends={
            "one": {"type": "django", "backend": f"{TESTS}OneConnection"},
            "disk": {"type": "filesystem", "location": str(tmp_path / "stored")},
        },
        routes=[{"prefix": "css/", "backend": "one"}, {"prefix": "read/", "backend": "disk", "read_only": True}],
        default="disk",
    )
    seen: list[int] = []
    many = copies(source)
    Destination(storage).copy_all(many, succeeded=lambda outcome: seen.append(outcome.size))
    assert len(seen) == len(many)
    assert in_directory(tmp_path / "stored") == {n: c for n, c in FILES.items() if not n.startswith("css/")}
    assert sorted(storage.listdir("css")[1]) == ["base.css", "base.css.map", "site.css"]


@pytest.mark.parametrize("kind", [Noting, AskedFor])
def test_what_a_subclass_saves_takes_the_place_of_the_old_blob(kind, source: Path, proxy, container: str) -> None:
    """S3: nothing is deleted, the copy's own Cache-Control is stored, and what is the same is not stored again."""
    storage = kind(connection_string=proxy.connection_string(), azure_container=container)
    Destination(storage).copy_all(copies(source, immutable=True))
    assert storage.stat("css/site.css").cache_control == IMMUTABLE
    proxy.forget()
    Destination(storage).copy_all(copies(source, immutable=True))
    assert [request.operation for request in proxy.requests] == ["List Blobs"], proxy.story()
    write(source, {"css/site.css": b"p {}"})
    Destination(storage).copy_all(copies(source, immutable=True))
    assert proxy.count("Delete Blob") == 0
    assert in_container(proxy, container) == FILES | {"css/site.css": b"p {}"}
    storage.save("css/site.css", ContentFile(b"another"))
    assert len(in_container(proxy, container)) == len(FILES) + 1, "the storage itself overwrites no more than before"
    assert storage.stat("css/base.css").cache_control == IMMUTABLE


def test_a_deployment_by_a_subclass_deletes_nothing(source: Path, proxy, container: str) -> None:
    """S2: neither the manifest nor the hashed files that running servers send browsers to."""
    options = {key: value for key, value in azure(proxy, container).items() if key != "type"}
    given = router(
        {"type": "django", "backend": f"{TESTS}Noting", "options": options}, kind="ManifestStaticFilesStorage"
    )
    with project(source, given) as here:
        here.collect()
        write(source, {"css/base.css": b"p { margin: 1px }"})
        proxy.forget()
        here.collect()
        assert proxy.count("Delete Blob") == 0, proxy.story()
        stored = [request.blob.partition("/")[2] for request in proxy.requests if request.operation == "Put Blob"]
        assert stored[-1] == "staticfiles.json"
        # The file, its hashed name, that of the stylesheet that names it, and the manifest twice.
        assert len(stored) == 5, proxy.story()
        hashed = manifest_of(in_container(proxy, container))["css/base.css"]
        assert here.storage.router.stat(f"static/{hashed}").cache_control == IMMUTABLE


@pytest.mark.parametrize("kind", ["MinifyingSave", "MinifyingHook", "MinifyingRouter"])
def test_no_copy_goes_past_a_storage_that_saves_in_its_own_way(
    kind: str, source: Path, azurite: Azurite, tmp_path: Path
) -> None:
    """S4: a subclass of ours before the files, on Azure and in a directory."""
    stored = tmp_path / "stored"
    container = azurite.create_container()
    for backend, found in (
        (azure(azurite, container), lambda: in_container(azurite, container)),
        (filesystem(stored), lambda: in_directory(stored)),
    ):
        given = router(backend, kind="StaticFilesStorage" if "Router" in kind else TESTS + kind)
        if "Router" in kind:
            given["default"]["BACKEND"] = TESTS + kind
        with project(source, given) as here:
            for _ in range(2):  # the second time there is a file already
                here.collect()
                assert found() == {name: b"".join(content.split()) for name, content in COLLECTED.items()}
            here.storage.save("other.txt", ContentFile(b"a b"))
            assert found()["other.txt"] == b"ab"


@pytest.mark.parametrize("place", ["azure", "directory", "memory"])
def test_hashed_files_are_saved_in_the_storages_own_way_once(
    place: str, source: Path, tmp_path: Path, azurite: Azurite, container: str
) -> None:
    """S2, S4: side by side with Django's own storage."""
    given = only_static(tmp_path / "expected")
    given["staticfiles"]["BACKEND"] = f"{TESTS}StampedOfDjango"
    with project(source, given) as here:
        here.collect_as_django()
    expected = in_directory(tmp_path / "expected")
    backend = {
        "azure": azure(azurite, container),
        "directory": filesystem(tmp_path / "stored"),
        "memory": {"type": "memory"},
    }[place]
    with project(source, router(backend, kind=f"{TESTS}Stamped")) as here:
        for _ in range(2):
            here.collect()
            for name in {*manifest_of(expected), *manifest_of(expected).values()}:
                with here.storage.open(name) as file:
                    assert file.read() == expected[name], name
            with here.storage.open("staticfiles.json") as file:
                assert json.load(file) == json.loads(expected["staticfiles.json"])
