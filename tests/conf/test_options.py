"""Section 4: names and defaults of every option; O3: each value is checked by itself before the first request."""

from __future__ import annotations

import base64
import datetime as dt
import pickle

import pytest
from pydantic import SecretStr

from storage_router.conf.azure.options import DJANGO_SETTINGS, SECRETS, AzureOptions
from storage_router.conf.problems import validated
from storage_router.exceptions import ConfigurationError, Problem

KEY = base64.b64encode(b"k" * 64).decode()
DEFAULTS = {
    "connection_string": None,
    "account_name": None,
    "account_key": None,
    "token_credential": None,
    "sas_token": None,
    "azure_ssl": True,
    "upload_max_conn": 2,
    "timeout": 20,
    "max_memory_size": 2 * 1024 * 1024,
    "expiration_secs": None,
    "overwrite_files": False,
    "location": "",
    "endpoint_suffix": "core.windows.net",
    "custom_domain": None,
    "cache_control": None,
    "object_parameters": {},
    "api_version": None,
    "client_options": {},
    "default_content_type": "application/octet-stream",
}
NEW_DEFAULTS = {
    "credential": None,
    "client_id": None,
    "account_url": None,
    "sas_token_in_urls": False,
    "url_window_secs": None,
    "container_in_url": None,
    "metadata": {},
    "tags": {},
    "access_tier": None,
    "log_requests": False,
}


def options(**given) -> AzureOptions:
    base = {"account_name": "acmefiles", "account_key": KEY, "azure_container": "media"}
    return validated(AzureOptions, base | given)


def only_problem(**given) -> Problem:
    with pytest.raises(ConfigurationError) as caught:
        options(**given)
    (problem,) = caught.value.problems
    return problem


def test_the_options_and_defaults_are_those_of_the_reference_document():
    chosen = options()
    assert {name: getattr(chosen, name) for name in DEFAULTS if not name.startswith("account")} == {
        name: default for name, default in DEFAULTS.items() if not name.startswith("account")
    }
    assert set(AzureOptions.model_fields) == {*DEFAULTS, *NEW_DEFAULTS, "azure_container"}


def test_the_new_options_have_their_defaults():
    chosen = options()
    assert {name: getattr(chosen, name) for name in NEW_DEFAULTS} == NEW_DEFAULTS


def test_every_option_has_its_setting_by_the_reference_documents_name():
    assert set(DJANGO_SETTINGS) == set(AzureOptions.model_fields)
    assert DJANGO_SETTINGS["timeout"] == "AZURE_CONNECTION_TIMEOUT_SECS"
    assert DJANGO_SETTINGS["max_memory_size"] == "AZURE_BLOB_MAX_MEMORY_SIZE"
    assert DJANGO_SETTINGS["expiration_secs"] == "AZURE_URL_EXPIRATION_SECS"
    assert DJANGO_SETTINGS["azure_container"] == "AZURE_CONTAINER"
    assert DJANGO_SETTINGS["azure_ssl"] == "AZURE_SSL"
    assert DJANGO_SETTINGS["sas_token_in_urls"] == "AZURE_SAS_TOKEN_IN_URLS"


def test_options_are_frozen_picklable_and_equal_by_value():
    chosen = options(tags={"a": "b"})
    assert chosen.endpoint == "https://acmefiles.blob.core.windows.net"
    assert pickle.loads(pickle.dumps(chosen)) == chosen
    with pytest.raises(ValueError, match="frozen"):
        chosen.timeout = 3


GOOD = {
    "account_name": ["abc", "a" * 24, "0abc9"],
    "azure_container": ["abc", "a-b-c", "a" * 63, "0a9", "$root", "$web", "$logs"],
    "location": ["", "media", "sites/acme", "Größe/ein ordner", ".well-known"],
    "custom_domain": [
        "cdn.acme.example",
        "localhost:8000",
        "https://acme.example/files",
        "http://[::1]:80",
        "grüße.example",
    ],
    "endpoint_suffix": ["core.windows.net", "core.chinacloudapi.cn", "localhost:10000"],
    "api_version": ["2018-11-09", "2019-02-02", "2025-11-05"],
    "expiration_secs": [1, 10**9, None],
    "url_window_secs": [0, 60],
    "upload_max_conn": [1, 64],
    "max_memory_size": [1],
    "timeout": [1, 600],
    "cache_control": ["public,max-age=31536000,immutable", "", None],
    "default_content_type": ["text/plain", "text/plain; charset=utf-8", "application/vnd.a+b"],
    "metadata": [{"a_1": "b"}, {"_x": ""}],
    "tags": [{"project": "acme files+x"}, {str(n): "" for n in range(10)}, {"a" * 128: "b" * 256}],
    "access_tier": ["Hot", "Cool", "Cold", "Archive", None],
    "container_in_url": [True, False, None],
    "client_options": [{"retry_total": 3}],
    "log_requests": [True],
    "overwrite_files": [True],
    "token_credential": [None],
}


