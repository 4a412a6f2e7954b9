"""Secrets as files, as Docker and Kubernetes mount them.

Three forms of one name: ``STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY``, and, nested in directories,
``storage_router/backends/media/account_key`` or ``backends/media/account_key``. Other files are other people's secrets,
and nobody opens them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from itertools import islice
from pathlib import Path

from storage_router.exceptions import Problem

from .merging import Layer
from .report import Location, problem
from .variables import PREFIX, Variable, layer, location_of, lookalike, name_of

SOURCE = "secrets directory"

# More is no directory of secrets: somebody named the one above it, or links multiply what is there.
_MOST_FILES = 10_000


def read(directory: Path, name: str) -> Layer:
    """Return what the files below ``directory`` say; ``name`` is how messages call it."""
    found: dict[Location, Variable] = {}
    problems: list[Problem] = []
    try:
        files = list(islice(_files(directory, Path()), _MOST_FILES + 1))
    except OSError as error:
        message = f"the secrets directory cannot be read: {error.strerror}"
        problems.append(problem("E009", name, message, f"It is {error.filename}. Mount it, or correct the variable."))
    else:
        if len(files) > _MOST_FILES:
            message = f"the secrets directory has more than {_MOST_FILES:,} files"
            problems.append(problem("E009", name, message, "Name the directory in which the secrets are mounted."))
        else:
            problems += _read(directory, name, files, found)
            problems += _lookalikes(name, files)
    secrets = layer(SOURCE, found, lambda location: f"{name}/{name_of(location)}")
    if not found and not problems:
        hint = f"Files are named {PREFIX}BACKENDS__MEDIA__ACCOUNT_KEY, or nested: backends/media/account_key."
        problems.append(problem("W006", name, "nothing in the secrets directory is for storage_router", hint))
    secrets.problems += problems
    return secrets


def _read(directory: Path, name: str, files: Iterable[Path], found: dict[Location, Variable]) -> Iterator[Problem]:
    """Read the files that are settings into ``found``, and yield what is wrong with them."""
    for file in files:
        if (setting := _setting(file)) is None:
            continue
        place = f"{name}/{file.as_posix()}"
        try:
            text = (directory / file).read_text(encoding="utf-8-sig").strip()
        except UnicodeDecodeError:
            yield problem("E009", place, "the file is not UTF-8", "It holds one value, as text.")
            continue
        except OSError as error:
            message = f"the file cannot be read: {error.strerror}"
            yield problem("E009", place, message, f"It is {directory / file}.")
            continue
        if not text:
            continue
        location = location_of(setting)
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


def _lookalikes(name: str, files: Iterable[Path]) -> Iterator[Problem]:
    """Warn of files that are named after a setting in a place where none is looked for, or almost so."""
    for file in files:
        if _setting(file) is not None:
            continue
        place, message = f"{name}/{file.as_posix()}", "the file looks like a setting, and nothing reads it"
        if _setting(Path(file.name)) is not None:
            yield problem("W002", place, message, f"Move it up, to {name}/{file.name}.")
        elif (hint := lookalike(file.name)) is not None:
            yield problem("W002", place, message, hint)
