"""``RouteOptions``: one entry of ``routes``."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from storage_router import names
from storage_router.exceptions import InvalidNameError

from .nesting import parsed
from .report import complaint, shown

_TYPE = r"(?:(?:\.[^\s./*\\]+)+|[\w.+-]+/(?:[\w.+-]+|\*))"
# What names.clean_directory takes, for editors.
_SEGMENT = r"(?!\.{1,2}(?:[/\\]|$))[^/\\\x00-\x1f\x7f-\x9f]+"
_PREFIX = rf"(?![A-Za-z]:){_SEGMENT}(?:[/\\]{_SEGMENT})*[/\\]?"


def as_list(value: Any) -> Any:
    """Return one value as a list of one; a text that is a JSON list, as variables hold it, as that list."""
    if isinstance(value, str):
        if not value.lstrip().startswith("["):
            return (value,)
        try:
            return parsed(value)
        except ValueError:
            # A glob may well begin with a bracket.
            return (value,)
    return value


def _not_empty(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise complaint("the list is empty, so nothing can match", "Leave the matcher out to match everything.")
    return value


def _prefix(value: str) -> str:
    try:
        if names.clean_directory(value):
            return value
    except InvalidNameError:
        raise complaint(
            f"{shown(value) or 'the value'} is no prefix of names",
            "For example 'private/'; without a leading slash, empty, '.' or '..' segments.",
        ) from None
    raise complaint("the prefix is empty", "Leave it out to match everything.")


def _glob(value: str) -> str:
    segments = value.split("/")
    if not value or value.startswith("/") or "" in segments or "." in segments or ".." in segments:
        raise complaint(
            f"{shown(value) or 'the value'} can match no name",
            "Names are relative, without empty, '.' or '..' segments: 'invoices/*.pdf', '**/*.psd'.",
        )
    return value


def _type(value: str) -> str:
    if not re.fullmatch(_TYPE, value):
        raise complaint(
            f"{shown(value) or 'the value'} is neither an extension nor a media type",
            "For example '.psd', '.tar.gz', 'image/png' or 'video/*'.",
        )
    return value


def _one_or_more(**entry: Any) -> WithJsonSchema:
    """Return the schema of one entry or a list of them; ``entry`` is what JSON Schema says of each text."""
    text = {"type": "string", **entry}
    return WithJsonSchema({"anyOf": [text, {"type": "array", "items": text, "minItems": 1}]})


class RouteOptions(BaseModel):
    """Which names go to which backend. Any entry of a matcher may match; different matchers must all match."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    backend: str = Field(description="The alias of the backend.", examples=["media"])
    prefix: Annotated[
        tuple[Annotated[str, AfterValidator(_prefix)], ...],
        AfterValidator(_not_empty),
        BeforeValidator(as_list),
        _one_or_more(pattern=f"^{_PREFIX}$"),
    ] = Field(
        default=(),
        validate_default=False,
        description="Whole leading path segments.",
        examples=["private/", ["a/", "b/c/"]],
    )
    glob: Annotated[
        tuple[Annotated[str, AfterValidator(_glob)], ...],
        AfterValidator(_not_empty),
        BeforeValidator(as_list),
        _one_or_more(minLength=1),
    ] = Field(
        default=(),
        description="Patterns for the whole name: `*` stays inside a segment, `**` crosses segments.",
        examples=["invoices/*.pdf", ["**/*.psd", "raw/**"]],
    )
    types: Annotated[
        tuple[Annotated[str, AfterValidator(_type)], ...],
        AfterValidator(_not_empty),
        BeforeValidator(as_list),
        _one_or_more(pattern=f"^{_TYPE}$"),
    ] = Field(
        default=(),
        description="Extensions and media types, whatever their case.",
        examples=[".psd", ["video/*", ".tar.gz", "image/png"]],
    )
    strip_prefix: bool = Field(
        default=False, description="Whether the backend sees the name without the prefix.", examples=[True]
    )
    read_only: bool = Field(default=False, description="Whether writing and deleting are refused.", examples=[True])
