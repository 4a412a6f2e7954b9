"""``manage.py storage_router move``, ``orphans``, ``dangling`` and ``inventory`` (M3, M4)."""

from __future__ import annotations

import datetime as dt
import itertools
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.apps import apps
from django.utils import timezone

from storage_router.management.subcommand import JSON, STORAGE, Arguments, Subcommand, age, unusable

from . import backfill, orphans
from .models import Move, Shard
from .routes import finished_move, moving_route, require_copying

_QUESTION = "Do all processes of the site run with phase = 'mirror' (or a later one)? [y/N] "
ALSO: Arguments = {
    "--also": {"metavar": "APP.MODEL.FIELD", "action": "append", "default": [], "help": "A column with names."}
}


class MoveFiles(Subcommand):
    """Moves the files of a route. Each action is a method that returns the exit status."""

    help = "Move the files of a route to another backend. Exit status 1 if something is left to do."
    arguments: ClassVar = {
        **STORAGE,
        "action": {"choices": ["plan", "start", "status", "verify", "retry", "finish"]},
        "--route": {"metavar": "ROUTE", "help": "Which route, where several move: as 'move status' prints it."},
        "--threads": {"type": int, "default": 32, "help": "Copies at a time."},
        "--range-size": {"type": int, "default": 10_000, "help": "Files in a range of names."},
        "--celery": {"action": "store_true", "help": "Send one task for each range of names to Celery."},
        "--yes": {"action": "store_true", "help": "Do not ask."},
        "--empty-old": {"action": "store_true", "help": "finish: delete what the old backend still holds."},
        **JSON,
    }

    def run(self) -> int:
        if not apps.is_installed("storage_router.moving"):
            hint = 'Add "storage_router.moving" to INSTALLED_APPS and run migrate.'
            raise unusable(f"The table of moves is missing. {hint}")
        self.alias = self.options["storage"] or "default"
        if self.options["action"] != "finish":
            self.route = moving_route(self.options["route"], self.alias)
        action: Callable[[], int] = getattr(self, self.options["action"])
        return action()

    def plan(self) -> int:
        """Say what would be copied and deleted; write nothing."""
        counts: Counter[str] = Counter()
        for pair in self.route.files.compared():
            one = pair.left or pair.right
            if not backfill.differs(pair) or one is None:
                counts["same"] += 1
            elif pair.left is None and self.route.phase == "mirror":
                counts["to delete"] += 1
            else:
                counts["to copy"] += 1
                counts["bytes"] += one.size
        found = {"route": self.route.name, "from": self.route.old, "to": self.route.new, "phase": self.route.phase}
        self._report(found | {key: counts[key] for key in ("to copy", "bytes", "to delete", "same")})
        return 0

    def start(self) -> int:
        """Copy what is there, after the operator has said that all processes write to both backends."""
        require_copying(self.route.phase)
        confirmed = self.options["yes"] or (sys.stdin.isatty() and input(_QUESTION).strip().lower() in ("y", "yes"))
        if not confirmed:
            raise unusable("Not started. Deploy phase = 'mirror' everywhere, then start the move.")
        move, _ = Move.objects.get_or_create(
            router=self.route.router,
            route=self.route.name,
            old=self.route.old,
            new=self.route.new,
            defaults={"began": timezone.now()},
        )
        if self.route.phase == "mirror":
            # After a move that was taken back files may be missing that were there when it was verified.
            move.began, move.verified, move.differences = timezone.now(), None, None
            move.save()
        backfill.make_shards(move, self.route.files, self.options["range_size"])
        if not move.shards.exclude(state=Shard.State.DONE).exists():
            move.shards.update(state=Shard.State.WAITING, lease=None)
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
        move = self._move()
        names = backfill.verify(move, self.route.files)
        self._report({"route": move.route, "differences": move.differences}, names=names)
        return 0 if move.is_clean else 1

    def retry(self) -> int:
        """Run the ranges again that failed, or in which files changed meanwhile."""
        require_copying(self.route.phase)
        move = self._move()
        move.shards.filter(state="failed").update(state="waiting", lease=None)
        return self._work(move)

    def finish(self) -> int:
        """Say what the old backend still holds; with ``--empty-old`` delete it, each file compared first."""
        move, files = finished_move(self.options["route"], self.alias)
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
            raise unusable("The move was not started: manage.py storage_router move start.")
        return move

    def _work(self, move: Move) -> int:
        if self.options["celery"]:
            from .tasks import run_shard

            shards = [shard.pk for shard in backfill.free(move)]
            for shard in shards:
                run_shard.delay(shard, threads=self.options["threads"])
            sent = f"{len(shards)} tasks were sent. Look at: manage.py storage_router move status"
            self.show({"tasks": len(shards)}, sent)
            return 0
        total = move.shards.count()
        while (shard := backfill.take(move)) is not None:
            backfill.run(shard, self.route.files, threads=self.options["threads"])
            if not self.options["json"]:
                totals = f"{shard.copied} copied, {shard.deleted} deleted, {shard.failed + shard.changed} failed"
                self.output.line(f"range {shard.number + 1} of {total}: {totals}")
        return self.status()

    def _report(self, facts: Mapping[str, Any], **lists: list[str]) -> None:
        if self.options["json"]:
            self.output.json({**facts, **lists})
            return
        self.output.table(("what", "value"), list(facts.items()))
        for line in itertools.chain.from_iterable(lists.values()):
            self.output.line(line)


