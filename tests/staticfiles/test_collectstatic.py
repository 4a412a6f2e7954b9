"""``collectstatic``: Django's own command, with the copying replaced. S3, S4."""

from __future__ import annotations

import io
import os
from pathlib import Path
from unittest.mock import patch

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command, get_commands
from django.db import models
from django.test.utils import isolate_apps

from storage_router import backend
from tests.kit.azurite import Azurite
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

COLLECTED = {name: content for name, content in FILES.items() if name not in (".hidden", "notes.txt~")}

OPTIONS = {
    "plain": {},
    "verbose": {"verbosity": 2},
    "dry run": {"dry_run": True, "verbosity": 2},
    "ignore": {"ignore_patterns": ["*.css", "img"]},
    "no default ignore": {"use_default_ignore_patterns": False},
    "no post-process": {"post_process": False},
    "clear": {"clear": True},
    "clear, dry run": {"clear": True, "dry_run": True, "verbosity": 2},
    "quiet": {"verbosity": 0},
}


def test_the_command_is_this_packages() -> None:
    assert get_commands()["collectstatic"] == "storage_router"


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_every_option_does_and_says_what_it_does_in_django(
    options, source: Path, tmp_path: Path, azurite: Azurite, container: str
) -> None:
    """S3: side by side with Django's own command and ``FileSystemStorage``, before and after a change."""

    def change(folder: Path) -> None:
        write(folder, {"css/site.css": b"p {}\n", "new.txt": b"new"})
        # Django looks at times: what was copied before must be older, and what has changed younger.
        for name in ("css/site.css", "new.txt"):
            os.utime(folder / name, (2**31, 2**31))

    def run(collect) -> list:
        said = [collect(ignore_patterns=[], verbosity=0)]
        change(source)
        said.append(collect(**{"ignore_patterns": [], **options}))
        return [output.lines for output in said]

    stored = tmp_path / "stored"
    with project(source, only_static(stored)) as here:
        expected = run(here.collect_as_django)
    (source / "new.txt").unlink()
    write(source, FILES)
    with project(source, router(azure(azurite, container))) as here:
        found = run(here.collect)
    assert found == [[line.replace(f" to '{stored}'", "") for line in lines] for lines in expected]
    assert in_container(azurite, container) == in_directory(stored)


def test_nothing_changed_costs_one_listing(source: Path, proxy: FaultProxy, container: str) -> None:
    """S3"""
    with project(source, router(azure(proxy, container))) as here:
        here.collect()
        proxy.forget()
        said = here.collect()
    assert [request.operation for request in proxy.requests] == ["List Blobs"], proxy.story()
    assert said.lines == [f"0 static files copied, {len(COLLECTED)} unmodified."]


def test_a_new_file_costs_one_request(source: Path, proxy: FaultProxy, container: str) -> None:
    """S3"""
    with project(source, router(azure(proxy, container))) as here:
        here.collect()
        operations = sorted(request.operation for request in proxy.requests)
        assert operations == ["List Blobs", *["Put Blob"] * len(COLLECTED)], proxy.story()
        proxy.forget()
        write(source, {"css/site.css": b"p {}"})
        here.collect()
    assert [(it.operation, it.blob) for it in proxy.requests][1:] == [("Put Blob", f"{container}/css/site.css")]


def test_content_decides_not_time(source: Path, azurite: Azurite, container: str) -> None:
    """S3"""
    with project(source, router(azure(azurite, container))) as here:
        here.collect()
        logo = source / "img/logo.svg"
        logo.write_bytes(logo.read_bytes().upper())
        os.utime(logo, (0, 0))
        (source / "empty.txt").touch()
        assert here.collect().lines == [f"1 static file copied, {len(COLLECTED) - 1} unmodified."]
        assert in_container(azurite, container)["img/logo.svg"] == logo.read_bytes()


def test_a_new_cache_control_reaches_the_files_that_are_there(source: Path, azurite: Azurite, container: str) -> None:
    with project(source, router(azure(azurite, container))) as here:
        here.collect()
        assert properties(azurite, container)["empty.txt"].content_settings.cache_control is None
    with project(source, router(azure(azurite, container, cache_control="max-age=60"))) as here:
        assert here.collect().lines == [f"{len(COLLECTED)} static files copied."]
        assert properties(azurite, container)["empty.txt"].content_settings.cache_control == "max-age=60"
        assert here.collect().lines == [f"0 static files copied, {len(COLLECTED)} unmodified."]


