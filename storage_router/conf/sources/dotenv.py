"""The ``.env`` file. pydantic-settings reads it, and is imported only where the file has something for this package."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from storage_router.conf.problems import problem
from storage_router.exceptions import Problem

from .file import UnreadableError, decoded

SOURCE = ".env"
DEFAULT_FILE = ".env"
"""Read from the working directory where no file is named."""

_OURS = re.compile(r"^\s*(?:export\s+)?['\"]?(STORAGE_ROUTER_\w+)", re.IGNORECASE | re.MULTILINE)


def read(path: Path, name: str, *, is_named: bool) -> tuple[Mapping[str, str], list[Problem]]:
    """Return the variables of the file at ``path``, and its problems; ``name`` is what messages call it."""
    if not is_named and path.is_dir():
        # A virtual environment may have this name, too.
        return {}, []
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        message, hint = "the file that STORAGE_ROUTER_ENV_FILE names does not exist", f"It was looked for at {path}."
        return {}, [problem("E009", name, message, hint)] if is_named else []
    except OSError as error:
        return {}, [problem("E009", name, f"the file cannot be read: {error.strerror}", f"It is {path}.")]
    try:
        text = decoded(data)
    except UnreadableError as error:
        is_ours = b"STORAGE_ROUTER_" in data.replace(b"\0", b"").upper()
        return {}, [problem("E009", name, str(error), error.hint)] if is_ours else []
    expected = {found[1]: text.count("\n", 0, found.start(1)) + 1 for found in _OURS.finditer(text)}
    if not expected:
        return {}, []
    from pydantic_settings import BaseSettings, DotEnvSettingsSource

    read = DotEnvSettingsSource(
        BaseSettings, env_file=path, env_file_encoding="utf-8-sig", case_sensitive=True
    ).env_vars
    problems = []
    for key, line in expected.items():
        if read.get(key) is None:
            # python-dotenv leaves out what it cannot parse, with no more than a line in the log.
            hint = f"Write {key}='value', on one line."
            problems.append(problem("E009", f"{name}: {key}", f"line {line} cannot be parsed", hint))
    return {key: value for key, value in read.items() if value is not None}, problems
