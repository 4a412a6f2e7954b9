"""``prunestatic``: old hashed files are listed, and removed only when asked."""

from __future__ import annotations

import io
import time
from pathlib import Path
from unittest.mock import patch

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages
from django.core.management import CommandError, call_command

from storage_router.staticfiles.pruning import leftovers
from tests.kit.azurite import Azurite
from tests.kit.faults import Answer

from .projects import azure, filesystem, in_container, in_directory, project, router, write
from .test_manifest import MANIFEST, archived, manifest_of


def prune(**options) -> str:
    out = io.StringIO()
    call_command("prunestatic", stdout=out, stderr=io.StringIO(), **{"older_than": "0", **options})
    return out.getvalue()


def releases(here, source: Path, count: int) -> list[str]:
    """Publish so many releases; return the hashed name of the file that changes in each."""
    hashed = []
    for release in range(count):
        write(source, {"css/base.css": b"p { margin: %dpx }" % release})
        here.collect(verbosity=0)
        hashed.append(here.storage.hashed_files["css/base.css"])
    return hashed


def test_only_what_no_kept_manifest_names_is_listed(source: Path, proxy, azurite: Azurite, container: str) -> None:
    with project(source, router(azure(proxy, container), kind=MANIFEST)) as here:
        names = releases(here, source, 4)
        before = in_container(azurite, container)
        proxy.forget()
        listed = prune(keep=1).splitlines()
        # The listing, the current manifest for pruning, and the three before; this process knows its own already.
        assert sorted(it.operation for it in proxy.requests) == ["Get Blob"] * 4 + ["List Blobs"], proxy.story()
        assert set(names[:2]) == {name for name in listed if name in names}
        assert "Nothing was removed; --delete removes them." in listed[-1]
        assert listed[-1].startswith("4 old files, ")
        assert in_container(azurite, container) == before
        assert set(names[:1]) == {name for name in prune(keep=2).splitlines() if name in names}
        assert prune(keep=3).startswith("0 old files")
        assert set(names[:3]) == {name for name in prune(keep=0).splitlines() if name in names}


def test_with_delete_they_are_removed_and_nothing_else_is(source: Path, azurite: Azurite, container: str) -> None:
    with project(source, router(azure(azurite, container), kind=MANIFEST)) as here:
        names = releases(here, source, 4)
        before = in_container(azurite, container)
        said = prune(keep=1, delete=True, interactive=False)
        found = in_container(azurite, container)
        gone = before.keys() - found.keys()
        assert set(names[:2]) <= gone
        assert all(name in said for name in gone if name not in archived(before))
        assert "removed. Kept: what staticfiles.json, staticfiles." in said
        assert {*manifest_of(found), *manifest_of(found).values()} <= found.keys()
        assert names[2] in found
        assert len(archived(found)) == 2
        assert "0 old files" in prune(keep=1, delete=True)


def test_without_an_answer_nothing_is_removed(source: Path, azurite: Azurite, container: str) -> None:
    with project(source, router(azure(azurite, container), kind=MANIFEST)) as here:
        releases(here, source, 2)
        before = in_container(azurite, container)
        with (
            patch("builtins.input", return_value="no") as asked,
            pytest.raises(CommandError, match="Nothing was removed"),
        ):
            prune(keep=0, delete=True)
        assert "Remove 2 old files" in asked.call_args.args[0]
        assert in_container(azurite, container) == before
        with patch("builtins.input", return_value="yes"):
            prune(keep=0, delete=True)
        assert in_container(azurite, container).keys() < before.keys()


def test_a_young_file_stays_for_the_release_that_is_being_published(source, azurite: Azurite, container: str) -> None:
    with project(source, router(azure(azurite, container), kind=MANIFEST)) as here:
        releases(here, source, 3)
        assert prune(keep=0, older_than="1h").startswith("0 old files")


def test_a_file_whose_own_name_looks_hashed_stays(source: Path, azurite: Azurite, container: str) -> None:
    write(source, {"js/bundle.0123456789ab.js": b"1"})
    with project(source, router(azure(azurite, container), kind=MANIFEST)) as here:
        releases(here, source, 2)
        prune(keep=0, delete=True, interactive=False)
        assert "js/bundle.0123456789ab.js" in in_container(azurite, container)