def test_a_blob_without_a_digest_is_copied_once(source: Path, azurite: Azurite, container: str) -> None:
    from azure.storage.blob import BlobBlock, BlobClient, ContentSettings

    blob = BlobClient.from_connection_string(azurite.connection_string(), container, "empty.txt")
    with blob:
        blob.stage_block("MDAw", b"x")
        blob.commit_block_list([BlobBlock("MDAw")], content_settings=ContentSettings(content_type="text/plain"))
    write(source, {"empty.txt": b"x"})
    with project(source, router(azure(azurite, container))) as here:
        assert here.collect().lines == [f"{len(COLLECTED)} static files copied."]
        assert here.collect().lines == [f"0 static files copied, {len(COLLECTED)} unmodified."]


def test_a_large_file_is_compared_by_its_digest_too(source: Path, proxy: FaultProxy, container: str) -> None:
    large = os.urandom(5 * 2**20)
    write(source, {"large.bin": large})
    with project(source, router(azure(proxy, container))) as here:
        here.collect()
        assert proxy.count("Put Block List") == 1
        proxy.forget()
        assert here.collect().lines == [f"0 static files copied, {len(COLLECTED) + 1} unmodified."]
        assert [request.operation for request in proxy.requests] == ["List Blobs"]
        write(source, {"large.bin": large[::-1]})
        here.collect()
    assert in_container(proxy, container)["large.bin"] == large[::-1]


STORAGES = {
    "filesystem behind the router": lambda path: router(filesystem(path)),
    "filesystem, prefix kept": lambda path: router(
        filesystem(path.parent), routes=[{"prefix": "stored/", "backend": "static"}], static={"prefix": "stored/"}
    ),
}


@pytest.mark.parametrize("storages", STORAGES.values(), ids=STORAGES)
def test_static_files_of_a_directory_work_the_same_way(storages, source: Path, tmp_path: Path) -> None:
    """S4"""
    stored = tmp_path / "stored"
    with project(source, storages(stored)) as here:
        assert here.collect().lines == [f"{len(COLLECTED)} static files copied."]
        assert in_directory(stored) == COLLECTED
        (source / "empty.txt").touch()
        write(source, {"img/logo.svg": b"<svg/>"})
        os.utime(source / "img/logo.svg", (0, 0))
        assert "Pretending to delete 'img/logo.svg'" in here.collect(dry_run=True, verbosity=2).lines
        assert in_directory(stored) == COLLECTED
        assert here.collect().lines == [f"1 static file copied, {len(COLLECTED) - 1} unmodified."]
        write(stored, {"old/left.txt": b"left"})
        here.collect(clear=True, verbosity=0)
        assert in_directory(stored) == COLLECTED | {"img/logo.svg": b"<svg/>"}


def test_links_work_where_the_files_are_local_and_copies_replace_them(source: Path, tmp_path: Path) -> None:
    stored = tmp_path / "stored"
    with project(source, router(filesystem(stored))) as here:
        assert here.collect(link=True).lines == [f"{len(COLLECTED)} static files symlinked."]
        assert (stored / "css/site.css").is_symlink()
        assert here.collect().lines == [f"{len(COLLECTED)} static files copied."]
        assert not (stored / "css/site.css").is_symlink()


@pytest.mark.parametrize("dry_run", [True, False])
def test_clear_finds_nothing_where_nothing_was_collected_yet(dry_run: bool, source: Path, tmp_path: Path) -> None:
    stored = tmp_path / "stored"
    given = router(filesystem(stored), routes=[], default="static")
    with project(source, given) as here:
        here.collect(clear=True, dry_run=dry_run, verbosity=0)
    assert stored.exists() is not dry_run
    assert dry_run or in_directory(stored / "static") == COLLECTED


def test_clear_removes_links_that_lead_nowhere(source: Path, tmp_path: Path) -> None:
    stored = tmp_path / "stored"
    with project(source, router(filesystem(stored))) as here:
        here.collect(link=True)
        (source / "empty.txt").unlink()
        here.collect(clear=True, verbosity=0)
        assert not (stored / "empty.txt").is_symlink()
        assert in_directory(stored).keys() == COLLECTED.keys() - {"empty.txt"}


def test_a_link_that_cannot_be_hashed_is_an_error_of_the_command(source: Path, tmp_path: Path) -> None:
    """S9"""
    (source / "css/gone.css").symlink_to(source / "nowhere")
    given = router(filesystem(tmp_path / "stored"), kind="ManifestStaticFilesStorage")
    with project(source, given) as here, pytest.raises(CommandError, match=r"css/gone\.css"):
        here.collect(link=True)


