"""O2: a connection string is parsed into the same settings as the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from pydantic_core import PydanticCustomError

from storage_router.conf.azure.connection_string import EMULATOR_KEY, ConnectionString, connection_string
from storage_router.conf.azure.endpoint import EMULATOR_ACCOUNT
from tests.kit import azurite


def refusal(text: str) -> PydanticCustomError:
    with pytest.raises(PydanticCustomError) as caught:
        connection_string(SecretStr(text))
    return caught.value


def test_the_portals_string_gives_account_key_and_suffix():
    parsed = ConnectionString(
        "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=a2V5==;EndpointSuffix=core.windows.net"
    )
    assert (parsed.account_name, parsed.scheme, parsed.endpoint_suffix) == ("acme", "https", "core.windows.net")
    assert parsed.account_key is not None
    # The padding is not taken for a separator.
    assert parsed.account_key.get_secret_value() == "a2V5=="
    assert (parsed.sas_token, parsed.blob_endpoint) == (None, None)


def test_a_sas_and_an_endpoint_are_enough():
    text = "BlobEndpoint=https://acme.blob.core.windows.net/;SharedAccessSignature=?sv=1&sig=abc"
    parsed = connection_string(SecretStr(text))
    assert parsed.blob_endpoint == "https://acme.blob.core.windows.net"
    assert parsed.sas_token is not None
    assert parsed.sas_token.get_secret_value() == "sv=1&sig=abc"
    assert parsed.scheme == "https"


def test_the_scheme_of_the_blob_endpoint_counts_not_that_of_the_other_services():
    text = "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:10000/acme"
    assert ConnectionString(text).scheme == "http"


@pytest.mark.parametrize("text", ["UseDevelopmentStorage=true", "usedevelopmentstorage=True;"])
def test_the_emulator_has_its_public_account_key_and_port(text):
    parsed = ConnectionString(text)
    assert parsed.blob_endpoint == "http://127.0.0.1:10000/devstoreaccount1"
    assert parsed.account_name == EMULATOR_ACCOUNT == azurite.ACCOUNT_NAME
    assert parsed.account_key is not None
    assert parsed.account_key.get_secret_value() == EMULATOR_KEY == azurite.ACCOUNT_KEY
    assert parsed.scheme == "http"


def test_schemes_and_hosts_mean_the_same_in_capitals():
    parsed = ConnectionString("AccountName=acme;AccountKey=a2V5;BlobEndpoint=HTTPS://Acme.Blob.Core.Windows.Net:443/")
    assert (parsed.blob_endpoint, parsed.scheme) == ("https://acme.blob.core.windows.net", "https")
    parsed = ConnectionString(
        "DefaultEndpointsProtocol=HTTPS;AccountName=acme;AccountKey=a2V5;EndpointSuffix=.Core.Windows.Net"
    )
    assert (parsed.endpoint_suffix, parsed.scheme) == ("core.windows.net", "https")


def test_empty_values_count_as_missing():
    """The reference document's own string has ``BlobEndpoint=;``."""
    parsed = ConnectionString("DefaultEndpointsProtocol=http;AccountName=acme;AccountKey=a2V5;BlobEndpoint=;")
    assert (parsed.blob_endpoint, parsed.scheme) == (None, "http")


def test_keys_are_compared_without_case_as_azures_clients_do():
    assert ConnectionString(" accountname = acme ; ACCOUNTKEY=a2V5 ;").account_name == "acme"


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("", "E011", "the connection string has neither AccountKey nor SharedAccessSignature"),
        ("AccountName=a;cut", "E003", "the connection string has a key that Azure does not know"),
        ("AccountName=a;AccuntKey=b", "E003", "the connection string has a key that Azure does not know"),
        ("AccountName=acme", "E011", "the connection string has neither AccountKey nor SharedAccessSignature"),
        ("AccountKey=a2V5", "E011", "the connection string has no AccountName"),
        ("SharedAccessSignature=sig=a", "E011", "the connection string has no AccountName"),
        (
            "AccountName=a;AccountKey=b;DefaultEndpointsProtocol=ftp",
            "E003",
            "DefaultEndpointsProtocol must be https or http in the connection string",
        ),
        (
            "AccountName=a;AccountKey=b;BlobEndpoint=acme.example",
            "E003",
            "BlobEndpoint of the connection string is not the URL of a blob service",
        ),
        (
            "AccountName=a;AccountKey=b;BlobEndpoint=https://acme.example/?sig=x",
            "E003",
            "BlobEndpoint of the connection string is not the URL of a blob service",
        ),
        (
            "AccountName=a;AccountKey=b;BlobEndpoint=https://[::1",
            "E003",
            "BlobEndpoint of the connection string is not the URL of a blob service",
        ),
        (
            "AccountName=a;AccountKey=b;BlobEndpoint=https://acme example",
            "E003",
            "BlobEndpoint of the connection string is not the URL of a blob service",
        ),
        (
            "AccountName=a;AccountKey=b;EndpointSuffix=bad suffix/",
            "E003",
            "EndpointSuffix of the connection string is not the end of a host name",
        ),
        (
            "AccountName=a;AccountKey=b;EndpointSuffix=https://core.windows.net",
            "E003",
            "EndpointSuffix of the connection string is not the end of a host name",
        ),
        ("UseDevelopmentStorage=yes", "E008", "UseDevelopmentStorage=true must be all of the connection string"),
        ("AccountName=a;AccountKey=b;accountname=c", "E008", "the connection string gives a key twice"),
        (
            "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://azurite",
            "E008",
            "UseDevelopmentStorage=true must be all of the connection string",
        ),
        (
            "UseDevelopmentStorage=true;AccountName=a",
            "E008",
            "UseDevelopmentStorage=true must be all of the connection string",
        ),
    ],
)
def test_a_wrong_string_is_refused_by_the_key_at_fault(text, kind, message):
    error = refusal(text)
    assert (error.type, error.message()) == (kind, message)


def test_a_misspelt_key_is_answered_with_the_nearest_one():
    assert (refusal("AccountName=a;AccuntKey=b").context or {})["hint"] == "Did you mean 'AccountKey'?"


@given(st.text(), st.sampled_from(["", "AccountName=a;AccountKey=", "UseDevelopmentStorage=", "BlobEndpoint=https://"]))
def test_any_text_is_parsed_or_refused_without_being_quoted(text, start):
    """F3 and C7: no other exception, and nothing of the text in it."""
    secret = "c2VjcmV0LXBsYW50ZWQ"
    shown = ""
    try:
        connection_string(SecretStr(f"{start}{text};{secret}"))
    except PydanticCustomError as error:
        shown = f"{error}{error.context}"
    assert secret not in shown
