"""Secrets as files, as Docker and Kubernetes mount them.

Three forms of one name: ``STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY``, and, nested in directories,
``storage_router/backends/media/account_key`` or ``backends/media/account_key``. Other files are other people's secrets,
and are not opened: that is why pydantic-settings' sources, which open each, are not used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from storage_router.conf.layers import Layer
from storage_router.conf.problems import Invalid, problem, reported
from storage_router.exceptions import Problem

from . import environment
from .file import read_text

SOURCE = "secrets directory"

_HINT = f"Files are named {environment.PREFIX}BACKENDS__MEDIA__ACCOUNT_KEY, or nested: backends/media/account_key."


def read(directory: Path, name: str) -> Layer:
    """Return the layer of the files below ``directory``; ``name`` is what messages call it."""
    places: dict[str, str] = {}
    values: dict[str, str] = {}
    problems: list[Problem] = []
    try:
        files = list(_files(directory))
    except OSError as error:
        message = f"the directory that STORAGE_ROUTER_SECRETS_DIR names cannot be read: {error.strerror}"
        hint = f"It is {error.filename}. Mount it, or, for a command that needs no secret, set the variable to nothing."
        return Layer(source=SOURCE, tree={}, place=str, problems=[problem("E009", name, message, hint)])
    for file in files:
        variable, place = _variable(file), f"{name}/{file.as_posix()}"
        if variable is None:
            continue
        if variable in places:
            message = f"the file gives the setting that {places[variable]} gives, too"
            problems.append(problem("E010", place, message, "Keep one of the two."))
            continue
        places[variable] = place
        try:
            values[variable] = read_text(directory / file).strip()
        except Invalid as error:
            problems.append(reported(error, place))
    if not places:
        message = "nothing in the secrets directory is for storage_router"
        problems.append(problem("W006", name, message, _HINT))
    layer = environment.read(SOURCE, values, lambda variable: places.get(variable, f"{name}/{variable}"))
    layer.problems += problems
    return layer


def _files(directory: Path) -> Iterator[Path]:
    """Yield the paths of the files below ``directory``, relative to it, without other people's directories.

    Kubernetes keeps the versions of a secret in hidden directories, wherever one is mounted, and links to them; other
    hidden files are those of editors and file managers.
    """

    def fail(error: OSError) -> NoReturn:
        raise error

    for folder, directories, files in os.walk(directory, onerror=fail, followlinks=True):
        below = Path(folder).relative_to(directory)
        shown = [name for name in sorted(directories) if not name.startswith(".")]
        directories[:] = [name for name in shown if _variable(below / name / "x") is not None]
        yield from (below / name for name in sorted(files) if not name.startswith("."))


def _variable(file: Path) -> str | None:
    """Return the variable that a file is named after; None for other people's files."""
    name = "__".join(file.parts).upper()
    if name.startswith("STORAGE_ROUTER_"):
        return name
    return f"{environment.PREFIX}{name}" if name.startswith("BACKENDS__") else None
