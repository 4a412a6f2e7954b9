"""The keys of ``client_options``: options of azure-core's policies and transport, and what is left of
azure-storage-blob's.

https://learn.microsoft.com/python/api/overview/azure/core-readme#configuration
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .problems import invalid, suggestion

_OF_AZURE_CORE = frozenset(
    (
        *("headers", "user_agent", "user_agent_overwrite", "user_agent_use_env", "user_agent_policy", "sdk_moniker"),
        *("request_id", "auto_request_id", "request_id_header_name", "raw_request_hook", "raw_response_hook"),
        *("per_call_policies", "per_retry_policies", "retry_policy", "retry_total", "retry_connect", "retry_read"),
        *("retry_status", "retry_backoff_factor", "retry_backoff_max", "retry_mode", "retry_on_status_codes"),
        *("timeout", "logging_enable", "logger", "http_logging_level", "additional_allowed_query_params"),
        *("network_span_namer", "tracing_attributes", "instrumentation_config", "proxies", "use_env_settings"),
        *("connection_timeout", "read_timeout", "connection_verify", "connection_cert"),
        *("connection_data_block_size", "transport", "session", "session_owner"),
    )
)
_OF_AZURE_STORAGE = frozenset(
    (
        *("api_version", "audience", "max_single_put_size", "max_block_size"),
        *("initial_backoff", "increment_base", "random_jitter_range"),
    )
)
"""Options of azure-storage-blob's client that mean the same here."""

_WITHOUT_EFFECT = frozenset(
    (
        *("max_single_get_size", "max_chunk_get_size", "max_page_size", "min_large_block_upload_threshold"),
        *("use_byte_buffer", "secondary_hostname", "location_mode", "retry_to_secondary", "logging_body"),
        *("max_concurrency", "validate_content", "permit_redirects", "redirect_max", "redirect_remove_headers"),
        *("redirect_on_status_codes", "require_encryption", "key_encryption_key", "key_resolver_function"),
        "encryption_version",
    )
)
"""Options of azure-storage-blob's client that mean nothing here."""

_ENCRYPTION = ("require_encryption", "key_encryption_key", "key_resolver_function", "encryption_version")
"""What asks azure-storage-blob's client to encrypt. Set to something, it is an error, not a warning."""


Test = Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _is_whole(value: Any) -> bool:
    return _is_number(value) and isinstance(value, int)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not re.search(r"[\r\n]", value)


def _is_path(value: Any) -> bool:
    return isinstance(value, str | os.PathLike)


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) and all(_is_text(key) and _is_text(str(item)) for key, item in value.items())


_FORMS: tuple[tuple[Iterable[str], Test, str], ...] = (
    (
        ("retry_total", "retry_connect", "retry_read", "retry_status", "connection_data_block_size"),
        _is_whole,
        "a whole number",
    ),
    (
        ("retry_backoff_factor", "retry_backoff_max", "initial_backoff", "increment_base", "random_jitter_range"),
        _is_number,
        "a number of seconds",
    ),
    (
        ("timeout", "connection_timeout", "read_timeout"),
        lambda value: _is_number(value) and value > 0,
        "a number of seconds greater than 0",
    ),
    (
        ("max_single_put_size", "max_block_size"),
        lambda value: _is_whole(value) and value > 0,
        "a whole number of bytes greater than 0",
    ),
    (("http_logging_level",), _is_whole, "a level of logging as a number, such as 10"),
    (("retry_mode",), lambda value: value in ("exponential", "fixed"), "'exponential' or 'fixed'"),
    (
        ("retry_on_status_codes",),
        lambda value: isinstance(value, list | tuple | set | frozenset) and all(map(_is_whole, value)),
        "a list of numbers",
    ),
    (("headers", "proxies"), _is_table, "a table of strings without line breaks"),
    (
        ("user_agent", "sdk_moniker", "request_id", "request_id_header_name", "audience", "api_version"),
        _is_text,
        "a string without line breaks",
    ),
    (
        ("logging_enable", "auto_request_id", "use_env_settings", "user_agent_use_env", "user_agent_overwrite"),
        lambda value: value in (True, False),
        "true or false",
    ),
    (("raw_request_hook", "raw_response_hook", "network_span_namer"), callable, "a function"),
    (("transport",), lambda value: hasattr(value, "send"), "a transport of azure-core"),
    (("session",), lambda value: hasattr(value, "request"), "a session of requests"),
    (("logger",), lambda value: hasattr(value, "isEnabledFor"), "a logger"),
    (("connection_verify",), lambda value: isinstance(value, bool) or _is_path(value), "true, false or a path"),
    (
        ("connection_cert",),
        lambda value: _is_path(value) or (isinstance(value, list | tuple) and all(map(_is_path, value))),
        "a path, or a list of two",
    ),
)
"""Options, a test of their values, and what the test wants. The first request, or the first retry, would fail with an
error that does not name the option."""


def checked(value: dict[str, Any]) -> dict[str, Any]:
    """Return ``value``, or raise the problem of what cannot work. Values may be secrets, and are not quoted."""
    asked = [key for key in _ENCRYPTION if value.get(key)]
    if asked:
        raise invalid(
            f"{asked[0]!r} asks for encryption by the client",
            "This package does not have it. Azure encrypts what it stores, with a key of yours if the account has one.",
        )
    known = _OF_AZURE_CORE | _OF_AZURE_STORAGE
    for key in value:
        if key not in known | _WITHOUT_EFFECT:
            hint = suggestion(key, known) or "The keys are options of azure-core's policies and transport."
            raise invalid(f"{key!r} is no option of azure-core or azure-storage-blob", hint)
    for keys, is_good, form in _FORMS:
        for key in keys:
            if value.get(key) is not None and not is_good(value[key]):
                raise invalid(f"{key!r} is not {form}")
    if value.get("connection_verify") == "":
        hint = "Give true, false, or the path of the certificate authorities' file or directory."
        raise invalid("'connection_verify' is empty, which would turn verification off", hint)
    return value


def without_effect(value: Mapping[str, Any]) -> list[str]:
    """Return the keys of ``value`` that azure-storage-blob knows and that do nothing here."""
    return sorted(_WITHOUT_EFFECT.intersection(value))
