"""A configuration as rows: every value with its source, and no secret among them (C7, C8)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from pydantic import BaseModel, SecretStr

from storage_router.azure.merging import setting_behind
from storage_router.azure.storage import AzureStorage
from storage_router.conf.loading import DEFAULT, Configuration
from storage_router.conf.merging import Origin
from storage_router.conf.options import AzureOptions
from storage_router.installed import Entry
from storage_router.router import RouterStorage

Path = tuple[str | int, ...]

MASK = "**********"
"""What stands for a secret."""

# What another package's storage, or the SDK, is given may hold a secret under any name. These names hold none.
_HARMLESS = frozenset(
    {
        *("access_tier", "account_name", "acl", "allow_overwrite", "api_version", "azure_container", "base_url"),
        *("bucket", "bucket_acl", "bucket_name", "cache_control", "connection_timeout", "connection_verify"),
        *("container", "container_name", "content_type", "default_acl", "directory_permissions_mode", "encoding"),
        *("endpoint_suffix", "expiration", "expiration_secs", "file_permissions_mode", "gzip", "iam_path", "location"),
        *("max_block_size", "max_memory_size", "max_single_get_size", "max_single_put_size", "port", "prefix"),
        *("project_id", "querystring_expire", "read_timeout", "region", "region_name", "retry_backoff_factor"),
        *("retry_backoff_max", "retry_connect", "retry_read", "retry_status", "retry_total", "root_path"),
        *("signature_version", "storage_class", "timeout", "user_agent"),
    }
)
_FOREIGN = frozenset({"client_options", "options"})
_CREDENTIALS_IN_TEXT = re.compile(r"(?i)://[^/\s]*@|\bsig=|accountkey=|sharedaccess|password|secret")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One value. ``path`` leads to it in the document; ``value`` is JSON, masked where it is, or could be, a secret."""

    path: Path
    value: Any
    origin: Origin

    @property
    def name(self) -> str:
        """``backends.media.account_key``, ``routes[0].prefix``"""
        return dotted(self.path)

    @property
    def source(self) -> str:
        """Where a person finds it; of a file, whose keys are called as the settings are, its name."""
        if self.origin.source == "file":
            return self.origin.place.partition(": ")[0]
        return self.origin.place

    @property
    def is_given(self) -> bool:
        """Whether a source gave it; otherwise it has its default."""
        return self.origin.source != DEFAULT.source


def settings_of(entry: Entry) -> list[Setting]:
    """Return every setting of an entry of ``STORAGES``; none for one that has no configuration of its own."""
    storage = entry.storage
    if isinstance(storage, RouterStorage):
        configuration = storage.configuration
        return [
            Setting(path=path, value=value, origin=_origin(configuration, path))
            for path, value in values_of(configuration.document)
        ]
    if isinstance(storage, AzureStorage):
        return [
            Setting(path=path, value=value, origin=_origin_of_option(entry.name, storage, str(path[0])))
            for path, value in values_of(storage.options)
        ]
    return []


def authentications(entry: Entry) -> dict[Path, dict[str, Any]]:
    """Return, by the path of the backend, the option that authenticates and those that were given and lost (O1).

    For entries that have settings.
    """
    storage = entry.storage
    found: dict[Path, AzureOptions] = {}
    if isinstance(storage, RouterStorage):
        backends = storage.configuration.document.backends
        found = {
            ("backends", alias): backend for alias, backend in backends.items() if isinstance(backend, AzureOptions)
        }
    else:
        assert isinstance(storage, AzureStorage)
        found = {(): storage.options}
    return {
        path: {
            "option": options.authentication.option,
            "credential": getattr(options.authentication, "name", None),
            "kind": options.authentication.kind,
            "unused": list(options.unused),
        }
        for path, options in found.items()
    }


def dotted(path: Path) -> str:
    """Return ``path`` as messages write it."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _origin(configuration: Configuration, path: Path) -> Origin:
    origins = configuration.origins
    if (exact := origins.get(path)) is not None:
        return exact
    # A list, or one value that the model made a list of, remembers its items; a text that held a table, itself.
    below = (origin for location, origin in origins.items() if location[: len(path)] == path)
    above = (origins[path[:length]] for length in range(len(path) - 1, 2, -1) if path[:length] in origins)
    return next(below, None) or next(above, None) or DEFAULT


def _origin_of_option(alias: str, storage: AzureStorage, option: str) -> Origin:
    kind = type(storage).__name__
    if option not in storage.options.model_fields_set:
        # Not given, or given and put aside, as an AZURE_CLIENT_ID is that the credential has no use for.
        return DEFAULT
    if option in settings.STORAGES.get(alias, {}).get("OPTIONS", {}):
        return Origin(source="code", place=f"STORAGES[{alias!r}]['OPTIONS'][{option!r}]")
    defaults = storage.get_default_settings()
    if hasattr(type(storage), option) or option not in defaults:
        return Origin(source="class attribute", place=f"{kind}.{option}")
    if (setting := setting_behind(option, defaults)) is not None:
        return Origin(source="Django setting", place=setting)
    return Origin(source="class attribute", place=f"{kind}.get_default_settings()")


def values_of(model: BaseModel, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the path and the masked value of everything in ``model``, in the order of its fields."""
    for name in type(model).model_fields:
        yield from _values(getattr(model, name), (*path, name))


def _values(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, BaseModel):
        yield from values_of(value, path)
    elif isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _values(item, (*path, str(key)))
    elif isinstance(value, tuple | list) and any(isinstance(item, BaseModel) for item in value):
        for index, item in enumerate(value):
            yield from _values(item, (*path, index))
    else:
        yield path, shown(value, path)


def shown(value: Any, path: Sequence[str | int] = ()) -> Any:
    """Return ``value`` as JSON, or a mask: for secrets, and for what below ``options`` could be one."""
    if isinstance(value, SecretStr):
        return MASK
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, tuple | list | set | frozenset):
        return [shown(item, path) for item in value]
    if isinstance(value, Mapping):
        return {str(key): shown(item, (*path, str(key))) for key, item in value.items()}
    if isinstance(value, str | int | float):
        foreign = not _FOREIGN.isdisjoint(map(str, path)) and str(path[-1]).lower() not in _HARMLESS
        return MASK if foreign or _CREDENTIALS_IN_TEXT.search(str(value)) else value
    # An object, such as a credential or a transport: its repr is its author's, who may print anything.
    return f"<{type(value).__module__}.{type(value).__qualname__}>"