def test_links_to_azure_are_refused(source: Path, azurite: Azurite, container: str) -> None:
    with (
        project(source, router(azure(azurite, container))) as here,
        pytest.raises(CommandError, match=r"Can't symlink to a remote destination\."),
    ):
        here.collect(link=True)


def test_links_are_refused_where_a_file_goes_to_azure(
    source: Path, azurite: Azurite, container: str, tmp_path: Path
) -> None:
    given = router(
        filesystem(tmp_path / "stored"),
        routes=[
            {"prefix": "static/", "types": ".svg", "backend": "remote"},
            {"prefix": "static/", "backend": "static"},
        ],
    )
    given["default"]["OPTIONS"]["backends"]["remote"] = azure(azurite, container)
    with (
        project(source, given) as here,
        pytest.raises(CommandError, match=r"Can't symlink 'img/logo\.svg': it has no path on this machine"),
    ):
        here.collect(link=True)


@pytest.mark.parametrize("link", [False, True])
def test_clear_makes_way_for_a_directory_that_has_the_name_of_an_old_file(
    link: bool, source: Path, tmp_path: Path
) -> None:
    stored = tmp_path / "stored"
    with project(source, router(filesystem(stored))) as here:
        here.collect()
        write(stored, {"js/old.js": b"old"})
        (source / "empty.txt").unlink()
        write(source, {"empty.txt/now/a.txt": b"a", "empty.txt/now/b.txt": b"b"})
        here.collect(clear=True, link=link, verbosity=0)
    expected = {**COLLECTED, "empty.txt/now/a.txt": b"a", "empty.txt/now/b.txt": b"b"}
    del expected["empty.txt"]
    assert in_directory(stored) == expected
    assert (stored / "css/site.css").is_symlink() == link


@pytest.mark.parametrize("kind", ["StaticFilesStorage", "ManifestStaticFilesStorage"])
def test_clear_in_a_directory_takes_nothing_away_before_everything_is_there(
    kind: str, source: Path, tmp_path: Path
) -> None:
    """S4: as on Azure."""
    stored = tmp_path / "stored"
    with project(source, router(filesystem(stored), kind=kind)) as here:
        here.collect()
        before = in_directory(stored)
        write(source, {"css/base.css": b"p { margin: 1px }"})
        (source / "css/gone.css").symlink_to(source / "nowhere")
        with pytest.raises(CommandError, match=r"css/gone\.css"):
            here.collect(clear=True, verbosity=0)
        # Nothing is stored before post-processing has ended.
        changed = {} if kind.startswith("Manifest") else {"css/base.css": b"p { margin: 1px }"}
        assert in_directory(stored) == before | changed
        (source / "css/gone.css").unlink()
        here.collect(clear=True, verbosity=0)
        found = in_directory(stored)
    with project(source, router(filesystem(tmp_path / "new"), kind=kind)) as here:
        here.collect(verbosity=0)
    assert found == in_directory(tmp_path / "new")


def test_a_storage_of_a_third_party_needs_only_what_all_storages_have(source: Path) -> None:
    """S4: without listing, sizes and paths."""
    backend = {"type": "django", "backend": "tests.staticfiles.storages.RemoteStorage"}
    with project(source, router(backend)) as here:
        assert here.collect().lines == [f"{len(COLLECTED)} static files copied."]
        assert here.collect().lines == [f"0 static files copied, {len(COLLECTED)} unmodified."]
        write(source, {"css/site.css": b"p {}"})
        assert here.collect().lines == [f"1 static file copied, {len(COLLECTED) - 1} unmodified."]
        with here.storage.open("css/site.css") as file:
            assert file.read() == b"p {}"


def test_part_of_the_files_may_lie_elsewhere(source: Path, azurite: Azurite, container: str, tmp_path: Path) -> None:
    """S4: one prefix, two backends."""
    stored = tmp_path / "stored"
    given = router(
        azure(azurite, container),
        routes=[{"prefix": "static/", "types": ".svg", "backend": "disk"}, {"prefix": "static/", "backend": "static"}],
        default=None,
    )
    given["default"]["OPTIONS"]["backends"]["disk"] = filesystem(stored)
    del given["default"]["OPTIONS"]["backends"]["media"], given["default"]["OPTIONS"]["default"]
    with project(source, given) as here:
        here.collect()
        assert in_directory(stored) == {"static/img/logo.svg": FILES["img/logo.svg"]}
        assert len(in_container(azurite, container)) == len(COLLECTED) - 1
        assert here.collect().lines == [f"0 static files copied, {len(COLLECTED)} unmodified."]
        write(source, {"img/logo.svg": b"<svg/>"})
        here.collect(clear=True, verbosity=0)
        assert in_directory(stored) == {"static/img/logo.svg": b"<svg/>"}
        assert len(in_container(azurite, container)) == len(COLLECTED) - 1


