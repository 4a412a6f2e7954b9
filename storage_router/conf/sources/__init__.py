"""Where settings come from: ``SOURCES``, highest first (C2), read when the configuration is loaded.

pydantic-settings reads ``.env``, and is imported only where the file has something for this package: its import costs
more than everything else here (docs/performance.md). Variables and files are read directly, because messages name the
variable as it is written and the line of the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from django.conf import settings

from storage_router.conf.layers import Layer
from storage_router.conf.problems import Location, problem
from storage_router.exceptions import Problem

from . import environment

SETTING, SETTING_NAME = "Django setting", "STORAGE_ROUTER"
ENV_FILE = ".env"
CONFIG_FILE = "storage_router.toml"
"""Read from the working directory where no file is named. What reads files is imported where there are some."""


class Surroundings:
    """What the sources read from. ``given_as`` is what messages call the configuration that code gives;
    ``django_setting`` says whether the setting ``STORAGE_ROUTER`` is read.
    """

    def __init__(
        self,
        *,
        config: Mapping[str, Any] | None,
        given_as: str,
        environ: Mapping[str, str],
        directory: Path,
        django_setting: bool,
    ) -> None:
        self.config = config
        self.given_as = given_as
        self.environ = environ
        self.directory = directory
        self.django_setting = django_setting

    @cached_property
    def env_file(self) -> tuple[str, Mapping[str, str], list[Problem]]:
        """Name, variables and problems of the ``.env`` file."""
        named = _upper(self.variables).get("STORAGE_ROUTER_ENV_FILE", "")
        name = named or ENV_FILE
        # A virtual environment may have this name, too.
        if not named and not (self.directory / name).is_file():
            return name, {}, []
        from . import dotenv

        return name, *dotenv.read(self.directory / name, name)

    @cached_property
    def variables(self) -> Mapping[str, str]:
        """The environment variables that concern this package."""
        return {name: text for name, text in self.environ.items() if name.upper().startswith("STORAGE_ROUTER_")}

    @cached_property
    def _controls(self) -> Mapping[str, str]:
        return _upper(self.env_file[1]) | _upper(self.variables)

    def control(self, name: str) -> str:
        """Return a variable that says where another source is, or "": from the environment, else from ``.env``."""
        return self._controls.get(name, "")

    @property
    def missing_file(self) -> str:
        """Where the configuration file was looked for; empty where it is there, or was named."""
        if self.control("STORAGE_ROUTER_CONFIG") or (self.directory / CONFIG_FILE).exists():
            return ""
        return f"There is no {CONFIG_FILE} in {self.directory}, and STORAGE_ROUTER_CONFIG is not set."


def _upper(variables: Mapping[str, str]) -> dict[str, str]:
    return {name.upper(): text for name, text in variables.items()}


def _code(surroundings: Surroundings) -> list[Layer]:
    return _given_in_code("code", surroundings.config, surroundings.given_as)


def _setting(surroundings: Surroundings) -> list[Layer]:
    # While settings.py is being imported there are no settings yet, and asking for one would import it again.
    is_readable = surroundings.django_setting and settings.configured
    return _given_in_code(SETTING, getattr(settings, SETTING_NAME, None) if is_readable else None, SETTING_NAME)


def _given_in_code(source: str, given: Any, name: str) -> list[Layer]:
    def place(location: Location) -> str:
        return name + "".join([f"[{part}]" if isinstance(part, int) else f'["{part}"]' for part in location])

    if given is None:
        return []
    if isinstance(given, Mapping):
        return [Layer(source=source, tree=given, place=place)]
    message = f"the value ({type(given).__name__}) is not a configuration"
    wrong = problem("E003", name, message, "Give a dict with backends, routes, default.")
    return [Layer(source=source, tree={}, place=place, problems=[wrong])]


def _environment(surroundings: Surroundings) -> list[Layer]:
    return [environment.read(environment.SOURCE, surroundings.variables, str)]


def _dotenv(surroundings: Surroundings) -> list[Layer]:
    name, values, problems = surroundings.env_file
    if not values and not problems:
        return []
    layer = environment.read(".env", values, f"{name}: {{}}".format)
    layer.problems += problems
    return [layer]


def _secrets(surroundings: Surroundings) -> list[Layer]:
    named = surroundings.control("STORAGE_ROUTER_SECRETS_DIR")
    if not named:
        return []
    from . import secrets_directory

    return [secrets_directory.read(surroundings.directory / one, one) for one in named.split(os.pathsep) if one.strip()]


def _file(surroundings: Surroundings) -> list[Layer]:
    named = surroundings.control("STORAGE_ROUTER_CONFIG")
    path = surroundings.directory / (named or CONFIG_FILE)
    if not named and not path.exists():
        return []
    from . import file

    return [file.read(path, named or CONFIG_FILE, named and "STORAGE_ROUTER_CONFIG")]


SOURCES: tuple[tuple[str, Callable[[Surroundings], list[Layer]]], ...] = (
    ("code", _code),
    (SETTING, _setting),
    (environment.SOURCE, _environment),
    (".env", _dotenv),
    ("secrets directory", _secrets),
    ("file", _file),
)
"""Name and reader of each source, highest first. Below all of them are the defaults, which the models hold."""


def read_all(surroundings: Surroundings) -> list[Layer]:
    """Return the layers of all sources, highest first."""
    return [layer for _, read in SOURCES for layer in read(surroundings)]
