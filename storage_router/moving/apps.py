"""The Django app of moves: its table, its tasks."""

from __future__ import annotations

from django.apps import AppConfig


class MovingConfig(AppConfig):
    """What ``"storage_router.moving"`` in ``INSTALLED_APPS`` means."""

    name = "storage_router.moving"
    label = "storage_router_moving"
    verbose_name = "Storage router: moves"
    default_auto_field = "django.db.models.BigAutoField"
