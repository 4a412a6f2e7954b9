"""M1: all interleavings of the single requests of two and three actors, by the code that real moves run."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from storage_router.moving import protocol
from storage_router.moving.protocol import Request, Seen, Steps

NEIGHBOURS = [("old", "mirror"), ("mirror", "switch"), ("switch", "settle"), ("settle", "done")]
PHASES = ["old", "mirror", "switch", "settle", "done"]


KILLED = "killed"
"""The answer that a killed worker gets: it starts again."""


@dataclass(frozen=True)
class Part:
    """Half of a copy. Between two accounts it is not one step: the source is read, and written afterwards.

    ``taken`` is what was read, None for the first half.
    """

    request: Request
    taken: str | None = None


def in_halves(steps: Steps) -> Steps:
    answer = None
    while True:
        try:
            request = steps.send(answer)
        except StopIteration as stop:
            return stop.value
        if request.kind == "copy":
            answer = yield Part(request)
            if answer is not None and answer != KILLED:
                answer = yield Part(request, answer)
        else:
            answer = yield request
        if answer == KILLED:
            return KILLED


@dataclass
class World:
    """Two backends and one name. A file is its content and its ETag, which is never used again."""

    old: tuple[str, str] | None = None
    new: tuple[str, str] | None = None

    def answer(self, request: Request | Part, content: str, etag: str) -> object:
        """Answer a request of the save of ``content``; what it writes has the given ETag."""
        if isinstance(request, Part):
            condition = request.request
            source, target = (self.old, self.new) if condition.side == "new" else (self.new, self.old)
            if request.taken is None:
                return source[0] if source and source[1] == condition.if_match else None
            if (target and target[1]) != condition.if_target_match:
                return None
            setattr(self, condition.side, (request.taken, etag))
            return etag
        current = getattr(self, request.side)
        if request.kind in ("stat", "look"):
            return current and Seen(etag=current[1], save=current[0], own=current[0] == content)
        if request.kind == "delete":
            if current and request.if_match not in (None, current[1]):
                return False
            setattr(self, request.side, None)
            return True
        if request.kind == "create" and current:
            return None
        if request.if_match not in (None, current and current[1]):
            raise FileNotFoundError
        setattr(self, request.side, (content, etag))
        return etag


@dataclass
class Actor:
    """One process in one phase that does one thing."""

    phase: str
    action: str
    content: str = ""

    def steps(self) -> Steps:
        return (yield from in_halves(self.requests()))

    def requests(self) -> Steps:
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
    """One name of a comparison: two ETags that were read one after the other, then what has to be done.

    The look after the copy comes at any time: it is a listing that looks for a range of names. A worker that is
    ``mortal`` may be killed before each request; then the range is compared again, and what is the same is left alone.
    """

    phase: str = "mirror"
    action: str = "backfill"
    content: str = "backfill"
    mortal: bool = True
    may_be_claim: bool = True

    def steps(self) -> Steps:
        result = yield from in_halves(self.once())
        if result == KILLED:
            result = yield from in_halves(self.once(again=True))
        return result

    def once(self, *, again: bool = False) -> Steps:
        source = yield Request("stat", "old")
        target = yield Request("stat", "new")
        if source is None and target is None:
            return "same"
        if again and source and target and source.save == target.save:
            return "same"
        etags = source and source.etag, target and target.etag
        return (yield from protocol.backfill(self.phase, *etags, may_be_claim=self.may_be_claim))


def histories(start: str, actors: list, check: Callable[[World, list[object]], None]) -> int:
    """Run the actors in every order of their requests; return how many orders there are.

    Orders that lead to the same state go on as one.
    """

    courses: list[tuple[object, ...]] = [()]

    @functools.cache
    def onward(course: int, answer: object) -> int:
        """Return the number of the course that goes on with this answer: numbers are compared faster than answers."""
        courses.append((*courses[course], answer))
        return len(courses) - 1

    @functools.cache
    def after(actor: int, course: int) -> tuple[Request | Part | None, object, bool]:
        """Return the actor's next request after these answers, its result where there is none, and if it may die."""
        steps = actors[actor].steps()
        try:
            request = next(steps)
            for answer in courses[course]:
                request = steps.send(answer)
        except StopIteration as stop:
            return None, stop.value, False
        return request, "running", getattr(actors[actor], "mortal", False) and KILLED not in courses[course]

    @functools.cache
    def count(old: tuple[str, str] | None, new: tuple[str, str] | None, taken: tuple[int, ...]) -> int:
        found = [after(actor, course) for actor, course in enumerate(taken)]
        total = 0
        for actor, (request, _, mortal) in enumerate(found):
            if request is None:
                continue
            world, course = World(old, new), taken[actor]
            answer = world.answer(request, actors[actor].content, f"{actor}.{len(courses[course])}")
            before, behind = taken[:actor], taken[actor + 1 :]
            total += count(world.old, world.new, (*before, onward(course, answer), *behind))
            if mortal:
                total += count(old, new, (*before, onward(course, KILLED), *behind))
        if total == 0:
            check(World(old, new), [result for _, result, _ in found])
            return 1
        return total

    both = start in ("both", "differing")
    old = ("start", "s1") if both or start == "old" else None
    new = ("stale" if start == "differing" else "start", "s2") if both or start == "new" else None
    return count(old, new, (0,) * len(actors))


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


