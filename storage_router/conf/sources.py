"""Where values come from: ``SOURCES``, highest first (C2), read when the configuration is loaded, never at import.

pydantic-settings does the reading of ``.env`` and Key Vault, and is imported only where one of them has something to
read: its import costs more than everything else here. Variables and files are read directly, because a message has to
name the variable as it is written and the line of the file, which its sources forget; secrets, because its source opens
every file of the directory, those of other people, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from storage_router.exceptions import Problem

from . import env_file, files, key_vault, secrets_directory, variables
from .merging import Layer, Merged, merge
from .report import Location, problem
from .variables import CONTROLS, PREFIX, Variable

CODE, SETTING = "code", "Django setting"

_NAMES_THE_FILE = "STORAGE_ROUTER_CONFIG"


@dataclass(kw_only=True)
class Surroundings:
    """What the sources read from. ``given_as`` is what messages call the configuration that code gives;
    ``django_setting`` says whether the setting ``STORAGE_ROUTER`` is read.
    """

    config: Mapping[str, Any] | None = field(repr=False)
    given_as: str
    environ: Mapping[str, str] = field(repr=False)
    directory: Path
    django_setting: bool = True
    vault_credential: Any = None
    others: Merged | None = field(default=None, repr=False)

    @cached_property
    def env_file(self) -> tuple[str, Mapping[str, str], list[Problem]]:
        """Name, variables and problems of the ``.env`` file."""
        named = _value(self.environ, "STORAGE_ROUTER_ENV_FILE")
        name = named or env_file.DEFAULT_FILE
        return name, *env_file.read(self.directory / name, name, is_named=bool(named))

    def control(self, name: str) -> str | None:
        """Return a variable that says where another source is: from the environment, else from ``.env``."""
        return _value(self.environ, name) or _value(self.env_file[1], name)


def _value(values: Mapping[str, str], name: str) -> str | None:
    """Return the value of a variable that may be written in any case; None for an empty one."""
    return next((text for given, text in values.items() if given.upper() == name and text), None)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One source: its name, and what reads it. ``is_late`` marks the one that looks at what the others say first."""

    name: str
    read: Callable[[Surroundings], Layer | None]
    is_late: bool = False


def read_all(surroundings: Surroundings) -> Merged:
    """Read every source and merge them."""
    layers = {source.name: source.read(surroundings) for source in SOURCES if not source.is_late}
    surroundings.others = merge([layer for layer in layers.values() if layer is not None])
    layers |= {source.name: source.read(surroundings) for source in SOURCES if source.is_late}
    ordered = [layers[source.name] for source in SOURCES]
    return merge([layer for layer in ordered if layer is not None])


def missing_file(surroundings: Surroundings) -> str:
    """Return where the configuration file was looked for in vain; an empty text where it is there, or was named."""
    if surroundings.control(_NAMES_THE_FILE) or (surroundings.directory / files.DEFAULT_FILE).exists():
        return ""
    return f"There is no {files.DEFAULT_FILE} in {surroundings.directory}, and {_NAMES_THE_FILE} is not set."


def setting_adds(given: Any, code: Mapping[str, Any]) -> bool:
    """Return whether the setting ``STORAGE_ROUTER`` says anything that ``code``, which outranks it, does not."""
    layers = [_code(CODE, code, CODE), _code(SETTING, given, SETTING)]
    return bool(layers[1].problems) or merge(layers).tree != merge(layers[:1]).tree


def _options(surroundings: Surroundings) -> Layer | None:
    if surroundings.config is None:
        return None
    return _code(CODE, surroundings.config, surroundings.given_as)


def _setting(surroundings: Surroundings) -> Layer | None:
    if not surroundings.django_setting:
        return None
    from django.conf import settings

    # While settings.py is being imported there are no settings yet, and asking for one would import it again.
    given = getattr(settings, "STORAGE_ROUTER", None) if settings.configured else None
    return None if given is None else _code(SETTING, given, "STORAGE_ROUTER")


def _code(source: str, given: Any, name: str) -> Layer:
    def place(location: Location) -> str:
        return name + "".join(f"[{part}]" if isinstance(part, int) else f'["{part}"]' for part in location)

    if isinstance(given, Mapping):
        return Layer(source=source, tree=dict(given), place=place)
    wrong = problem(
        "E003",
        name,
        f"the value ({type(given).__name__}) is no configuration",
        "Give a dict with backends, routes, default.",
    )
    return Layer(source=source, tree={}, place=place, problems=[wrong])


def _environment(surroundings: Surroundings) -> Layer | None:
    return _variables("environment", surroundings.environ, "{}")


def _dotenv(surroundings: Surroundings) -> Layer | None:
    name, values, problems = surroundings.env_file
    if not values and not problems:
        return None
    layer = _variables(".env", values, f"{name}: {{}}")
    layer.problems += problems
    return layer


def _secrets(surroundings: Surroundings) -> Layer | None:
    named = surroundings.control("STORAGE_ROUTER_SECRETS_DIR")
    return None if named is None else secrets_directory.read(surroundings.directory / named, named)


def _variables(source: str, values: Mapping[str, str], place: str) -> Layer:
    found: dict[Location, Variable] = {}
    places: dict[str, str] = {}
    problems: list[Problem] = []
    for name, text in values.items():
        here, is_setting = place.format(name), name.upper().startswith(PREFIX)
        if (hint := variables.lookalike(name)) is not None:
            message = "the variable looks like a setting, and nothing reads it"
            problems.append(problem("W002", here, message, hint))
        # An empty variable is one that is not set: compose files pass those on.
        if not text or not (is_setting or name.upper() in CONTROLS):
            continue
        if (other := places.setdefault(name.lower(), here)) != here:
            message = f"the variable differs from {other} in case only"
            problems.append(problem("E010", here, message, "Keep one of the two."))
        if is_setting:
            found[variables.location_of(name[len(PREFIX) :])] = Variable(place=here, text=text)
    layer = variables.layer(source, found, lambda location: place.format(variables.name_of(location)))
    layer.problems += problems
    return layer


def _key_vault(surroundings: Surroundings) -> Layer | None:
    url = surroundings.control("STORAGE_ROUTER_KEY_VAULT_URL")
    if url is None:
        return None
    assert surroundings.others is not None
    return key_vault.read(url, surroundings.others, surroundings.vault_credential)


def _file(surroundings: Surroundings) -> Layer | None:
    named = surroundings.control(_NAMES_THE_FILE)
    path = surroundings.directory / (named or files.DEFAULT_FILE)
    if named is None and not path.exists():
        return None
    return files.layer(path, named or files.DEFAULT_FILE)


SOURCES = (
    Source(name=CODE, read=_options),
    Source(name=SETTING, read=_setting),
    Source(name="environment", read=_environment),
    Source(name=".env", read=_dotenv),
    Source(name=secrets_directory.SOURCE, read=_secrets),
    Source(name=key_vault.SOURCE, read=_key_vault, is_late=True),
    Source(name="file", read=_file),
)
"""Highest first. Below all of them are the defaults, which the models hold."""