class Orphans(Subcommand):
    """Looks for orphans; deletes them where a report is given."""

    help = "List the files that no row of the database names; delete those that an earlier report has, too."
    arguments: ClassVar = {
        **STORAGE,
        "--older-than": {"metavar": "AGE", "default": "7d", "help": "Leave younger files out. Default: 7d."},
        **ALSO,
        "--report": {"metavar": "FILE", "help": "Write what was found, for a later --delete."},
        "--delete": {"metavar": "FILE", "help": "Delete what this report names and is still an orphan."},
        "--at-most": {"metavar": "N", "type": int, "help": "Delete up to so many. Default: 5 %% of the files."},
        "--no-trash": {"action": "store_true", "help": "Delete at once, without a copy in the trash."},
        **JSON,
    }

    def run(self) -> int:
        router, options = self.router, self.options
        if any(route.phase is not None for route in router.configuration.document.routes):
            raise unusable("A route moves: files are on two backends now. Finish the move first.")
        earlier = None if options["delete"] is None else orphans.Report.read(options["delete"])
        older_than = dt.timedelta(seconds=age(options["older_than"]))
        found = orphans.search(router, orphans.columns(router, options["also"]), older_than=older_than)
        if options["report"]:
            found.write(options["report"])
        if earlier is not None:
            trash = not options["no_trash"]
            deleted, changed = orphans.delete(router, earlier, found, at_most=options["at_most"], trash=trash)
            done = f"{deleted} files were deleted; {changed} had changed and were kept."
            self.show({"deleted": deleted, "changed": changed}, done)
            return 0
        summary = f"{len(found.orphans)} of {found.files} files are named by none of {found.rows} rows."
        facts = {"rows": found.rows, "files": found.files, "orphans": list(found.orphans)}
        self.show(facts, *found.orphans, summary)
        return 1 if found.orphans else 0


class Dangling(Subcommand):
    """Compares the database with one listing."""

    help = "List the names in the database whose file does not exist. Exit status 1 if there are any."
    arguments: ClassVar = {
        **STORAGE,
        **ALSO,
        **JSON,
    }

    def run(self) -> int:
        columns = orphans.columns(self.router, self.options["also"])
        found = [(name, str(column)) for name, column in orphans.dangling(self.router, columns)]
        self.show_rows(("name", "column"), found)
        return 1 if found else 0


class Inventory(Subcommand):
    """Walks through one listing, in constant memory."""

    help = "Count the files and their bytes, by first directory, backend and access tier."
    arguments: ClassVar = {
        **STORAGE,
        "path": {"nargs": "?", "default": "", "help": "Only what is below this directory."},
        **JSON,
    }

    def run(self) -> int:
        path = self.options["path"].strip("/")
        start = len(path) + 1 if path else 0
        files: Counter[tuple[str, str, str]] = Counter()
        size: Counter[tuple[str, str, str]] = Counter()
        for stat in self.router.walk(self.options["path"]):
            directory, slash, _ = stat.name[start:].partition("/")
            alias = self.router.table.match(stat.name).alias
            key = (directory + slash if slash else "", alias, stat.access_tier or "")
            files[key] += 1
            size[key] += stat.size
        rows = [(*key, files[key], size[key]) for key in sorted(files)]
        self.show_rows(("directory", "backend", "tier", "files", "bytes"), rows)
        return 0
