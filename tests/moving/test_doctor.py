"""M5: ``doctor`` notices a route that was changed without a move."""

from __future__ import annotations

import secrets

import pytest
from azure.storage.blob import BlobServiceClient
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db import models
from django.test.utils import isolate_apps

from storage_router import RouterStorage, backend, installed
from storage_router.moving.strays import examine_routes
from tests.commands.conftest import run  # noqa: F401 - a fixture

MOVE = {"prefix": "media/", "backend": "new"}


@pytest.fixture(params=["filesystem", "memory", pytest.param("azure", marks=pytest.mark.azurite), "django"])
def backends(request, tmp_path):
    """The options of three backends of one type."""
    aliases = ("old", "new", "rest")
    if request.param == "filesystem":
        return {alias: {"type": "filesystem", "location": str(tmp_path / alias)} for alias in aliases}
    if request.param == "memory":
        return {alias: {"type": "memory"} for alias in aliases}
    if request.param == "django":
        kind = f"{__name__}.Elsewhere"
        return {
            alias: {"type": "django", "backend": kind, "options": {"location": str(tmp_path / alias)}}
            for alias in aliases
        }
    azurite = request.getfixturevalue("azurite")
    with BlobServiceClient.from_connection_string(azurite.connection_string()) as service:
        names = {alias: f"c{secrets.token_hex(8)}" for alias in aliases}
        for name in names.values():
            service.create_container(name)
    connection = {"type": "azure", "connection_string": azurite.connection_string()}
    return {alias: {**connection, "azure_container": name} for alias, name in names.items()}


class Elsewhere(FileSystemStorage):
    """A storage of another package, which stores files in its own way."""

    def _save(self, name, content):
        return super()._save(name, content)


def router_with(backends, routes, files, **more) -> RouterStorage:
    """Return a router over backends that hold ``files``: the backends' own names, by alias."""
    router = RouterStorage(backends=backends, routes=routes, default="rest", **more)
    for alias, names in files.items():
        for name in names:
            router.backends[alias].save(name, ContentFile(b"x"))
    return router


FILES = {"old": ["media/a.txt", "media/deep/down/b.txt"], "rest": ["other/c.txt"]}


def test_files_that_a_changed_route_has_left_behind_are_named_with_what_to_do(backends):
    router = router_with(backends, [MOVE], FILES)
    finding = examine_routes(router, "old")
    assert finding.status == "failed"
    assert finding.message == (
        "2 of 2 files of a sample lie where no route leads: 'media/a.txt' (leads to 'new'), "
        "'media/deep/down/b.txt' (leads to 'new'). The router does not find them."
    )
    assert finding.hint == (
        "If a route was changed, change it back, or give it moving_from and phase, and move its files. If they are "
        "another program's, give the backend a location of its own, or use --skip routes."
    )
    assert examine_routes(router, "rest").message == "The routes lead to the 1 files of a sample."
    assert examine_routes(router, "new").message == "The routes lead to the 0 files of a sample."


def test_files_that_a_move_has_left_are_a_warning(backends):
    finding = examine_routes(router_with(backends, [MOVE], {**FILES, "new": ["media/a.txt"]}), "old")
    assert finding.status == "warning"
    assert "Of 2 of them, 1 are where the routes lead, too." in finding.message
    assert finding.hint.endswith("manage.py storage_router move finish --empty-old")


@pytest.mark.parametrize("phase", ["mirror", "switch", "settle"])
def test_during_a_move_both_backends_are_where_the_route_leads(tmp_path, phase):
    backends = {alias: {"type": "filesystem", "location": str(tmp_path / alias)} for alias in ("old", "new", "rest")}
    moving = {**MOVE, "moving_from": "old", "phase": phase}
    router = router_with(backends, [moving], {"old": ["media/a.txt"], "new": ["media/b.txt"]})
    assert [examine_routes(router, alias).status for alias in ("old", "new")] == ["ok", "ok"]


