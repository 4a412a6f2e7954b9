"""Sources, document and report put together: ``load()``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from storage_router.exceptions import ConfigurationError, Problem

from . import sources
from .backends import TYPES, AzureBackend, Backend, MemoryBackend
from .document import RouterDocument, allowed_keys, without_nulls
from .merging import Merged, Origin
from .report import Locate, Location, nearest, problem, problem_id, problems_from
from .routes import RouteOptions

DEFAULT = Origin(source="default", place="default")
"""The origin of values that nobody gave."""

# Elsewhere there are names and texts only.
_STRUCTURED = (sources.CODE, sources.SETTING, "file")

_UNREAD = (problem_id("E009"), problem_id("E013"))

Validator = Callable[[RouterDocument, Locate], Iterable[Problem]]
"""Finds further problems in a document; places come from the second argument."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """A valid configuration: the document, the origin of every value that was given, and what is worth a warning.

    ``code`` is what code gave where no setting ``STORAGE_ROUTER`` was read beside it, else None.
    """

    document: RouterDocument
    origins: Mapping[Location, Origin] = field(repr=False)
    warnings: tuple[Problem, ...] = ()
    code: Mapping[str, Any] | None = field(default=None, repr=False)

    def origin(self, location: Location) -> Origin:
        """Return where the value at ``location`` came from; of a table, where its first value did."""
        for length in range(len(location), 0, -1):
            if (found := self.origins.get(location[:length])) is not None:
                return found
        return DEFAULT

    def __reduce__(self) -> tuple[Any, ...]:
        # A mapping proxy cannot be pickled; tasks queues and test runners pickle storages.
        return _restored, (self.document, dict(self.origins), self.warnings, self.code)


def load(
    config: Mapping[str, Any] | None = None,
    *,
    given_as: str = "OPTIONS",
    environ: Mapping[str, str] | None = None,
    directory: str | os.PathLike[str] | None = None,
    validators: Iterable[Validator] = (),
    vault_credential: Any = None,
    django_setting: bool = True,
) -> Configuration:
    """Read every source, merge and validate them.

    ``config`` is what code gives, ``given_as`` how messages call it. ``environ`` defaults to ``os.environ``; in
    ``directory``, by default the working directory, ``.env``, ``storage_router.toml`` and relative paths are looked up.
    ``validators`` find problems that the document does not know of. ``django_setting`` says whether the setting
    ``STORAGE_ROUTER`` is read. Raises ``ConfigurationError`` with everything that is wrong in any source.
    """
    surroundings = sources.Surroundings(
        config=config,
        given_as=given_as,
        environ=os.environ if environ is None else environ,
        directory=Path.cwd() if directory is None else Path(directory),
        vault_credential=vault_credential,
        django_setting=django_setting,
    )
    merged = sources.read_all(surroundings)
    merged.tree = without_nulls(merged.tree)
    found = list(merged.problems)
    document, wrong = _validate(merged, surroundings)
    found += wrong
    # Where the document is wrong, its good parts are still looked at: every problem in one go.
    for validator in validators:
        found += validator(document, merged.place)
    if not wrong:
        found += _unused_authentication(document, merged.place)
    if any(not one.is_warning for one in found):
        # A variable that nobody reads may be why a setting is missing. What validators warn of may only be due to that.
        kept = [one for one in found if not one.is_warning or one in merged.problems]
        raise ConfigurationError(sorted(kept, key=lambda one: one.is_warning))
    code = None if any(layer.source == sources.SETTING for layer in merged.layers) else config or {}
    return _restored(document, merged.origins(), tuple(found), code)


def _restored(
    document: RouterDocument,
    origins: Mapping[Location, Origin],
    warnings: tuple[Problem, ...],
    code: Mapping[str, Any] | None,
) -> Configuration:
    return Configuration(document=document, origins=MappingProxyType(dict(origins)), warnings=warnings, code=code)


def _validate(merged: Merged, surroundings: sources.Surroundings) -> tuple[RouterDocument, list[Problem]]:
    try:
        return RouterDocument.model_validate(merged.tree), []
    except ValidationError as error:
        unread = any(one.id in _UNREAD for one in merged.problems)
        problems = problems_from(
            error,
            merged.place,
            keys=lambda location: allowed_keys(merged.tree, location),
            given=merged.tree,
            plain=_plain,
            # What is missing may be in the source that could not be read: one mistake, one problem.
            told={("backends",)} if unread else (),
            advise=lambda location: _advice(merged, surroundings, location),
        )
        return _good_part(merged.tree, {_plain(detail["loc"])[:2] for detail in error.errors()}), problems


def _advice(merged: Merged, surroundings: sources.Surroundings, location: Location) -> str:
    """Return what to do about ``location`` where that depends on the source."""
    if location == ("backends",) and "backends" not in merged.tree:
        missing = sources.missing_file(surroundings)
        return missing and f"{missing} Write one, or give the backends in any other source."
    layer = merged.layer(location)
    assert layer is not None
    is_toml = layer.source == "file" and layer.place(()).lower().endswith(".toml")
    if location == ("routes",) and layer.source in _STRUCTURED:
        return "Write [[routes]], once for each route." if is_toml else "Give a list with an entry for each route."
    if _belongs_to_the_document(merged.tree, location):
        where = "above the first [table]" if is_toml else f"as {layer.place(location[-1:])}"
        return f"It is a key of the document itself: write it {where}."
    return ""


def _belongs_to_the_document(tree: Mapping[str, Any], location: Location) -> bool:
    """Whether an unknown key of a backend, a route or ``static`` is one of the document: TOML makes that easy."""
    table, key = location[:-1], location[-1] if location else ""
    if key not in RouterDocument.model_fields or not (table == ("static",) or len(table) == 2):
        return False
    return nearest(key, allowed_keys(tree, table)) is None


def _plain(location: Location) -> Location:
    """Return pydantic's location without the tags of unions and the marks of keys."""
    if location[:1] == ("backends",) and len(location) > 2 and location[2] in TYPES:
        location = location[:2] + location[3:]
    return tuple(part for part in location if part != "[key]")


