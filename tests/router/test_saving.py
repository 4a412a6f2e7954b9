"""R5, R6 and R12: what is saved is found again under the name that came back, or is not saved."""

from __future__ import annotations

import io
import time

import pytest
from django.contrib.staticfiles.storage import ManifestFilesMixin
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.test import override_settings

from storage_router import RouterStorage
from storage_router.exceptions import ReadOnlyRouteError, RouteChangedError

from .conftest import memory_router

STATIC = {"prefix": "static/", "backend": "static", "strip_prefix": True}


def read(storage, *arguments):
    with storage.open(*arguments) as file:
        return file.read()


def files_of(router):
    """Everything in every backend, whether the routes lead there or not."""
    found = set()
    for alias, backend in router.backends.items():
        waiting = [""]
        while waiting:
            here = waiting.pop()
            directories, files = backend.listdir(here)
            waiting += [f"{here}{name}/" for name in directories]
            found |= {(alias, f"{here}{name}") for name in files}
    return found


def test_a_save_returns_the_full_name():
    # R5
    router = memory_router(STATIC)
    assert router.save("static/a.css", ContentFile(b"1")) == "static/a.css"
    second = router.save("static/a.css", ContentFile(b"2"))
    assert second != "static/a.css"
    assert second.startswith("static/a_")
    assert read(router, second) == b"2"
    assert files_of(router) == {("static", "a.css"), ("static", second.removeprefix("static/"))}


def test_the_name_may_come_from_the_content():
    router = memory_router()
    assert router.save(None, ContentFile(b"x", name="a/b.txt")) == "a/b.txt"
    with pytest.raises(SuspiciousFileOperation, match="Could not derive file name from 'None'"):
        router.save(None, ContentFile(b"x"))


def test_anything_that_can_be_read_is_saved():
    router = memory_router()
    assert router.save("a.txt", io.BytesIO(b"x")) == "a.txt"
    assert read(router, "a.txt") == b"x"


def test_a_name_that_is_taken_and_whose_substitute_leads_elsewhere_is_an_error():
    """R6: renamed."""
    router = memory_router({"glob": "reports/20??.pdf", "backend": "reports"})
    assert router.save("reports/2024.pdf", ContentFile(b"1")) == "reports/2024.pdf"
    with pytest.raises(RouteChangedError) as error:
        router.save("reports/2024.pdf", ContentFile(b"2"))
    assert str(error.value).startswith(
        "'reports/2024.pdf' leads to the backend 'reports', but the backend would store it as 'reports/2024_"
    )
    assert str(error.value).endswith(
        "which leads elsewhere. Widen the route that claims the first, or make the field's max_length longer."
    )
    assert error.value.name == "reports/2024.pdf"
    assert isinstance(error.value, SuspiciousFileOperation)
    assert files_of(router) == {("reports", "reports/2024.pdf")}
    assert read(router, "reports/2024.pdf") == b"1"


def test_a_name_that_is_cut_and_then_leads_elsewhere_is_an_error():
    """R6: truncated to ``max_length``: Django cuts the root, and a name without one loses its extension."""
    router = memory_router({"glob": "**/long-*.mp4", "backend": "films"})
    with pytest.raises(RouteChangedError, match="leads elsewhere"):
        router.save("a/long-name-of-a-film.mp4", ContentFile(b"x"), max_length=15)
    assert files_of(router) == set()
    kept = router.save("a/long-name-of-a-film.mp4", ContentFile(b"x"), max_length=20)
    assert len(kept) == 20
    assert router.explain(kept).alias == "films"


class CutsExtensions:
    """A mixin for a storage that keeps to ``max_length`` by cutting the end of names."""

    def get_available_name(self, name, max_length=None):
        return name[:max_length]


def test_a_name_whose_extension_is_cut_is_an_error_before_anything_is_stored(monkeypatch):
    """R6: ``max_length`` that cuts into the extension; and where overwriting is allowed, deleting it again afterwards
    would take a file along that was there before.
    """
    router = memory_router(
        {"types": ".mp4", "backend": "films"},
        films={"type": "filesystem", "location": "films", "allow_overwrite": True},
    )
    films = router.backends["films"]
    monkeypatch.setattr(type(films), "get_available_name", CutsExtensions.get_available_name)
    films.save("a/film.mp", ContentFile(b"there before"))
    with pytest.raises(RouteChangedError, match=r"would store it as 'a/film\.mp', which leads elsewhere"):
        router.save("a/film.mp4", ContentFile(b"x"), max_length=9)
    assert read(films, "a/film.mp") == b"there before"