def histories_after(world: World, phase: str = "mirror", **options: bool) -> None:
    steps, answer = Backfill(phase, **options).steps(), None
    for number in itertools.count():
        try:
            answer = world.answer(steps.send(answer), "backfill", f"after {number}")
        except StopIteration:
            return


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


@pytest.mark.parametrize("start", ["old", "differing"])
@pytest.mark.parametrize("phase", ["mirror", "switch", "settle"])
def test_a_range_is_looked_at_after_its_copies_whoever_saves_overwrites_or_deletes_meanwhile(phase, start):
    """The look is one listing for many names. A worker that is killed before it leaves the rest to the next run."""

    def check(world, results):
        if "changed" in results:
            histories_after(world)
        assert (world.old and world.old[0]) == (world.new and world.new[0])
        assert contents(world) <= {"start", "1", "2"}

    for action in ("create", "overwrite", "delete"):
        actors = [Actor(phase, action, "1"), Actor(phase, "delete", "2"), Backfill()]
        assert histories(start, actors, check) > 100


@pytest.mark.parametrize("phase", ["mirror", "switch", "settle"])
@pytest.mark.parametrize("action", ["create", "overwrite", "delete"])
def test_in_switch_what_a_save_has_left_on_the_old_backend_makes_both_the_same(phase, action):
    """As of a save that was killed: nobody works on it any more when the comparison sees it."""

    def check(world, results):
        if "changed" in results:
            histories_after(world, "switch", may_be_claim=False)
        assert (world.old and world.old[0]) == (world.new and world.new[0])
        assert contents(world) == {"create": {"start"}, "overwrite": {"0"}, "delete": set()}[action]

    actors = [Actor(phase, action, "0"), Backfill("switch", mortal=False, may_be_claim=False)]
    assert histories("differing", actors, check) > 5


@pytest.mark.parametrize("phase", ["mirror", "switch", "settle"])
@pytest.mark.parametrize("actions", [("create",), ("overwrite",), ("delete",), ("create", "create"), ("delete",) * 2])
def test_in_switch_a_file_that_only_the_new_backend_has_is_neither_lost_nor_brought_back(phase, actions):
    """A file whose save has failed on the old backend; the comparison copies it there."""

    def check(world, results):
        if "changed" in results:
            histories_after(world, "switch")
        expected = {"create": {"start"}, "overwrite": {"0"}, "delete": set()}[actions[0]]
        assert contents(world) == expected
        assert (world.old and world.old[0]) == (world.new and world.new[0])

    actors = [Actor(phase, action, str(index)) for index, action in enumerate(actions)]
    assert histories("new", [*actors, Backfill(phase="switch", mortal=False)], check) > 10


@pytest.mark.parametrize("look", ["none", "before the copy has ended", "after it"])
def test_the_model_sees_that_a_copy_has_to_be_looked_at_after_it_has_ended(look):
    """A file that is deleted while it is copied would come back."""

    def copying() -> Steps:
        copy = Request("copy", "new", if_match="s1")
        taken = yield Part(copy)
        if taken is None:
            return
        seen = (yield Request("look", "old")) if look == "before the copy has ended" else None
        copied = yield Part(copy, taken)
        if look == "after it":
            seen = yield Request("look", "old")
        if look != "none" and seen is None and copied is not None:
            yield Request("delete", "new", if_match=copied)

    came_back = []
    backfill = Actor("mirror", "backfill")
    backfill.steps = copying
    histories("old", [Actor("mirror", "delete"), backfill], lambda world, _: came_back.extend(contents(world)))
    assert bool(came_back) is (look != "after it")
