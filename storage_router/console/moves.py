"""What the console shows of moves: how far each is."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import Storage

from storage_router.moving.models import COUNTS, Move, Shard
from storage_router.moving.routes import moving_routes
from storage_router.router import RouterStorage

_MOST = 50
_MOST_ERRORS = 20


def moves(alias: str, storage: Storage) -> list[dict[str, Any]]:
    """Return how far the latest moves of a router are, newest first, after routes that have not begun to copy."""
    phases: dict[tuple[str, str, str], str] = {}
    if isinstance(storage, RouterStorage):
        phases = {(route.name, route.old, route.new): route.phase for route in moving_routes(alias)}
    found = [_progress(move, phases) for move in Move.objects.filter(router=alias).order_by("-began")[:_MOST]]
    known = {(one["move"].route, one["move"].old, one["move"].new) for one in found}
    waiting = [Move(router=alias, route=route, old=old, new=new) for route, old, new in phases.keys() - known]
    return [_progress(move, phases) for move in waiting] + found


def _progress(move: Move, phases: dict[tuple[str, str, str], str]) -> dict[str, Any]:
    shards: list[Any] = list(move.shards.all()) if move.pk else []
    states = [shard.state for shard in shards]
    return {
        "move": move,
        "phase": phases.get((move.route, move.old, move.new), ""),
        "ranges": len(states),
        "done": states.count(Shard.State.DONE),
        "failed": states.count(Shard.State.FAILED),
        "running": states.count(Shard.State.RUNNING),
        "totals": {name: sum(getattr(shard, name) for shard in shards) for name in COUNTS},
        "errors": [error for shard in shards for error in shard.errors][:_MOST_ERRORS],
    }
