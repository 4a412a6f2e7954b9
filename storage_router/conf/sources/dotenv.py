"""The ``.env`` file. pydantic-settings reads it, and is imported only where the file has something for this package."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from storage_router.conf.problems import Invalid, problem, reported
from storage_router.exceptions import Problem

from .file import decoded, read_bytes

_OURS = re.compile(r"^\s*(?:export\s+)?['\"]?(STORAGE_ROUTER_\w+)", re.IGNORECASE | re.MULTILINE)


def read(path: Path, name: str) -> tuple[Mapping[str, str], list[Problem]]:
    """Return the variables of the file at ``path``, and its problems; ``name`` is what messages call it."""
    try:
        data = read_bytes(path, "STORAGE_ROUTER_ENV_FILE")
        # Other people's files may have any encoding.
        if b"STORAGE_ROUTER_" not in data.replace(b"\0", b"").upper():
            return {}, []
        expected = _OURS.findall(decoded(data))
    except Invalid as error:
        return {}, [reported(error, name)]
    from pydantic_settings import BaseSettings, DotEnvSettingsSource

    encoding = "utf-8-sig"
    found = DotEnvSettingsSource(BaseSettings, env_file=path, env_file_encoding=encoding, case_sensitive=True).env_vars
    # python-dotenv leaves out what it cannot parse, with no more than a line in the log.
    problems = [
        problem("E009", f"{name}: {key}", "the line cannot be parsed", f"Write {key}='value', on one line.")
        for key in expected
        if found.get(key) is None
    ]
    return {key: text for key in expected if (text := found.get(key)) is not None}, problems
