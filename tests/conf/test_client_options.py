"""O3: what cannot work in ``client_options`` is refused before the first request, and C7: without its value."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.core.pipeline.policies import RetryMode
from azure.core.pipeline.transport import RequestsTransport

from storage_router import RouterStorage
from storage_router.azure.storage import AzureStorage
from storage_router.conf.azure.options import AzureOptions
from storage_router.exceptions import ConfigurationError


def problems(client_options: dict[str, Any]) -> list[tuple[str, str, str]]:
    given = {"azure_container": "media", "account_name": "acme", "credential": "anonymous"}
    with pytest.raises(ConfigurationError) as caught:
        AzureStorage(**given, client_options=client_options)
    return [(problem.place, problem.message, problem.hint) for problem in caught.value.problems]


@pytest.mark.parametrize("option", ["account_url", "credential"])
def test_options_of_the_backend_are_no_options_of_the_client(option: str) -> None:
    ((place, message, _),) = problems({option: "secret"})
    assert place == "AzureStorage(client_options=…)"
    assert message == f"{option!r} is no option of azure-core or azure-storage-blob"


@pytest.mark.parametrize(
    ("option", "value", "form"),
    [
        ("max_block_size", 0, "not a whole number of bytes greater than 0"),
        ("max_single_put_size", "1MiB", "not a whole number of bytes greater than 0"),
        ("retry_total", "3", "not a whole number"),
        ("retry_status", -1, "not a whole number"),
        ("retry_backoff_factor", "1s", "not a number of seconds"),
        ("initial_backoff", float("nan"), "not a number of seconds"),
        ("timeout", "20", "not a number of seconds greater than 0"),
        ("connection_timeout", 0, "not a number of seconds greater than 0"),
        ("read_timeout", True, "not a number of seconds greater than 0"),
        ("http_logging_level", "DEBUG", "not a level of logging as a number, such as 10"),
        ("retry_mode", "linear", "not 'exponential' or 'fixed'"),
        ("retry_on_status_codes", 500, "not a list of numbers"),
        ("headers", "X-A: b", "not a table of strings without line breaks"),
        ("headers", {"X-A": "b\r\nX-B: c"}, "not a table of strings without line breaks"),
        ("proxies", "http://proxy:3128", "not a table of strings without line breaks"),
        ("user_agent", "a\nb", "not a string without line breaks"),
        ("request_id_header_name", 5, "not a string without line breaks"),
        ("use_env_settings", "false", "not true or false"),
        ("raw_request_hook", "acme.hook", "not a function"),
        ("transport", "requests", "not a transport of azure-core"),
        ("session", 5, "not a session of requests"),
        ("logger", "acme", "not a logger"),
        ("connection_verify", 5, "not true, false or a path"),
        ("connection_cert", {"cert": "a.pem"}, "not a path, or a list of two"),
        ("connection_verify", "", "empty, which would turn verification off"),
    ],
)
def test_a_value_that_would_do_harm_is_refused(option: str, value: Any, form: str) -> None:
    ((place, message, _),) = problems({option: value})
    assert (place, message) == ("AzureStorage(client_options=…)", f"{option!r} is {form}")


@pytest.mark.parametrize(
    ("name", "hint"), [("retry_totl", "Did you mean 'retry_total'?"), ("something_new", "Allowed: additional_allowed")]
)
def test_a_name_that_nobody_knows_is_an_error(name: str, hint: str) -> None:
    """C4, O5"""
    ((place, message, found),) = problems({name: "secret"})
    assert place == "AzureStorage(client_options=…)"
    assert message == f"{name!r} is no option of azure-core or azure-storage-blob"
    assert found.startswith(hint)


def test_a_name_of_azure_storage_that_does_nothing_here_is_a_warning() -> None:
    """O5"""
    router = RouterStorage(
        backends={
            "media": {
                "type": "azure",
                "account_name": "acme",
                "azure_container": "media",
                "credential": "anonymous",
                "client_options": {"max_chunk_get_size": 1, "retry_total": 3, "location_mode": "secondary"},
            }
        },
        default="media",
    )
    (warning,) = router.configuration.warnings
    assert warning.id == "storage_router.W008"
    assert warning.message == "media has client options without effect: location_mode, max_chunk_get_size"
    assert "client_options" in warning.place


@pytest.mark.parametrize(
    "given",
    [
        {"connection_timeout": 0.5, "read_timeout": None},
        {"retry_total": 0, "initial_backoff": 0, "max_single_put_size": 1},
        {"connection_verify": False, "connection_cert": ["a.pem", "b.pem"]},
        {"connection_verify": Path("a.pem"), "connection_cert": Path("b.pem"), "proxies": {"https": "http://proxy"}},
        {"connection_verify": None, "connection_cert": None, "proxies": None, "transport": None, "session": None},
        {"raw_request_hook": print, "per_call_policies": [], "tracing_attributes": {}},
        {
            "headers": {"X-A": "b"},
            "retry_mode": RetryMode.Fixed,
            "retry_on_status_codes": [500],
            "logging_enable": True,
        },
    ],
    ids=repr,
)
def test_what_the_sdk_takes_is_taken(given: dict[str, Any]) -> None:
    options = AzureOptions(azure_container="media", account_name="acme", client_options=given)
    assert options.client_options == given


def test_objects_of_the_sdk_and_of_logging_are_taken() -> None:
    given = {"transport": RequestsTransport(), "session": requests.Session(), "logger": logging.getLogger("acme")}
    options = AzureOptions(azure_container="media", account_name="acme", client_options=given)
    assert options.client_options == given
