"""Secrets as files, as Docker and Kubernetes mount them; pydantic-settings reads them.

Three forms of one name: ``STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY``, and, nested in directories,
``storage_router/backends/media/account_key`` or ``backends/media/account_key``. Other files are other people's secrets.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from .merging import Layer
from .report import Location, problem
from .variables import PREFIX, Variable, layer, location_of, name_of

SOURCE = "secrets directory"


def read(directory: Path, name: str) -> Layer:
    """Return what the files below ``directory`` say; ``name`` is how messages call it."""
    from pydantic_settings import SettingsError

    try:
        if not directory.is_dir():
            what = "is not a directory" if directory.exists() else "does not exist"
            wrong = problem("E009", name, f"the secrets directory {what}", "Mount it, or correct the variable.")
            return Layer(source=SOURCE, tree={}, place=lambda _: name, problems=[wrong])
        files = _files(directory)
    except (OSError, UnicodeDecodeError, SettingsError) as error:
        message = f"the secrets cannot be read: {type(error).__name__}"
        wrong = problem("E009", name, message, "Each file holds one value, in UTF-8, and has to be readable.")
        return Layer(source=SOURCE, tree={}, place=lambda _: name, problems=[wrong])
    found: dict[Location, Variable] = {}
    for file, text in files.items():
        flat = file.replace(os.sep, "__")
        if flat.upper().startswith(PREFIX):
            flat = flat[len(PREFIX) :]
        elif not flat.lower().startswith("backends__"):
            continue
        if text:
            found[location_of(flat)] = Variable(place=f"{name}/{file}", text=text)
    secrets = layer(SOURCE, found, lambda location: f"{name}/{name_of(location)}")
    if not found:
        hint = f"Files are named {PREFIX}BACKENDS__MEDIA__ACCOUNT_KEY, or nested: backends/media/account_key."
        secrets.problems.append(problem("W006", name, "nothing in the secrets directory is for storage_router", hint))
    return secrets


def _files(directory: Path) -> Mapping[str, str | None]:
    from pydantic_settings import BaseSettings, NestedSecretsSettingsSource, SecretsSettingsSource

    # It knows the hidden directories and links through which Kubernetes swaps a secret's versions.
    reading = NestedSecretsSettingsSource(
        SecretsSettingsSource(BaseSettings),
        secrets_dir=directory,
        secrets_nested_subdir=True,
        secrets_case_sensitive=True,
    )
    return reading.env_vars