def test_the_stripped_prefix_counts_for_max_length():
    """R5, R6: the column holds the full name."""
    router = memory_router(STATIC)
    name = router.save("static/abcdefghijklmnop.css", ContentFile(b"x"), max_length=20)
    assert len(name) == 20
    assert name.startswith("static/")
    assert len(router.get_available_name("static/abcdefghijklmnop.css", max_length=21)) == 21
    assert router.is_name_available("static/abc.css", max_length=14) is True
    assert router.is_name_available("static/abc.css", max_length=13) is False
    assert router.is_name_available("static/abc.css", max_length=7) is False


@pytest.mark.parametrize("max_length", [3, 7, 12])
def test_a_field_too_short_for_any_name_is_djangos_error(max_length):
    # R6
    router = memory_router(STATIC)
    with pytest.raises(
        SuspiciousFileOperation, match=r'^Storage can not find an available filename for ".*max_length"\.$'
    ):
        router.save("static/abc.css", ContentFile(b"x"), max_length=max_length)
    assert files_of(router) == set()


@pytest.mark.parametrize("renamed", ["elsewhere/x.bin", "s/../x", "C:/x", "private/x"])
def test_whatever_a_backend_makes_of_a_name_it_stays_with_its_route(monkeypatch, renamed):
    """R6, F3: no name reaches a file outside its route."""
    renaming = {"type": "django", "backend": "tests.router.storages.RenamingStorage"}
    router = memory_router({"prefix": "private", "backend": "private"}, {"prefix": "s", "backend": "odd"}, odd=renaming)
    backend = router.backends["odd"]
    saved = []
    monkeypatch.setattr(backend, "save", lambda name, content, max_length=None: saved.append(name) or renamed)
    deleted = []
    monkeypatch.setattr(backend, "delete", deleted.append)
    with pytest.raises(RouteChangedError, match="which leads elsewhere"):
        router.save("s/a.bin", ContentFile(b"x"))
    assert (saved, deleted) == (["s/a.bin"], [])


def test_a_name_that_leads_elsewhere_is_refused_before_anything_is_stored(monkeypatch):
    """R6: nothing stays behind, and nothing has to be deleted for that."""
    router = memory_router({"glob": "reports/20??.pdf", "backend": "reports"})
    router.save("reports/2026.pdf", ContentFile(b"1"))
    reports = router.backends["reports"]
    monkeypatch.setattr(reports, "_save", lambda name, content: pytest.fail("stored"))
    monkeypatch.setattr(reports, "delete", lambda name: pytest.fail("deleted"))
    with pytest.raises(RouteChangedError, match="which leads elsewhere"):
        router.save("reports/2026.pdf", ContentFile(b"2"))


def test_a_file_on_this_machine_that_its_backend_has_named_itself_is_deleted_again():
    """R6: nothing stays behind."""
    renaming = {"type": "django", "backend": "tests.router.storages.RenamingStorage"}
    router = memory_router({"prefix": "s", "backend": "odd"}, odd=renaming)
    with pytest.raises(RouteChangedError, match=r"which leads elsewhere\. Widen .* longer\.$"):
        router.save("s/a.bin", ContentFile(b"x"))
    assert router.backends["odd"].listdir("elsewhere") == ([], [])


RENAMED = (
    "'s/a.bin' leads to the backend 'odd', but the backend would store it as 'elsewhere/renamed.bin', which leads "
    "elsewhere. Widen the route that claims the first, or make the field's max_length longer. The file may have been "
    "there before and was not deleted: it is still in 'odd', as 'elsewhere/renamed.bin'."
)


def test_a_file_that_may_have_been_there_before_is_not_deleted_but_told_of():
    """R6: what a backend calls a file of its own accord may be somebody else's."""
    renaming = {"type": "django", "backend": "tests.router.storages.RenamingElsewhereStorage"}
    router = memory_router({"prefix": "s", "backend": "odd"}, odd=renaming)
    with pytest.raises(RouteChangedError) as error:
        router.save("s/a.bin", ContentFile(b"x"))
    assert str(error.value) == RENAMED


