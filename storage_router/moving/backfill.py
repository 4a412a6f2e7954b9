"""The copying of what was there before a move began, range by range, and its verification."""

from __future__ import annotations

import datetime as dt
import time
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, NamedTuple, TypeVar

from django.core.management.base import CommandError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from storage_router.files import FileStat, FileStore, file_store

from . import protocol
from .comparison import Compared, compared
from .models import COUNTS, Move, Shard
from .protocol import Seen
from .storage import MovingStorage, Requests

LEASE = dt.timedelta(seconds=60)
"""How long a range stays with a worker that says nothing any more. A worker renews it three times as often."""

CLAIM = dt.timedelta(hours=1)
"""After this time no save is under way any more that has written the old backend and not yet the new one."""

ERRORS = 20
"""Failures of a range that are kept with their messages."""

LOOKS = 5000
"""Copies whose sources are looked at with one listing: a page of Azure's."""

LOOK_SECS = 10
"""After this time they are looked at although there are fewer. So long a file that is deleted while it is copied may
be seen on the new backend."""

Item = TypeVar("Item")
Result = TypeVar("Result")

Outcome = tuple[str, str | Exception, int]
"""A name, what was done (``copied``, ``deleted``, ``same``, ``changed``) or the failure, and the bytes of a copy."""

Claims = Callable[[str], bool]
"""Whether the route claims the file of this name (the backends' own)."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """What moves: the two backends, the directory of the route in them, and which names there are the route's."""

    storage: MovingStorage
    directory: str = ""
    claims: Claims = field(default=lambda _: True)

    def listing(self, store: FileStore, first: str = "", end: str = "") -> Iterator[tuple[str, FileStat]]:
        """Yield the route's files from ``first`` on, up to ``end``, in the order of their names."""
        stats: Iterator[FileStat] = store.walk(self.directory, start=first)
        if end:
            stats = takewhile(lambda stat: stat.name < end, stats)
        return ((stat.name, stat) for stat in stats if self.claims(stat.name))

    def compared(self, first: str = "", end: str = "") -> Iterator[Compared[FileStat, FileStat]]:
        """Yield every name of the range with the old backend's file and the new one's."""
        old, new = file_store(self.storage.old), file_store(self.storage.new)
        return compared(self.listing(old, first, end), self.listing(new, first, end))


def differs(pair: Compared[FileStat, FileStat]) -> bool:
    """Return whether a file is missing on one side, or is another one: by size, digest or the save that made it."""
    old, new = pair.left, pair.right
    if old is None or new is None:
        return True
    if old.size != new.size:
        return True
    return any(
        one is not None and other is not None and one != other
        for one, other in ((old.content_md5, new.content_md5), (old.save_id, new.save_id))
    )


def shard_bounds(names: Iterator[str], length: int) -> Iterator[tuple[str, str]]:
    """Yield the first name and the end of each range of ``length`` names. Together they cover all names."""
    first = ""
    for number, name in enumerate(names):
        if number and number % length == 0:
            yield first, name
            first = name
    yield first, ""


def make_shards(move: Move, files: Files, length: int) -> None:
    """Divide the names of the old backend into ranges, unless that was done before."""
    if move.shards.exists():
        return
    names = (name for name, _ in files.listing(file_store(files.storage.old)))
    with transaction.atomic():
        Shard.objects.bulk_create(
            (
                Shard(move=move, number=number, first=first, end=end)
                for number, (first, end) in enumerate(shard_bounds(names, length))
            ),
            batch_size=500,
        )


def require_files(files: Files) -> None:
    """Raise ``CommandError`` where the old backend has no file: what it lacks is deleted from the new one."""
    if next(files.listing(file_store(files.storage.old)), None) is None:
        message = "The old backend has no file of this route, and the new one has. Is its disk mounted on this machine?"
        raise CommandError(f"{message} Nothing was deleted.", returncode=2)


def free(move: Move) -> QuerySet[Shard]:
    """Return the ranges that nobody works on, those of workers included that were killed."""
    abandoned = Q(state=Shard.State.RUNNING, lease__lt=timezone.now())
    found: QuerySet[Shard] = move.shards.filter(Q(state=Shard.State.WAITING) | abandoned).order_by("number")
    return found


