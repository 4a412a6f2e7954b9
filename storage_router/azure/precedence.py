"""The options of an ``AzureStorage``: their sources and their changes.

Precedence: constructor, class attribute, ``get_default_settings()`` (the ``AZURE_*`` settings), default.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings

from storage_router.conf.azure.authentication import PRECEDENCE, WITH_CLIENT_ID
from storage_router.conf.azure.options import DJANGO_SETTINGS, AzureOptions
from storage_router.conf.problems import Location, problem, validated
from storage_router.exceptions import ConfigurationError, Problem

OPTIONS = frozenset(AzureOptions.model_fields)

UNUSED_HOOKS = (
    "_get_valid_path",
    "_normalize_name",
    "_get_service_client",
    "_expire_at",
    "_get_content_settings_parameters",
    "get_user_delegation_key",
    "service_client",
    "client",
)
"""Methods and attributes that the Azure storage of django-storages uses and nothing here does."""

_UNSET = object()


def default_settings() -> dict[str, Any]:
    """Return each option with the value of its ``AZURE_*`` setting, else with its default."""
    return {option: getattr(settings, setting, _default(option)) for option, setting in DJANGO_SETTINGS.items()}


def _default(option: str) -> Any:
    """Return the default of an option; None for the container, which has none."""
    field = AzureOptions.model_fields[option]
    return None if field.is_required() else copy.copy(field.default)


def _setting(option: str) -> Any:
    return getattr(settings, DJANGO_SETTINGS[option], _UNSET)


def merged(storage: object, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> AzureOptions:
    """Return the options of ``storage``: ``given`` over the attributes of its class over ``defaults``.

    Raises ``ConfigurationError`` with every problem; each names the place that the value came from.
    """
    kind = type(storage)
    # What the constructor of a subclass assigned before it called ours counts as an attribute of the class.
    on_class = {option for option in OPTIONS if hasattr(kind, option) or option in vars(storage)}
    # A default is not given, unless a setting says so: some options contradict others only where they are given.
    defaults = {
        option: value
        for option, value in defaults.items()
        if option in OPTIONS and (value != _default(option) or _setting(option) == value)
    }
    # getattr of the instance: an attribute may be a property.
    values = _without_empty({**defaults, **{option: getattr(storage, option) for option in on_class}, **given})
    if "client_id" not in given and "client_id" not in on_class and values.get("credential") not in WITH_CLIENT_ID:
        # AZURE_CLIENT_ID is also what packages for signing in call their application.
        values.pop("client_id", None)

    def locate(location: Location) -> str:
        option = str(location[0]) if location else ""
        rest = "".join(f"[{part!r}]" for part in location[1:])
        if option in given:
            return f"{kind.__name__}({option}=…){rest}"
        if option in on_class:
            return f"{kind.__name__}.{option}{rest}"
        if option in defaults:
            if _setting(option) == defaults[option]:
                return f"{kind.__name__}: settings.{DJANGO_SETTINGS[option]}{rest}"
            return f"{kind.__name__}.get_default_settings(): {option}{rest}"
        return f"{kind.__name__}: {option}" if option else kind.__name__

    return validated(AzureOptions, values, locate)


def changed(storage: object, options: AzureOptions, values: Mapping[str, Any]) -> AzureOptions:
    """Return ``options`` with the ``values`` that attributes of ``storage`` have now.

    Raises ``ConfigurationError`` as ``merged`` does.
    """
    kept = {option: getattr(options, option) for option in options.model_fields_set - values.keys()}
    name = type(storage).__name__
    return validated(AzureOptions, _without_empty({**kept, **values}), lambda location: f"{name}.{location[0]}")


def _without_empty(values: dict[str, Any]) -> dict[str, Any]:
    """Return ``values`` without empty strings that mean "not given", as in ``os.environ.get("CDN", "")``.

    An empty secret stays, and is an error, where nothing else authenticates: somebody forgot to set it.
    """
    fields = AzureOptions.model_fields
    empty = {option for option, value in values.items() if option in fields and isinstance(value, str) and not value}
    if all(values.get(option) is None or option in empty for option in PRECEDENCE):
        empty -= set(PRECEDENCE)
    return {
        option: value for option, value in values.items() if option not in empty or fields[option].default is not None
    }


def require_used(kind: type, base: type, known: Mapping[str, Any]) -> None:
    """Raise ``ConfigurationError`` where a subclass has what nothing here uses (O7): hooks of django-storages, and
    attributes that look like a misspelt option and are not among the ``known`` settings.

    ``unused_hooks`` of the class names those that are meant.
    """
    meant = getattr(kind, "unused_hooks", ())
    found = {name: problem for name, problem in _unused(kind, base, known) if name not in meant}
    if found:
        raise ConfigurationError(found.values())


def _unused(kind: type, base: type, known: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
    for owner in kind.__mro__[: kind.__mro__.index(base)]:
        for name, value in vars(owner).items():
            place = f"{owner.__name__}.{name}"
            if name in UNUSED_HOOKS:
                hint = (
                    "Override location (a property is asked each time), get_object_parameters(), save(), open() or "
                    f"url() instead, or remove it. unused_hooks = ({name!r},) silences this."
                )
                yield name, problem("E014", place, "nothing calls this hook of django-storages here", hint)
            elif not (
                name.startswith("_") or callable(value) or hasattr(value, "__get__") or name in OPTIONS or name in known
            ):
                option = next((option for option in sorted(OPTIONS) if len(option) >= 5 and _close(name, option)), None)
                if option is not None:
                    hint = f"Did you mean {option!r}? unused_hooks = ({name!r},) silences this."
                    yield name, problem("E014", place, "there is no option of this name", hint)


def _close(one: str, other: str) -> bool:
    """Return whether at most two insertions, deletions or replacements of letters turn ``one`` into ``other``."""
    if abs(len(one) - len(other)) > 2:
        return False
    row = list(range(len(other) + 1))
    for index, letter in enumerate(one, 1):
        previous, row = row, [index]
        for position, wanted in enumerate(other, 1):
            row.append(min(row[-1] + 1, previous[position] + 1, previous[position - 1] + (letter != wanted)))
    return row[-1] <= 2
