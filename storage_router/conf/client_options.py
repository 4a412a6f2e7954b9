"""The keys of ``client_options``: options of azure-core's policies and transport, and what is left of
azure-storage-blob's.

https://learn.microsoft.com/python/api/overview/azure/core-readme#configuration
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
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

_OPTIONS_HERE: Mapping[str, str] = {
    "account_url": "Set the backend's account_url.",
    "credential": "Set the backend's credential, token_credential, account_key or sas_token.",
}
"""Arguments of the SDK's client that are options of the backend, and decide what backends share."""


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LONGEST


def _is_limit(value: Any) -> bool:
    return value is None or (_is_seconds(value) and value > 0)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_size(value: Any) -> bool:
    return _is_count(value) and value > 0


def _is_file(value: Any) -> bool:
    return bool(value) and isinstance(value, str | os.PathLike)


def _is_certificate(value: Any) -> bool:
    return value is None or _is_file(value) or (isinstance(value, list | tuple) and all(map(_is_file, value)))


def _is_table_of_texts(value: Any) -> bool:
    return value is None or (
        isinstance(value, Mapping) and all(isinstance(text, str) for pair in value.items() for text in pair)
    )


_LONGEST = 10**9
"""Seconds that a socket can be told to wait, some 30 years."""

_LIMIT = (_is_limit, "a number of seconds greater than 0")
_SECONDS = (_is_seconds, "a number of seconds")
_COUNT = (_is_count, "a whole number")
_SIZE = (_is_size, "a whole number of bytes greater than 0")

_FORMS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "connection_timeout": _LIMIT,
    "read_timeout": _LIMIT,
    "retry_total": _COUNT,
    "retry_connect": _COUNT,
    "retry_read": _COUNT,
    "retry_status": _COUNT,
    "initial_backoff": _SECONDS,
    "increment_base": _SECONDS,
    "random_jitter_range": _SECONDS,
    "max_single_put_size": _SIZE,
    "max_block_size": _SIZE,
    # An empty text would turn verification off, which nobody means by it.
    "connection_verify": (
        lambda value: value is None or isinstance(value, bool) or _is_file(value),
        "true, false, or the path of the certificate authorities' file or directory",
    ),
    "connection_cert": (_is_certificate, "the path of a file with certificate and key, or a list of the two paths"),
    "proxies": (_is_table_of_texts, "a table such as {https = 'http://proxy.example:8080'}"),
    "transport": (lambda value: value is None or hasattr(value, "send"), "an object with send(), given in code"),
    "session": (lambda value: value is None or hasattr(value, "request"), "an object with request(), given in code"),
}
"""The forms of values that would otherwise fail at the first request."""


def checked(value: dict[str, Any]) -> dict[str, Any]:
    """Return ``value``, or raise the problem of what cannot work. Values may be secrets, and are not quoted."""
    for option, hint in _OPTIONS_HERE.items():
        if option in value:
            raise invalid(f"{option!r} is an option of the backend, not of the SDK's client here", hint)
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
    wrong = [f"{key!r} is not {form}" for key, (fits, form) in _FORMS.items() if key in value and not fits(value[key])]
    if wrong:
        raise invalid("; ".join(wrong), "Write the options as azure-core takes them.")
    return value


REMOVE_IDLE = "Remove them: requests do not pass through azure-storage-blob's client."


def without_effect(value: Mapping[str, Any]) -> list[str]:
    """Return the keys of ``value`` that azure-storage-blob knows and that do nothing here."""
    return sorted(_WITHOUT_EFFECT.intersection(value))
