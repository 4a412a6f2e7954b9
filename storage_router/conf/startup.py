"""Who tells the operator what is wrong with the configuration: an exception, or the command that is running.

A server, a worker or a shell must not start with a bad configuration, so loading it raises. ``manage.py check`` and
``manage.py storage_router`` are asked about the configuration, so they have to get as far as their own report.
"""

from __future__ import annotations

import sys

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