def test_an_earlier_release_published_again_is_the_current_one(source: Path, azurite: Azurite, container: str) -> None:
    with project(source, router(azure(azurite, container), kind=MANIFEST)) as here:
        names = releases(here, source, 3)
        write(source, {"css/base.css": b"p { margin: 0px }"})
        here.collect(verbosity=0)
        prune(keep=1, delete=True, interactive=False)
        found = in_container(azurite, container)
        assert manifest_of(found)["css/base.css"] == names[0]
        assert names[0] in found
        assert names[2] in found
        assert names[1] not in found


def test_a_release_published_again_counts_from_then(source: Path, azurite: Azurite, container: str) -> None:
    """A, B, C, back to A, then D: the release before D is A, and the one before that is C."""
    with project(source, router(azure(azurite, container), kind=MANIFEST)) as here:
        names = {}
        for release in "ABCAD":
            write(source, {"css/base.css": b"/* %s */" % release.encode()})
            here.collect(verbosity=0)
            names[release] = here.storage.hashed_files["css/base.css"]
            time.sleep(1.1)  # the listing's times are seconds
        assert {names["B"], names["C"]} == set(names.values()) & set(prune(keep=1).splitlines())
        assert {names["B"]} == set(names.values()) & set(prune(keep=2).splitlines())


@pytest.mark.parametrize("elsewhere", [False, True])
def test_hashes_of_the_projects_own_are_found_by_the_manifests(
    elsewhere: bool, source: Path, tmp_path: Path, azurite: Azurite, container: str
) -> None:
    given = router(azure(azurite, container), kind="tests.staticfiles.storages.OwnHashes")
    if elsewhere:
        given["staticfiles"]["OPTIONS"] = {"manifest_storage": FileSystemStorage(location=tmp_path / "kept")}
    write(source, {"plain.json": b"{}", "staticfiles.other.json": b"{}"})
    with project(source, given) as here:
        names = releases(here, source, 4)
        (source / "plain.json").unlink()
        here.collect(verbosity=0)
        listed = set(prune(keep=2).splitlines())
        assert set(names[:2]) == set(names) & listed
        prune(keep=2, delete=True, interactive=False)
        found = in_container(azurite, container)
        assert [name in found for name in names] == [False, False, True, True]
        assert {"plain.json", "staticfiles.other.json"} <= found.keys(), "these were never hashed names"
        assert prune(keep=2).startswith("0 old files")


def test_a_manifest_stays_as_long_as_files_that_it_names(source: Path, azurite: Azurite, container: str) -> None:
    with project(source, router(azure(azurite, container), kind="tests.staticfiles.storages.OwnHashes")) as here:
        names = releases(here, source, 3)
        prune(keep=0, older_than="1h", delete=True, interactive=False)
        assert set(names[:2]) == set(names) & set(prune(keep=0).splitlines())


def test_an_old_file_that_only_looks_like_a_manifest_stays(source: Path, azurite: Azurite, container: str) -> None:
    with project(source, router(azure(azurite, container), kind=MANIFEST)) as here:
        here.storage.save("staticfiles.old.json", ContentFile(b"{}"))
        time.sleep(1.1)
        releases(here, source, 2)
        prune(keep=1, delete=True, interactive=False)
        assert here.storage.exists("staticfiles.old.json")


@pytest.mark.parametrize("broken", [b"{", b"[]", b'{"paths": [], "hash": ""}', b'{"version": "1.1"}'])
def test_a_manifest_that_cannot_be_read_stops_everything(broken: bytes, source: Path, azurite, container: str) -> None:
    with project(source, router(azure(azurite, container), kind=MANIFEST)) as here:
        releases(here, source, 2)
        name = next(name for name in archived(in_container(azurite, container)))
        here.storage.router.replace(here.storage.routed_name("staticfiles.json"), io.BytesIO(broken))
        with pytest.raises(CommandError, match=r"The manifest staticfiles\.json cannot be read"):
            prune(delete=True, interactive=False)
        here.storage.delete("staticfiles.json")
        with pytest.raises(CommandError, match=r"There is no manifest staticfiles\.json: run collectstatic first\."):
            prune(delete=True, interactive=False)
        here.collect(verbosity=0)
        other = next(other for other in archived(in_container(azurite, container)) if other != name)
        for each in (name, other):
            here.storage.router.replace(here.storage.routed_name(each), io.BytesIO(broken))
        with pytest.raises(CommandError, match=r"The manifest staticfiles\.[0-9a-f]+\.json cannot be read"):
            prune(delete=True, interactive=False)


