"""Secrets that stand in the project's own code, found by looking for their values."""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Iterator

from django.conf import ENVIRONMENT_VARIABLE
from pydantic import SecretStr

from .conf.options import SECRETS, AzureOptions

# Shorter values could stand in a file by chance. The shortest real secret is an account key of 88 characters.
_LEAST = 20


def secrets(options: AzureOptions) -> Iterator[tuple[str, str, int]]:
    """Yield option, file and line of each secret of ``options`` that the settings modules hold as it is."""
    for option in SECRETS:
        value = getattr(options, option)
        text = value.get_secret_value() if isinstance(value, SecretStr) else ""
        if len(text) < _LEAST:
            continue
        for file, lines in settings_sources():
            for number, line in enumerate(lines, start=1):
                if text in line:
                    yield option, file, number


def settings_sources() -> Iterator[tuple[str, list[str]]]:
    """Yield file and lines of the settings module and of its siblings in a package: settings are often split."""
    name = os.environ.get(ENVIRONMENT_VARIABLE, "")
    package = name.rpartition(".")[0]
    for other, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        belongs = other == name or (package and other.rpartition(".")[0] == package)
        if belongs and file is not None and file.endswith(".py"):
            # It asks the module's loader where there is no such file: a zip file is a directory for Python alone.
            yield file, linecache.getlines(file, vars(module))