def test_a_content_that_is_stored_already_stays_stored():
    # R6
    by_content = {"type": "django", "backend": "tests.router.storages.ContentAddressedStorage"}
    router = memory_router({"prefix": "up", "backend": "odd"}, odd=by_content)
    backend = router.backends["odd"]
    name = backend.save("first", ContentFile(b"same"))
    time.sleep(0.1)
    with pytest.raises(RouteChangedError, match=f"it is still in 'odd', as '{name}'"):
        router.save("up/second", ContentFile(b"same"))
    assert read(backend, name) == b"same"
    with pytest.raises(FileExistsError, match=f"The storage has stored the file as '{name}': 'up/second'"):
        router.replace("up/second", ContentFile(b"same"))
    assert read(backend, name) == b"same"


def test_a_file_in_place_of_another_is_not_deleted(tmp_path):
    """R6: a storage that overwrites may have stored it under the name of a file that others have."""
    options = {"location": str(tmp_path)}
    one_name = {"type": "django", "backend": "tests.router.storages.OneNameStorage", "options": options}
    router = memory_router({"prefix": "up", "backend": "odd"}, odd=one_name)
    (tmp_path / "latest.bin").write_bytes(b"before")
    with pytest.raises(RouteChangedError, match=r"was not deleted: it is still in 'odd', as 'latest\.bin'"):
        router.save("up/a.bin", ContentFile(b"x"))
    assert (tmp_path / "latest.bin").read_bytes() == b"x"


@pytest.fixture
def overtaken(tmp_path, monkeypatch):
    """A router over a file system in which somebody else takes a name just after it was found free."""
    router = memory_router(
        {"glob": "reports/20??.pdf", "backend": "disk"}, disk={"type": "filesystem", "location": str(tmp_path / "disk")}
    )
    disk = router.backends["disk"]
    disk.save("reports/2026.pdf", ContentFile(b"theirs"))
    answers = [False]
    real = disk.exists
    monkeypatch.setattr(disk, "exists", lambda name: answers.pop() if answers else real(name))
    return router


def test_a_file_that_this_save_made_is_deleted_again(overtaken):
    """R6: Django's file system creates under another name only what is not there."""
    with pytest.raises(RouteChangedError, match=r"which leads elsewhere\. Widen .* longer\.$"):
        overtaken.save("reports/2026.pdf", ContentFile(b"mine"))
    assert files_of(overtaken) == {("disk", "reports/2026.pdf")}
    assert read(overtaken, "reports/2026.pdf") == b"theirs"


def test_a_file_that_cannot_be_deleted_again_is_told_of(overtaken, monkeypatch):
    # R6
    def delete(name):
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(overtaken.backends["disk"], "delete", delete)
    with pytest.raises(
        RouteChangedError,
        match=r"The file could not be deleted again: it is still in 'disk', as 'reports/2026_\w+\.pdf'\.$",
    ) as error:
        overtaken.save("reports/2026.pdf", ContentFile(b"mine"))
    assert isinstance(error.value.__cause__, PermissionError)


def test_what_comes_out_of_generate_filename_is_routed_again_at_save():
    # R10
    router = memory_router({"glob": "in box/*", "backend": "one"}, {"glob": "**/my file", "backend": "two"})
    assert router.generate_filename("in box/my file") == "in box/my_file"
    assert router.generate_filename("a/my file") == "a/my_file"
    assert router.save(router.generate_filename("a/my file"), ContentFile(b"x")) == "a/my_file"


READ_ONLY = {"prefix": "archive", "backend": "archive", "read_only": True}


@pytest.mark.parametrize(
    "write",
    [
        lambda router: router.save("archive/a", ContentFile(b"x")),
        lambda router: router.delete("archive/a"),
        lambda router: router.replace("archive/a", ContentFile(b"x")),
        *[lambda router, mode=mode: router.open("archive/a", mode) for mode in ("wb", "w", "xb", "ab", "r+b", "rb+")],
    ],
)
def test_a_read_only_route_refuses_to_write_and_delete(write):
    """R12: before any request: the backend is not even built."""
    router = memory_router(READ_ONLY)
    with pytest.raises(ReadOnlyRouteError) as error:
        write(router)
    message = 'routes[0] (prefix "archive") is read_only: archive/a can be neither written nor deleted'
    assert str(error.value) == message
    assert error.value.name == "archive/a"
    assert isinstance(error.value, PermissionError)
    assert router.backends._built == {}


def test_a_read_only_route_reads():
    # R12
    router = memory_router(READ_ONLY)
    router.backends["archive"].save("archive/a", ContentFile(b"x"))
    assert read(router, "archive/a", "rb") == b"x"
    assert read(router, "archive/a", "r") == "x"
    assert router.exists("archive/a")
    assert router.listdir("archive") == ([], ["a"])
    assert router.url("archive/a") == "/archive/archive/a"