def test_what_cannot_be_deleted_is_named_and_the_next_run_finds_it(source: Path, proxy, container: str) -> None:
    with project(source, router(azure(proxy, container), kind=MANIFEST)) as here:
        names = releases(here, source, 2)
        proxy.fail("Delete Blob", Answer(403, "AuthorizationFailure"), times=10, blob=f"*{names[0]}")
        with pytest.raises(CommandError, match=rf"1 of 2 files could not be deleted:\n    {names[0]}"):
            prune(keep=0, delete=True, interactive=False)
        proxy.heal()
        assert names[0] in prune(keep=0, delete=True, interactive=False)
        assert names[0] not in in_container(proxy, container)


def test_manifests_may_lie_elsewhere_and_files_on_a_disk(source: Path, tmp_path: Path) -> None:
    """S4"""
    given = router(filesystem(tmp_path / "stored"), kind=MANIFEST)
    given["staticfiles"]["OPTIONS"] = {"manifest_storage": FileSystemStorage(location=tmp_path / "kept")}
    with project(source, given) as here:
        names = releases(here, source, 3)
        prune(keep=1, delete=True, interactive=False)
        found = in_directory(tmp_path / "stored")
        assert [name in found for name in names] == [False, True, True]
        assert len(archived(in_directory(tmp_path / "kept"))) == 2


def test_what_pruning_needs_and_does_not_find_is_said(source: Path, tmp_path: Path, azurite, container: str) -> None:
    remote = {"type": "django", "backend": "tests.staticfiles.storages.RemoteStorage"}
    with project(source, router(remote, kind=MANIFEST)) as here:
        here.collect(verbosity=0)
        with pytest.raises(CommandError, match=r"has to be listed, .* The backend 'static' cannot list files"):
            prune()
    given = router(azure(azurite, container), kind=MANIFEST)
    given["staticfiles"]["OPTIONS"] = {"manifest_storage": FileSystemStorage(location=tmp_path / "nowhere")}
    with (
        project(source, given),
        pytest.raises(CommandError, match=r"There is no manifest staticfiles\.json: run collectstatic first\."),
    ):
        prune()
    with project(source, router(azure(azurite, container), kind=MANIFEST)) as here:
        here.collect(verbosity=0)
    local = tmp_path / "local.json"
    given = router(azure(azurite, container), kind=MANIFEST, static={"manifest": str(local)})
    with (
        project(source, given),
        pytest.raises(CommandError, match=r"static\.manifest names a file that does not"),
    ):
        prune()
    local.write_bytes(b"{")
    with project(source, given), pytest.raises(CommandError, match=r"Couldn't load manifest 'staticfiles\.json'"):
        prune()


def test_arguments_that_make_no_sense_are_refused(source: Path, azurite: Azurite, container: str) -> None:
    with project(source, router(azure(azurite, container), kind=MANIFEST)):
        with pytest.raises(CommandError, match="--keep takes a number of releases"):
            prune(keep=-1)
        with pytest.raises(CommandError, match=r"--older-than: .* is not a duration"):
            prune(older_than="yesterday")
    with (
        project(source, router(azure(azurite, container))),
        pytest.raises(CommandError, match=r"is a StaticFilesStorage, which does not hash names"),
    ):
        prune()


def test_files_of_unknown_age_are_not_pruned(source: Path) -> None:
    """One may belong to the release that is just being published."""
    timeless = {"type": "django", "backend": "tests.router.storages.TimelessStorage"}
    with project(source, router(timeless, kind=MANIFEST)) as here:
        releases(here, source, 2)
        with pytest.raises(NotImplementedError, match=r"^the storage of .* does not tell when files were stored$"):
            leftovers(here.storage, keep=0, older_than=0)


def test_djangos_mixin_over_a_container_is_pruned_by_its_manifests(source: Path, azurite, container: str) -> None:
    """S5: uploads in the same container, which may look like hashed files, stay."""
    backend = {key: value for key, value in azure(azurite, container).items() if key != "type"}
    given = {
        "default": {"BACKEND": "storage_router.AzureStorage", "OPTIONS": backend},
        "staticfiles": {"BACKEND": "tests.staticfiles.storages.ProjectsManifestStorage", "OPTIONS": backend},
    }
    with project(source, given) as here:
        first, second, third = releases(here, source, 3)
        storages["default"].save("photo.0123456789ab.jpg", ContentFile(b"an upload"))
        prune(keep=1, delete=True, interactive=False)
        found = in_container(azurite, container)
    assert first not in found
    assert {second, third, "photo.0123456789ab.jpg", "staticfiles.json"} <= found.keys()
