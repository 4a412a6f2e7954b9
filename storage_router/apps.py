"""The Django app: checks, and the refusal to start with a bad configuration."""

from __future__ import annotations

import logging

from django.apps import AppConfig
from django.conf import settings

from .conf.startup import management_command, reports_problems_itself
from .exceptions import ConfigurationError

logger = logging.getLogger("storage_router")


class StorageRouterConfig(AppConfig):
    """What ``"storage_router"`` in ``INSTALLED_APPS`` means."""

    name = "storage_router"
    verbose_name = "Storage router"

    def ready(self) -> None:
        """Register the checks, and raise ``ConfigurationError`` where a storage cannot be built.

        Django runs no checks under WSGI and ASGI, so the refusal has to happen here. Warnings, which there nobody would
        see either, are logged.
        """
        # Storages and models can only be imported once Django has loaded all apps.
        from . import checks

        checks.register()
        if reports_problems_itself():
            return
        found = list(checks.found())
        found = [one for one in found if not one.is_warning or one.id not in settings.SILENCED_SYSTEM_CHECKS]
        if any(not one.is_warning for one in found):
            raise ConfigurationError(found)
        if management_command() is None:
            for problem in found:
                logger.warning("%s", problem)
