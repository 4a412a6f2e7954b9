"""R1 to R5 and R13: where names go."""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage_router.conf.routes import RouteOptions
from storage_router.exceptions import InvalidNameError, NoRouteError
from storage_router.names import TRASH
from storage_router.routing import RouteTable, find_problems
from tests.kit.examples import examples

from . import reference


def table(*routes, default="media"):
    return RouteTable(
        [RouteOptions(**{"backend": f"b{index}", **route}) for index, route in enumerate(routes)], default
    )


def index_in(compiled, name):
    """Return the index of the route that claims the name; None where the default takes it."""
    route = compiled.match(name).route
    return None if route is None else route.index


def index_of(routes, name):
    return index_in(table(*routes), name)


def cost(call: Callable[[], object], number: int = 100) -> float:
    """Return the processor time of this thread that ``number`` calls take, at best."""
    return min(timeit.repeat(call, number=number, repeat=9, timer=time.thread_time))


# Ten thousand of anything, tried one by one, cost a hundred times as much as three; a busy machine twice as much.
ABOUT = 20


@examples(600)
@given(reference.TABLES, st.lists(reference.NAMES, min_size=1, max_size=8), st.sampled_from([None, "media"]))
def test_dispatch_agrees_with_a_plain_reading_of_the_rules(routes, names, default):
    """R1, R2, R3, R4, R5."""
    compiled = RouteTable(routes, default)
    for name in names:
        expected = reference.destination(routes, default, name)
        if expected is None:
            with pytest.raises(NoRouteError):
                compiled.match(name)
            continue
        match = compiled.match(name)
        assert (match.alias, match.name, index_in(compiled, name)) == expected
        assert match.prefix + match.name == match.full_name == name
        assert match.route is None or match.route is compiled.routes[match.route.index]


@examples(200)
@given(reference.TABLES, st.lists(reference.NAMES, min_size=1, max_size=8))
def test_each_route_by_itself_agrees_with_the_rules_too(routes, names):
    # R3
    for route in routes:
        alone = RouteTable([route], "default")
        assert [index_in(alone, name) == 0 for name in names] == [reference.claims(route, name) for name in names]


def test_the_first_route_that_matches_wins():
    """R2: the order written, not the longest prefix."""
    routes = [{"prefix": "a/"}, {"prefix": "a/b/"}, {"types": ".txt"}]
    assert index_of(routes, "a/b/c.txt") == 0
    assert index_of([routes[1], routes[0]], "a/b/c.txt") == 0
    assert index_of([routes[2], routes[1]], "a/b/c.txt") == 0
    assert index_of(routes, "c/b.txt") == 2


@pytest.mark.parametrize(
    ("name", "claimed"),
    [
        ("private/x", True),
        ("private/a/b/c", True),
        ("privateer/x", False),
        ("private", False),
        ("private.txt", False),
        ("Private/x", False),
        ("a/private/x", False),
    ],
)
@pytest.mark.parametrize("prefix", ["private", "private/", ["no", "private/"]])
def test_a_prefix_is_whole_path_segments(prefix, name, claimed):
    """R3: ``private`` does not claim ``privateer/x``, nor the file of its own name."""
    assert (index_of([{"prefix": prefix}], name) == 0) is claimed


@pytest.mark.parametrize(
    ("types", "name", "claimed"),
    [
        (".psd", "a/B.PSD", True),
        (".PSD", "a/b.psd", True),
        (".psd", "a/.psd", False),
        (".psd", "psd", False),
        (".psd", "a.psd/b", False),
        (".tar.gz", "x.TAR.gz", True),
        (".tar.gz", "x.gz", False),
        (".gz", "x.tar.gz", True),
        ("application/gzip", "x.tar.gz", True),
        ("video/*", "x.mp4", True),
        ("VIDEO/MP4", "x.Mp4", True),
        ("video/mp4", "x.mkv", False),
        ("video/*", "x.d.ts", False),
        ("video/*", "x.ts", True),
        (".ts", "x.d.ts", True),
        (["image/png", ".x"], "y.x", True),
        (".a.b.c", "z.a.b.c", True),
        (".a.b.c", "z.b.c", False),
    ],
)
def test_types_are_extensions_and_media_types_of_any_case(types, name, claimed):
    # R3
    assert (index_of([{"types": types}], name) == 0) is claimed


def test_different_matchers_in_one_route_must_all_match():
    # R3
    routes = [{"prefix": ["a/", "b/"], "glob": ["**/x*", "b/y"], "types": [".png", ".jpg"]}]
    assert index_of(routes, "a/x.png") == 0
    assert index_of(routes, "b/c/x1.jpg") == 0
    assert index_of(routes, "c/x.png") is None
    assert index_of(routes, "a/y.png") is None
    assert index_of(routes, "a/x.gif") is None
    assert index_of(routes, "b/y") is None


def test_a_route_without_matchers_claims_every_name():
    # R3
    assert index_of([{"prefix": "a/"}, {}], "b") == 1


def test_what_no_route_claims_goes_to_the_default():
    # R4
    match = table({"prefix": "a/"}, default="media").match("b/c")
    assert (match.alias, match.name, match.route, match.prefix) == ("media", "b/c", None, "")


def test_without_a_default_it_is_an_error_that_names_the_routes():
    # R4
    with pytest.raises(NoRouteError) as error:
        table({"prefix": "a/"}, {"types": ["video/*", ".psd"]}, default=None).match("b/c.txt")
    assert str(error.value) == (
        "No route claims 'b/c.txt' and there is no default. None of these claims it: "
        'routes[0] (prefix "a/"), routes[1] (types "video/*" or ".psd").'
    )
    assert error.value.name == "b/c.txt"


