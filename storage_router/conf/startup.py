"""Who tells the operator what is wrong with the configuration: an exception, or the command that is running.

A server, a worker or a command must not start with a bad configuration, so loading it raises, or ends the process
where Django would go on. ``manage.py check`` and ``manage.py storage_router`` are asked about the configuration, so
they have to get as far as their own report.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from django.conf import settings

from storage_router.exceptions import ConfigurationError, Problem

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


def refuse(error: ConfigurationError) -> NoReturn:
    """Raise ``error``; while Django's command line imports the settings, print it and end the process instead.

    There Django takes any ``ImproperlyConfigured`` to mean that there are no settings, and goes on without: ``shell``
    runs its code, and ``runserver --nostatic`` complains of the option. Nobody else would say what is wrong.
    https://github.com/django/django/blob/stable/6.1.x/django/core/management/__init__.py (``execute``)
    """
    if settings.configured or management_command() is None:
        raise error
    raise SystemExit(str(error)) from error


def check_message(problem: Problem) -> Any:
    """Return a problem as Django prints it: place, id, message, hint."""
    from django.core import checks

    kind = checks.Warning if problem.is_warning else checks.Error
    return kind(problem.message, hint=problem.hint or None, obj=problem.place, id=problem.id)


def postpone(problems: Iterable[Problem]) -> None:
    """Leave problems to ``manage.py check``, so that it gets as far as its report.

    The check of the app tells them with others. Without the app in ``INSTALLED_APPS`` there is none, and a bad
    configuration would pass: then a check of their own does.
    """
    from django.core import checks

    _postponed.update(dict.fromkeys(problems))
    checks.register(_check_postponed, checks.Tags.files, "storage_router")


def postponed() -> tuple[Problem, ...]:
    """Return the problems that were left to the running command."""
    return tuple(_postponed)


_postponed: dict[Problem, None] = {}


def _check_postponed(**_: Any) -> list[Any]:
    from django.apps import apps

    return [] if apps.is_installed("storage_router") else [check_message(problem) for problem in _postponed]
