"""``RouterDocument``: the whole configuration, validated."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from . import untyped
from .backends import TYPES, Backend
from .nesting import parsed
from .report import Location, complaint, gathered, nearest, restated, shown, suggestion
from .routes import RouteOptions
from .static import StaticOptions

ALIAS_PATTERN = r"^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$"
"""What an alias looks like. Two underscores would divide it in the name of a variable."""

_ALIAS = re.compile(ALIAS_PATTERN)

# The options of a backend that are tables of texts.
_TABLES = ("metadata", "object_parameters", "tags")


def _alias(value: str) -> str:
    if not _ALIAS.fullmatch(value):
        near = _lawful(value)
        raise complaint(
            f"{shown(value) or 'the key'} cannot be an alias",
            f"{f'Write {near!r}. ' if near and shown(value) else ''}Aliases are made of lower-case letters, digits and "
            "single underscores, a letter first, so that variables can name them.",
        )
    return value


def _lawful(alias: str) -> str:
    """Return the alias that somebody meant who wrote capitals, dashes or spaces; nothing where that is no alias."""
    near = re.sub(r"[\s_-]+", "_", alias.lower()).strip("_")
    return near if _ALIAS.fullmatch(near) else ""


def _list(value: Any) -> Any:
    """Variables hold text: there the list is written as JSON."""
    hint = """Write all routes at once: '[{"prefix": "private/", "backend": "private"}]'."""
    if isinstance(value, Mapping):
        raise complaint("the routes are one list, and this is a table", hint)
    if not isinstance(value, str):
        return value
    try:
        decoded = parsed(value)
    except ValueError:
        decoded = None
    if not isinstance(decoded, list):
        raise complaint("the text is not a JSON list", hint)
    return decoded


def _base_url(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?", value):
        hint = "For example 'https://acme.example/files/', where the URLconf includes storage_router.urls."
        raise complaint(f"{shown(value) or 'the value'} is not an absolute http or https URL", hint)
    return value if value.endswith("/") else f"{value}/"


class RouterDocument(BaseModel):
    """What all sources say together."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    backends: dict[Annotated[str, AfterValidator(_alias)], Backend] = Field(
        description="The backends, by alias.",
        examples=[
            {
                "media": {
                    "type": "azure",
                    "account_name": "acmefiles",
                    "azure_container": "media",
                    "credential": "default",
                }
            }
        ],
    )
    routes: Annotated[tuple[RouteOptions, ...], BeforeValidator(_list)] = Field(
        default=(),
        description="Which names go to which backend; the first route that matches decides.",
        examples=[[{"prefix": "private/", "backend": "private"}]],
    )
    default: str | None = Field(
        default=None,
        description="The alias of the backend for names that no route claims; without it they are an error.",
        examples=["media"],
    )
    static: StaticOptions = Field(
        default=StaticOptions(), description="How static files go through the router.", examples=[{"prefix": "static/"}]
    )
    base_url: Annotated[str, AfterValidator(_base_url)] | None = Field(
        default=None,
        description="The absolute URL at which `storage_router.urls` is included, for URLs that leave the site, as in "
        "e-mails. Without it the URLs of private files are paths.",
        examples=["https://acme.example/files/"],
    )
    stream_connections: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=32,
        description='How many files a process streams at a time (`delivery = "stream"`); above it, 503.',
        examples=[64],
    )
    accel_secret: SecretStr | None = Field(
        default=None,
        description="What nginx sends as `X-Storage-Router-Accel`, so that only nginx gets internal links "
        '(`delivery = "accel"`).',
        examples=["a long random text"],
    )

    @model_validator(mode="wrap")
    @classmethod
    def _everything_at_once(cls, given: Any, handler: Callable[[Any], Self]) -> Self:
        """Check the aliases in routes and ``default`` even where something else is wrong."""
        found = list(_reference_problems(given)) if isinstance(given, Mapping) else []
        try:
            document = handler(given)
        except ValidationError as error:
            # Who misspells an alias, or the key itself, gives the type of no backend.
            told = {location[:2] for location, kind in found if kind.type == "E001" and len(location) < 4}
            details = [detail for detail in restated(error) if detail[0] not in told]
            raise gathered(cls.__name__, [*details, *found]) from None
        if found:
            raise gathered(cls.__name__, found)
        return document


