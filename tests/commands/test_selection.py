"""Section 8: which storage a subcommand is about, and what it says where there is none, or a broken one."""

from __future__ import annotations

import pytest
from django.db import models
from django.test.utils import isolate_apps

from storage_router import RouterStorage, installed

from .conftest import ROUTER

MEMORY = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
SMALL = {
    "BACKEND": "storage_router.RouterStorage",
    "OPTIONS": {"backends": {"ram": {"type": "memory"}}, "default": "ram"},
}
FILES = {"BACKEND": "storage_router.StaticFilesStorage"}
ALONE = {
    "BACKEND": "storage_router.AzureStorage",
    "OPTIONS": {"account_name": "acmefiles", "azure_container": "own", "credential": "default"},
}


def test_without_a_storage_of_this_package_there_is_nothing_to_show(run):
    ran = run("config", default=MEMORY)
    assert (ran.status, ran.error) == (2, "No entry of STORAGES, and no model field, has a storage of storage_router.")


def test_a_storage_of_somebody_else_is_not_shown(run):
    ran = run("config", "--storage", "other", other=MEMORY)
    assert (ran.status, ran.error) == (2, "STORAGES['other'] is not a storage of storage_router.")


def test_without_a_router_there_are_no_routes(run):
    ran = run("routes", default=ALONE)
    assert (ran.status, ran.error) == (2, "No entry of STORAGES is a RouterStorage, so there are no routes.")


@pytest.mark.parametrize("subcommand", [["routes"], ["explain", "a.txt"]])
def test_an_entry_that_is_no_router_is_said_to_be_none_with_what_it_is(run, subcommand):
    ran = run(*subcommand, "--storage", "files", default=SMALL, files=FILES)
    assert (ran.status, ran.text, ran.error) == (
        2,
        "",
        (
            "STORAGES['files'] is not a RouterStorage, so it has no routes of its own: it follows the router "
            "'default'. Use --storage default."
        ),
    )
    assert run(*subcommand, "--storage", "own", default=SMALL, own=ALONE).error == (
        "STORAGES['own'] is not a RouterStorage, so it has no routes of its own: its class is AzureStorage."
    )


@pytest.mark.parametrize(
    ("subcommand", "lacks"), [("config", "no settings of its own"), ("doctor", "nothing of its own to examine")]
)
def test_static_files_refer_to_their_router_for_what_they_do_not_have(run, subcommand, lacks):
    """Section 7: they go through the router, whichever that is."""
    files = {**FILES, "OPTIONS": {"router": "two"}}
    ran = run(subcommand, "--storage", "files", default=SMALL, two=SMALL, files=files)
    assert (ran.status, ran.text) == (2, "")
    assert ran.error == f"STORAGES['files'] has {lacks}: it follows the router 'two'. Use --storage two."


def test_the_default_router_goes_before_others_and_others_can_be_chosen(run):
    assert len(run("routes", other=SMALL).rows) == 6
    assert len(run("routes", "--storage", "other", other=SMALL).rows) == 1


def test_the_only_router_is_found_whatever_its_alias(run):
    assert len(run("routes", default=MEMORY, other=SMALL).rows) == 1


@isolate_apps("tests")
def test_a_router_that_a_field_builds_is_another_one_only_where_its_configuration_is(run, monkeypatch):
    """Section 8"""
    another = {"backends": {"disk": {"type": "filesystem"}}, "default": "disk"}

    class Letter(models.Model):
        same = models.FileField(storage=RouterStorage(**SMALL["OPTIONS"]))
        other = models.FileField(storage=RouterStorage(**another))

        class Meta:
            app_label = "tests"

    monkeypatch.setattr(installed.apps, "get_models", lambda: [Letter])
    assert run("routes", default=SMALL).rows[0][4] == "ram"
    assert run("routes", "--storage", "tests.Letter.other", default=SMALL).rows[0][4] == "disk"
    assert run("routes", "--storage", "tests.Letter.same", default=SMALL).status == 2
    ran = run("config", default=SMALL)
    assert {row[0].partition(":")[0] for row in ran.rows} == {"default", "tests.Letter.other"}


def test_of_several_routers_one_has_to_be_chosen(run):
    ran = run("routes", default=MEMORY, one=SMALL, two=ROUTER)
    assert ran.status == 2
    assert ran.error == "There are several routers: choose one of one, two with --storage."


def test_a_bad_configuration_is_printed_with_everything_that_is_wrong(run):
    """C5"""
    options = {"backends": {"media": {"type": "azure", "azure_container": "X"}}, "defualt": "x"}
    ran = run("routes", default={"BACKEND": "storage_router.RouterStorage", "OPTIONS": options})
    assert ran.status == 2
    assert ran.error.startswith("invalid configuration (")
    assert "'X' is not the name of a container (storage_router.E003)" in ran.error
    assert "there is no setting 'defualt' (storage_router.E001)" in ran.error


def test_djangos_own_options_may_stand_behind_the_subcommand(run):
    assert "\x1b[1m" not in run("routes", "--no-color", terminal=True).text
    assert "\x1b[1m" in run("routes", "--force-color").text