@pytest.mark.parametrize(("option", "value"), [(option, value) for option, values in GOOD.items() for value in values])
def test_a_legal_value_is_taken_as_it_is(option, value):
    assert getattr(options(**{option: value}), option) == value


@pytest.mark.parametrize(
    ("option", "value", "taken"),
    [
        ("location", "/sites/acme/", "sites/acme"),
        ("location", "\\sites\\acme", "sites/acme"),
        ("custom_domain", "https://acme.example/files/", "https://acme.example/files"),
        ("custom_domain", "HTTPS://CDN.Acme.example/Files", "https://cdn.acme.example/Files"),
        ("account_url", "HTTPS://AcmeFiles.Blob.core.windows.net:443/", "https://acmefiles.blob.core.windows.net"),
        ("account_url", "HTTP://Azurite:80/acmefiles/", "http://azurite/acmefiles"),
        ("endpoint_suffix", ".core.windows.net", "core.windows.net"),
        ("endpoint_suffix", "Core.ChinaCloudAPI.cn", "core.chinacloudapi.cn"),
        ("timeout", "1m", 60),
        ("expiration_secs", "7d", 604800),
        ("max_memory_size", "64MiB", 64 * 1024**2),
        ("azure_ssl", "false", False),
        ("upload_max_conn", "4", 4),
        ("metadata", '{"a": "b"}', {"a": "b"}),
        ("object_parameters", '{"content_language": "de"}', {"content_language": "de"}),
        ("client_options", '{"retry_total": 3}', {"retry_total": 3}),
        ("api_version", dt.date(2025, 11, 5), "2025-11-05"),
    ],
)
def test_what_is_written_another_way_is_taken_in_its_plain_form(option, value, taken):
    assert getattr(options(**{option: value}), option) == taken


