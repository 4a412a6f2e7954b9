"""The ``.env`` file. pydantic-settings reads it, and is imported only where the file has something for this package."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from storage_router.exceptions import Problem

from .report import problem

DEFAULT_FILE = ".env"
"""Read from the working directory where no file is named."""

_OURS = re.compile(r"^\s*(?:export\s+)?['\"]?(STORAGE_ROUTER_\w+)", re.IGNORECASE | re.MULTILINE)


def read(path: Path, name: str, *, is_named: bool) -> tuple[Mapping[str, str], list[Problem]]:
    """Return the variables of the file at ``path``, and what is wrong with it; ``name`` is how messages call it."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        hint = "Correct STORAGE_ROUTER_ENV_FILE, or remove it."
        return {}, [problem("E009", name, "the file does not exist", hint)] if is_named else []
    except UnicodeDecodeError:
        return {}, [problem("E009", name, "the file is not UTF-8", "Save it as UTF-8.")]
    except OSError as error:
        return {}, [problem("E009", name, f"the file cannot be read: {error.strerror}", f"It is {path}.")]
    expected = {found[1]: text.count("\n", 0, found.start(1)) + 1 for found in _OURS.finditer(text)}
    if not expected:
        return {}, []
    from pydantic_settings import BaseSettings, DotEnvSettingsSource

    read = DotEnvSettingsSource(BaseSettings, env_file=path, case_sensitive=True).env_vars
    # What python-dotenv does not understand it leaves out, with no more than a line in the log.
    problems = [
        problem("E009", f"{name}: {key}", f"line {line} cannot be parsed", f"Write {key}='value', on one line.")
        for key, line in expected.items()
        if read.get(key) is None
    ]
    return {key: value for key, value in read.items() if value is not None}, problems
