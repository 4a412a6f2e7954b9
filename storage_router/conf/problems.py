"""Problems of a configuration: their ids, and how errors of validation become ``Problem`` objects without secrets.

Validators raise ``invalid(...)``; pydantic collects these errors; ``validated`` turns them, and pydantic's own, into
problems.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from storage_router.exceptions import ConfigurationError, Problem

if TYPE_CHECKING:
    from .table import Table

PROBLEMS: Mapping[str, str] = {
    "E001": "a key or variable that matches no setting",
    "E002": "a setting that is missing",
    "E003": "a value of the wrong type, form or range",
    "E004": "an alias that no backend has",
    "E005": "a route that can never match, because an earlier one covers it",
    "E006": "a route that repeats an earlier one",
    "E007": "a route without a matcher that is not the last",
    "E008": "two settings that contradict each other",
    "E009": "a file that was named and is missing, or cannot be read or parsed",
    "E010": "a string and single keys for the same backend",
    "E011": "no way to authenticate, or half of one",
    "E012": "signed URLs wanted from a credential that cannot sign",
    "E013": "a Key Vault that cannot be reached, or a package that is not installed",
    "E014": "a hook or an attribute of a subclass of AzureStorage that nothing uses",
    "E061": "a {tenant} in the wrong place",
    "E062": "files or URLs that tenants would share",
    "W001": "authentication options that are given and not used",
    "W002": "a variable that looks like one of ours and is not",
    "W003": "a backend that no route reaches",
    "W004": "backends that share a container and overlap in location",
    "W006": "a secrets directory in which nothing is for this package",
    "W008": "client options that do nothing",
    "W060": "a tenancy that no backend and no route uses",
}
"""Id (without the prefix ``storage_router.``) and meaning of everything that loading a configuration can find."""

Location = tuple[str | int, ...]
"""Where a value is in the document: ``("backends", "media", "account_key")``."""

Errors = list[tuple[Location, PydanticCustomError]]
"""Errors of validation, each with its location, to be ``collected``."""

Locate = Callable[[Location], str]
"""Returns the place of a value: the variable, the file and key, or the option in code."""

Invalid = PydanticCustomError
"""The error that ``invalid`` returns."""

# Pydantic's kind of error -> what it says of Python's types, in the words of the documentation.
_PLAIN = {
    "dict_type": "it should be a table of keys and values",
    "model_type": "it should be a table of keys and values",
    "tuple_type": "it should be a list",
    "too_short": "it should not be empty",
}

_Table = TypeVar("_Table", bound="Table")

# Values longer than this are never quoted. Account keys have 88 characters, SAS and connection strings more.
_LONGEST_QUOTED = 40

MOST_SUGGESTIONS = 20
"""For so many aliases the nearest one is looked up (F8)."""

# Compiled at their first use: most processes have no problem.
_SUSPICIOUS = (
    # 16 characters or more in one run, with a letter and a digit: keys, tokens, client secrets.
    r"(?=[A-Za-z0-9+/=~_-]*[0-9])(?=[A-Za-z0-9+/=~_-]*[A-Za-z])[A-Za-z0-9+/=~]{16,}"
    r"|\w~|\beyJ|(?i:sig=|accountkey|sharedaccess|password|secret|token|bearer|://[^/]*@)"
)

# What is given for these options is never quoted: client secrets are short, and are easily given as one of them.
_NEVER_QUOTED = {
    *("accel_secret", "account_key", "client_id", "client_options", "connection_string", "credential", "options"),
    *("sas_token", "token_credential"),
}

_CONFIDENTIAL_NAME = r"(?i)key|secret|token|pass|pwd|credential|connection|auth|signature|dsn|sas|private"
_HARMLESS_NAME = r"(?i)^(key_prefix|.*_key_(id|name)|authority|.*_expir\w*)$"


def problem(short: str, place: str, message: str, hint: str = "") -> Problem:
    """Return a ``Problem`` by its short id, ``E001`` for ``storage_router.E001``, which must be in the table."""
    assert short in PROBLEMS, short
    return Problem(id=f"storage_router.{short}", place=place, message=message, hint=hint)


def invalid(message: str, hint: str = "", *, id: str = "E003") -> PydanticCustomError:  # noqa: A002 - the field's name
    """Return the error that a validator raises: what is wrong, and what is allowed or what to do."""
    assert id in PROBLEMS, id
    return PydanticCustomError(id, "{text}", {"text": message, "hint": hint})


def reported(error: Invalid, place: str) -> Problem:
    """Return the problem of an ``invalid`` value at ``place``."""
    return problem(error.type, place, error.message(), (error.context or {})["hint"])


def nearest(wrong: object, right: Iterable[str]) -> str | None:
    """Return the one of ``right`` that ``wrong`` was probably meant to be, or None."""
    import difflib

    names = {name.lower(): name for name in sorted(right)}
    near = difflib.get_close_matches(str(wrong).lower(), names, n=1, cutoff=0.6)
    return names[near[0]] if near else None


def suggestion(wrong: object, right: Iterable[str]) -> str:
    """Return ``Did you mean 'x'?`` for the nearest of ``right``, or the list of what is allowed."""
    names = sorted(right)
    if (near := nearest(wrong, names)) is not None:
        return f"Did you mean {near!r}?"
    return f"Allowed: {', '.join(names)}." if names else ""


def quoted(value: object, otherwise: str = "the value") -> str:
    """Return ``value`` in quotes for a message; ``otherwise`` where it could be a secret given to the wrong option."""
    if isinstance(value, bool | int | float):
        return repr(value)
    # Lazy objects are strings for isinstance() only.
    if (
        isinstance(value, str)
        and issubclass(type(value), str)
        and len(value) <= _LONGEST_QUOTED
        and not re.search(_SUSPICIOUS, value)
    ):
        return repr(value)
    return otherwise


def is_secret_name(option: object) -> bool:
    """Return whether an option of another package probably holds a secret, by its name."""
    name = str(option)
    return bool(re.search(_CONFIDENTIAL_NAME, name)) and not re.match(_HARMLESS_NAME, name)


def validated(
    model: type[_Table],
    given: Mapping[str, Any],
    locate: Locate | None = None,
    *,
    keys: Callable[[Location], Iterable[str]] | None = None,
    advise: Callable[[Location, str], str] = lambda *_: "",
) -> _Table:
    """Return ``model`` built from ``given``, or raise ``ConfigurationError`` with each problem and no input.

    ``keys`` returns the names that are allowed in the table at a location; ``advise`` the hint for a location and kind
    of error where the caller knows a better one, else "".
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = []
        for detail in error.errors(include_url=False, include_input=False):
            location = tuple(part for part in detail["loc"] if part != "[key]")
            one = _problem(detail, location, locate or dotted, keys or model.keys_at, given)
            found.append(one._replace(hint=advise(location, detail["type"]) or one.hint))
    # Outside of the except block: pydantic's error holds its input, and a context is printed with the traceback.
    raise ConfigurationError(found)


