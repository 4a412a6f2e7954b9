"""R11: ``manage.py storage_router explain NAME …`` says where names go and why."""

from __future__ import annotations

import json

from django.core.files.storage import Storage
from django.test import override_settings


class Foreign(Storage):
    """A storage of another package."""

    def url(self, name):
        raise AssertionError("It was asked.")


def test_each_name_has_its_backend_its_blob_and_the_reason(run):
    ran = run("explain", "a.txt", "private/contract.pdf", "clip.mp4")
    assert ran.status == 0
    assert [row[:3] for row in ran.rows] == [
        ["a.txt", "media", "media/files/a.txt"],
        ["private/contract.pdf", "private", "private/contract.pdf"],
        ["clip.mp4", "scratch", "clip.mp4"],
    ]
    assert [row[5] for row in ran.rows] == [
        "no route claims it, and it is the default",
        'routes[1] (prefix "private/") is the first that matches',
        'routes[2] (types "video/*" or ".psd") is the first that matches: media type video/mp4; the route is read_only',
    ]


def test_the_url_is_shown_without_its_signature_and_whether_it_gets_one(run):
    """Section 8: no request is made, also where a token would sign."""
    with override_settings(MEDIA_URL="/media/"):
        ran = run("explain", "a b.txt", "private/contract.pdf", "clip.mp4", "odd/a.txt")
    assert [row[3:5] for row in ran.rows] == [
        ["https://acmefiles.blob.core.windows.net/media/files/a%20b.txt", "no"],
        ["https://acmeprivate.blob.core.windows.net/private/contract.pdf", "yes, for 300 s"],
        ["/media/clip.mp4", "no"],
        ["/media/odd/a.txt", "no"],
    ]


def test_the_url_of_a_file_that_a_view_delivers_is_the_views(run):
    """D1"""
    route = {"prefix": "a/", "backend": "ram", "delivery": "stream", "authorize": "tests.commands.test_explain.anybody"}
    options = {"backends": {"ram": {"type": "memory"}}, "routes": [route], "base_url": "https://acme.example/files/"}
    ran = run("explain", "a/b.txt", default={"BACKEND": "storage_router.RouterStorage", "OPTIONS": options})
    assert ran.rows[0][3:5] == ["https://acme.example/files/f/a/b.txt", "no, a view delivers it (stream)"]


def anybody(request, file):
    """Let everybody in."""
    return True


def test_a_storage_of_another_package_is_not_asked_for_its_url(run):
    """It may make a request, or show a signature."""
    backend = {"type": "django", "backend": "tests.commands.test_explain.Foreign"}
    options = {"backends": {"s3": backend}, "default": "s3"}
    ran = run("explain", "a.txt", default={"BACKEND": "storage_router.RouterStorage", "OPTIONS": options})
    assert (ran.status, ran.rows[0][:5]) == (0, ["a.txt", "s3", "a.txt", "-", "-"])


def test_on_a_terminal_each_fact_has_a_line_and_a_url_stays_whole(run):
    name = "private/" + "a" * 100 + ".pdf"
    text = run("explain", name, "../x", terminal=True).text
    assert f"\n  url        https://acmeprivate.blob.core.windows.net/private/{'a' * 100}.pdf\n" in text
    assert "\n  signed     yes, for 300 s\n" in text
    assert text.endswith("\n../x\n  why        Detected path traversal attempt in '../x'\n")


def test_an_illegal_name_is_explained_and_fails(run):
    """R10"""
    ran = run("explain", "public/../private/x", "a.txt")
    assert ran.status == 1
    reason = "Detected path traversal attempt in 'public/../private/x'"
    assert ran.rows[0] == ["public/../private/x", "-", "-", "-", "-", reason]
    assert ran.rows[1][1] == "media"


def test_a_name_that_azure_cannot_store_is_explained(run):
    """A8"""
    ran = run("explain", "a./b")
    assert (ran.status, ran.rows) == (
        1,
        [["a./b", "-", "-", "-", "-", "No segment of a blob's name may end in a dot: 'files/a./b'"]],
    )


def test_a_name_without_a_route_is_explained(run):
    """R4"""
    options = {"backends": {"ram": {"type": "memory"}}, "routes": [{"prefix": "a/", "backend": "ram"}]}
    ran = run("explain", "b/x", default={"BACKEND": "storage_router.RouterStorage", "OPTIONS": options})
    assert ran.status == 1
    assert ran.rows[0][:3] == ["b/x", "-", "-"]
    assert 'prefix "a/"' in ran.rows[0][5]


def test_json_has_what_the_router_itself_says(run):
    [data, illegal] = json.loads(run("explain", "--json", "private/x.pdf", "/x").text)
    assert data["alias"] == "private"
    assert data["backend_name"] == "x.pdf"
    assert data["stored_as"] == "private/x.pdf"
    assert (data["index"], data["prefix"], data["read_only"]) == (1, "private/", False)
    assert set(illegal) == set(data)
    assert illegal["alias"] is None


def test_hostile_names_reach_no_terminal(run):
    text = run("explain", "a\x1b[2J.txt", "[red]x[/]", terminal=True).text
    assert "\x1b[2J" not in text
    assert r"a\x1b[2J.txt" in text
    assert "[red]x[/]" in text