def take(move: Move) -> Shard | None:
    """Take a range that nobody works on; None where there is none left."""
    while True:
        shard = free(move).first()
        if shard is None:
            return None
        if claim(shard):
            return shard


def claim(shard: Shard) -> bool:
    """Take the range for this worker. Return whether nobody else has it."""
    now = timezone.now()
    unchanged = Shard.objects.filter(pk=shard.pk, state=shard.state, lease=shard.lease)
    if shard.state == Shard.State.DONE or (shard.state == Shard.State.RUNNING and shard.lease and shard.lease > now):
        return False
    if not unchanged.update(state=Shard.State.RUNNING, lease=now + LEASE):
        return False
    shard.state, shard.lease = Shard.State.RUNNING, now + LEASE
    return True


def run(shard: Shard, files: Files, *, threads: int = 32) -> Shard:
    """Copy what is missing in a range; in the phase *mirror* delete what only the new backend has. Run again, it does
    only what is left.

    The row is brought up to date each third of a lease. Raises ``CommandError`` where everything would be deleted.
    """
    counts: Counter[str] = Counter()
    errors: list[list[str]] = []
    renewed = time.monotonic()
    copies = Copies(files)

    def note(outcomes: Iterable[Outcome]) -> None:
        for name, outcome, size in outcomes:
            shard.last_name = max(shard.last_name, name)
            if isinstance(outcome, Exception):
                if len(errors) < ERRORS:
                    errors.append([name, str(outcome)])
                outcome = "failed"
            counts[outcome] += 1
            counts["size"] += size if outcome == "copied" else 0
        if time.monotonic() > renewed + LEASE.total_seconds() / 3:
            save(timezone.now() + LEASE)

    def save(lease: dt.datetime | None, *others: str) -> None:
        nonlocal renewed
        renewed = time.monotonic()
        for count in COUNTS:
            setattr(shard, count, counts[count])
        shard.errors, shard.lease = errors, lease
        shard.save(update_fields=[*COUNTS, "errors", "last_name", "lease", *others])

    def differing() -> Iterator[Compared[FileStat, FileStat]]:
        may_delete = files.storage.phase != "mirror"
        for pair in files.compared(shard.first, shard.end):
            if differs(pair):
                if pair.left is None and not may_delete:
                    require_files(files)
                    may_delete = True
                yield pair
            else:
                # There may be many of them, and copies do not wait for their end to be looked at.
                note([(pair.name, "same", 0), *copies.looked_at()])

    shard.last_name = ""
    try:
        with ThreadPoolExecutor(threads, thread_name_prefix="storage_router-move") as workers:
            for future in submitted(workers, 2 * threads, copies.settle, differing()):
                while not future.done():
                    # A large file may take longer than the lease.
                    wait([future], timeout=1)
                    note(copies.looked_at())
                note(future.result() + copies.looked_at())
    finally:
        note(copies.looked_at(rest=True))
    shard.state = Shard.State.FAILED if counts["failed"] or counts["changed"] else Shard.State.DONE
    save(None, "state")
    return shard