BAD = [
    ("account_name", "ab", "'ab' is not the name of a storage account"),
    ("account_name", "Acme", "'Acme' is not the name of a storage account"),
    ("account_name", "acme-files", "'acme-files' is not the name of a storage account"),
    ("account_name", "a" * 25, "'aaaaaaaaaaaaaaaaaaaaaaaaa' is not the name of a storage account"),
    ("azure_container", "ab", "'ab' is not the name of a container"),
    ("azure_container", "Media", "'Media' is not the name of a container"),
    ("azure_container", "a--b", "'a--b' is not the name of a container"),
    ("azure_container", "-ab", "'-ab' is not the name of a container"),
    ("azure_container", "ab-", "'ab-' is not the name of a container"),
    ("azure_container", "$other", "'$other' is not the name of a container"),
    ("azure_container", "media\n", "'media\\n' is not the name of a container"),
    ("azure_container", "a" * 64, "the value is not the name of a container"),
    ("account_key", "not base64!", "the key is not base64"),
    ("account_key", "", "the key is not base64"),
    ("account_key", "schlüssel", "the key is not base64"),
    ("sas_token", "sv=1", "the value is not a shared access signature"),
    ("location", "a/../b", "'a/../b' is not a directory in a container"),
    ("location", "a./b", "'a./b' is not a directory in a container"),
    ("location", "a\x00b", "'a\\x00b' is not a directory in a container"),
    ("location", "x" * 1100, "the value is not a directory in a container"),
    ("custom_domain", "", "'' is neither a host nor a URL"),
    ("custom_domain", "ftp://acme.example", "'ftp://acme.example' is neither a host nor a URL"),
    ("custom_domain", "https://user@acme.example", "the value is neither a host nor a URL"),
    ("custom_domain", "acme.example/?x=1", "the value is neither a host nor a URL"),
    ("custom_domain", "acme example", "'acme example' is neither a host nor a URL"),
    ("custom_domain", "-acme.example", "'-acme.example' is neither a host nor a URL"),
    ("custom_domain", "https://acme.example:port", "'https://acme.example:port' is neither a host nor a URL"),
    ("account_url", "acme.blob.core.windows.net", "'acme.blob.core.windows.net' is not the URL of a blob service"),
    ("account_url", "https://acme.blob.core.windows.net?sig=x", "the value is not the URL of a blob service"),
    ("endpoint_suffix", "https://core.windows.net", "'https://core.windows.net' is not the end of a host name"),
    ("custom_domain", "https://acme.example/{tenant}", "'https://acme.example/{tenant}' is neither a host nor a URL"),
    ("endpoint_suffix", "core windows", "'core windows' is not the end of a host name"),
    ("endpoint_suffix", "core.windows.net:99999", "'core.windows.net:99999' is not the end of a host name"),
    ("api_version", "latest", "'latest' is not a usable version of the REST API"),
    # Each signed URL would be refused.
    ("api_version", "2018-03-28", "'2018-03-28' is not a usable version of the REST API"),
    ("api_version", "2025-13-05", "'2025-13-05' is not a usable version of the REST API"),
    ("client_id", "my-identity", "the value is not a client id"),
    ("expiration_secs", 0, "0 is not valid: it should be greater than or equal to 1"),
    ("expiration_secs", -5, "-5 is not valid: it should be greater than or equal to 1"),
    ("expiration_secs", 10**11, "100000000000 is not valid: it should be less than or equal to 10000000000"),
    ("expiration_secs", "soon", "'soon' is not a duration"),
    ("url_window_secs", -1, "-1 is not valid: it should be greater than or equal to 0"),
    ("url_window_secs", 10**11, "100000000000 is not valid: it should be less than or equal to 10000000000"),
    ("timeout", 0, "0 is not valid: it should be greater than or equal to 1"),
    ("timeout", 10**10, "10000000000 is not valid: it should be less than or equal to 86400"),
    ("upload_max_conn", 0, "0 is not valid: it should be greater than or equal to 1"),
    ("upload_max_conn", 65, "65 is not valid: it should be less than or equal to 64"),
    (
        "upload_max_conn",
        "many",
        "'many' is not valid: it should be a valid integer, unable to parse string as an integer",
    ),
    ("upload_max_conn", 1.5, "1.5 is not valid: it should be a valid integer, got a number with a fractional part"),
    ("max_memory_size", 0, "0 is not valid: it should be greater than or equal to 1"),
    ("azure_ssl", "perhaps", "'perhaps' is not valid: it should be a valid boolean, unable to interpret input"),
    ("account_name", 5, "5 is not valid: it should be a valid string"),
    ("cache_control", "public\r\nX-Evil: 1", "the value cannot be sent as a header"),
    ("cache_control", " public", "the value cannot be sent as a header"),
    ("default_content_type", "text", "'text' is not a content type"),
    ("default_content_type", "text/plain\n", "the value cannot be sent as a header"),
    ("object_parameters", {"content_typ": "a"}, "there is no setting 'content_typ'"),
    ("object_parameters", {"content_language": "de\n"}, "the value cannot be sent as a header"),
    (
        "object_parameters",
        {"content_disposition": 'inline; filename="größe"'},
        "the value cannot be sent as a header",
    ),
    ("object_parameters", {"content_language": 5}, "5 is not valid: it should be a valid string"),
    ("object_parameters", {"content_md5": "short"}, "the value is not an MD5"),
    ("object_parameters", {"content_md5": 5}, "the value is not an MD5"),
    ("object_parameters", "content_type=a", "the value is not valid JSON: Expecting value (line 1, column 1)"),
    ("object_parameters", [1], "the value (list) is not valid: it should be a table of keys and values"),
    ("metadata", {"my-name": "a"}, "'my-name' cannot be the name of metadata"),
    ("metadata", {"1a": "a"}, "'1a' cannot be the name of metadata"),
    ("metadata", {"a": "b\n"}, "metadata 'a' cannot be sent as a header"),
    ("metadata", {"a": "1", "A": "2"}, "two names of metadata differ in case only"),
    ("metadata", {"a": "b" * 9000}, "the metadata is too large"),
    ("metadata", "[1]", "the value is not a JSON object"),
    ("tags", {str(n): "" for n in range(11)}, "there are 11 tags"),
    ("tags", {"a": "b!"}, "the tag 'a' is not one that Azure stores"),
    ("tags", {"": "b"}, "the tag '' is not one that Azure stores"),
    ("tags", {"a": "b" * 257}, "the tag 'a' is not one that Azure stores"),
    ("access_tier", "hot", "'hot' is not one of the allowed values"),
    ("credential", "managed", "the value is not one of the allowed values"),
    ("token_credential", "make_credential", "the value is not a dotted path"),
    ("token_credential", "acme..make", "the value is not a dotted path"),
    ("token_credential", 5, "the value (int) is not a credential"),
    ("client_options", "retry", "the value is not valid JSON: Expecting value (line 1, column 1)"),
    ("client_options", {"require_encryption": True}, "'require_encryption' asks for encryption by the client"),
    ("client_options", {"key_encryption_key": object()}, "'key_encryption_key' asks for encryption by the client"),
]


