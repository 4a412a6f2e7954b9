"""Processes of Python that have imported Django and pydantic before they start.

Half a second of processor time goes into these imports before a command of a project does anything. One process of each
test run does it once and forks for each command. Of ``storage_router`` and of settings it knows nothing: what a command
imports of them, and when, is the same as anywhere. Tests of what is imported start a Python of their own.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TIMEOUT = 3600
"""Seconds after which a command is ended by SIGALRM."""
MODULES = (
    "django.contrib.staticfiles.storage",
    "django.core.management.commands.makemigrations",
    "django.core.management.commands.migrate",
    "django.db.backends.sqlite3.base",
    "django.views.debug",
    "django.views.generic",
    "pydantic_settings",
    "tomllib",
)


def run(*arguments: str, cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Do what ``python *arguments`` does: ``("manage.py", …)``, ``("-m", module, …)`` or ``("-c", code)``.

    ``env`` is the whole environment. Of the variables that Python itself reads only ``PYTHONPATH`` has an effect.
    """
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        server = _server()
        assert server.stdin
        assert server.stdout
        server.stdin.write(json.dumps([arguments, str(cwd), dict(env), str(output), str(errors)]) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        return subprocess.CompletedProcess(arguments, status, output.read_text(), errors.read_text())


@functools.cache
def _server() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", __name__]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, **pipes)
    # It ends at the end of its input, which comes with the end of this process, however that ends.
    atexit.register(server.communicate)
    return server


def _command() -> list[str]:
    """Fork for each line of the input; return in the child, with the environment and the arguments of the command."""
    for module in MODULES:
        importlib.import_module(module)
    gc.freeze()
    for line in sys.stdin:
        if child := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201
            continue
        arguments, cwd, environment, *outputs = json.loads(line)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for descriptor, path in enumerate(outputs, 1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(environment)
        # In place of the folder of this server.
        sys.path[:1] = [cwd, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
        signal.alarm(TIMEOUT)
        return arguments
    sys.exit()


if __name__ == "__main__":
    first, *rest = _command()
    if first == "-c":
        sys.argv = [first, *rest[1:]]
        exec(rest[0], {"__name__": "__main__"})
    elif first == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [first, *rest]
        runpy.run_path(first, run_name="__main__")
