"""``manage.py storage_router move``: move the files of a route to another backend, phase by phase (M3)."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from storage_router.management.output import Output

if TYPE_CHECKING:
    from storage_router.moving.models import Move, Shard
    from storage_router.moving.routes import MovingRoute

HELP = "Move the files of a route to another backend. Exit status 1 if something is left to do."

_QUESTION = "Do all processes of the site run with phase = 'mirror' (or a later one)? [y/N] "


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("action", choices=["plan", "start", "status", "verify", "retry", "finish"])
    parser.add_argument("--storage", metavar="ALIAS", default="default", help="The router in STORAGES.")
    parser.add_argument("--route", metavar="ROUTE", help="Which route, where several move: as 'move status' prints it.")
    parser.add_argument("--threads", type=int, default=32, help="Copies at a time.")
    parser.add_argument("--range-size", type=int, default=10_000, help="Files in a range of names.")
    parser.add_argument("--celery", action="store_true", help="Send one task for each range of names to Celery.")
    parser.add_argument("--yes", action="store_true", help="Do not ask.")
    parser.add_argument("--empty-old", action="store_true", help="finish: delete what the old backend still holds.")
    parser.add_argument("--json", action="store_true", help="Print JSON.")


def run(output: Output, options: Mapping[str, Any]) -> int:
    """Do what was asked for."""
    if not apps.is_installed("storage_router.moving"):
        hint = 'Add "storage_router.moving" to INSTALLED_APPS and run migrate.'
        raise CommandError(f"The table of moves is missing. {hint}", returncode=2)
    action: Callable[[], int] = getattr(_Move(output, options), options["action"])
    return action()


class _Move:
    """One run of the command. Each action is a method that returns the exit status."""

    def __init__(self, output: Output, options: Mapping[str, Any]) -> None:
        from storage_router.moving.routes import moving_route

        self.output = output
        self.options = options
        if options["action"] != "finish":
            self.route: MovingRoute = moving_route(options["route"], options["storage"])

    def plan(self) -> int:
        """Say what would be copied and deleted; write nothing."""
        from storage_router.moving.backfill import differs

        counts: Counter[str] = Counter()
        for pair in self.route.files.compared():
            if not differs(pair):
                counts["same"] += 1
            elif pair.left is None:
                counts["to delete"] += 1
            else:
                counts["to copy"] += 1
                counts["bytes"] += pair.left.size
        found = {"route": self.route.name, "from": self.route.old, "to": self.route.new, "phase": self.route.phase}
        self._report(found | {key: counts[key] for key in ("to copy", "bytes", "to delete", "same")})
        return 0

    def start(self) -> int:
        """Copy what is there, after the operator has said that all processes write to both backends."""
        from storage_router.moving import backfill
        from storage_router.moving.models import Move

        if not self.options["yes"] and not _confirmed():
            raise CommandError("Not started. Deploy phase = 'mirror' everywhere, then start the move.", returncode=2)
        move, _ = Move.objects.get_or_create(
            router=self.route.router,
            route=self.route.name,
            old=self.route.old,
            new=self.route.new,
            defaults={"began": timezone.now()},
        )
        backfill.make_shards(move, self.route.files, self.options["range_size"])
        return self._work(move)

    def status(self) -> int:
        """Say how far the move is."""
        move = self._move()
        states: Counter[str] = Counter(move.shards.values_list("state", flat=True))
        verified = "never"
        if move.verified is not None:
            verified = f"{move.verified:%Y-%m-%d %H:%M}, {move.differences} differences"
        failed = move.shards.filter(state="failed")
        self._report(
            {"route": move.route, "from": move.old, "to": move.new, "phase": self.route.phase}
            | {f"ranges {state}": states[state] for state in ("waiting", "running", "done", "failed")}
            | move.totals()
            | {"verified": verified},
            errors=[f"{name}: {error}" for shard in failed for name, error in shard.errors],
        )
        return 0 if set(states) <= {"done"} else 1

    def verify(self) -> int:
        """Compare the two backends and record the result: the phase 'switch' needs a clean one."""
        from storage_router.moving import backfill

        move = self._move()
        names = backfill.verify(move, self.route.files)
        self._report({"route": move.route, "differences": move.differences}, names=names)
        return 0 if move.is_clean else 1

    def retry(self) -> int:
        """Run the ranges again that failed, or in which files changed meanwhile."""
        move = self._move()
        move.shards.filter(state="failed").update(state="waiting", lease=None)
        return self._work(move)

    def finish(self) -> int:
        """Say what the old backend still holds; with ``--empty-old`` delete it, each file compared first."""
        from storage_router.moving import backfill
        from storage_router.moving.routes import finished_move

        move, files = finished_move(self.options["route"], self.options["storage"])
        left = backfill.left_behind(files, delete=self.options["empty_old"], threads=self.options["threads"])
        self._report({"route": move.route, "from": move.old, "to": move.new} | left)
        if self.options["empty_old"] and not left["kept"]:
            move.delete()
            return 0
        if left["left"] and not self.options["json"]:
            self.output.line(f"{move.old} still holds files. Delete them with: move finish --empty-old")
        return 1 if left["left"] or left["kept"] else 0

    def _move(self) -> Move:
        move = self.route.move
        if move is None:
            raise CommandError("The move was not started: manage.py storage_router move start.", returncode=2)
        return move

    def _work(self, move: Move) -> int:
        from storage_router.moving import backfill

        if self.options["celery"]:
            from storage_router.moving.tasks import run_shard

            shards = [shard.pk for shard in backfill.free(move)]
            for shard in shards:
                run_shard.delay(shard, threads=self.options["threads"])
            if self.options["json"]:
                self.output.json({"tasks": len(shards)})
            else:
                self.output.line(f"{len(shards)} tasks were sent. Look at: manage.py storage_router move status")
            return 0
        total = move.shards.count()
        while (shard := backfill.take(move)) is not None:
            backfill.run(shard, self.route.files, threads=self.options["threads"])
            self._progress(shard, total)
        return self.status()

    def _progress(self, shard: Shard, total: int) -> None:
        if not self.options["json"]:
            totals = f"{shard.copied} copied, {shard.deleted} deleted, {shard.failed + shard.changed} failed"
            self.output.line(f"range {shard.number + 1} of {total}: {totals}")

    def _report(self, facts: Mapping[str, Any], **lists: list[str]) -> None:
        if self.options["json"]:
            self.output.json({**facts, **lists})
            return
        self.output.table(("what", "value"), list(facts.items()))
        for line in itertools.chain.from_iterable(lists.values()):
            self.output.line(line)


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        return False
    return input(_QUESTION).strip().lower() in ("y", "yes")
