"""Celery tasks of a move: one for each range of names. A killed worker's range is given to another."""

from __future__ import annotations

from celery import shared_task

from . import backfill
from .models import Shard
from .routes import files_of


@shared_task(  # type: ignore[untyped-decorator]  # Celery has no types
    acks_late=True, reject_on_worker_lost=True, ignore_result=True, name="storage_router.moving.run_shard"
)
def run_shard(shard_id: int, threads: int = 8) -> None:
    """Run a range, unless somebody else has it or it is done. Idempotent: run again, it does only what is left."""
    shard = Shard.objects.select_related("move").get(pk=shard_id)
    if backfill.claim(shard):
        backfill.run(shard, files_of(shard.move), threads=threads)
