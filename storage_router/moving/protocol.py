"""The rules of a move, as sequences of single requests.

Each operation is a generator that yields ``Request`` objects and receives their answers, so the same code runs against
real backends (``storage.py``) and against a model that tries all interleavings (``tests/moving/test_protocol.py``).

The answers: ``create`` and ``replace`` give the new ETag, ``create`` None where the name is taken; ``stat`` gives
``Seen``, or None where there is no file; ``delete`` gives whether the condition held (a missing file counts as
deleted); ``copy`` gives the copy's ETag, None where a condition failed or the source is gone. A failed request is an
exception that is thrown into the generator.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Literal

Phase = Literal["mirror", "switch", "settle"]
"""The phases of a move in which a route has two backends. Before them all requests go to the old one, after them to
the new one."""

Side = Literal["old", "new"]

READS: dict[Phase, tuple[Side, ...]] = {"mirror": ("old",), "switch": ("new", "old"), "settle": ("new",)}
"""Which backends a phase reads, the second one only where the first one does not have the file. Listings are merged."""


@dataclass(frozen=True)
class Request:
    """One request to one backend about the name in question."""

    kind: Literal["create", "replace", "stat", "look", "delete", "copy"]
    """``look`` is a ``stat`` that may come at any time later: one listing may answer it for many names, if the listing
    begins after their copies have ended."""

    side: Side
    if_match: str | None = None
    """``replace``, ``delete``: the file's own ETag. ``copy``: the ETag of the source, on the other backend."""

    if_target_match: str | None = None
    """``copy`` only: the ETag that the target has to have; None: the name has to be free."""


@dataclass(frozen=True)
class Seen:
    """What ``stat`` tells: the ETag, which save has written the file (by a marker in its metadata, which a copy keeps;
    None where a backend stores no metadata), and whether that is the save that asks."""

    etag: str
    save: str | None = None
    own: bool = False


Steps = Generator[Request, Any, Any]


def create(phase: Phase, *, raise_mirror_errors: bool = False) -> Steps:
    """Claim the name on both backends, the old one first. Return whether it was free; raises where it must be known.

    A failure on the backend that the phase reads is raised, after the own claim has been released. A failure on the
    other one is raised only with ``raise_mirror_errors``; otherwise the next comparison repairs it, and the failure is
    returned.
    """
    read = READS[phase][0]
    claimed: str | None = None
    failure: Exception | None = None
    try:
        claimed = yield Request("create", "old")
        if claimed is None:
            return False
    except Exception as error:
        yield from _discard("old")
        if read == "old" or raise_mirror_errors:
            raise
        failure = error
    try:
        created = yield Request("create", "new")
    except Exception as error:
        if read == "old" and not raise_mirror_errors:
            return error
        yield from _release(claimed)
        yield from _discard("new")
        raise
    if created is None:
        # The backfill may have copied the claim already: then it is this save's own file.
        seen: Seen | None = yield Request("stat", "new")
        if seen is None or not seen.own:
            yield from _release(claimed)
            # The backfill may have copied the claim since the conflict.
            yield from _discard("new")
            return False
    return failure or True


def overwrite(*, if_match: str | None = None) -> Steps:
    """Write both backends, then look at the old one again. Without the look, two writers could leave them different.

    Whoever wrote the old backend last wins. A writer that comes second on the new backend only replaces what it wrote
    there by what the old backend has, so nobody waits for anybody.
    """
    written: str = yield Request("replace", "old", if_match=if_match)
    mirrored: str = yield Request("replace", "new")
    while True:
        seen: Seen | None = yield Request("stat", "old")
        if seen is None:
            yield Request("delete", "new", if_match=mirrored)
            return True
        if seen.etag == written:
            return True
        copied: str | None = yield Request("copy", "new", if_match=seen.etag, if_target_match=mirrored)
        if copied is not None:
            written, mirrored = seen.etag, copied
            continue
        other: Seen | None = yield Request("stat", "new")
        if other is None or other.etag != mirrored:
            # A later write of the new backend: its writer looks at the old one after that.
            return True


def delete(*, if_match: str | None = None) -> Steps:
    """Delete the file on both backends, the old one first: any other order brings deleted files back.

    The new backend's file stays only if it is a later one, and the old backend has another one by the same save: then
    a save came in between. Return False where ``if_match``, the old backend's ETag, does not hold.
    """
    found: Seen | None = yield Request("stat", "new")
    if not (yield Request("delete", "old", if_match=if_match)):
        return False
    if found is not None and (yield Request("delete", "new", if_match=found.etag)):
        # In the phase switch a comparison may have copied it to the old backend meanwhile.
        copy: Seen | None = yield Request("stat", "old")
        if copy is not None and copy.save is not None and copy.save == found.save:
            yield Request("delete", "old", if_match=copy.etag)
        return True
    while True:
        seen: Seen | None = yield Request("stat", "new")
        if seen is None:
            return True
        other: Seen | None = yield Request("stat", "old")
        if other is not None and other.save == seen.save:
            return True
        if (yield Request("delete", "new", if_match=seen.etag)):
            return True


def backfill(phase: Phase, source: str | None, target: str | None, *, may_be_claim: bool = True) -> Steps:
    """Make both backends have the same file. ``source`` and ``target`` are the ETags of a comparison, of the old and
    the new one; ``may_be_claim`` says whether a save may still be under way that has written the old one.

    Return ``copied``, ``deleted``, ``same`` or ``changed``. ``changed`` means that somebody else was faster and that
    the next comparison has to look again.
    """
    if source is None and phase == "mirror":
        # Saves write the old backend first, so a file that only the new one has was deleted.
        seen: Seen | None = yield Request("stat", "old")
        if seen is not None:
            return "changed"
        deleted = yield Request("delete", "new", if_match=target)
        return "deleted" if deleted else "changed"
    if source is None:
        # It can be read, so it is no file that was deleted: the old backend has failed when it was saved.
        copied = yield Request("copy", "old", if_match=target)
        if copied is None:
            return "changed"
        seen = yield Request("stat", "new")
        if seen is None or seen.etag != target:
            yield Request("delete", "old", if_match=copied)
            return "changed"
        return "copied"
    if target is not None and phase != "mirror" and may_be_claim:
        # What can be read is not replaced by the claim of a save that finds the name taken.
        return "changed"
    copied = yield Request("copy", "new", if_match=source, if_target_match=target)
    if copied is None:
        return "changed"
    seen = yield Request("look", "old")
    if seen is None or seen.etag != source:
        yield Request("delete", "new", if_match=copied)
        return "changed"
    return "copied"


def _release(claimed: str | None) -> Steps:
    if claimed is not None:
        yield Request("delete", "old", if_match=claimed)


def _discard(side: Side) -> Steps:
    """Delete what a failed request may have written all the same."""
    try:
        seen: Seen | None = yield Request("stat", side)
        if seen is not None and seen.own:
            yield Request("delete", side, if_match=seen.etag)
    except Exception:  # noqa: BLE001 - the service does not answer; the comparison finds what is left
        return
