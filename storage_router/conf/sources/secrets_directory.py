"""Secrets as files, as Docker and Kubernetes mount them. A file has the name of a variable.

Other files are other people's secrets, and are not opened: that is why pydantic-settings' source, which opens each, is
not used.
"""

from __future__ import annotations

from pathlib import Path

from storage_router.conf.layers import Layer
from storage_router.conf.problems import problem

from . import environment
from .file import UnreadableError, read_text

SOURCE = "secrets directory"

_HINT = f"Files are named as variables are: {environment.PREFIX}BACKENDS__MEDIA__ACCOUNT_KEY."


def read(directory: Path, name: str) -> Layer:
    """Return the layer of the files in ``directory``; ``name`` is what messages call it."""
    values, problems = {}, []
    try:
        files = sorted(file.name for file in directory.iterdir())
    except OSError as error:
        message = f"the directory that STORAGE_ROUTER_SECRETS_DIR names cannot be read: {error.strerror}"
        hint = f"It is {directory}. Mount it, or, for a command that needs no secret, set the variable to nothing."
        return Layer(source=SOURCE, tree={}, place=str, problems=[problem("E009", name, message, hint)])
    for file in files:
        if file.upper().startswith("STORAGE_ROUTER_"):
            try:
                values[file] = read_text(directory / file).strip()
            except UnreadableError as error:
                problems.append(problem("E009", f"{name}/{file}", str(error), error.hint))
        elif file.lower() == "storage_router" or file.lower().startswith("backends"):
            problems.append(problem("E001", f"{name}/{file}", "the name is not that of a setting", _HINT))
    layer = environment.read(SOURCE, values, f"{name}/{{}}")
    layer.problems += problems
    if not values and not problems:
        message = "nothing in the secrets directory is for storage_router"
        layer.problems.append(problem("W006", name, message, _HINT))
    return layer
