"""``AzureOptions``: every option of ``AzureStorage``, validated offline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Self

from pydantic import ValidationError, model_validator

from . import consistency, endpoints
from .authentication import Authentication
from .azure_fields import AzureFields
from .report import gathered, restated


class AzureOptions(AzureFields):
    """Every option of ``AzureStorage``. Secrets are ``SecretStr``: they show as asterisks wherever they are printed."""

    @cached_property
    def authentication(self) -> Authentication:
        """The way to authenticate that won (O1)."""
        return consistency.authentication(self)

    @cached_property
    def endpoint(self) -> str:
        """The blob service's URL, without a trailing slash."""
        return endpoints.endpoint(self)

    @cached_property
    def resolved_account_name(self) -> str:
        """The account's name, from the option, the connection string or the endpoint, in this order."""
        return endpoints.account_name(self) or ""

    @cached_property
    def unused(self) -> tuple[str, ...]:
        """The authentication options, or parts of one, that were given and lost (O1)."""
        return consistency.unused(self)

    @model_validator(mode="wrap")
    @classmethod
    def _everything_at_once(cls, given: Any, handler: Callable[[Any], Self]) -> Self:
        """Find contradictions between the options that are right by themselves, even where others are wrong."""
        try:
            options = handler(given)
        except ValidationError as error:
            details = restated(error)
            wrong = {str(location[0]) for location, _ in details if location}
            sound = cls._sound_part(given, wrong, handler)
            if sound is not None:
                details += consistency.contradictions(sound, wrong)
            raise gathered(cls.__name__, details) from None
        if found := consistency.contradictions(options, frozenset()):
            raise gathered(cls.__name__, found)
        return options

    @classmethod
    def _sound_part(cls, given: Any, wrong: set[str], handler: Callable[[Any], Self]) -> Self | None:
        if not isinstance(given, Mapping):
            return None
        sound = {key: value for key, value in given.items() if key not in wrong}
        for name in wrong & {name for name, field in cls.model_fields.items() if field.is_required()}:
            # Any value will do: checks skip the options that are wrong.
            sound[name] = "placeholder"
        try:
            return handler(sound)
        except ValidationError:  # pragma: no cover - only where a required field has no placeholder
            return None


DJANGO_SETTINGS: Mapping[str, str] = {
    name: name.upper() if name.startswith("azure_") else f"AZURE_{name.upper()}" for name in AzureOptions.model_fields
} | {
    "timeout": "AZURE_CONNECTION_TIMEOUT_SECS",
    "max_memory_size": "AZURE_BLOB_MAX_MEMORY_SIZE",
    "expiration_secs": "AZURE_URL_EXPIRATION_SECS",
}
"""Option of ``AzureStorage`` -> the setting that gives it for every instance."""

SECRETS = ("connection_string", "account_key", "sas_token")
"""The options whose values are never shown."""
