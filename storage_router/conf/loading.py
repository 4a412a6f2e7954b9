"""``load()``: reads every source, merges and validates them."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from storage_router.exceptions import ConfigurationError, Problem

from .azure.options import AzureOptions
from .backends import BACKEND_TYPES, option_names
from .document import RouterDocument, alias_problems, allowed_keys
from .layers import Merged, Origin
from .problems import Locate, Location, nearest, problem, validated, value_at
from .sources import SETTING, Surroundings, environment, read_all

if TYPE_CHECKING:
    from .key_vault import Reference

DEFAULT = Origin(source="default", place="default")
"""The origin of values that no source gives."""

Validator = Callable[[RouterDocument, Locate], Iterable[Problem]]
"""Finds further problems in a valid document; places come from the second argument."""

_UNREAD = ("storage_router.E009", "storage_router.E013")


class Configuration:
    """A valid configuration: the document, the origin of every value that was given, and the warnings.

    ``code`` is what code gave where a setting ``STORAGE_ROUTER`` counts and was not there to be read, else None.
    """

    def __init__(
        self,
        *,
        document: RouterDocument,
        origins: Mapping[Location, Origin],
        warnings: Iterable[Problem] = (),
        code: Mapping[str, Any] | None = None,
    ) -> None:
        self.document = document
        self.origins = origins
        self.warnings = tuple(warnings)
        self.code = code

    def origin(self, location: Location) -> Origin:
        """Return where the value at ``location`` came from; of one that was not given, where its table did."""
        while location and location not in self.origins:
            location = location[:-1]
        return self.origins.get(location, DEFAULT)


def fetch_secret(reference: Reference) -> str:
    """Return the value of a secret in Azure Key Vault."""
    from .key_vault import fetch

    return fetch(reference)


def load(
    config: Mapping[str, Any] | None = None,
    *,
    given_as: str = "OPTIONS",
    environ: Mapping[str, str] | None = None,
    directory: str | os.PathLike[str] | None = None,
    validators: Iterable[Validator] = (),
    django_setting: bool = True,
    fetch: Callable[[Reference], str] | None = fetch_secret,
) -> Configuration:
    """Read every source, merge and validate them.

    ``config`` is what code gives, ``given_as`` how messages call it. ``environ`` defaults to ``os.environ``; in
    ``directory``, by default the working directory, ``.env``, ``storage_router.toml`` and relative paths are looked up.
    ``validators`` find problems that the document does not know of. ``django_setting`` says whether the setting
    ``STORAGE_ROUTER`` is read. ``fetch`` returns the secret of a Key Vault reference; without it none is resolved.

    Raises ``ConfigurationError``: with everything that is wrong in the sources and the values; if these are valid, with
    everything that is wrong between them.
    """
    surroundings = Surroundings(
        config=config,
        given_as=given_as,
        environ=os.environ if environ is None else environ,
        directory=Path.cwd() if directory is None else Path(directory),
        django_setting=django_setting,
    )
    layers = read_all(surroundings)
    found = [one for layer in layers for one in layer.problems]
    if any(one.id in _UNREAD for one in found):
        _refuse(found)
    try:
        merged = Merged(layers)
        vault = surroundings.control(environment.FORMER_KEY_VAULT)
        if vault or any(merged.key_vault_references()):
            from . import key_vault

            if vault:
                merged.problems.append(key_vault.former_variable(vault, merged))
            if all(one.is_warning for one in merged.problems):
                key_vault.resolve(merged, fetch)
        document, wrong = _validated(merged, surroundings)
        origins = merged.origins()
    except RecursionError:
        _refuse([*found, problem("E003", given_as, "the configuration nests too deeply, or contains itself")])
    found = merged.problems + wrong
    if document is None or any(not one.is_warning for one in found):
        _refuse(found)
    found += alias_problems(document, merged.place)
    if all(one.is_warning for one in found):
        for validator in (*validators, _unused_options):
            found += validator(document, merged.place)
    if any(not one.is_warning for one in found):
        # What validators warn of may only be due to an error.
        _refuse([one for one in found if not one.is_warning or one in merged.problems])
    is_unseen = django_setting and all(layer.source != SETTING for layer in layers)
    return Configuration(document=document, origins=origins, warnings=found, code=config or {} if is_unseen else None)


def _refuse(found: Iterable[Problem]) -> NoReturn:
    raise ConfigurationError(sorted(found, key=lambda one: one.is_warning))


def _validated(merged: Merged, surroundings: Surroundings) -> tuple[RouterDocument | None, list[Problem]]:
    # Once for all problems, and not more than people name by hand: each backend may have a problem.
    @functools.cache
    def with_types() -> list[str]:
        tables = merged.tree["backends"].items()
        return [alias for alias, table in tables if isinstance(table, Mapping) and table.get("type")][:100]

    try:
        document = validated(
            RouterDocument,
            merged.tree,
            merged.place,
            keys=lambda location: allowed_keys(merged.tree, location),
            advise=lambda location, kind: _advice(merged, surroundings, location, kind, with_types),
        )
    except ConfigurationError as error:
        problems = list(error.problems)
    else:
        return document, []
    # One mistake is one problem: what was reported of a source may be why something is missing.
    reported = {one.place for one in merged.problems if not one.is_warning}
    if reported and not merged.tree.get("backends"):
        problems = [one for one in problems if one.id != "storage_router.E002"]
    return None, [one for one in problems if one.place not in reported]


def _advice(
    merged: Merged, surroundings: Surroundings, location: Location, kind: str, with_types: Callable[[], list[str]]
) -> str:
    """Return what to do about ``location`` where that depends on the source, or on its neighbours."""
    if location == ("backends",) and not merged.tree.get("backends") and (missing := surroundings.missing_file):
        return f"{missing} Write one, or give the backends in any other source."
    if kind == "E002" and location[0] == "backends" and location[-1] == "type":
        near = nearest(location[1], with_types())
        return f"Did you mean the backend {near!r}? Otherwise add the type: {', '.join(BACKEND_TYPES)}." if near else ""
    if location == ("backends",) and kind in ("dict_type", "too_short"):
        return "Write [backends.media] for each, with its 'type' and its options."
    if (kind == "extra_forbidden" and len(location) == 1) or (kind == "E003" and location[:-1] == ("backends",)):
        if (control := f"STORAGE_ROUTER_{location[0]}".upper()) in environment.CONTROLS:
            return f"Did you mean the variable {control}?"
        meant = _setting_meant(merged, location)
        if meant and meant[: len(location)] != location:
            return f"Did you mean {merged.layer(location).place(meant)}?"
    if kind == "extra_forbidden" and isinstance(value := value_at(merged.tree, location), Mapping):
        # Such as ACCOUNT__KEY.
        for option in (f"{location[-1]}_{key}" for key in value):
            if option in option_names():
                return f"Did you mean {merged.layer(location).place((*location[:-1], option))}?"
    if kind == "extra_forbidden" and location[-1] in RouterDocument.model_fields:
        return f"It is a key of the document itself: {merged.layer(location).place(location[-1:])}."
    return ""


def _setting_meant(merged: Merged, location: Location) -> Location | None:
    """Return the location that was meant where a level of it is missing: the alias, "backends", or an underscore."""
    name, above = "_".join(map(str, location)), "backends?_"
    if isinstance(value := value_at(merged.tree, location), Mapping):
        name, above = f"{name}_{next((key for key in value if key in option_names()), '')}", f"(?:{above})?"
    found = re.fullmatch(rf"{above}(?P<alias>\w*?)_?(?P<option>{'|'.join(option_names())})", name)
    if found is not None:
        return "backends", found["alias"].strip("_") or "media", found["option"]
    table, _, key = name.partition("_")
    return (table, key) if table in RouterDocument.tables and key in RouterDocument.keys_at((table,)) else None


def _unused_options(document: RouterDocument, locate: Locate) -> Iterable[Problem]:
    for alias, backend in document.backends.items():

        def place(location: Location, above: Location = ("backends", alias)) -> str:
            return locate((*above, *location))

        if isinstance(backend, AzureOptions):
            yield from backend.warnings(alias, place)
