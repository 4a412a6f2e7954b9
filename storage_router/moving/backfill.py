"""The copying of what was there before a move began, range by range, and its verification."""

from __future__ import annotations

import datetime as dt
import time
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import takewhile

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from storage_router.files import FileStat, FileStore, file_store

from . import protocol
from .comparison import Compared, compared
from .models import Move, Shard
from .storage import MovingStorage, Requests

LEASE = dt.timedelta(seconds=60)
"""How long a range stays with a worker that says nothing any more. A worker renews it three times as often."""

ERRORS = 20
"""Failures of a range that are kept with their messages."""

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


def make_shards(move: Move, files: Files, length: int) -> int:
    """Divide the names of the old backend into ranges, unless that was done before. Return how many there are."""
    count: int = move.shards.count()
    if count:
        return count
    names = (name for name, _ in files.listing(file_store(files.storage.old)))
    with transaction.atomic():
        Shard.objects.bulk_create(
            (
                Shard(move=move, number=number, first=first, end=end)
                for number, (first, end) in enumerate(shard_bounds(names, length))
            ),
            batch_size=500,
        )
    return int(move.shards.count())


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


def run(
    shard: Shard, files: Files, *, threads: int = 32, progress: Callable[[str, int], object] = lambda *_: None
) -> Shard:
    """Copy what is missing in a range, and delete what only the new backend has. Run again, it does only what is left.

    ``progress`` is called with each outcome (``copied``, ``deleted``, ``same``, ``changed``, ``failed``) and its bytes.
    """
    counts: Counter[str] = Counter()
    size = 0
    errors: list[list[str]] = []
    last = ""
    renewed = time.monotonic()

    def note(name: str, outcome: str | Exception, length: int) -> None:
        nonlocal size, last
        last = name
        if isinstance(outcome, Exception):
            if len(errors) < ERRORS:
                errors.append([name, str(outcome)])
            outcome = "failed"
        counts[outcome] += 1
        moved = length if outcome == "copied" else 0
        size += moved
        progress(outcome, moved)
        renew()

    def renew() -> None:
        nonlocal renewed
        if time.monotonic() > renewed + LEASE.total_seconds() / 3:
            renewed = time.monotonic()
            Shard.objects.filter(pk=shard.pk).update(lease=timezone.now() + LEASE, last_name=last)

    def finish(pair: Compared[FileStat, FileStat], future: Future[str | Exception]) -> None:
        while not future.done():
            # A large file may take longer than the lease.
            wait([future], timeout=1)
            renew()
        note(pair.name, future.result(), pair.left.size if pair.left else 0)

    with ThreadPoolExecutor(threads, thread_name_prefix="storage_router-move") as workers:
        under_way: deque[tuple[Compared[FileStat, FileStat], Future[str | Exception]]] = deque()
        for pair in files.compared(shard.first, shard.end):
            if not differs(pair):
                note(pair.name, "same", 0)
                continue
            if len(under_way) >= 2 * threads:
                finish(*under_way.popleft())
            under_way.append((pair, workers.submit(settle, files.storage, pair)))
        while under_way:
            finish(*under_way.popleft())
    for outcome in ("copied", "deleted", "same", "changed", "failed"):
        setattr(shard, outcome, counts[outcome])
    shard.size, shard.errors, shard.last_name, shard.lease = size, errors, last, None
    shard.state = Shard.State.FAILED if counts["failed"] or counts["changed"] else Shard.State.DONE
    shard.save()
    return shard


def settle(storage: MovingStorage, pair: Compared[FileStat, FileStat]) -> str | Exception:
    """Make the new backend's file what the old one's is; return what was done, or the failure."""
    source, target = pair.left, pair.right
    try:
        steps = protocol.backfill(source.etag if source else None, target.etag if target else None)
        return str(storage.run(steps, Requests(storage, pair.name, source=source)))
    except Exception as error:  # noqa: BLE001 - one file must not end the others
        return error


def left_behind(files: Files, *, delete: bool = False, threads: int = 32) -> dict[str, int]:
    """Count what the old backend still holds after a move; with ``delete`` delete each file that the new one has, too.

    Return ``left`` (files of the old backend that are not deleted), ``deleted``, and ``kept``: those that the new
    backend does not have, or has with another size or digest and an older time.
    """
    counts = Counter(left=0, deleted=0, kept=0)
    old = file_store(files.storage.old)

    def remove(pair: Compared[FileStat, FileStat]) -> str:
        assert pair.left is not None
        old.delete(pair.name, if_match=pair.left.etag)
        return "deleted"

    with ThreadPoolExecutor(threads, thread_name_prefix="storage_router-move") as workers:
        under_way: deque[Future[str]] = deque()
        for pair in files.compared():
            if pair.left is None:
                continue
            if not delete or not _is_superseded(pair):
                counts["kept" if delete else "left"] += 1
                continue
            if len(under_way) >= 2 * threads:
                counts[under_way.popleft().result()] += 1
            under_way.append(workers.submit(remove, pair))
        for future in under_way:
            counts[future.result()] += 1
    return dict(counts)


def _is_superseded(pair: Compared[FileStat, FileStat]) -> bool:
    """Return whether the new backend has the same file, or a later one of the same name."""
    old, new = pair.left, pair.right
    if old is None or new is None:
        return False
    if not differs(pair):
        return True
    return old.modified is not None and new.modified is not None and new.modified > old.modified


def verify(move: Move, files: Files, *, progress: Callable[[str], object] = lambda _: None) -> list[str]:
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
        different = differs(pair)
        progress("different" if different else "same")
        if different:
            count += 1
            differing.update(pk for _, pk in shards[: bisect_right(firsts, pair.name)][-1:])
            if len(names) < ERRORS:
                names.append(pair.name)
    for pk in differing:
        move.shards.filter(pk=pk, state=Shard.State.DONE).update(state=Shard.State.FAILED)
    move.verified, move.differences = timezone.now(), count
    move.save(update_fields=["verified", "differences"])
    return names
