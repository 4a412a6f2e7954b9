"""The model that puts the console on the admin's index, and whose permission opens it. It has no table."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Console(models.Model):
    """The console. Its one permission is ``storage_router_console.view_console``."""

    class Meta:
        managed = False
        default_permissions: ClassVar = ["view"]
        verbose_name = "console"
        verbose_name_plural = "backends, routes and files"

    def __str__(self) -> str:
        return "the console"