@pytest.mark.parametrize(("option", "value", "message"), BAD)
def test_an_illegal_value_is_refused_with_its_place_and_what_is_allowed(option, value, message):
    problem = only_problem(**{option: value})
    assert problem.place.partition(".")[0] == option
    assert problem.message == message
    assert problem.id == ("storage_router.E001" if "there is no setting" in message else "storage_router.E003")


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"access_tier": "hot"}, "Did you mean 'Hot'?"),
        (
            {"credential": "magic"},
            "Allowed: anonymous, azure_cli, default, environment, managed_identity, workload_identity.",
        ),
        ({"credential": "manage_identity"}, "Did you mean 'managed_identity'?"),
        ({"object_parameters": {"content_typ": "a"}}, "Did you mean 'content_type'?"),
        ({"expiry_secs": 5}, "Did you mean 'expiration_secs'?"),
        ({"timout": 5}, "Did you mean 'timeout'?"),
    ],
)
def test_the_nearest_name_is_offered(given, hint):
    assert only_problem(**given).hint == hint


def test_an_unknown_option_is_an_error_that_shows_no_value():
    problem = only_problem(acount_key="c2VjcmV0")
    assert (problem.id, problem.message) == ("storage_router.E001", "there is no setting 'acount_key'")
    assert "c2VjcmV0" not in str(problem)


def test_the_container_is_required():
    with pytest.raises(
        ConfigurationError, match=r"azure_container: 'azure_container' is missing \(storage_router.E002\)"
    ):
        validated(AzureOptions, {"account_name": "acmefiles", "account_key": KEY})


def test_all_problems_are_reported_at_once_and_contradictions_once_the_options_are_valid():
    """C5"""
    given = {"account_url": "http://acmefiles.blob.core.windows.net", "azure_ssl": True, "credential": "default"}
    with pytest.raises(ConfigurationError) as caught:
        validated(AzureOptions, {**given, "timeout": 0, "x": 1})
    assert sorted(problem.place for problem in caught.value.problems) == ["azure_container", "timeout", "x"]
    with pytest.raises(ConfigurationError) as caught:
        validated(AzureOptions, {**given, "azure_container": "media"})
    assert sorted(problem.place for problem in caught.value.problems) == ["azure_ssl", "credential"]


def test_every_wrong_object_parameter_is_told():
    """C5"""
    given = {"content_typ": "a", "cache_control": "a\nb", "content_language": "de", "content_md5": 5}
    with pytest.raises(ConfigurationError) as caught:
        validated(AzureOptions, {"azure_container": "media", "account_name": "acmefiles", "object_parameters": given})
    assert [(problem.place, problem.message) for problem in caught.value.problems] == [
        ("object_parameters.cache_control", "the value cannot be sent as a header"),
        ("object_parameters.content_md5", "the value is not an MD5"),
        ("object_parameters.content_typ", "there is no setting 'content_typ'"),
    ]


def test_an_md5_may_be_bytes_or_base64():
    raw = bytes(range(16))
    for written in (raw, bytearray(raw), base64.b64encode(raw).decode()):
        assert options(object_parameters={"content_md5": written}).object_parameters == {"content_md5": written}


def test_what_is_no_table_at_all_is_refused():
    with pytest.raises(ConfigurationError, match="it should be a table of keys and values"):
        validated(AzureOptions, ["azure_container"])  # type: ignore[arg-type]


def test_the_secret_options_are_secrets():
    """C7"""
    for name in SECRETS:
        assert "SecretStr" in str(AzureOptions.model_fields[name].annotation)
    assert options().account_key == SecretStr(KEY)
