"""Where an ``AzureStorage`` takes its options from: constructor over class attribute over setting over default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from storage_router.conf.azure.authentication import PRECEDENCE, WITH_CLIENT_ID
from storage_router.conf.azure.options import DJANGO_SETTINGS, AzureOptions
from storage_router.conf.problems import Location, validated

_UNSET = object()


def from_settings() -> dict[str, Any]:
    """Return the options that the project's ``AZURE_*`` settings give."""
    found = {option: getattr(settings, setting, _UNSET) for option, setting in DJANGO_SETTINGS.items()}
    return {option: value for option, value in found.items() if value is not _UNSET}


def setting_behind(option: str, defaults: Mapping[str, Any]) -> str | None:
    """Return the ``AZURE_*`` setting that a default comes from; None where a subclass gives its own."""
    setting = DJANGO_SETTINGS[option]
    return setting if getattr(settings, setting, _UNSET) == defaults[option] else None


def _without_empty(values: dict[str, Any]) -> dict[str, Any]:
    """Return ``values`` without the empty texts that stand for nothing, as in ``os.environ.get("CDN", "")``.

    An empty secret stays, and is an error, where nothing else authenticates: somebody forgot to set it.
    """
    fields = AzureOptions.model_fields
    empty = {option for option, value in values.items() if option in fields and isinstance(value, str) and not value}
    if all(values.get(option) is None or option in empty for option in PRECEDENCE):
        empty -= set(PRECEDENCE)
    return {
        option: value for option, value in values.items() if option not in empty or fields[option].default is not None
    }


def merged(storage: object, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> AzureOptions:
    """Return the options of ``storage``: ``given`` over its class's attributes over ``defaults``.

    Raises ``ConfigurationError`` with every problem; each names the place that the value came from.
    """
    kind = type(storage)
    # What a subclass's constructor assigned before it called ours counts like an attribute of the class.
    on_class = {option for option in AzureOptions.model_fields if hasattr(kind, option) or option in vars(storage)}
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
            setting = setting_behind(option, defaults)
            if setting:
                return f"{kind.__name__}: settings.{setting}{rest}"
            return f"{kind.__name__}.get_default_settings(): {option}{rest}"
        return f"{kind.__name__}: {option}" if option else kind.__name__

    return validated(AzureOptions, values, locate)


def changed(storage: object, options: AzureOptions, values: Mapping[str, Any]) -> AzureOptions:
    """Return ``options`` with the ``values`` that attributes of ``storage`` have by now.

    Raises ``ConfigurationError`` as ``merged`` does.
    """
    kept = {option: getattr(options, option) for option in options.model_fields_set - values.keys()}
    name = type(storage).__name__
    return validated(AzureOptions, _without_empty({**kept, **values}), lambda location: f"{name}.{location[0]}")
