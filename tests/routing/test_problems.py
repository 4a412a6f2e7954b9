"""R7: what is wrong with routes is found before the process starts, and nothing is called wrong that is not."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storage_router.conf.routes import RouteOptions
from storage_router.routing import RouteTable, find_problems

from . import reference


def problems(*routes, default=None, aliases=("media",), locate=None):
    options = [RouteOptions(**{"backend": "media", **route}) for route in routes]
    table = RouteTable(options, default)
    found = find_problems(table, aliases) if locate is None else find_problems(table, aliases, locate)
    return [(problem.id.removeprefix("storage_router."), problem.place, problem.message) for problem in found]


def ids(*routes, **options):
    return [identity for identity, _, _ in problems(*routes, **options)]


COVERED = "it can never match: {} every name that it could"


@pytest.mark.parametrize(
    ("routes", "covering"),
    [
        ([{"prefix": "a/"}, {"prefix": "a/b/"}], 'routes[0] (prefix "a/") claims'),
        ([{"prefix": "a"}, {"prefix": ["a/b", "a/c"], "types": ".x"}], 'routes[0] (prefix "a") claims'),
        ([{"prefix": "a"}, {"glob": ["a/*.psd", "a/b/**"]}], 'routes[0] (prefix "a") claims'),
        ([{"prefix": ["b", "a"]}, {"prefix": "a", "glob": "**/x"}], 'routes[0] (prefix "b" or "a") claims'),
        (
            [{"prefix": "a/"}, {"prefix": "b/"}, {"prefix": ["a/x/", "b/x/"]}],
            'routes[0] (prefix "a/") and routes[1] (prefix "b/") together claim',
        ),
    ],
)
def test_a_route_that_earlier_ones_cover_is_an_error_that_names_them(routes, covering):
    # R7
    last = len(routes) - 1
    assert [(identity, message) for identity, place, message in problems(*routes)] == [
        ("E005", COVERED.format(covering))
    ]
    assert problems(*routes)[0][1].startswith(f"routes[{last}] (")


@pytest.mark.parametrize(
    "routes",
    [
        [{"prefix": "a/b/"}, {"prefix": "a/"}],
        [{"prefix": "private"}, {"prefix": "privateer"}],
        [{"prefix": "a"}, {"glob": "a"}],
        [{"prefix": "a"}, {"prefix": "A/b"}],
        [{"glob": "*.psd"}, {"types": ".psd"}],
        [{"glob": "**/*.psd"}, {"types": ".psd"}],
        [{"types": ".psd"}, {"glob": "**/*.psd"}],
        [{"types": ".mp4"}, {"types": "video/*"}],
        [{"types": "video/*"}, {"types": ".ts"}],
        [{"types": ".d.ts"}, {"types": ".ts"}],
        [{"glob": "a/*"}, {"glob": "a/**"}],
        [{"glob": "a/?"}, {"glob": "a/*", "types": ".x"}],
        [{"prefix": "a", "types": ".x"}, {"prefix": "a"}],
        [{"prefix": "a", "types": ".x"}, {"prefix": "b", "types": ".x"}, {"types": ".x"}],
        [{"types": ".x"}, {"prefix": ["a", "b"], "types": [".x", ".y"]}],
        [{"types": ".д"}, {"types": [".Д"], "prefix": "a"}],
        [{"glob": "**/*.psd"}, {"glob": "a/*.psd"}],
        [{"types": ".gz"}, {"types": ".tar.gz"}],
        [{"prefix": "a"}, {"glob": ["a/*.psd", "b/*.psd"]}],
        [{"prefix": "a"}, {"glob": "**/x"}],
        [{}],
        [{"prefix": "a"}, {}],
    ],
)
def test_a_route_that_no_prefix_covers_is_no_problem(routes):
    """R7: no false alarms; globs and types are not compared with each other."""
    assert problems(*routes) == []


def test_a_duplicate_is_an_error_that_names_its_twin_even_with_another_backend():
    # R7
    found = problems(
        {"prefix": ["a/", "b"], "types": [".X", ".y"]},
        {"prefix": "c"},
        {"prefix": ["b/", "a"], "types": [".y", ".x"], "backend": "other", "read_only": True},
        aliases=["media", "other"],
    )
    twin = 'routes[0] (prefix "a/" or "b", types ".X" or ".y")'
    assert found == [
        (
            "E006",
            'routes[2] (prefix "b/" or "a", types ".y" or ".x")',
            f"it matches the same names as {twin}, which wins",
        )
    ]


def test_an_empty_route_that_is_not_the_last_is_one_error_not_many():
    # R7
    message = "it has no matcher, so it claims every name and the routes after it can never match"
    assert problems({}, {"prefix": "a/"}, {"types": ".x"}) == [("E007", "routes[0] (everything)", message)]
    assert ids({"prefix": "a"}, {}, {}) == ["E007"]


def test_strip_prefix_without_a_prefix_is_an_error():
    assert problems({"strip_prefix": True, "types": ".x"}) == [
        ("E008", 'routes[0] (types ".x")', "strip_prefix is set, but there is no prefix to strip")
    ]


def test_a_backend_that_no_name_leads_to_is_a_warning():
    # R7
    unused = "no name leads to the backend 'spare'"
    assert problems({"prefix": "a"}, aliases=["media", "spare"]) == [("W003", "backends.spare", unused)]
    assert ids({"prefix": "a"}, default="spare", aliases=["media", "spare"]) == []
    assert ids({"prefix": "a"}, {}, default="spare", aliases=["media", "spare"]) == ["W003"]


def test_the_place_is_the_one_that_the_configuration_knows():
    """C5: the variable, the file and key."""
    found = problems({}, {"prefix": "a"}, locate=lambda location: f"storage_router.toml: {location}")
    assert [place for _, place, _ in found] == ["storage_router.toml: ('routes', 0) (everything)"]


@given(reference.TABLES, st.lists(reference.NAMES, min_size=30, max_size=60))
@example([RouteOptions(backend="b", types=".x"), RouteOptions(backend="b", glob="**.x")], ["a/.x", "a.X", "b.x"])
def test_what_is_called_unreachable_is_never_chosen(routes, names):
    """R7, issue 4: in a large sample, drawn where routes meet."""
    table = RouteTable(routes, "default")
    found = find_problems(table, ["one", "two", "three"])
    unreachable = {problem.place for problem in found if problem.id.endswith(("E005", "E006"))}
    chosen = {table.match(name).route for name in names}
    assert not unreachable & {str(route) for route in chosen if route is not None}


def test_ten_thousand_good_routes_are_checked_in_no_time():
    """R13, F8: at start, too. The bound is generous: this takes a fraction of a second."""
    started = time.thread_time()
    assert problems(*[{"prefix": f"customers/{number}/"} for number in range(10_000)]) == []
    assert problems(*[{"glob": f"**/a*{number}*b"} for number in range(4_000)]) == []
    assert time.thread_time() - started < 20