def _good_part(tree: Mapping[str, Any], wrong: set[Location]) -> RouterDocument:
    """Return a document in which whatever is wrong is left out, and wrong backends are stand-ins under their alias."""
    backends = tree.get("backends")
    backends = backends if isinstance(backends, Mapping) else {}
    stand_in = MemoryBackend(type="memory")
    adapter: TypeAdapter[Backend] = TypeAdapter(Backend)
    good: dict[str, Backend] = {
        str(alias): stand_in if ("backends", alias) in wrong else adapter.validate_python(backend)
        for alias, backend in backends.items()
    }
    default = tree.get("default")
    return RouterDocument.model_construct(
        backends=good,
        routes=tuple(_good_routes(tree.get("routes"), good, wrong)),
        default=default if isinstance(default, str) and default in good else None,
        static=RouterDocument.model_fields["static"].default,
    )


def _good_routes(routes: Any, aliases: Iterable[str], wrong: set[Location]) -> Iterable[RouteOptions]:
    if not isinstance(routes, list | tuple):
        return
    for index, route in enumerate(routes):
        if ("routes", index) in wrong:
            # Keeps the numbers of the others, and covers none of them.
            yield RouteOptions(prefix=(f"wrong-route-{index}",), backend=next(iter(aliases), ""))
        else:
            yield RouteOptions.model_validate(route)


def _unused_authentication(document: RouterDocument, locate: Locate) -> Iterable[Problem]:
    for alias, backend in document.backends.items():
        if isinstance(backend, AzureBackend) and backend.unused:
            unused = ", ".join(backend.unused)
            yield problem(
                "W001",
                locate(("backends", alias, backend.unused[0].partition(".")[0])),
                f"{alias} authenticates by {backend.authentication.option}; not used: {unused}",
                "Remove them. First wins: connection_string, account_key, token_credential, credential, sas_token.",
            )
