"""Commands are run in this process, with their output caught."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings

DOCUMENT = {
    "default": "media",
    "backends": {
        "media": {
            "type": "azure",
            "account_name": "acmefiles",
            "azure_container": "media",
            "location": "files",
            "credential": "default",
        },
        "private": {
            "type": "azure",
            "account_name": "acmeprivate",
            "azure_container": "private",
            "credential": "managed_identity",
            "expiration_secs": "5m",
        },
        "scratch": {"type": "filesystem", "location": "/srv/scratch"},
        "odd": {
            "type": "django",
            "backend": "django.core.files.storage.InMemoryStorage",
            "options": {"location": "/odd"},
        },
        "ram": {"type": "memory"},
    },
    "routes": [
        {"prefix": "static/", "backend": "media"},
        {"prefix": "private/", "backend": "private", "strip_prefix": True},
        {"types": ["video/*", ".psd"], "backend": "scratch", "read_only": True},
        {"glob": "odd/**", "backend": "odd"},
        {"glob": "ram/*", "backend": "ram"},
    ],
}
ROUTER = {"BACKEND": "storage_router.RouterStorage", "OPTIONS": DOCUMENT}
STATIC = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass
class Ran:
    """What a command printed, and its exit status. ``error`` is what it printed on stderr."""

    text: str
    status: int
    error: str = ""

    @property
    def rows(self) -> list[list[str]]:
        """The lines of a pipe, split at tabs, without the line of headings."""
        return [line.split("\t") for line in self.text.splitlines()[1:]]


@pytest.fixture
def run(monkeypatch) -> Callable[..., Ran]:
    """Run ``manage.py storage_router`` with these arguments and ``STORAGES``."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str, terminal: bool = False, default: dict | None = None, **others: dict) -> Ran:
        stream = Terminal() if terminal else io.StringIO()
        storages = {"default": default or ROUTER, "staticfiles": STATIC, **others}
        try:
            with override_settings(STORAGES=storages):
                call_command("storage_router", *arguments, stdout=stream)
        except SystemExit as ended:
            return Ran(stream.getvalue(), int(ended.code or 0))
        except CommandError as error:
            return Ran(stream.getvalue(), error.returncode, str(error))
        return Ran(stream.getvalue(), 0)

    return run
