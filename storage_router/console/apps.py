"""The Django app of the console."""

from __future__ import annotations

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """What ``"storage_router.console"`` in ``INSTALLED_APPS`` means."""

    name = "storage_router.console"
    label = "storage_router_console"
    verbose_name = "Storage router"
    default_auto_field = "django.db.models.BigAutoField"
