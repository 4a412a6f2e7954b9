"""Values as people write them in strings: durations (``"5m"``, ``"7d"``), sizes (``"64MiB"``) and JSON."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import GetPydanticSchema
from pydantic_core import CoreSchema, core_schema

from .problems import Invalid, invalid, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

# The binary units are powers of 1024, the decimal ones powers of 1000, as IEC 80000-13 has it.
_BYTES = {"": 1, "b": 1} | {
    f"{letter}{suffix}": base**power
    for power, letter in enumerate("kmgt", start=1)
    for suffix, base in (("ib", 1024), ("b", 1000))
}

_QUANTITY = r"\s*([0-9]{1,15})\s*([A-Za-z]*)\s*"

_SCALAR = r"true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?"
"""Neither JSON's exponents nor Infinity: 1e5 as an option of another package is a string."""

NAME = r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*"
DOTTED_PATH = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+"


_QUOTES = (("'", "'"), ('"', '"'), ("\u201c", "\u201d"), ("\u2018", "\u2019"))


def refuse_quotes(text: str) -> None:
    """Raise an error where ``text``, without blanks around it, has quotes around it."""
    if len(text) > 1 and (text[0], text[-1]) in _QUOTES:
        raise invalid(
            "the value has quotes around it",
            "Remove them: only a shell and .env files take quotes off, docker --env-file and YAML lists do not.",
        )


class Form:
    """What a string looks like: a pattern, for validation and for editors, and the message for what does not match,
    which quotes it unless secrets are easily given in its place.
    """

    def __init__(self, pattern: str, wrong: str, hint: str, *, is_quoted: bool = True) -> None:
        self.pattern = pattern
        self.wrong = wrong
        self.hint = hint
        self.is_quoted = is_quoted

    def __call__(self, value: str) -> str:
        """Return ``value``, or raise the error."""
        if not re.fullmatch(self.pattern, value):
            raise invalid(f"{quoted(value) if self.is_quoted else 'the value'} {self.wrong}", self.hint)
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        shown = handler(core)
        (shown["anyOf"][0] if "anyOf" in shown else shown)["pattern"] = f"^(?:{self.pattern})$"
        return shown


def after(check: Callable[[Any], Any]) -> GetPydanticSchema:
    """Return what marks a type whose values ``check`` returns, or refuses, after they were validated.

    pydantic's AfterValidator inspects the signature of each function at every start.
    """
    return GetPydanticSchema(lambda type_, rest: core_schema.no_info_after_validator_function(check, rest(type_)))


def before(read: Callable[[Any], Any]) -> GetPydanticSchema:
    """Return what marks a type whose values ``read`` makes of what was given, before they are validated."""
    return GetPydanticSchema(lambda type_, rest: core_schema.no_info_before_validator_function(read, rest(type_)))


def parse_json(text: str) -> Any:
    """Return what a string of JSON holds. Raises an error with line and column, which does not quote the string."""
    try:
        return json.loads(text, object_pairs_hook=unique_keys)
    except Invalid:
        raise
    except json.JSONDecodeError as error:
        message = f"the value is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})"
    except (RecursionError, ValueError):
        message = "the value is not valid JSON: it nests too deeply, or has a number that is too long"
    raise invalid(message, """JSON puts keys and strings in double quotes: '{"key": "value"}'.""")


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object. Raises an error where it has a key twice, of which Python would take the last."""
    if len(table := dict(pairs)) < len(pairs):
        raise invalid("a key is there twice in one object", "Remove one of the two.")
    return table


def json_table(value: Any) -> Any:
    """Return a table. Variables hold strings: there a table is written as JSON."""
    if not isinstance(value, str):
        return value
    table = parse_json(value)
    if not isinstance(table, dict):
        raise invalid("the value is not a JSON object", """Write it as '{"key": "value"}'.""")
    return table


def json_list(value: Any) -> Any:
    """Return a list. Variables hold strings: there a list is written as JSON."""
    return parse_json(value) if isinstance(value, str) and value.lstrip().startswith("[") else value


def path_text(value: Any) -> Any:
    """Return a path as text: ``BASE_DIR / "media"`` is how settings write one."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def guessed(text: str) -> Any:
    """Return what a string means where no type is known: what JSON reads from it, else the string."""
    stripped = text.strip()
    if stripped[:1] in ("[", "{", '"') or re.fullmatch(_SCALAR, stripped):
        try:
            return json.loads(stripped)
        except (RecursionError, ValueError):
            return text
    return text


def seconds(value: Any) -> Any:
    """Return ``value`` in whole seconds: a number, ``"300"``, ``"5m"``, ``"7d"``, or a ``timedelta``."""
    if isinstance(value, dt.timedelta):
        value = value.total_seconds()
    return _whole(value, _SECONDS, "is not a duration", "seconds as a number, or a string such as '90s', '5m' or '7d'")


def size(value: Any) -> Any:
    """Return ``value`` in bytes: a number, ``"65536"``, ``"64KiB"``, ``"64MiB"``, ``"2MB"``, ``"1GiB"``."""
    return _whole(value, _BYTES, "is not a size", "bytes as a number, or a string such as '64KiB', '64MiB' or '2MB'")


def _whole(value: Any, units: Mapping[str, int], wrong: str, allowed: str) -> int:
    if (
        issubclass(type(value), str)
        and (found := re.fullmatch(_QUANTITY, value)) is not None
        and found[2].lower() in units
    ):
        return int(found[1]) * units[found[2].lower()]
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
        return int(value)
    raise invalid(f"{quoted(value)} {wrong}", f"Write {allowed}.")


def duration_within(least: int, most: int | None = None) -> Any:
    """Return what marks an ``int`` as a number of seconds, with bounds, for validation and for editors."""
    return _quantity(seconds, r"^\s*\d+\s*[smhdwSMHDW]?\s*$", least, most)


def size_within(least: int, most: int | None = None) -> Any:
    """Return what marks an ``int`` as a number of bytes, with bounds, for validation and for editors."""
    return _quantity(size, r"^\s*\d+\s*([kmgtKMGT]?[iI]?[bB])?\s*$", least, most)


def _quantity(read: Callable[[Any], Any], pattern: str, least: int, most: int | None) -> Any:
    bounds = {"minimum": least} | ({} if most is None else {"maximum": most})
    shown = {"anyOf": [{"type": "integer", **bounds}, {"type": "string", "pattern": pattern}]}

    def schema(*_: Any) -> CoreSchema:
        return core_schema.no_info_before_validator_function(read, core_schema.int_schema(ge=least, le=most))

    return GetPydanticSchema(schema, lambda *_: dict(shown))


Duration = Annotated[int, duration_within(0)]
"""Seconds."""

Alias = Annotated[
    str,
    # For editors the pattern is that of the table's keys.
    after(
        Form(
            NAME,
            "cannot be an alias",
            "Aliases are made of lower-case letters, digits and single underscores, a letter first, so that variables "
            "can name them.",
        )
    ),
]
"""The name of a backend or a policy. Two underscores would divide it in the name of a variable."""

DottedPath = Annotated[
    str, Form(DOTTED_PATH, "is not a dotted path", "It is a module and a name: 'acme.files.may_upload'.")
]
"""Where a function or a class is."""
