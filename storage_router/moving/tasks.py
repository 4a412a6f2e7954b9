"""Celery tasks of a move: one for each range of names. A killed worker's range is given to another."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from . import backfill
from .models import Shard
from .routes import files_of


@shared_task(  # type: ignore[untyped-decorator]  # Celery has no types
    bind=True,
    acks_late=True,
    reject_on_worker_lost=True,
    ignore_result=True,
    max_retries=None,
    name="storage_router.moving.run_shard",
)
def run_shard(self: Any, shard_id: int, threads: int = 8) -> None:
    """Run a range, unless it is done. Idempotent: run again, it does only what is left.

    Where another worker has the range, the task comes back when that worker's lease has ended.
    """
    shard = Shard.objects.select_related("move").get(pk=shard_id)
    if backfill.claim(shard):
        backfill.run(shard, files_of(shard.move), threads=threads)
    elif shard.state == Shard.State.RUNNING:
        raise self.retry(countdown=backfill.LEASE.total_seconds())
