"""Settings from names and strings: environment variables; ``.env`` and secrets directories have the same names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import PydanticCustomError

from storage_router.conf.azure.authentication import PRECEDENCE
from storage_router.conf.layers import Layer
from storage_router.conf.problems import Location, dotted, invalid, is_secret_name, nearest, problem
from storage_router.conf.units import guessed, parse_json
from storage_router.exceptions import Problem

SOURCE = "environment"

PREFIX = "STORAGE_ROUTER__"
"""Begins every variable that is a setting; ``__`` separates the keys."""

CONTROLS = ("STORAGE_ROUTER_CONFIG", "STORAGE_ROUTER_ENV_FILE", "STORAGE_ROUTER_SECRETS_DIR")
"""The variables that say where other sources are."""

FORMER_KEY_VAULT = "STORAGE_ROUTER_KEY_VAULT_URL"

_LOOKALIKE = "STORAGE_ROUTER_"
_TABLES = ("BACKENDS", "ROUTES", "DEFAULT", "STATIC")

# Kubernetes sets such variables for a service called storage-router, or storage-router-web.
_KUBERNETES = re.compile(
    r"STORAGE_ROUTER_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)?)"
)

# Tables whose values have no known type: numbers and booleans are recognised by their form.
_FREE_FORM = ("client_options", "options")

_QUOTES = (("'", "'"), ('"', '"'), ("\u201c", "\u201d"), ("\u2018", "\u2019"))


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One string, and the name of the variable or file as the source writes it."""

    place: str
    text: str = field(repr=False)


def location_of(name: str) -> Location:
    """Return where a variable's value goes, its prefix removed: keys are lower case."""
    return tuple(name.lower().split("__"))


def name_of(location: Location) -> str:
    """Return the variable for a location."""
    return PREFIX + "__".join(map(str, location)).upper()


def read(source: str, values: Mapping[str, str], place: str) -> Layer:
    """Return the layer of environment variables; ``place`` is the form in which messages write a name."""
    found: dict[Location, Variable] = {}
    problems: list[Problem] = []
    for name, text in values.items():
        here, is_setting = place.format(name), name.upper().startswith(PREFIX)
        if (hint := lookalike(name)) is not None:
            message = "the variable looks like a setting, and nothing reads it"
            problems.append(problem("W002", here, message, hint))
        location = location_of(name[len(PREFIX) :])
        if is_setting and (text or expects_value(location)):
            found[location] = Variable(place=here, text=text)
    layer = layer_of(source, found, lambda location: place.format(name_of(location)))
    layer.problems += problems
    return layer


def expects_value(location: Location) -> bool:
    """Return whether an empty value at ``location`` is a mistake. Others are not set: compose files pass those on.

    Without its secret a backend would authenticate in another way than was meant, and fail at its first request.
    """
    if location[:1] != ("backends",):
        return False
    if len(location) == 3:
        return location[2] in PRECEDENCE or location[2] == "client_id"
    return len(location) == 4 and location[2] in _FREE_FORM and is_secret_name(location[3])


def layer_of(source: str, variables: Mapping[Location, Variable], spell: Callable[[Location], str]) -> Layer:
    """Return the layer of ``variables``. ``spell`` returns the name of a variable that is not there."""
    tree: dict[str, Any] = {}
    problems: list[Problem] = []
    for location, variable in variables.items():
        if "" in location:
            hint = f"Between the keys there is '__': {PREFIX}BACKENDS__MEDIA."
            problems.append(problem("E001", variable.place, "the name has an empty part", hint))
            continue
        above = next((location[:length] for length in range(1, len(location)) if location[:length] in variables), None)
        if above is not None:
            message = f"{dotted(above)} is given whole by {variables[above].place} and in part here"
            problems.append(problem("E010", variable.place, message, "Keep one of the two."))
            continue
        try:
            value = _value(location, variable.text)
        except PydanticCustomError as error:
            problems.append(problem("E003", variable.place, error.message(), (error.context or {}).get("hint", "")))
            continue
        table = tree
        for key in location[:-1]:
            table = table.setdefault(str(key), {})
        table[str(location[-1])] = value

    def place(location: Location) -> str:
        for length in range(len(location), 0, -1):
            if (variable := variables.get(location[:length])) is not None:
                inner = dotted(location[length:])
                return f"{variable.place} ({inner})" if inner else variable.place
        below = [variable.place for found, variable in variables.items() if found[: len(location)] == location]
        if below:
            return ", ".join(below[:3]) + (", ..." if len(below) > 3 else "")
        return spell(location)

    return Layer(source=source, tree=tree, place=place, problems=problems)


def lookalike(name: str) -> str | None:
    """Return what to do about a name that shares the prefix with a single underscore only; None for any other."""
    upper = name.upper()
    if not upper.startswith(_LOOKALIKE) or upper.startswith(PREFIX) or upper in (*CONTROLS, FORMER_KEY_VAULT):
        return None
    if _KUBERNETES.fullmatch(upper):
        return None
    rest = upper.removeprefix(_LOOKALIKE)
    if rest.partition("__")[0] in _TABLES:
        return f"Did you mean '{PREFIX}{rest}'?"
    # Without the prefix, which would make any two of them similar.
    near = nearest(rest, [control.removeprefix(_LOOKALIKE) for control in CONTROLS])
    if near is not None:
        return f"Did you mean '{_LOOKALIKE}{near}'?"
    return f"Settings begin with {PREFIX} (two underscores). Others are {', '.join(CONTROLS)}."


def _value(location: Location, text: str) -> Any:
    """Return the value that a variable means. Raises an error for the usual mistakes."""
    stripped = text.strip()
    if not text:
        raise invalid(
            "the value is empty, and a key or credential is expected",
            "Give it its value (is a secret missing where it is set?), or remove it.",
        )
    if stripped == "null":
        return None
    if len(location) > 3 and location[0] == "backends":
        return guessed(text) if location[2] in _FREE_FORM else text
    if stripped in ("None", "NULL", "Null"):
        raise invalid(f"{stripped!r} is taken for a string", "Write null to unset a setting, or remove the variable.")
    if len(stripped) > 1 and (stripped[0], stripped[-1]) in _QUOTES:
        raise invalid(
            "the value has quotes around it",
            "Remove them: only a shell and .env files take quotes off, docker --env-file and YAML lists do not.",
        )
    # Strings for whole backends are parsed later, because they have other forms than JSON.
    if location in (("backends",), ("static",), ("uploads",)) and stripped.startswith("{"):
        return parse_json(text)
    return guessed(text) if location == ("routes",) else text
