"""``example/demo.py`` as a process of the tests' own: started, read until it serves, ended as Ctrl-C ends it."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.kit.servers import reserved_port

SCRIPT = Path(__file__).parent.parent / "example/demo.py"


class DemoProcess:
    """One running demo. ``page`` is its address, ``password`` the admin's, ``command`` a line that it tells to type,
    ``settings`` the variables it set."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments
        self.printed: list[str] = []
        self.page = ""
        self.password = ""
        self.command = ""
        self.folder = Path()
        self.settings: dict[str, str] = {}

    def __enter__(self) -> Self:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "STORAGE_ROUTER"))}
        kept["PYTHONPATH"] = str(SCRIPT.parent.parent)
        # The port is not lost while the demo prepares what it will serve.
        self._held = contextlib.ExitStack()
        asked = self.arguments
        if "--port" not in asked:
            asked = (*asked, "--port", str(self._held.enter_context(reserved_port())))
        # A group of its own, as a terminal gives one: the signal reaches what the demo started, too, if it still runs.
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-u", str(SCRIPT), *asked],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            env=kept,
            start_new_session=True,
        )
        try:
            self._wait_until_serving(timeout=300)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send ``number`` to the process group and return the exit status. Stopping twice is no error."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)
            try:
                self._process.wait(120)
            except subprocess.TimeoutExpired:  # pragma: no cover - only a demo that hangs
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._held.close()
        return self._process.returncode

    def _wait_until_serving(self, timeout: float) -> None:
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=_pump, args=(self._process.stdout, lines), daemon=True).start()
        deadline = time.monotonic() + timeout
        # runserver prints its own line once it listens; what the demo says stands before it.
        while "development server at" not in "".join(self.printed):
            try:
                line = lines.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:  # pragma: no cover - only a demo that hangs
                line = None
            if line is None:
                raise AssertionError(f"The demo does not serve. It printed:\n{''.join(self.printed)}")
            self.printed.append(line)
        text = "".join(self.printed)
        self.page = _found(r"Page +(\S+)", text)
        self.password = _found(r"Login +admin, (\S+)", text)
        self.command = _found(r"from another terminal:\n\n +(.+)", text)
        exports = Path(_found(r"&& \. (\S+)", self.command))
        self.folder = exports.parent
        words = shlex.split(exports.read_text())
        self.settings = dict(word.split("=", 1) for word in words if word != "export")


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, f"{pattern!r} is not in:\n{text}"
    return found[1]


def _pump(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    """Read on for ever: a pipe that nobody reads would stop the demo once it is full."""
    with contextlib.suppress(ValueError, OSError):
        for line in stream:
            lines.put(line)
    lines.put(None)