def test_replacing_leaves_exactly_the_new_content(tmp_path):
    router = memory_router(
        STATIC, {"prefix": "disk", "backend": "disk"}, disk={"type": "filesystem", "location": str(tmp_path / "d")}
    )
    for name in ("static/a.css", "disk/a.css", "a.css"):
        assert router.replace(name, ContentFile(b"first, and longer")).name == name
        assert router.replace(name, ContentFile(b"second")).name == name
        assert read(router, name) == b"second"
    assert files_of(router) == {("static", "a.css"), ("disk", "disk/a.css"), ("media", "a.css")}


def test_a_replacement_that_somebody_else_overtakes_is_an_error(monkeypatch):
    router = memory_router()
    backend = router.backends["media"]
    monkeypatch.setattr(backend, "delete", lambda name: None)
    backend.save("a", ContentFile(b"theirs"))
    monkeypatch.undo()
    real_delete, deleted = backend.delete, []
    monkeypatch.setattr(backend, "delete", lambda name: deleted.append(name) or (name != "a" and real_delete(name)))
    with pytest.raises(FileExistsError, match=r"File exists: 'a'"):
        router.replace("a", ContentFile(b"ours"))
    assert read(router, "a") == b"theirs"
    assert files_of(router) == {("media", "a")}


def test_writing_through_open_ends_in_the_routed_backend(tmp_path):
    # R1
    router = memory_router(
        {"prefix": "d", "backend": "disk", "strip_prefix": True}, disk={"type": "filesystem", "location": str(tmp_path)}
    )
    with router.open("d/a.txt", "w") as file:
        file.write("é")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "é"


class HashedRouter(ManifestFilesMixin, RouterStorage):
    """Django's mixins call the private halves of ``open`` and ``save``."""

    manifest_name = "static/manifest.json"


def test_djangos_mixins_work_on_the_router(settings_without_debug):
    """R9: ``_open`` and ``_save`` are routed, too."""
    router = HashedRouter(backends={"media": "memory://", "static": "memory://"}, routes=[STATIC], default="media")
    router.save("static/a.css", ContentFile(b"body { background: url(b.png) }"))
    router.save("static/b.png", ContentFile(b"x"))
    paths = {name: (router, name) for name in ("static/a.css", "static/b.png")}
    processed = {name: hashed for name, hashed, _ in router.post_process(paths)}
    assert router.exists(processed["static/a.css"])
    assert router.backends["static"].exists(processed["static/b.png"].removeprefix("static/"))
    assert processed["static/b.png"].encode().removeprefix(b"static/") in read(router, processed["static/a.css"])
    assert router.url("static/a.css").endswith(processed["static/a.css"].removeprefix("static/"))
    with router._open("static/b.png") as file:
        assert file.read() == b"x"


@pytest.fixture
def settings_without_debug():
    with override_settings(DEBUG=False):
        yield


@pytest.mark.parametrize("kind", ["memory", "filesystem"])
def test_a_name_that_a_read_only_route_would_claim_is_an_error_before_anything_is_stored(tmp_path, kind):
    """R14: the second contract would lie in the read-only route, and could never be deleted."""
    media = {"type": kind} | ({"location": str(tmp_path)} if kind == "filesystem" else {})
    router = memory_router({"glob": "contracts/*_*.pdf", "backend": "media", "read_only": True}, media=media)
    assert router.save("contracts/signed.pdf", ContentFile(b"1")) == "contracts/signed.pdf"
    for save in (router.save, lambda name, _: router.get_available_name(name)):
        with pytest.raises(RouteChangedError, match=r"store it as 'contracts/signed_\w+\.pdf', which leads elsewhere"):
            save("contracts/signed.pdf", ContentFile(b"2"))
    assert files_of(router) == {("media", "contracts/signed.pdf")}


def test_a_name_that_another_route_to_the_same_backend_would_claim_is_an_error_too():
    """R14: routes may differ in how their files are delivered."""
    router = memory_router({"glob": "docs/*_*.pdf", "backend": "media"})
    router.save("docs/a.pdf", ContentFile(b"1"))
    with pytest.raises(RouteChangedError):
        router.save("docs/a.pdf", ContentFile(b"2"))
    assert files_of(router) == {("media", "docs/a.pdf")}
