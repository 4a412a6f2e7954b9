"""Servers as processes of their own, so that they take no time from the program that is measured."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def listening(script: str, *arguments: str) -> Iterator[int]:
    """Run a Python ``script`` during the ``with`` block; give the port, which is the first line that it prints."""
    process = subprocess.Popen([sys.executable, script, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
