"""Commands that report an invalid configuration themselves, and the check for projects without the app.

An invalid configuration stops every process with an exception. ``manage.py check`` and ``manage.py storage_router`` are
asked about the configuration, so they must get as far as their report: there a storage keeps its problems until it is
used.
"""

from __future__ import annotations

import sys
from typing import Any

from storage_router.exceptions import ConfigurationError, Problem

REPORTING_COMMANDS = ("check", "storage_router")


def is_reporting() -> bool:
    """Return whether the running command reports the problems of a configuration itself."""
    return len(sys.argv) > 1 and sys.argv[1] in REPORTING_COMMANDS


def check_message(problem: Problem) -> Any:
    """Return a problem as Django's checks report it."""
    from django.core import checks

    kind = checks.Warning if problem.is_warning else checks.Error
    return kind(problem.message, hint=problem.hint or None, obj=problem.place, id=problem.id)


def register_check(error: ConfigurationError) -> None:
    """Let ``manage.py check`` report ``error`` where the app, whose checks do, is not in ``INSTALLED_APPS``."""
    from django.apps import apps
    from django.core import checks

    def check_without_the_app(**_: Any) -> list[Any]:
        return [] if apps.is_installed("storage_router") else [check_message(problem) for problem in error.problems]

    checks.register(check_without_the_app, checks.Tags.files, "storage_router")
