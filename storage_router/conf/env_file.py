"""The ``.env`` file. pydantic-settings reads it, and is imported only where the file has something for this package."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from storage_router.exceptions import Problem

from .report import problem

DEFAULT_FILE = ".env"
"""Read from the working directory where no file is named."""

# Windows' editors put a mark in front, which would become a part of the first name.
_UTF8 = "utf-8-sig"

_OURS = re.compile(r"^\s*(?:export\s+)?['\"]?(STORAGE_ROUTER_\w+)", re.IGNORECASE | re.MULTILINE)


def read(path: Path, name: str, *, is_named: bool) -> tuple[Mapping[str, str], list[Problem]]:
    """Return the variables of the file at ``path``, and what is wrong with it; ``name`` is how messages call it."""
    if not is_named and path.is_dir():
        # A virtual environment may have this name, too.
        return {}, []
    try:
        text, encoding = _decoded(path)
    except FileNotFoundError:
        hint = "Correct STORAGE_ROUTER_ENV_FILE, or remove it."
        return {}, [problem("E009", name, "the file does not exist", hint)] if is_named else []
    except OSError as error:
        return {}, [problem("E009", name, f"the file cannot be read: {error.strerror}", f"It is {path}.")]
    expected = {found[1]: text.count("\n", 0, found.start(1)) + 1 for found in _OURS.finditer(text)}
    if not expected:
        return {}, []
    from pydantic_settings import BaseSettings, DotEnvSettingsSource

    read = DotEnvSettingsSource(BaseSettings, env_file=path, env_file_encoding=encoding, case_sensitive=True).env_vars
    problems = []
    for key, line in expected.items():
        value = read.get(key)
        if value is None:
            # What python-dotenv does not understand it leaves out, with no more than a line in the log.
            message, hint = f"line {line} cannot be parsed", f"Write {key}='value', on one line."
        elif encoding != _UTF8 and not f"{key}{value}".isascii():
            message, hint = f"line {line} is not UTF-8", "Save the file as UTF-8."
        else:
            continue
        problems.append(problem("E009", f"{name}: {key}", message, hint))
    return {key: value for key, value in read.items() if value is not None}, problems


def _decoded(path: Path) -> tuple[str, str]:
    """Return the text of a file and its encoding. Most of it is other people's, and any bytes are Latin-1."""
    try:
        return path.read_text(_UTF8), _UTF8
    except UnicodeDecodeError:
        return path.read_text("latin-1"), "latin-1"
