"""What finding the route of a name costs."""

from __future__ import annotations

from measuring import Figures, timed

COUNT = 20_000


def three(contender: str, _: str) -> Figures:
    """With three routes."""
    return _match(contender, 3)


def ten_thousand(contender: str, _: str) -> Figures:
    """With ten thousand."""
    return _match(contender, 10_000)


def compiled(contender: str, _: str) -> Figures:
    """Build the table of ten thousand routes and look for what is wrong with them, as a process does once."""
    from storage_router.routing import RouteTable, find_problems

    assert contender == "ours"
    given = _routes(10_000)

    def operation(_: int) -> None:
        assert find_problems(RouteTable(given, "b0"), [f"b{number}" for number in range(7)]) == []

    return timed(operation, 1, warm=0)


def _routes(count: int) -> list[object]:
    """Return routes by prefix, the last one by type."""
    from storage_router.conf.routes import RouteOptions

    by_prefix = [RouteOptions(prefix=(f"area{index}/files/",), backend=f"b{index % 7}") for index in range(count - 1)]
    return [*by_prefix, RouteOptions(types=("video/*", ".psd"), backend="b1")]


def _match(contender: str, count: int) -> Figures:
    # A third of the names is claimed by no prefix.
    names = [f"area{index * 7 % (count + count // 2)}/files/2026/picture-{index}.jpg" for index in range(COUNT)]
    if contender == "floor":
        looked_up = dict.fromkeys(names, 0)
        return timed(lambda index: looked_up[names[index]], COUNT)
    from storage_router.routing import RouteTable

    match = RouteTable(_routes(count), "b0").match
    assert match("area1/files/a.jpg").alias == "b1"
    assert match("area/a.mp4").alias == "b1"
    return timed(lambda index: match(names[index]), COUNT)