def test_where_a_backend_cannot_list_each_file_is_asked_for(source: Path, proxy: FaultProxy, container: str) -> None:
    given = router(
        azure(proxy, container),
        routes=[
            {"prefix": "static/", "types": ".svg", "backend": "remote"},
            {"prefix": "static/", "backend": "static"},
        ],
    )
    remote = {"type": "django", "backend": "tests.staticfiles.storages.RemoteStorage"}
    given["default"]["OPTIONS"]["backends"]["remote"] = remote
    with project(source, given) as here:
        assert here.collect().lines == [f"{len(COLLECTED)} static files copied."]
        assert here.collect().lines == [f"0 static files copied, {len(COLLECTED)} unmodified."]
        write(source, {"css/site.css": b"p {}"})
        assert here.collect().lines == [f"1 static file copied, {len(COLLECTED) - 1} unmodified."]
    assert proxy.count("Delete Blob") == 0
    assert in_container(proxy, container)["static/css/site.css"] == b"p {}"


def test_a_finder_of_generated_files_works(source: Path, azurite: Azurite, container: str) -> None:
    finders = ["tests.staticfiles.storages.GeneratedFinder"]
    with project(source, router(azure(azurite, container)), STATICFILES_FINDERS=finders) as here:
        assert "Copying 'version.txt'" in here.collect(verbosity=2).lines
        assert in_container(azurite, container) == {"generated/version.txt": b"7"}
        assert here.collect().lines == ["0 static files copied, 1 unmodified."]


def test_the_first_of_two_files_of_one_name_wins(
    source: Path, tmp_path: Path, azurite: Azurite, container: str
) -> None:
    write(tmp_path / "more", {"css/site.css": b"second"})
    stored = tmp_path / "stored"
    with project(source, only_static(stored), tmp_path / "more") as here:
        expected = here.collect_as_django(verbosity=2).lines
    with project(source, router(azure(azurite, container)), tmp_path / "more") as here:
        found = here.collect(verbosity=2).lines
        assert in_container(azurite, container)["css/site.css"] == FILES["css/site.css"]
    assert found == [line.replace(f" to '{stored}'", "") for line in expected]
    assert any("Found another file with the destination path 'css/site.css'" in line for line in found)


def test_clear_leaves_no_moment_without_a_file(source: Path, proxy: FaultProxy, container: str) -> None:
    with project(source, router(azure(proxy, container))) as here:
        here.collect()
        (source / "empty.txt").unlink()
        proxy.forget()
        here.collect(clear=True, verbosity=0)
    operations = [request.operation for request in proxy.requests]
    assert operations == ["List Blobs", *["Put Blob"] * (len(COLLECTED) - 1), "Delete Blob"], proxy.story()
    assert proxy.requests[-1].blob == f"{container}/empty.txt"
    assert set(in_container(proxy, container)) == set(COLLECTED) - {"empty.txt"}


def test_clear_leaves_what_a_storage_of_the_projects_own_makes(source: Path, azurite: Azurite, container: str) -> None:
    """Django's mixin stores hashed files and its manifest itself, after it was asked whether they are there."""
    options = {key: value for key, value in azure(azurite, container).items() if key != "type"}
    entries = {
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
        "staticfiles": {"BACKEND": "tests.staticfiles.storages.ProjectsManifestStorage", "OPTIONS": options},
    }
    with project(source, entries) as here:
        here.collect()
        before = in_container(azurite, container)
        here.storage.save("old.txt", ContentFile(b"old"))
        here.collect(clear=True, verbosity=0)
    assert in_container(azurite, container) == before


PREFIXLESS = {"static": {"prefix": ""}, "routes": [{"prefix": "css/", "backend": "static"}], "default": "static"}


def test_clear_and_prunestatic_are_refused_where_uploads_lie_among_static_files(
    source: Path, azurite: Azurite, container: str
) -> None:
    given = router(azure(azurite, container), kind="ManifestStaticFilesStorage", **PREFIXLESS)
    with project(source, given) as here:
        here.collect(verbosity=0)
        storages["default"].save("photos/scan.0123456789ab.jpg", ContentFile(b"an upload"))
        why = r"prefix of static files is empty, and STORAGES\['default'\] stores in the same router, .*own: "
        with pytest.raises(CommandError, match=why + r".* --clear would delete them\."):
            here.collect(clear=True)
        with pytest.raises(CommandError, match=why + r".* Nothing tells hashed static files from uploads there\."):
            call_command("prunestatic", delete=True, interactive=False)
        assert storages["default"].exists("photos/scan.0123456789ab.jpg")


