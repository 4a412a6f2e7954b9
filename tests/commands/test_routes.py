"""R11: ``manage.py storage_router routes`` prints the table of routes."""

from __future__ import annotations

import json


def test_routes_are_printed_in_their_order_with_what_happens_to_the_rest(run):
    ran = run("routes")
    assert ran.status == 0
    assert ran.rows == [
        ["0", "static/", "", "", "media", "", "https://acmefiles.blob.core.windows.net/media/files"],
        ["1", "private/", "", "", "private", "strip_prefix", "https://acmeprivate.blob.core.windows.net/private"],
        ["2", "", "", "video/*, .psd", "scratch", "read_only", "directory /srv/scratch"],
        ["3", "", "odd/**", "", "odd", "", "django.core.files.storage.InMemoryStorage"],
        ["4", "", "ram/*", "", "ram", "", "memory"],
        ["else", "", "", "", "media", "default", "https://acmefiles.blob.core.windows.net/media/files"],
    ]


def test_a_table_without_a_default_says_that_the_rest_is_an_error(run):
    options = {"backends": {"ram": {"type": "memory"}}, "routes": [{"prefix": "a/", "backend": "ram"}]}
    ran = run("routes", default={"BACKEND": "storage_router.RouterStorage", "OPTIONS": options})
    assert ran.rows[-1] == ["else", "", "", "", "(none)", "", "an error: no default is set"]


def test_a_terminal_gets_lines_of_80_columns_with_whole_urls(run):
    options = {"backends": {"ram": {"type": "memory"}}, "routes": [{"prefix": "a/", "backend": "ram"}]}
    small = run("routes", terminal=True, default={"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}).text
    assert small.splitlines()[0] == "route  prefix  backend  leads to"
    text = run("routes", terminal=True).text
    assert max(map(len, text.splitlines())) <= 80
    assert "    https://acmeprivate.blob.core.windows.net/private\n" in text


def test_json_has_every_matcher_and_every_destination(run):
    data = json.loads(run("routes", "--json").text)
    assert data["default"] == "media"
    expected = {
        "backend": "private",
        "prefix": ["private/"],
        "glob": [],
        "types": [],
        "strip_prefix": True,
        "read_only": False,
        "delivery": "link",
    }
    assert {key: data["routes"][1][key] for key in expected} == expected
    assert data["backends"]["scratch"] == "directory /srv/scratch"


def test_a_filesystem_without_a_location_is_at_media_root(run):
    options = {"backends": {"disk": {"type": "filesystem"}}, "default": "disk"}
    ran = run("routes", default={"BACKEND": "storage_router.RouterStorage", "OPTIONS": options})
    assert ran.rows == [["else", "", "", "", "disk", "default", "directory MEDIA_ROOT"]]
