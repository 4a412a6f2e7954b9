"""Secrets as files, as Docker and Kubernetes mount them.

Three forms of one name: ``STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY``, and, nested in directories,
``storage_router/backends/media/account_key`` or ``backends/media/account_key``. Other files are other people's secrets,
and are not opened: that is why pydantic-settings' source, which opens each file, is not used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from itertools import islice
from pathlib import Path

from storage_router.conf.layers import Layer
from storage_router.conf.problems import Location, problem
from storage_router.exceptions import Problem

from .environment import PREFIX, Variable, expects_value, layer_of, location_of, name_of
from .file import UnreadableError, read_text

SOURCE = "secrets directory"

# More is not a directory of secrets: somebody named the one above it, such as "/".
_MOST_FILES = 10_000


def read(directory: Path, name: str) -> Layer:
    """Return the layer of the files below ``directory``; ``name`` is what messages call it."""
    found: dict[Location, Variable] = {}
    problems: list[Problem] = []
    try:
        files = list(islice(_files(directory, Path()), _MOST_FILES + 1))
    except OSError as error:
        message = f"the directory that STORAGE_ROUTER_SECRETS_DIR names cannot be read: {error.strerror}"
        hint = f"It is {error.filename}. Mount it, or, for a command that needs no secret, set the variable to nothing."
        problems.append(problem("E009", name, message, hint))
    else:
        if len(files) > _MOST_FILES:
            message = f"the secrets directory has more than {_MOST_FILES:,} files"
            problems.append(problem("E009", name, message, "Name the directory in which the secrets are mounted."))
        else:
            problems += _read(directory, name, files, found)
    layer = layer_of(SOURCE, found, lambda location: f"{name}/{name_of(location)}")
    if not found and not problems:
        hint = f"Files are named {PREFIX}BACKENDS__MEDIA__ACCOUNT_KEY, or nested: backends/media/account_key."
        problems.append(problem("W006", name, "nothing in the secrets directory is for storage_router", hint))
    layer.problems += problems
    return layer


def _read(directory: Path, name: str, files: Iterable[Path], found: dict[Location, Variable]) -> Iterator[Problem]:
    """Read the files that are settings into ``found``, and yield the problems."""
    for file in files:
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


def _files(directory: Path, below: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Yield the paths of all files below ``directory / below``, relative to ``directory``.

    Kubernetes keeps the versions of a secret in hidden directories, and links to them. A link to a directory that it is
    in is not followed.
    """
    real = (directory / below).resolve()
    for entry in sorted((directory / below).iterdir()):
        inner = below / entry.name
        if entry.name.startswith("."):
            continue
        if not entry.is_dir():
            yield inner
        elif entry.resolve() not in (real, *above):
            with suppress(OSError) if _setting(inner / "x") is None else nullcontext():
                yield from _files(directory, inner, (real, *above))


def _setting(file: Path) -> str | None:
    """Return the setting that ``file`` is named after, without the prefix; None for other people's files."""
    flat = "__".join(file.parts)
    if flat.upper().startswith(PREFIX):
        return flat[len(PREFIX) :]
    return flat if flat.lower().startswith("backends__") else None