def test_a_router_for_static_files_alone_needs_no_prefix(source: Path, azurite: Azurite, container: str) -> None:
    given = router(azure(azurite, container), kind="ManifestStaticFilesStorage", **PREFIXLESS)
    given |= {"assets": given["default"], "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    with project(source, given) as here:
        here.collect(verbosity=0)
        before = in_container(azurite, container)
        here.storage.save("old.0123456789ab.txt", ContentFile(b"old"))
        call_command("prunestatic", delete=True, interactive=False, older_than="0", stdout=io.StringIO())
        assert in_container(azurite, container) == before
        here.collect(clear=True, verbosity=0)
        assert in_container(azurite, container) == before


@pytest.mark.parametrize("kind", ["the router", "one of its backends"])
def test_fields_count_as_uploads_too(kind: str, source: Path, azurite: Azurite, container: str) -> None:
    given = router(azure(azurite, container), **PREFIXLESS)
    given |= {"assets": given["default"], "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    with project(source, given) as here, isolate_apps("tests"):
        storage = storages["assets"] if kind == "the router" else backend("static", router="assets")

        class Upload(models.Model):
            file = models.FileField(storage=storage)

            class Meta:
                app_label = "tests"

        with (
            patch("storage_router.installed.apps", Upload._meta.apps),
            pytest.raises(CommandError, match=r"empty, and tests\.Upload\.file stores in the same router"),
        ):
            here.collect(clear=True)


def test_a_read_only_route_is_respected(source: Path, azurite: Azurite, container: str) -> None:
    """R12"""
    routes = [{"prefix": "static/", "backend": "static", "read_only": True}]
    with (
        project(source, router(azure(azurite, container), routes=routes)) as here,
        pytest.raises(CommandError, match=r"css/site\.css: .* is read_only"),
    ):
        here.collect()
    assert in_container(azurite, container) == {}


def test_a_prompt_asks_before_anything_is_overwritten(source: Path, azurite: Azurite, container: str) -> None:
    with project(source, router(azure(azurite, container))) as here:
        with patch("builtins.input", return_value="no") as asked, pytest.raises(CommandError, match="cancelled"):
            here.collect(interactive=True)
        assert "This will overwrite existing files!" in asked.call_args.args[0]
        assert in_container(azurite, container) == {}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar_and_a_pipe_does_not(source: Path, azurite: Azurite, container: str) -> None:
    """S3"""
    with project(source, router(azure(azurite, container))) as here:
        terminal = Terminal()
        call_command("collectstatic", interactive=False, stdout=io.StringIO(), stderr=terminal)
        assert f"1 of {len(COLLECTED)} files" in terminal.getvalue()
        assert terminal.getvalue().endswith("\r\x1b[K")
        assert here.collect().err == ""


def test_a_log_gets_a_line_now_and_then(
    source: Path, azurite: Azurite, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage_router.management.output.INTERVAL", 0.0)
    with project(source, router(azure(azurite, container))) as here:
        assert f"Copying: {len(COLLECTED)} of {len(COLLECTED)} files\n" in here.collect().err


@pytest.mark.parametrize(
    "kind",
    [
        "storage_router.AzureStorage",
        "tests.staticfiles.storages.ProjectsStorage",
        "tests.staticfiles.storages.ProjectsManifestStorage",
    ],
)
def test_static_files_may_have_an_azure_storage_of_their_own(
    kind: str, source: Path, azurite: Azurite, container: str
) -> None:
    """S3, section 5: what a project that comes from django-storages has in ``STORAGES``."""
    options = {key: value for key, value in azure(azurite, container).items() if key != "type"}
    entries = {
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
        "staticfiles": {"BACKEND": kind, "OPTIONS": {**options, "overwrite_files": True}},
    }
    with project(source, entries) as here:
        first, second = here.collect(), here.collect()
        found = in_container(azurite, container)
    assert COLLECTED.items() <= found.items()
    copied = f"{len(COLLECTED)} static files copied"
    assert copied in first.out
    assert "0 static files copied" in second.out
    assert f"{len(COLLECTED)} unmodified" in second.out
    assert ("staticfiles.json" in found) == ("Manifest" in kind)
