"""What a move remembers: one row for the move, one for each range of names. Nothing is remembered of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models

COUNTS = ("copied", "deleted", "same", "changed", "failed", "size")
"""What is counted of a range: files by what has become of them, and the bytes that were copied."""


class Move(models.Model):
    """A route that moves, or has moved, from one backend to another."""

    router = models.CharField(max_length=100, help_text="The alias of the router in STORAGES.")
    route = models.CharField(max_length=400, help_text="The route, as explain prints it.")
    old = models.CharField(max_length=100)
    new = models.CharField(max_length=100)
    began = models.DateTimeField(help_text="When all processes were in the phase 'mirror', as the operator confirmed.")
    verified = models.DateTimeField(null=True, blank=True, help_text="When the last verification ended.")
    differences = models.BigIntegerField(null=True, blank=True, help_text="What the last verification found.")

    if TYPE_CHECKING:
        shards: Any  # the manager of the ranges

    class Meta:
        # Importing the module without the app gives "storage_router" no table.
        app_label = "storage_router_moving"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["router", "route", "old", "new"], name="storage_router_one_move"),
        ]

    def __str__(self) -> str:
        return f"{self.route}: {self.old} to {self.new}"

    @property
    def is_clean(self) -> bool:
        """Whether the last verification found no difference."""
        return self.verified is not None and self.differences == 0

    def totals(self) -> dict[str, int]:
        """Return the sums of all ranges for each of ``COUNTS``."""
        found: dict[str, Any] = self.shards.aggregate(**{name: models.Sum(name) for name in COUNTS})
        return {name: found[name] or 0 for name in COUNTS}


class Shard(models.Model):
    """A range of names: from ``first`` (included) to ``end`` (excluded; empty for no end)."""

    class State(models.TextChoices):
        """What has become of it."""

        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    move = models.ForeignKey(Move, on_delete=models.CASCADE, related_name="shards")
    number = models.PositiveIntegerField()
    first = models.CharField(max_length=1024, blank=True)
    end = models.CharField(max_length=1024, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    lease = models.DateTimeField(null=True, blank=True, help_text="Until when a worker has it; it renews the lease.")
    last_name = models.CharField(max_length=1024, blank=True)
    copied = models.BigIntegerField(default=0)
    deleted = models.BigIntegerField(default=0)
    same = models.BigIntegerField(default=0)
    changed = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0, help_text="Bytes that were copied.")
    errors = models.JSONField(default=list, help_text="The first failures: name and message.")

    class Meta:
        app_label = "storage_router_moving"
        ordering: ClassVar = ["move_id", "number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["move", "number"], name="storage_router_one_shard")]

    def __str__(self) -> str:
        return f"{self.move}, range {self.number}"
