"""Secrets as files, as Docker and Kubernetes mount them.

Three forms of one name: ``STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY``, and, nested in directories,
``storage_router/backends/media/account_key`` or ``backends/media/account_key``. Other files are other people's secrets,
and are not opened: that is why pydantic-settings' source, which opens each file, is not used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from storage_router.conf.layers import Layer
from storage_router.conf.problems import Location, problem
from storage_router.exceptions import Problem

from .environment import PREFIX, Variable, expects_value, layer_of, location_of, name_of
from .file import UnreadableError, read_text

SOURCE = "secrets directory"


def read(directory: Path, name: str) -> Layer:
    """Return the layer of the files below ``directory``; ``name`` is what messages call it."""
    found: dict[Location, Variable] = {}
    problems: list[Problem] = []
    try:
        problems += _read(directory, name, found)
    except OSError as error:
        message = f"the directory that STORAGE_ROUTER_SECRETS_DIR names cannot be read: {error.strerror}"
        hint = f"It is {error.filename}. Mount it, or, for a command that needs no secret, set the variable to nothing."
        problems.append(problem("E009", name, message, hint))
    layer = layer_of(SOURCE, found, lambda location: f"{name}/{name_of(location)}")
    if not found and not problems:
        hint = f"Files are named {PREFIX}BACKENDS__MEDIA__ACCOUNT_KEY, or nested: backends/media/account_key."
        problems.append(problem("W006", name, "nothing in the secrets directory is for storage_router", hint))
    layer.problems += problems
    return layer


def _read(directory: Path, name: str, found: dict[Location, Variable]) -> Iterator[Problem]:
    """Read the files that are settings into ``found``, and yield the problems."""
    for file in _files(directory):
        if (setting := _setting(file)) is None:
            continue
        place = f"{name}/{file.as_posix()}"
        try:
            text = read_text(directory / file).strip()
        except UnreadableError as error:
            yield problem("E009", place, str(error), error.hint)
            continue
        location = location_of(setting)
        if not text and not expects_value(location):
            continue
        if location in found:
            message = f"the file gives the setting that {found[location].place} gives, too"
            yield problem("E010", place, message, "Keep one of the two.")
        else:
            found[location] = Variable(place=place, text=text)


def _files(directory: Path) -> Iterator[Path]:
    """Yield the paths of the files below ``directory``, relative to it, without other people's directories.

    Kubernetes keeps the versions of a secret in hidden directories, and links to them.
    """

    def fail(error: OSError) -> NoReturn:
        raise error

    for folder, directories, files in os.walk(directory, onerror=fail, followlinks=True):
        below = Path(folder).relative_to(directory)
        visible = sorted(name for name in directories if not name.startswith("."))
        directories[:] = [name for name in visible if _setting(below / name / "x") is not None]
        yield from (below / name for name in sorted(files) if not name.startswith("."))


def _setting(file: Path) -> str | None:
    """Return the setting that ``file`` is named after, without the prefix; None for other people's files."""
    flat = "__".join(file.parts)
    if flat.upper().startswith(PREFIX):
        return flat[len(PREFIX) :]
    return flat if flat.lower().startswith("backends__") else None
