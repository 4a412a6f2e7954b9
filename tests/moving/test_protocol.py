"""M1: all interleavings of the single requests of two and three actors, by the code that real moves run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from storage_router.moving import protocol
from storage_router.moving.protocol import Request, Seen, Steps

NEIGHBOURS = [("old", "mirror"), ("mirror", "switch"), ("switch", "settle"), ("settle", "done")]
PHASES = ["old", "mirror", "switch", "settle", "done"]


@dataclass
class World:
    """Two backends and one name. A file is its content and its ETag, which is never used again."""

    old: tuple[str, str] | None = None
    new: tuple[str, str] | None = None
    etags: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def answer(self, request: Request, content: str) -> object:
        current = getattr(self, request.side)
        if request.kind == "stat":
            return current and Seen(etag=current[1], save=current[0], own=current[0] == content)
        if request.kind == "delete":
            if current and request.if_match not in (None, current[1]):
                return False
            setattr(self, request.side, None)
            return True
        if request.kind == "copy":
            source = self.old
            if source is None or source[1] != request.if_match or (current and current[1]) != request.if_target_match:
                return None
            content = source[0]
        elif request.kind == "create" and current:
            return None
        elif request.if_match not in (None, current and current[1]):
            raise FileNotFoundError
        etag = str(next(self.etags))
        setattr(self, request.side, (content, etag))
        return etag


@dataclass
class Actor:
    """One process in one phase that does one thing."""

    phase: str
    action: str
    content: str = ""

    def steps(self) -> Steps:
        phase, action = self.phase, self.action
        if phase in ("old", "done"):
            side = "old" if phase == "old" else "new"
            kind = {"create": "create", "overwrite": "replace", "delete": "delete"}[action]
            return (yield Request(kind, side)) is not None
        if action == "create":
            return (yield from protocol.create(phase))
        if action == "overwrite":
            return (yield from protocol.overwrite())
        return (yield from protocol.delete())


@dataclass
class Backfill:
    """One name of a comparison: two ETags that were read one after the other, then what has to be done."""

    phase: str = "mirror"
    action: str = "backfill"
    content: str = "backfill"

    def steps(self) -> Steps:
        source = yield Request("stat", "old")
        target = yield Request("stat", "new")
        if source is None and target is None:
            return "same"
        return (yield from protocol.backfill(source and source.etag, target and target.etag))


def histories(start: str, actors: list, check: Callable[[World, list[object]], None]) -> int:
    """Run the actors in every order of their requests; return in how many."""
    count = 0
    pending: list[tuple[int, ...]] = [()]
    while pending:
        schedule = pending.pop()
        world = World()
        if start in ("old", "both"):
            world.old = ("start", "s1")
        if start in ("both", "new"):
            world.new = ("start", "s2")
        generators = [actor.steps() for actor in actors]
        results: list[object] = ["running"] * len(actors)
        waiting = [advance(generator, None, results, index) for index, generator in enumerate(generators)]
        for step in range(1000):
            ready = [index for index, request in enumerate(waiting) if request is not None]
            if not ready:
                break
            if step < len(schedule):
                chosen = schedule[step]
            else:
                chosen = ready[0]
                pending += [(*schedule, other) for other in ready[1:]]
                schedule = (*schedule, chosen)
            answer = world.answer(waiting[chosen], actors[chosen].content)
            waiting[chosen] = advance(generators[chosen], answer, results, chosen)
        count += 1
        check(world, results)
    return count


def advance(generator: Steps, answer: object, results: list[object], index: int) -> Request | None:
    try:
        return generator.send(answer)
    except StopIteration as stop:
        results[index] = stop.value
        return None


def reads(world: World, phase: str) -> str | None:
    sides = {"old": ("old",), "done": ("new",)}.get(phase) or protocol.READS[phase]
    found = next((file for side in sides if (file := getattr(world, side))), None)
    return found and found[0]


def contents(world: World) -> set[str]:
    return {file[0] for file in (world.old, world.new) if file}


@pytest.mark.parametrize("pair", NEIGHBOURS)
def test_two_saves_of_a_free_name_give_it_to_one_of_them(pair):
    """Nothing is lost or doubled, whichever of two neighbouring phases the processes are in."""

    def check(world, results):
        winners = [actor.content for actor, won in zip(actors, results, strict=True) if won]
        assert len(winners) <= 1
        assert contents(world) <= set(winners)
        for content in winners:
            assert {reads(world, phase) for phase in pair} == {content}

    for phases in itertools.product(pair, repeat=2):
        actors = [Actor(phase, "create", str(index)) for index, phase in enumerate(phases)]
        assert histories("absent", actors, check) >= 2


@pytest.mark.parametrize("pair", NEIGHBOURS[1:3])
def test_two_saves_and_the_backfill(pair):
    def check(world, results):
        winners = [actor.content for actor, won in zip(actors[:2], results, strict=False) if won]
        assert len(winners) <= 1
        assert contents(world) <= set(winners)
        for content in winners:
            assert {reads(world, phase) for phase in pair} == {content}

    for phases in itertools.product(pair, repeat=2):
        actors = [Actor(phase, "create", str(index)) for index, phase in enumerate(phases)] + [Backfill()]
        assert histories("absent", actors, check) > 90


@pytest.mark.parametrize(
    ("pair", "start"),
    [
        (pair, start)
        for pair in NEIGHBOURS
        for start in ("both", "old", "new")
        if not (start == "old" and "done" in pair) and not (start == "new" and "old" in pair)
    ],
)
def test_a_deleted_file_does_not_come_back(pair, start):
    """The backfill and a reader's phase do not matter; what a process that reads one side deletes is gone there."""

    def check(world, _):
        assert reads(world, actors[0].phase) is None
        if "old" not in pair and "done" not in pair:
            assert contents(world) == set()

    for phase in pair:
        actors = [Actor(phase, "delete")]
        if not {"old", "done"} & set(pair):
            actors.append(Backfill())
        histories(start, actors, check)
        actors.append(Actor(pair[0], "delete"))
        histories(start, actors, check)