def test_the_error_names_ten_routes_at_most_and_tells_of_none():
    # R4
    with pytest.raises(NoRouteError, match=r'routes\[9\] \(prefix "9"\), and 2 more\.$'):
        table(*[{"prefix": str(number)} for number in range(12)], default=None).match("b")
    with pytest.raises(NoRouteError, match=r"there is no default\. There are no routes\.$"):
        table(default=None).match("b")


def test_a_stripped_prefix_is_taken_off_the_backends_name():
    # R5
    routes = table({"prefix": ["static", "assets/v1/"], "strip_prefix": True})
    assert routes.match("static/css/a.css")[:2] == ("b0", "css/a.css")
    assert routes.match("static/css/a.css").prefix == "static/"
    assert routes.match("assets/v1/a")[1:] == ("a", routes.routes[0], "assets/v1/", None)


def test_of_several_prefixes_the_first_written_is_stripped():
    # R5
    routes = table({"prefix": ["a", "a/b"], "strip_prefix": True})
    assert routes.match("a/b/c").name == "b/c"
    routes = table({"prefix": ["a/b", "a"], "strip_prefix": True})
    assert [routes.match(name).name for name in ("a/b/c", "a/c/b")] == ["c", "c/b"]


def test_a_long_list_is_shortened_in_messages():
    assert str(table({"types": [".a", ".b", ".c", ".d"]}).routes[0]) == 'routes[0] (types ".a" and 3 more)'
    assert str(table({}).routes[0]) == "routes[0] (everything)"


def test_ten_thousand_routes_cost_about_what_three_do():
    """R13: the ratio within one run counts, since machines differ."""
    few = table({"prefix": "static/"}, {"prefix": "private/"}, {"types": ["video/*", ".psd"]})
    many = table(*[{"prefix": f"customer{number:05}/"} for number in range(9_999)], {"types": ["video/*", ".psd"]})
    names = ["photos/2024/cat.jpg", "customer09998/x.pdf", "a/b/c/film.mp4"]
    assert [index_in(many, name) for name in names] == [None, 9_998, 9_999]

    def all_names(compiled):
        return cost(lambda: [compiled.match(name) for name in names])

    assert all_names(many) < ABOUT * all_names(few)


@pytest.mark.parametrize("more", [{"strip_prefix": True}, {"types": "video/*"}])
def test_ten_thousand_prefixes_of_one_route_cost_about_what_three_do(more):
    """R13: a list of prefixes is looked up as routes are."""

    def route(count):
        return table({"prefix": [f"customer{number:05}/" for number in range(count)], **more})

    few, many = route(3), route(10_000)
    for compiled, last in ((few, 2), (many, 9_999)):
        assert index_in(compiled, f"customer{last:05}/film.ts") == 0
        assert index_in(compiled, f"customer{last + 1:05}/film.ts") is None

    assert cost(lambda: many.match("customer09999/film.ts")) < ABOUT * cost(lambda: few.match("customer00002/film.ts"))


def test_ten_thousand_routes_are_compiled_and_checked_in_no_time():
    """R13: at start, too. The bound is generous: this takes a fraction of a second."""
    started = time.thread_time()
    compiled = table(*[{"prefix": f"customer{number}/"} for number in range(10_000)])
    assert find_problems(compiled, ["media", *(f"b{number}" for number in range(10_000))]) == []
    assert time.thread_time() - started < 10


@pytest.mark.parametrize("route", [{"glob": "**-private/*"}, {"types": ".a.b"}, {"prefix": "a", "glob": "**a*b*c/d"}])
def test_a_long_name_costs_no_more_than_its_length(route):
    """R13: no pattern takes more than linear time, in a name of any length."""
    compiled = table(route)
    short, long = ("a/" + "-private" * count + "a/a.b.a.b" * count for count in (100, 10_000))

    # A hundred times as long. Quadratic time would be ten thousand times as much.
    assert cost(lambda: compiled.match(long), 1) < max(1_000 * cost(lambda: compiled.match(short), 1), 0.1)


def test_what_follows_a_stripped_prefix_is_a_name_by_the_same_rules():
    """R10: a backend on Windows would take it for a drive."""
    with pytest.raises(InvalidNameError, match="Detected path traversal attempt in 'C:/x'"):
        table({"prefix": "a", "strip_prefix": True}).match("a/C:/x")
    assert table({"prefix": "a", "strip_prefix": True}).match("a/b:c").name == "b:c"


def test_hidden_names_lead_nowhere_and_are_not_shown():
    """P2, M4: the quarantine of uploads, and the trash of orphans, wherever it is."""
    routes = [RouteOptions(backend="uploads", prefix="quarantine/")]
    table = RouteTable(routes, "media", hidden=["quarantine/"])
    for name in ("quarantine/a", "quarantine/a/b", f"{TRASH}/a", f"docs/{TRASH}/a"):
        with pytest.raises(InvalidNameError, match="reserved"):
            table.match(name)
    assert table.match("quarantine/a", hidden=True).alias == "uploads"
    assert table.match(f"docs/{TRASH}y/a").alias == "media"
    assert table.match("quarantined/a").alias == "media"
    assert (table.views("quarantine"), table.views(TRASH), table.prefix_children("")) == ([], [], [])
    assert [view.alias for view, _ in table.views_below("")] == ["media"]
    assert len(table.views("docs")) == 1
