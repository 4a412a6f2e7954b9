"""Settings from names and strings: environment variables; ``.env`` and secrets directories have the same names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from storage_router.conf.azure.authentication import PRECEDENCE
from storage_router.conf.backends import option_names
from storage_router.conf.document import RouterDocument
from storage_router.conf.layers import Layer
from storage_router.conf.problems import Invalid, Location, dotted, invalid, is_secret_name, nearest, problem, reported
from storage_router.conf.units import guessed, parse_json, refuse_quotes
from storage_router.exceptions import Problem

SOURCE = "environment"

PREFIX = "STORAGE_ROUTER__"
"""Begins every variable that is a setting; ``__`` separates the keys."""

CONTROLS = ("STORAGE_ROUTER_CONFIG", "STORAGE_ROUTER_ENV_FILE", "STORAGE_ROUTER_SECRETS_DIR")
"""The variables that say where other sources are."""

FORMER_KEY_VAULT = "STORAGE_ROUTER_KEY_VAULT_URL"

# What may follow STORAGE_ROUTER_ and one more underscore or none -> how it is written.
_BEGINNINGS = {name.removeprefix("STORAGE_ROUTER_"): name for name in CONTROLS} | {
    key.upper(): f"{PREFIX}{key.upper()}" for key in RouterDocument.model_fields
}

# Tables whose values have no known type: numbers and booleans are recognised by their form.
_FREE_FORM = ("client_options", "options")


def read(source: str, values: Mapping[str, str], place: Callable[[str], str]) -> Layer:
    """Return the layer of variables; ``place`` gives what messages call one."""
    tree: dict[str, Any] = {}
    problems: list[Problem] = []
    names: dict[Location, str] = {}
    for name, text in values.items():
        location: Location = tuple(name[len(PREFIX) :].lower().split("__"))
        if not name.upper().startswith(PREFIX):
            if name.upper() not in (*CONTROLS, FORMER_KEY_VAULT):
                message = "the variable looks like a setting, and nothing reads it"
                problems.append(problem("W002", place(name), message, _setting_meant(name)))
        elif text or _expects_value(location):
            if location in names:
                message = f"the variable gives the setting that {place(names[location])} gives, too"
                problems.append(problem("E010", place(name), message, "Keep one of the two: case does not matter."))
            names.setdefault(location, name)
    for location, name in names.items():
        here = place(name)
        above = next((location[:length] for length in range(1, len(location)) if location[:length] in names), None)
        if above is not None:
            whole = place(names[above])
            message = f"{dotted(above)} is given whole by {whole} and in part here"
            problems.append(problem("E010", here, message, "Keep one of the two."))
            continue
        try:
            value = _value(location, values[name])
        except Invalid as error:
            problems.append(reported(error, here))
            continue
        table = tree
        for key in location[:-1]:
            table = table.setdefault(str(key), {})
        table[str(location[-1])] = value

    def place_of(location: Location) -> str:
        for length in range(len(location), 0, -1):
            if (name := names.get(location[:length])) is not None:
                inner = dotted(location[length:])
                return place(name) + (f" ({inner})" if inner else "")
        below = (name for found, name in names.items() if found[: len(location)] == location)
        return place(next(below, PREFIX + "__".join(map(str, location)).upper()))

    return Layer(source=source, tree=tree, place=place_of, problems=problems)


def _expects_value(location: Location) -> bool:
    """Return whether an empty value at ``location`` is a mistake. Others are not set: compose files pass those on.

    Without its secret a backend would authenticate in another way than was meant, and fail at its first request.
    """
    if location[:1] != ("backends",):
        return False
    if len(location) == 3:
        return location[2] in PRECEDENCE or location[2] == "client_id"
    return len(location) == 4 and location[2] in _FREE_FORM and is_secret_name(location[3])


def _setting_meant(name: str) -> str:
    """Return what to do about a name that shares the prefix with a single underscore only."""
    given = name.upper().removeprefix("STORAGE_ROUTER_")
    options = "|".join(option_names()).upper()
    if (found := re.fullmatch(rf"(?:BACKENDS?_+)?([A-Z]\w*?)_+({options})", given)) is not None:
        return f"Did you mean '{PREFIX}BACKENDS__{found[1]}__{found[2]}'?"
    first, separator, rest = given.partition("__")
    if (near := nearest(first, _BEGINNINGS)) is not None:
        return f"Did you mean '{_BEGINNINGS[near]}{separator}{rest}'?"
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
    refuse_quotes(stripped)
    # Strings for whole backends are parsed later, because they have other forms than JSON.
    is_table = len(location) == 1 and location[0] in ("backends", *RouterDocument.tables)
    return parse_json(text) if is_table and stripped.startswith(("[", "{")) else text
