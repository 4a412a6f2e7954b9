"""R11: ``manage.py storage_router explain NAME …`` says where names go and why."""

from __future__ import annotations

import json


def test_each_name_has_its_backend_its_blob_and_the_reason(run):
    ran = run("explain", "a.txt", "private/contract.pdf", "clip.mp4")
    assert ran.status == 0
    assert [row[:3] for row in ran.rows] == [
        ["a.txt", "media", "media/files/a.txt"],
        ["private/contract.pdf", "private", "private/contract.pdf"],
        ["clip.mp4", "scratch", "clip.mp4"],
    ]
    assert ran.rows[0][3] == "no route claims it, and it is the default"
    assert ran.rows[1][3].startswith('routes[1] (prefix "private/") is the first that matches')
    assert ran.rows[2][3].endswith("; the route is read_only")


def test_an_illegal_name_is_explained_and_fails(run):
    """R10"""
    ran = run("explain", "public/../private/x", "a.txt")
    assert ran.status == 1
    assert ran.rows[0] == ["public/../private/x", "-", "-", "Detected path traversal attempt in 'public/../private/x'"]
    assert ran.rows[1][1] == "media"


def test_a_name_that_azure_cannot_store_is_explained(run):
    """A8"""
    ran = run("explain", "a./b")
    assert (ran.status, ran.rows) == (
        1,
        [["a./b", "-", "-", "No segment of a blob's name may end in a dot: 'files/a./b'"]],
    )


def test_a_name_without_a_route_is_explained(run):
    """R4"""
    options = {"backends": {"ram": {"type": "memory"}}, "routes": [{"prefix": "a/", "backend": "ram"}]}
    ran = run("explain", "b/x", default={"BACKEND": "storage_router.RouterStorage", "OPTIONS": options})
    assert ran.status == 1
    assert ran.rows[0][:3] == ["b/x", "-", "-"]
    assert 'prefix "a/"' in ran.rows[0][3]


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
