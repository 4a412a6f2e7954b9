"""Settings from names and texts: the environment, ``.env``, a secrets directory, a Key Vault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storage_router.exceptions import Problem

from .backend_strings import loosely
from .merging import Layer
from .report import Location, nearest, problem

PREFIX = "STORAGE_ROUTER__"
"""Begins every variable that is a setting; ``__`` separates the keys."""

CONTROLS = (
    "STORAGE_ROUTER_CONFIG",
    "STORAGE_ROUTER_ENV_FILE",
    "STORAGE_ROUTER_SECRETS_DIR",
    "STORAGE_ROUTER_KEY_VAULT_URL",
)
"""The variables that say where other sources are."""

_LOOKALIKE = "STORAGE_ROUTER_"
_TABLES = ("BACKENDS", "ROUTES", "DEFAULT", "STATIC")

# Tables whose values have no type that we know: numbers and booleans are told by their looks.
_FREE_FORM = ("client_options", "options")


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One name and its text, and the name as the source writes it."""

    place: str
    text: str = field(repr=False)


def location_of(name: str, separator: str = "__") -> Location:
    """Return where a variable's value goes, its prefix removed: keys are lower case."""
    return tuple(name.lower().split(separator))


def name_of(location: Location) -> str:
    """Return the variable for a location."""
    return PREFIX + "__".join(map(str, location)).upper()


def layer(source: str, variables: Mapping[Location, Variable], spell: Callable[[Location], str]) -> Layer:
    """Return a layer of ``variables``. ``spell`` tells what a variable that is not there would be called."""
    tree: dict[str, Any] = {}
    problems: list[Problem] = []
    for location, variable in variables.items():
        table = tree
        if "" in location:
            message = "the name has an empty part"
            problems.append(
                problem("E001", variable.place, message, f"Between the keys there is '__': {PREFIX}BACKENDS__MEDIA.")
            )
            continue
        blocked = next(
            (location[:length] for length in range(1, len(location)) if location[:length] in variables), None
        )
        if blocked is not None:
            message = f"{_name(blocked)} is given whole by {variables[blocked].place} and in part here"
            problems.append(problem("E010", variable.place, message, "Keep one of the two."))
            continue
        for key in location[:-1]:
            table = table.setdefault(str(key), {})
        table[str(location[-1])] = _value(location, variable.text)

    def place(location: Location) -> str:
        for length in range(len(location), 0, -1):
            if location[:length] in variables:
                inner = _name(location[length:])
                return (
                    f"{variables[location[:length]].place} ({inner})" if inner else variables[location[:length]].place
                )
        below = [variable.place for found, variable in variables.items() if found[: len(location)] == location]
        if below:
            return ", ".join(below[:3]) + (", ..." if len(below) > 3 else "")
        return spell(location)

    return Layer(source=source, tree=tree, place=place, problems=problems)


def lookalike(name: str) -> str | None:
    """Return what to do about a name that shares the prefix with a single underscore only; None for any other."""
    upper = name.upper()
    if not upper.startswith(_LOOKALIKE) or upper.startswith(PREFIX) or upper in CONTROLS:
        return None
    rest = upper.removeprefix(_LOOKALIKE)
    if rest.partition("__")[0] in _TABLES:
        return f"Did you mean '{PREFIX}{rest}'?"
    # The prefix that all share would make any two of them near.
    near = nearest(rest, [control.removeprefix(_LOOKALIKE) for control in CONTROLS])
    if near is not None:
        return f"Did you mean '{_LOOKALIKE}{near}'?"
    return f"Settings begin with {PREFIX} (two underscores). Others are {', '.join(CONTROLS)}."


def _value(location: Location, text: str) -> Any:
    if text.strip() == "null":
        return None
    if location[0] == "backends" and len(location) > 3 and location[2] in _FREE_FORM:
        return loosely(text)
    # A text in place of a table: JSON. Whole backends are taken apart later, because they have other forms, too.
    if location in (("backends",), ("static",)) and text.lstrip().startswith("{"):
        return loosely(text)
    if location == ("routes",):
        return loosely(text)
    return text


def _name(location: Location) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")
