"""The Django app: its checks, and the exception that keeps a process with an invalid configuration from starting."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping

from django.apps import AppConfig
from django.conf import settings
from django.core.management import get_commands

from .conf.problems import is_reporting
from .exceptions import ConfigurationError

logger = logging.getLogger("storage_router")


class StorageRouterConfig(AppConfig):
    """The app ``"storage_router"`` of ``INSTALLED_APPS``."""

    name = "storage_router"
    verbose_name = "Storage router"

    def ready(self) -> None:
        """Build every storage and raise ``ConfigurationError`` with all problems; register the checks, and start the
        subscribers to events.

        Django runs no checks under WSGI and ASGI. There, warnings are logged; commands print them.
        """
        # Storages and models can only be imported once Django has loaded all apps.
        from . import checks, installed, telemetry

        checks.register()
        # Without a dict, Django's own checks end before the report.
        if is_reporting() and isinstance(settings.STORAGES, Mapping):
            return
        entries = installed.entries()
        found = list(checks.found(entries))
        found = [one for one in found if not one.is_warning or one.id not in settings.SILENCED_SYSTEM_CHECKS]
        if any(not one.is_warning for one in found):
            raise ConfigurationError(found)
        if found and not (len(sys.argv) > 1 and sys.argv[1] in get_commands()):
            for problem in found:
                logger.warning("%s", problem)
        for entry in entries:
            if (configuration := getattr(entry.storage, "configuration", None)) is not None:
                options = configuration.document.telemetry
                telemetry.start(options.subscribers, with_names=options.names)
