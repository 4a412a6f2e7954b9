"""The rows: what is measured, who takes part, and what is held against what."""

from __future__ import annotations

from dataclasses import dataclass

FAR = 0.010
"""Seconds that the latency proxy adds to a round trip."""

MEMORY = 64 * 2**20
"""What the contract allows 1 GiB to add to a process, in bytes."""

DELIVERY_MEMORY = 16 * 2**20
"""What the contract allows 1 GiB to add to a process that delivers it."""

LOOP_WAIT = 0.005
"""What an event loop may wait, in seconds: as long as Python lets a thread run before another one gets its turn."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A bound on a ratio of times, of the processor's with ``figure="cpu"``: ``other``'s to ours with ``times_faster``,
    else ours to ``other``'s.

    Without ``other`` it is an upper bound on one of our figures. Where the names of several contenders begin with
    ``other``, the fastest of them counts.
    """

    bound: float
    figure: str = "seconds"
    other: str = ""
    times_faster: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """``work`` is a function in the package ``work``. ``server`` is ``azurite``, ``stub`` or nothing; with
    ``round_trip`` (seconds) a proxy stands before it; with ``fresh`` each measurement has an Azurite of its own.
    ``floor`` says what the contender of that name does. ``detail`` keeps a row off the
    documentation's page unless it misses a goal.
    """

    name: str
    work: str
    others: tuple[str, ...] = ("django-storages",)
    floor: str = ""
    server: str = ""
    round_trip: float = 0.0
    fresh: bool = False
    rounds: int = 5
    goals: tuple[Goal, ...] = ()
    detail: bool = False

    @property
    def contenders(self) -> list[str]:
        """Who takes part, ours first."""
        return ["ours", *self.others, *(["floor"] if self.floor else [])]


def _times_faster(bound: float) -> Goal:
    return Goal(bound=bound, other="django-storages", times_faster=True)


def _of_the_time(bound: float, other: str) -> Goal:
    return Goal(bound=bound, other=other)


_PROCESSOR = (Goal(bound=0.30e-3, figure="cpu"), Goal(bound=2.5, figure="cpu", other="floor"))


def _at_most(bound: float, figure: str = "seconds") -> Goal:
    return Goal(bound=bound, figure=figure)


_SDK = ("SDK, connections: 1", "SDK, connections: 2", "SDK, connections: 4", "SDK, connections: 8")

_OURS_4 = "ours, connections: 4"

_FAR_AND_NEAR = (("", 0.0), (", 10 ms", FAR))

