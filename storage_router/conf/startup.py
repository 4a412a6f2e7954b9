"""Who tells the operator what is wrong with the configuration: an exception, or the command that is running.

A server, a worker or a shell must not start with a bad configuration, so loading it raises. ``manage.py check`` and
``manage.py storage_router`` are asked about the configuration, so they have to get as far as their own report.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from storage_router.exceptions import Problem

_REPORTING_COMMANDS = frozenset({"check", "storage_router"})


def management_command() -> str | None:
    """Return the command that Django's command line runs in this thread; None in a server, a worker or a script.

    It is read from the running ``ManagementUtility``, not from ``sys.argv``: a worker's own script may have an argument
    ``check``, too, and the name of ``manage.py`` is the project's to choose.
    """
    management = sys.modules.get("django.core.management")
    if management is None:
        return None
    execute = management.ManagementUtility.execute.__code__
    frame = sys._getframe()
    while frame.f_code is not execute:
        if frame.f_back is None:
            return None
        frame = frame.f_back
    arguments: list[str] = frame.f_locals["self"].argv
    return arguments[1] if len(arguments) > 1 else "help"


def reports_problems_itself() -> bool:
    """Return whether the running command prints the configuration's problems, so that loading it need not raise."""
    return management_command() in _REPORTING_COMMANDS


def check_message(problem: Problem) -> Any:
    """Return a problem as Django prints it: place, id, message, hint."""
    from django.core import checks

    kind = checks.Warning if problem.is_warning else checks.Error
    return kind(problem.message, hint=problem.hint or None, obj=problem.place, id=problem.id)


def leave_to_check(problems: Iterable[Problem]) -> None:
    """Let ``manage.py check`` report what was found at settings import, where no app of this package will.

    The check of the app finds the problems, too, and others; without the app there is none, and a bad configuration
    would pass.
    """
    from django.apps import apps
    from django.core import checks

    messages = [check_message(problem) for problem in problems]

    def check_unreported(**_: Any) -> list[Any]:
        return [] if apps.is_installed("storage_router") else messages

    checks.register(check_unreported, checks.Tags.files, "storage_router")