def allowed_keys(given: Any, location: Location) -> Iterable[str]:
    """Return the keys that the table at ``location`` of ``given`` may have; for a backend's ``type``, the types."""
    if not location:
        return RouterDocument.model_fields
    if location[0] == "static":
        return StaticOptions.model_fields
    if location[0] == "routes":
        return RouteOptions.model_fields
    backend = given["backends"][location[1]] if len(location) == 2 else {}
    kind = untyped.type_of(backend) if isinstance(backend, Mapping) else None
    return TYPES if kind is None else TYPES[kind].model_fields


def without_nulls(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``tree`` without the settings that ``None`` takes away. Below ``options`` it is a value like any other.

    A key that is no setting stays: it is as misspelt with this value as with any.
    """
    kept = _without_nulls(tree, (), tree)
    if isinstance(kept.get("static"), Mapping):
        kept["static"] = _without_nulls(kept["static"], ("static",), tree)
    if isinstance(kept.get("backends"), Mapping):
        kept["backends"] = {
            alias: _without_nulls(backend, ("backends", alias), tree) if isinstance(backend, Mapping) else backend
            for alias, backend in kept["backends"].items()
            if backend is not None
        }
    return kept


def _without_nulls(table: Mapping[str, Any], location: Location, tree: Mapping[str, Any]) -> dict[str, Any]:
    allowed = {*allowed_keys(tree, location), "type"}
    return {
        key: {inner: item for inner, item in value.items() if item is not None}
        if key in _TABLES and isinstance(value, Mapping)
        else value
        for key, value in table.items()
        if value is not None or key not in allowed
    }


def _reference_problems(given: Mapping[str, Any]) -> Iterable[tuple[Location, PydanticCustomError]]:
    backends = given.get("backends")
    if not isinstance(backends, Mapping):
        return
    if not backends:
        hint = "Add a table such as [backends.media] with type, account_name, azure_container and credential."
        yield ("backends",), complaint("there is no backend", hint, id="E002")
        return
    yield from _untyped(backends)
    routes = given.get("routes", ())
    references: list[tuple[Location, Any]] = [(("default",), given.get("default"))]
    if isinstance(routes, Sequence) and not isinstance(routes, str):
        for index, route in enumerate(routes):
            if isinstance(route, Mapping):
                references.append((("routes", index, "backend"), route.get("backend")))
    # A backend whose alias cannot be one is reported there; here it counts as what it will be called.
    aliases = {_lawful(str(alias)) for alias in backends} - {""}
    for location, alias in references:
        if isinstance(alias, str) and alias not in backends and alias not in aliases:
            message = f"there is no backend {shown(alias)}"
            yield location, complaint(message, suggestion(alias, aliases), id="E004")


def _untyped(backends: Mapping[str, Any]) -> Iterable[tuple[Location, PydanticCustomError]]:
    """A variable with a misspelt alias makes a backend that has nothing but that variable, and no type."""
    typed = [str(alias) for alias, backend in backends.items() if isinstance(backend, Mapping) and "type" in backend]
    for alias, backend in backends.items():
        if not isinstance(backend, Mapping) or backend.get("type") in [*TYPES]:
            continue
        near = None if "type" in backend or untyped.misspelt_key(backend) else nearest(alias, typed)
        if near is not None:
            message = f"there is no backend {shown(alias)}, or it has no type"
            yield ("backends", alias), complaint(message, f"Did you mean {near!r}?", id="E001")
            continue
        for location, found in untyped.problems(backend):
            yield ("backends", alias, *location), found
