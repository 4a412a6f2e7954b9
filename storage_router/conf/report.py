"""Problems: every one found, each with its place, what is wrong, what is allowed, what to do; never with a secret.

Validators raise ``complaint(...)``; pydantic gathers them; ``problems_from`` turns them, and pydantic's own errors,
into ``Problem`` objects. ``PROBLEMS`` is the table of ids. How a problem looks in print is ``Problem.__str__`` and
``ConfigurationError.__str__``, the same at startup, in checks and in commands.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from storage_router.exceptions import ConfigurationError, Problem

PROBLEMS: Mapping[str, str] = {
    "E001": "a key or variable that matches no setting",
    "E002": "a setting that is missing",
    "E003": "a value of the wrong type, form or range",
    "E004": "an alias that no backend has",
    "E005": "a route that can never match, because earlier ones cover it",
    "E006": "a route that repeats an earlier one",
    "E007": "a route without a matcher that is not the last",
    "E008": "two settings that contradict each other",
    "E009": "a file that was named and is missing, or cannot be read or parsed",
    "E010": "a string and single keys for the same backend",
    "E011": "no way to authenticate, or half of one",
    "E012": "signed URLs wanted from a credential that cannot sign",
    "E013": "a source that cannot be reached, or whose package is not installed",
    "W001": "authentication options that are given and not used",
    "W002": "a variable that looks like one of ours and is not",
    "W003": "a backend that no route reaches",
    "W004": "backends that share a container and overlap in location",
    "W005": "a Key Vault secret for a backend that is not configured",
    "W006": "a secrets directory in which nothing is for this package",
    "W007": "one file under two names, because a stripped prefix makes them the same",
}
"""Id (without the prefix ``storage_router.``) and meaning of everything that loading a configuration can find."""

Location = tuple[str | int, ...]
"""Where a value is in the document: ``("backends", "media", "account_key")``."""

Complaints = list[tuple[Location, PydanticCustomError]]
"""What validators found, each with its place, to be ``gathered``."""

Locate = Callable[[Location], str]
"""Tells the place of a value: the variable, the file and key, or the option in code."""

_Model = TypeVar("_Model", bound=BaseModel)

# A value as long as this is shown. Account keys have 88 characters, SAS and connection strings more.
_SHOWN = 40

# What is given here is never shown, whatever it looks like. A client secret is short enough to be shown, and is easily
# taken for the value of what is called 'credential' or 'client_id'.
_SECRET = {
    *(
        "accel_secret",
        "account_key",
        "client_id",
        "client_options",
        "connection_string",
        "credential",
        "options",
        "sas_token",
    ),
    "token_credential",
}

# pydantic speaks of "input"; operators do not. Only the kinds that configurations meet; others keep pydantic's words.
_SAYINGS = {
    "string_type": "is not a text",
    "int_type": "is not a whole number",
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "bool_type": "is neither true nor false",
    "bool_parsing": "is neither true nor false",
    "dict_type": "is not a table of keys and values",
    "mapping_type": "is not a table of keys and values",
    "model_type": "is not a table of keys and values",
    "model_attributes_type": "is not a table of keys and values",
    "tuple_type": "is not a list",
    "list_type": "is not a list",
    "greater_than_equal": "is too small: it must be at least {ge}",
    "less_than_equal": "is too large: it may be at most {le}",
}


def problem_id(short: str) -> str:
    """Return ``storage_router.E001`` for ``E001``; the id must be in the table."""
    if short not in PROBLEMS:
        raise KeyError(short)
    return f"storage_router.{short}"


def problem(short: str, place: str, message: str, hint: str = "") -> Problem:
    """Return a ``Problem`` by its short id."""
    return Problem(id=problem_id(short), place=place, message=message, hint=hint)


def complaint(message: str, hint: str = "", *, id: str = "E003") -> PydanticCustomError:  # noqa: A002 - the field's name
    """Return what a validator raises: the message says what is wrong, the hint what is allowed and what to do."""
    problem_id(id)
    return PydanticCustomError(id, "{text}", {"text": message, "hint": hint})


def nearest(wrong: object, right: Iterable[str]) -> str | None:
    """Return the one of ``right`` that ``wrong`` was meant to be, if any is near enough."""
    names = {name.lower(): name for name in sorted(right)}
    near = difflib.get_close_matches(str(wrong).lower(), names, n=1, cutoff=0.6)
    return names[near[0]] if near else None


def suggestion(wrong: object, right: Iterable[str]) -> str:
    """Return ``Did you mean 'x'?`` for the nearest of ``right``, or the list of what there is."""
    names = sorted(right)
    if (near := nearest(wrong, names)) is not None:
        return f"Did you mean {near!r}?"
    return f"There are: {', '.join(names)}." if names else ""


def shown(value: object) -> str:
    """Return ``value`` for a message, or nothing where it could be a secret that ended up in the wrong option."""
    if isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _SHOWN):
        return repr(value)
    return ""


def problems_from(
    error: ValidationError,
    locate: Locate,
    *,
    keys: Callable[[Location], Iterable[str]],
    given: Any = None,
    plain: Callable[[Location], Location] = tuple,
    told: Collection[Location] = (),
    advise: Callable[[Location], str] = lambda _: "",
) -> list[Problem]:
    """Turn pydantic's error into problems.

    ``locate`` gives the place of a location; ``keys`` the names that are allowed at the location of a table, or of a
    backend's ``type``, for the nearest one; ``given`` is what was validated, for showing harmless values of settings
    that are not secret; ``plain`` takes out of pydantic's locations what is not in ``given``; ``told`` are locations
    whose absence is told elsewhere; ``advise`` returns the hint for a location at which the caller knows better what to
    do, else an empty text.
    """
    found = []
    for detail in error.errors(include_url=False, include_input=False):
        if detail["type"] == "missing" and detail["loc"] in told:
            continue
        location = plain(detail["loc"])
        one = _problem(detail, location, locate, keys, given)
        found.append(dataclasses.replace(one, hint=advise(location) or one.hint))
    return found


def configuration_error(
    error: ValidationError, model: type[BaseModel], locate: Locate | None = None, *, given: Any = None
) -> ConfigurationError:
    """Return ``ConfigurationError`` for ``error`` of one flat model; ``locate`` defaults to the option's name."""
    names = list(model.model_fields)
    found = problems_from(error, locate or _dotted, keys=lambda location: names if not location else (), given=given)
    return ConfigurationError(found)