@pytest.mark.parametrize("phase", ["mirror", "switch", "settle"])
@pytest.mark.parametrize("other", ["overwrite", "backfill", "delete"])
def test_overwriting_saves_leave_both_backends_the_same(phase, other):
    def check(world, results):
        if "changed" in results:
            # The comparison looks again at this name.
            histories_after(world)
        assert (world.old and world.old[0]) == (world.new and world.new[0])
        if other != "delete":
            assert reads(world, phase) in {"1", "2"}

    for start in ("both", "old") if phase != "settle" else ("both",):
        actors = [Actor(phase, "overwrite", "1")]
        actors.append(Backfill() if other == "backfill" else Actor(phase, other, "2"))
        histories(start, actors, check)


def histories_after(world: World) -> None:
    steps = Backfill().steps()
    answer: object = None
    try:
        while True:
            answer = world.answer(steps.send(answer), "backfill")
    except StopIteration:
        pass


@pytest.mark.slow
def test_a_save_a_delete_and_the_backfill_end_with_both_backends_the_same():
    def check(world, results):
        if "changed" in results:
            histories_after(world)
        assert (world.old and world.old[0]) == (world.new and world.new[0])
        if results[0] is True:
            assert contents(world) == {"1"}

    total = 0
    for phase, start in itertools.product(("mirror", "switch", "settle"), ("both", "old")):
        if (phase, start) == ("settle", "old"):
            continue
        actors = [Actor(phase, "create", "1"), Actor(phase, "delete"), Backfill()]
        total += histories(start, actors, check)
    assert total > 1_000


@pytest.mark.parametrize(
    ("claims", "loses"),
    [(["new"], True), (["new", "old"], True), (["old", "new"], False)],
)
def test_the_model_sees_what_is_wrong_with_the_protocols_that_were_rejected(claims, loses):
    """A claim where one reads, and only there, loses a file between neighbours: the model is able to say so."""

    def claiming() -> Steps:
        for side in claims:
            if (yield Request("create", side)) is None:
                return False
        return True

    lost = []

    def check(world, results):
        winners = [str(index) for index, won in enumerate(results) if won is True]
        if (
            len(winners) == 2
            or not contents(world) <= set(winners)
            or any(reads(world, phase) != winners[0] for phase in ("mirror", "switch") if winners)
        ):
            lost.append(results)

    mirror, other = Actor("mirror", "create", "0"), Actor("switch", "create", "1")
    other.steps = claiming
    histories("absent", [mirror, other], check)
    assert bool(lost) is loses
