"""The keys of ``client_options``: options of azure-core's policies and transport, and what is left of
azure-storage-blob's.

https://learn.microsoft.com/python/api/overview/azure/core-readme#configuration
"""

from __future__ import annotations

from collections.abc import Mapping
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
    for key in ("max_single_put_size", "max_block_size"):
        if not isinstance(size := value.get(key, 1), int) or size < 1:
            raise invalid(f"{key!r} is not a whole number of bytes greater than 0")
    if value.get("connection_verify") == "":
        hint = "Give true, false, or the path of the certificate authorities' file or directory."
        raise invalid("'connection_verify' is empty, which would turn verification off", hint)
    return value


def without_effect(value: Mapping[str, Any]) -> list[str]:
    """Return the keys of ``value`` that azure-storage-blob knows and that do nothing here."""
    return sorted(_WITHOUT_EFFECT.intersection(value))