def validated(model: type[_Model], given: Mapping[str, Any], locate: Locate | None = None) -> _Model:
    """Return ``model`` built from ``given``, or raise ``ConfigurationError`` with every problem and no input."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = configuration_error(error, model, locate, given=given)
    # Outside of the except block: pydantic's error holds its input, and a context is printed with the traceback.
    raise found


def gathered(title: str, details: Iterable[tuple[Location, PydanticCustomError]]) -> ValidationError:
    """Return one ``ValidationError`` for many complaints; pydantic puts a wrap validator's location in front."""
    lines: list[InitErrorDetails] = [{"type": kind, "loc": location, "input": None} for location, kind in details]
    return ValidationError.from_exception_data(title, lines, hide_input=True)


def restated(error: ValidationError) -> list[tuple[Location, PydanticCustomError]]:
    """Return the complaints of ``error`` so that they can be gathered with others."""
    return [
        (
            detail["loc"],
            PydanticCustomError(
                detail["type"],
                "{text}",
                {**detail.get("ctx", {}), "text": detail["msg"]},
            ),
        )
        for detail in error.errors(include_url=False, include_input=False)
    ]


def _problem(
    detail: Any, location: Location, locate: Locate, keys: Callable[[Location], Iterable[str]], given: Any
) -> Problem:
    kind, context = detail["type"], detail.get("ctx", {})
    place = locate(location)
    if kind in PROBLEMS:
        return problem(kind, place, detail["msg"], context.get("hint", ""))
    if kind == "extra_forbidden":
        return problem(
            "E001", place, f"there is no setting {location[-1]!r}", suggestion(location[-1], keys(location[:-1]))
        )
    if kind == "missing":
        return problem("E002", place, f"{location[-1]!r} is missing", _remedy(location))
    if kind == "union_tag_not_found":
        location = (*location, "type")
        return problem("E002", locate(location), "'type' is missing", suggestion("", keys(location)))
    if kind == "union_tag_invalid":
        tag, location = context["tag"], (*location, "type")
        return problem("E003", locate(location), f"there is no type {shown(tag)}", suggestion(tag, keys(location)))
    found = _value_at(given, location)
    value = None if _SECRET.intersection(location) else found
    if kind == "literal_error":
        allowed = context["expected"].replace(" or ", ", ").replace("'", "").split(", ")
        return problem("E003", place, _sentence(value, "is not one of the values allowed"), suggestion(found, allowed))
    saying = _SAYINGS.get(kind)
    return problem("E003", place, _sentence(value, saying.format_map(context) if saying else detail["msg"]))


def _remedy(location: Location) -> str:
    if len(location) == 1:
        return "Give it, in any of the sources."
    if isinstance(location[-2], int):
        return "Add it to the route."
    variable = "STORAGE_ROUTER__" + "__".join(map(str, location)).upper()
    return f"Add it there, or set the variable {variable}."


def _sentence(value: object, saying: str) -> str:
    text = shown(value)
    return f"{text} {saying}" if text else f"the value {saying}"


def _value_at(given: Any, location: Location) -> Any:
    for part in location:
        try:
            given = given[part]
        except (KeyError, IndexError, TypeError):
            return None
    return given


def _dotted(location: Location) -> str:
    return ".".join(map(str, location))