def collected(title: str, errors: Iterable[tuple[Location, PydanticCustomError]]) -> ValidationError:
    """Return one ``ValidationError`` for several errors; pydantic puts the location of the validator in front."""
    lines: list[InitErrorDetails] = [{"type": kind, "loc": location, "input": None} for location, kind in errors]
    return ValidationError.from_exception_data(title, lines, hide_input=True)


def _problem(
    detail: Any, location: Location, locate: Locate, keys: Callable[[Location], Iterable[str]], given: Any
) -> Problem:
    kind, context = detail["type"], detail.get("ctx", {})
    place = locate(location)
    if kind in PROBLEMS:
        return problem(kind, place, detail["msg"], context.get("hint", ""))
    if kind == "extra_forbidden":
        hint = suggestion(location[-1], keys(location[:-1]))
        return problem("E001", place, f"there is no setting {quoted(location[-1], 'of this name')}", hint)
    if kind == "missing":
        variable = f", or set the variable STORAGE_ROUTER__{'__'.join(map(str, location)).upper()}"
        hint = f"Add it there{variable if location[0] == 'backends' and location[1:] else ''}."
        return problem("E002", place, f"{location[-1]!r} is missing", hint)
    value = value_at(given, location)
    if kind == "invalid_key" or (kind == "string_type" and "[key]" in detail["loc"]):
        return problem("E003", place, "the key is not a string", "Put it in quotes.")
    otherwise = "the value" if value is None or issubclass(type(value), str) else f"the value ({type(value).__name__})"
    text = "the value" if _NEVER_QUOTED.intersection(location) else quoted(value, otherwise)
    if kind == "literal_error":
        allowed = context["expected"].replace(" or ", ", ").replace("'", "").split(", ")
        return problem("E003", place, f"{text} is not one of the allowed values", suggestion(value, allowed))
    # Pydantic says: Input should be a valid string.
    expected = _PLAIN.get(kind) or re.sub("^[A-Z][a-z]+ should", "it should", detail["msg"])
    hint = """A list has brackets; in a variable it is JSON: '["one", "two"]'.""" if kind == "tuple_type" else ""
    return problem("E003", place, f"{text} is not valid: {expected}", hint)


def value_at(given: Any, location: Location) -> Any:
    """Return what ``given`` has at ``location``, or None."""
    for part in location:
        if isinstance(part, int) and not isinstance(given, list | tuple):
            # One value in the place of a list.
            return given
        try:
            given = given[part]
        except (KeyError, IndexError, TypeError):
            return None
    return given


def dotted(location: Location) -> str:
    """Return ``location`` as messages write it: ``backends.media.account_key``, ``routes[0].prefix``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def is_reporting() -> bool:
    """Return whether the running command reports the problems of a configuration itself.

    An invalid configuration stops every other process with an exception (C6). These must get as far as their report:
    there a storage keeps its problems until it is used.
    """
    return sys.argv[1:2] in (["check"], ["storage_router"])


def check_message(problem: Problem) -> Any:
    """Return a problem as Django's checks report it."""
    from django.core import checks

    kind = checks.Warning if problem.is_warning else checks.Error
    return kind(problem.message, hint=problem.hint or None, obj=problem.place, id=problem.id)


def register_check(error: ConfigurationError) -> None:
    """Let ``manage.py check`` report ``error`` where the app, whose checks do, is not in ``INSTALLED_APPS``."""
    from django.apps import apps
    from django.core import checks

    def check_without_the_app(**_: Any) -> list[Any]:
        return [] if apps.is_installed("storage_router") else [check_message(problem) for problem in error.problems]

    checks.register(check_without_the_app, checks.Tags.files, "storage_router")