def submitted(
    workers: ThreadPoolExecutor, most: int, function: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[Future[Result]]:
    """Have the workers call ``function`` with each item, ``most`` at a time; yield the calls in the order of items."""
    under_way: deque[Future[Result]] = deque()
    for item in items:
        if len(under_way) >= most:
            yield under_way.popleft()
        under_way.append(workers.submit(function, item))
    yield from under_way


class Copy(NamedTuple):
    """A file that was copied; the source has not been looked at since."""

    name: str
    size: int
    steps: protocol.Steps


class Copies:
    """Copies of a range. Where a look at a source is a request, one listing looks at many.

    ``settle`` may be called by many threads, ``looked_at`` by one.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._old = file_store(files.storage.old)
        # Elsewhere a look costs little, and a listing reads entire directories.
        self._later = self._old.capabilities.copies
        self._copies: deque[Copy] = deque()
        self._looked = time.monotonic()

    def settle(self, pair: Compared[FileStat, FileStat]) -> list[Outcome]:
        """Make the two files of a name the same; return what has become of it, unless that has to be looked at."""
        storage, source, target = self._files.storage, pair.left, pair.right
        steps = protocol.backfill(
            storage.phase,
            source.etag if source else None,
            target.etag if target else None,
            may_be_claim=source is None or source.modified is None or source.modified > timezone.now() - CLAIM,
        )
        one = source or target
        copy = Copy(pair.name, one.size if one else 0, steps)
        outcome = self._run(copy, Requests(storage, pair.name, source=one), looks=not self._later)
        if outcome is not None:
            return [(copy.name, outcome, copy.size)]
        self._copies.append(copy)
        return []

    def looked_at(self, *, rest: bool = False) -> list[Outcome]:
        """Look at the sources of the copies, if it is time for that, or at the ``rest``; return what has become of
        them."""
        due = rest or len(self._copies) >= LOOKS or time.monotonic() > self._looked + LOOK_SECS
        if not self._copies or not due:
            return []
        copies = sorted(self._copies.popleft() for _ in range(len(self._copies)))
        outcomes: list[Outcome] = []
        try:
            listing = self._files.listing(self._old, copies[0].name)
            for name, copy, found in compared(((copy.name, copy) for copy in copies), listing):
                if copy is not None:
                    seen = Seen(etag=found.etag) if found else None
                    outcome = self._run(copy, Requests(self._files.storage, name), answer=seen)
                    outcomes.append((name, outcome, copy.size))
                if name == copies[-1].name:
                    break
        except Exception as error:  # noqa: BLE001 - the next comparison looks at them
            outcomes += [(copy.name, error, copy.size) for copy in copies[len(outcomes) :]]
        self._looked = time.monotonic()
        return outcomes

    def _run(self, copy: Copy, requests: Requests, **options: Any) -> Any:
        try:
            return self._files.storage.run(copy.steps, requests, **options)
        except Exception as error:  # noqa: BLE001 - one file must not end the others
            return error


def left_behind(files: Files, *, delete: bool = False, threads: int = 32) -> dict[str, int]:
    """Count what the old backend still holds after a move; with ``delete`` delete each file that the new one has, too.

    Return ``left`` (files of the old backend that are not deleted), ``deleted``, and ``kept``: those that the new
    backend does not have, or has with another size or digest and an older time.
    """
    counts = Counter(left=0, deleted=0, kept=0)
    old = file_store(files.storage.old)

    def superseded() -> Iterator[FileStat]:
        for pair in files.compared():
            if pair.left is not None and delete and _is_superseded(pair):
                yield pair.left
            elif pair.left is not None:
                counts["kept" if delete else "left"] += 1

    def remove(file: FileStat) -> None:
        old.delete(file.name, if_match=file.etag)

    with ThreadPoolExecutor(threads, thread_name_prefix="storage_router-move") as workers:
        for future in submitted(workers, 2 * threads, remove, superseded()):
            future.result()
            counts["deleted"] += 1
    return dict(counts)


def _is_superseded(pair: Compared[FileStat, FileStat]) -> bool:
    """Return whether the new backend has the same file, or a later one of the same name."""
    old, new = pair.left, pair.right
    if old is None or new is None:
        return False
    if not differs(pair):
        return True
    return old.modified is not None and new.modified is not None and new.modified > old.modified


def verify(move: Move, files: Files) -> list[str]:
    """Compare the two backends; record when and how many names differ. Return the first of these names.

    A range with such a name counts as failed: ``move retry`` runs it again.
    """
    names: list[str] = []
    count = 0
    # By code points; a database may compare in another order.
    shards = sorted(move.shards.values_list("first", "pk"))
    firsts = [first for first, _ in shards]
    differing: set[int] = set()
    for pair in files.compared():
        if differs(pair):
            count += 1
            differing.update(pk for _, pk in shards[: bisect_right(firsts, pair.name)][-1:])
            if len(names) < ERRORS:
                names.append(pair.name)
    for pk in differing:
        move.shards.filter(pk=pk, state=Shard.State.DONE).update(state=Shard.State.FAILED)
    move.verified, move.differences = timezone.now(), count
    move.save(update_fields=["verified", "differences"])
    return names