ROWS = (
    Row(
        name="url signed, distinct names", work="urls.distinct", floor="HMAC and string",
        goals=(_times_faster(30), _of_the_time(3, "floor")),
    ),
    Row(name="url signed, again", work="urls.again", goals=(_times_faster(100),)),
    Row(name="url unsigned", work="urls.unsigned", goals=(_times_faster(100),)),
    Row(name="url signed, user delegation key", work="urls.delegated", others=(), floor="HMAC and string", detail=True),
    Row(
        name="routing, 3 routes", work="routes.three", others=(), floor="dict look-up", detail=True,
        goals=(_at_most(1.5e-6),),
    ),
    Row(
        name="routing, 10,000 routes", work="routes.ten_thousand", others=(), floor="dict look-up", detail=True,
        goals=(_at_most(2.5e-6),),
    ),
    Row(name="routing, compiling 10,000 routes", work="routes.compiled", others=(), rounds=3, detail=True),
    Row(
        name="import, 3 backends, 1,000 signed URLs", work="processes.signing", rounds=5,
        others=(
            "django-storages", "Django and pydantic", "ours, the models", "ours, and loading", "ours, but the URLs",
        ),
        floor="bare Django",
        goals=(_of_the_time(1.2, "Django and pydantic"),),
    ),
    Row(name="gunicorn, first answer", work="processes.gunicorn", floor="bare Django"),
    Row(name="admin list page, 100 pictures", work="pages.admin_list", floor="unsigned URLs"),
    Row(
        name="save 10 kB, 10 ms", work="small_files.save", floor="one PUT", server="azurite", round_trip=FAR,
        goals=(_at_most(1, "requests"), _of_the_time(0.5, "django-storages"), _of_the_time(1.04, "floor")),
    ),
    Row(
        name="save 10 kB, Azurite", work="small_files.save", floor="one PUT", server="azurite", detail=True,
        goals=(_at_most(1, "requests"),),
    ),
    Row(name="save 10 kB, stub", work="small_files.save", floor="one PUT", server="stub", goals=_PROCESSOR),
    Row(name="open and read 10 kB, 10 ms", work="small_files.read", floor="one GET", server="azurite", round_trip=FAR),
    Row(name="open and read 10 kB, stub", work="small_files.read", floor="one GET", server="stub", goals=_PROCESSOR),
    Row(name="32 threads save 10 kB, stub", work="small_files.save_in_threads", server="stub", rounds=3, detail=True),
    Row(name="32 threads read 10 kB, stub", work="small_files.read_in_threads", server="stub", rounds=3, detail=True),
    *(
        Row(
            name=f"loop's wait, async views, {name}", work=f"event_loop.{work}", server="stub", round_trip=delay,
            floor="to_thread, http.client", rounds=3, goals=goals, detail=work != "steady",
        )
        for name, work, delay, goals in (
            ("10 ms", "steady", FAR, (_at_most(LOOP_WAIT), _of_the_time(2, "floor"))),
            ("uvicorn, 10 ms", "uvicorn", FAR, (_at_most(LOOP_WAIT), _of_the_time(2, "floor"))),
            ("16 at once", "saturated", 0.0, ()),
        )
    ),
    Row(
        name="first 100 bytes of 1 GiB", work="large_files.first_bytes", floor="one GET", server="stub", rounds=3,
        goals=(_at_most(1, "requests"),),
    ),
    Row(
        name="1 GiB up", work="large_files.up", others=(_OURS_4, *_SDK, "django-storages"), server="stub", rounds=3,
        goals=(_of_the_time(1.0, "SDK"), _at_most(MEMORY, "memory")),
    ),
    *(
        Row(
            name=f"1 GiB {words}", work=f"large_files.{work}", others=(), server="stub", rounds=1,
            goals=(_at_most(MEMORY, "memory"),), detail=True,
        )
        for words, work in (("up, from a stream", "up_as_a_stream"), ("appended to", "append"), ("by lines", "lines"))
    ),
    Row(
        name="1 GiB down", work="large_files.down", others=(*_SDK, "django-storages"), server="stub", rounds=3,
        goals=(_of_the_time(1.0, "SDK"), _at_most(MEMORY, "memory")),
    ),
    Row(name="256 MiB by one read()", work="large_files.whole", others=_SDK, server="stub", rounds=3, detail=True),
    *(
        Row(
            name=f"private file of 1 GiB, {interface.upper()}", work=f"delivery.{interface}",
            others=("storage.open()",), server="stub", rounds=3,
            goals=(_of_the_time(1.25, "storage.open()"), _at_most(DELIVERY_MEMORY, "memory")),
        )
        for interface in ("wsgi", "asgi")
    ),
    Row(
        name="private file, first bytes, 10 ms", work="delivery.first_byte", others=(), floor="one GET",
        server="stub", round_trip=FAR, rounds=3, goals=(_of_the_time(2, "floor"),),
    ),
    Row(
        name="url of a private file", work="delivery.url", detail=True,
        others=("one quote()", "one quote(), the routing", "one quote(), the routing, Django's prefixes"),
        goals=(_of_the_time(2, "one quote(), the routing, Django's prefixes"),),
    ),
    Row(name="listing 10,000 files", work="listings.ten_thousand", server="stub", rounds=3, detail=True),
    Row(
        name="listing 100,000 files", work="listings.hundred_thousand", server="stub", rounds=3, floor="obstore's",
        goals=(_of_the_time(3, "floor"), _at_most(MEMORY / 2, "memory")),
    ),
    Row(
        name="comparing two containers of 10^6 files", work="listings.compared", others=(), server="stub", rounds=1,
        detail=True, floor="two listings", goals=(_of_the_time(1.3, "floor"), _at_most(MEMORY, "memory")),
    ),
    Row(
        name="moving 10,000 files to another account", work="moving.ten_thousand", others=(), server="azurite",
        fresh=True, rounds=1, floor="Copy Blob, 32 at once", goals=(_of_the_time(1.3, "floor"),),
    ),
    *(
        Row(
            name=f"collectstatic, first run{words}", work="static_files.first_run", server="azurite", rounds=1,
            round_trip=delay, fresh=True, floor="obstore, 32 at once",
            goals=(_times_faster(8), _of_the_time(1.3, "floor")) if delay else (), detail=not delay,
        )
        for words, delay in reversed(_FAR_AND_NEAR)
    ),
    *(
        Row(
            name=f"collectstatic, nothing changed{words}", work="static_files.nothing_changed", server="azurite",
            rounds=1, round_trip=delay, fresh=True,
            goals=(_times_faster(25), _at_most(1, "requests")) if delay else (_at_most(1, "requests"),),
            detail=not delay,
        )
        for words, delay in reversed(_FAR_AND_NEAR)
    ),
    Row(
        name="telemetry without a subscriber", work="telemetry.unheard", others=(), detail=True,
        goals=(_at_most(1e-6, "cpu"),),
    ),
    Row(name="router: url signed", work="layers.url", others=("through the router",), detail=True),
    *(
        Row(
            name=f"router: {name}", work=f"layers.{name}", others=("through the router",), server="stub", rounds=3,
            detail=True,
        )
        for name in ("save", "open_and_read", "exists", "size", "get_modified_time", "delete", "listdir")
    ),
)  # fmt: skip
"""All of them. The goals are those of section 9 of the contract."""