@pytest.mark.parametrize(
    ("routes", "files", "wrong"),
    [
        # A stripped prefix is put before the backend's name again.
        ([{"prefix": "p/", "backend": "old", "strip_prefix": True}], {"old": ["a.txt", "x/b.txt"]}, 0),
        ([{"prefix": "p/", "backend": "new", "strip_prefix": True}], {"old": ["a.txt", "x/b.txt"]}, 2),
        # Deep prefixes are looked at, although the directories above them hold other files.
        (
            [{"prefix": "media/z/secret/", "backend": "new"}, {"prefix": "media/", "backend": "old"}],
            {"old": [*(f"media/{number:02}/a.txt" for number in range(30)), "media/z/secret/b.txt"]},
            1,
        ),
        ([{"types": ["video/*"], "backend": "new"}, {"backend": "old", "prefix": "m/"}], {"old": ["m/a.mp4"]}, 1),
        ([{"prefix": "u/{tenant}/", "backend": "old"}], {"old": ["u/acme/a.txt", "w/b.txt"]}, 1),
        # What no route may lead to.
        ([{"prefix": "media/", "backend": "old"}], {"old": [".storage_router_trash/media/a.txt"]}, 0),
    ],
)
def test_the_backends_names_are_what_the_routes_make_of_full_names(tmp_path, routes, files, wrong):
    backends = {alias: {"type": "filesystem", "location": str(tmp_path / alias)} for alias in ("old", "new", "rest")}
    finding = examine_routes(router_with(backends, routes, files), "old")
    assert finding.status == ("failed" if wrong else "ok")
    assert not wrong or finding.message.startswith(f"{wrong} of ")


def test_names_that_no_route_claims_are_named(tmp_path):
    router = RouterStorage(
        backends={alias: {"type": "filesystem", "location": str(tmp_path / alias)} for alias in ("old", "new")},
        routes=[MOVE],
    )
    router.backends["old"].save("stray.txt", ContentFile(b"x"))
    finding = examine_routes(router, "old")
    assert finding.status == "failed"
    assert "'stray.txt' (no route claims it)" in finding.message


def test_two_backends_on_one_container_have_the_same_files(azurite, container):
    """One of them signs its links; neither holds files of a route that was changed."""
    same = {"type": "azure", "connection_string": azurite.connection_string(), "azure_container": container}
    backends = {"rest": same, "signed": {**same, "location": "private", "expiration_secs": 60}}
    router = router_with(
        backends,
        [{"prefix": "private/", "backend": "signed", "strip_prefix": True}],
        {"rest": ["a.txt"], "signed": ["b.txt"]},
    )
    assert [examine_routes(router, alias).status for alias in ("rest", "signed")] == ["ok", "ok"]


class Unlisted(FileSystemStorage):
    """A storage that cannot list."""

    def _save(self, name, content):
        return super()._save(name, content)

    def listdir(self, path):
        raise NotImplementedError


def test_a_storage_that_cannot_list_is_skipped(tmp_path):
    unlisted = {"type": "django", "backend": f"{__name__}.Unlisted", "options": {"location": str(tmp_path)}}
    finding = examine_routes(RouterStorage(backends={"rest": unlisted}, default="rest"), "rest")
    assert finding.status == "skipped"
    assert finding.message == "This storage cannot list, so its names cannot be compared with the routes."


@pytest.fixture
def left_behind(tmp_path):
    """The entry of ``STORAGES`` for a router whose route was changed."""
    backends = {alias: {"type": "filesystem", "location": str(tmp_path / alias)} for alias in ("old", "rest")}
    options = {"backends": backends, "default": "rest"}
    RouterStorage(**options).backends["old"].save("media/a.txt", ContentFile(b"x"))
    return {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}


def test_the_command_fails_and_the_comparison_can_be_left_out(run, left_behind):  # noqa: F811
    ran = run("doctor", default=left_behind)
    assert ran.status == 1
    assert [row[:3] for row in ran.rows if row[1:2] == ["routes"]] == [
        ["old", "routes", "failed"],
        ["rest", "routes", "ok"],
    ]
    assert run("doctor", "--skip", "routes", default=left_behind).status == 0


@isolate_apps("tests")
def test_a_backend_that_a_field_names_needs_no_route(run, left_behind, monkeypatch):  # noqa: F811
    class Letter(models.Model):
        file = models.FileField(storage=backend("old"))

        class Meta:
            app_label = "tests"

    monkeypatch.setattr(installed.apps, "get_models", lambda: [Letter])
    ran = run("doctor", "--backend", "old", default=left_behind)
    assert ran.status == 0
    assert "Not tried, because fields name this backend themselves." in ran.text
