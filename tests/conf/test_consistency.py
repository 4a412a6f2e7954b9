"""O1 to O3: what options mean together: who authenticates, where the service is, what contradicts what."""

from __future__ import annotations

import base64

import pytest
from pydantic import SecretStr

from storage_router.conf.azure.authentication import Anonymous, SasToken, SharedKey, TokenCredential
from storage_router.conf.azure.options import AzureOptions
from storage_router.conf.problems import validated
from storage_router.exceptions import ConfigurationError, Problem
from tests.kit.azurite import UnsignedTokenCredential

KEY = base64.b64encode(b"k" * 64).decode()
SAS = "sv=2025-11-05&sr=c&sp=racwdl&sig=abc%3D"
READ_SAS = "sv=2025-11-05&sr=c&sp=rl&sig=abc%3D"
STRING = f"DefaultEndpointsProtocol=https;AccountName=acmefiles;AccountKey={KEY};EndpointSuffix=core.windows.net"
SAS_STRING = f"BlobEndpoint=https://acmefiles.blob.core.windows.net;SharedAccessSignature={SAS}"
IDENTITY = "01234567-89ab-cdef-0123-456789abcdef"


def options(**given) -> AzureOptions:
    return validated(AzureOptions, {"azure_container": "media"} | given)


def problems(**given) -> dict[str, Problem]:
    with pytest.raises(ConfigurationError) as caught:
        options(**given)
    return {problem.place: problem for problem in caught.value.problems}


WAYS = {
    "connection_string": STRING,
    "account_key": KEY,
    "token_credential": "acme.identity.make",
    "credential": "default",
    "sas_token": SAS,
}


@pytest.mark.parametrize("count", range(1, 6))
def test_the_first_way_of_the_documented_order_wins_and_the_rest_is_unused(count):
    """O1"""
    given = dict(list(WAYS.items())[-count:])
    chosen = options(account_name="acmefiles", **given)
    won, *lost = given
    assert chosen.authentication.option == won
    assert chosen.unused == tuple(lost)


def test_the_account_key_is_a_shared_key():
    chosen = options(account_name="acmefiles", account_key=f" {KEY}\n")
    assert chosen.authentication == SharedKey(account_name="acmefiles", account_key=SecretStr(KEY))
    assert chosen.authentication.kind == "account_key"


def test_a_connection_string_becomes_the_same_settings_as_the_rest():
    """O2"""
    chosen = options(connection_string=STRING)
    assert chosen.authentication == options(account_name="acmefiles", account_key=KEY).authentication
    assert chosen.authentication.option == "connection_string"
    assert chosen.endpoint == "https://acmefiles.blob.core.windows.net"
    assert chosen.resolved_account_name == "acmefiles"
    assert chosen.unused == ()


def test_a_connection_string_may_hold_a_sas_and_an_endpoint():
    """O2"""
    chosen = options(connection_string=SAS_STRING)
    assert chosen.authentication == SasToken(sas_token=SecretStr(SAS))
    assert chosen.authentication.kind == "sas"
    assert chosen.endpoint == "https://acmefiles.blob.core.windows.net"
    assert chosen.resolved_account_name == "acmefiles"


def test_a_connection_string_with_a_sas_needs_no_account_where_it_tells_the_endpoint():
    """O2"""
    chosen = options(connection_string=f"BlobEndpoint=https://files.acme.example;SharedAccessSignature={SAS}")
    assert (chosen.endpoint, chosen.resolved_account_name) == ("https://files.acme.example", "")


def test_the_emulators_connection_string_gives_its_address():
    """O2"""
    chosen = options(connection_string="UseDevelopmentStorage=true")
    assert chosen.endpoint == "http://127.0.0.1:10000/devstoreaccount1"
    assert chosen.resolved_account_name == "devstoreaccount1"


def test_a_connection_string_gives_the_scheme_where_azure_ssl_is_not_given():
    """O2"""
    assert (
        options(connection_string=STRING.replace("https", "http")).endpoint == "http://acmefiles.blob.core.windows.net"
    )


def test_a_connection_string_gives_the_suffix():
    """O2"""
    chosen = options(connection_string=STRING.replace("core.windows.net", "core.chinacloudapi.cn"))
    assert chosen.endpoint == "https://acmefiles.blob.core.chinacloudapi.cn"


def test_a_connection_string_may_leave_scheme_and_suffix_to_the_options():
    """O2"""
    string = f"AccountName=acmefiles;AccountKey={KEY}"
    chosen = options(connection_string=string, azure_ssl=False, endpoint_suffix="core.usgovcloudapi.net")
    assert chosen.endpoint == "http://acmefiles.blob.core.usgovcloudapi.net"


@pytest.mark.parametrize(
    ("given", "place", "message"),
    [
        ({"azure_ssl": False}, "azure_ssl", "azure_ssl says 'http', connection_string says 'https'"),
        (
            {"account_name": "other"},
            "account_name",
            "account_name says 'other', connection_string says 'acmefiles'",
        ),
        (
            {"endpoint_suffix": "core.chinacloudapi.cn"},
            "endpoint_suffix",
            "endpoint_suffix says 'core.chinacloudapi.cn', connection_string says 'core.windows.net'",
        ),
        (
            {"connection_string": SAS_STRING, "account_url": "https://other.blob.core.windows.net"},
            "account_url",
            (
                "account_url says 'https://other.blob.core.windows.net', connection_string says "
                "'https://acmefiles.blob.core.windows.net'"
            ),
        ),
        (
            {"connection_string": "UseDevelopmentStorage=true", "azure_ssl": True},
            "azure_ssl",
            "azure_ssl says 'https', connection_string says 'http'",
        ),
    ],
)
def test_an_option_that_contradicts_the_connection_string_is_an_error(given, place, message):
    """O2"""
    problem = problems(**{"connection_string": STRING} | given)[place]
    assert (problem.id, problem.message) == ("storage_router.E008", message)


def test_what_agrees_with_the_connection_string_may_be_given():
    chosen = options(
        connection_string=STRING, azure_ssl=True, account_name="acmefiles", endpoint_suffix="core.windows.net"
    )
    assert chosen.endpoint == "https://acmefiles.blob.core.windows.net"


@pytest.mark.parametrize(
    ("string", "message"),
    [
        (f"AccountName=Acme;AccountKey={KEY}", "'Acme' is not the name of a storage account"),
        ("AccountName=acmefiles;AccountKey=no!", "the key is not base64"),
        (SAS_STRING.replace("&sp=", "&se=2020-01-01&sp="), "the SAS expired at 2020-01-01 00:00 UTC"),
    ],
)
def test_the_parts_of_a_connection_string_are_checked_like_options(string, message):
    """O3"""
    (problem,) = problems(connection_string=string).values()
    assert (problem.place, problem.message) == ("connection_string", message)


def test_a_sas_beside_the_key_of_a_connection_string_is_unused():
    """O1"""
    chosen = options(connection_string=f"{STRING};SharedAccessSignature={SAS}")
    assert chosen.authentication == SharedKey(account_name="acmefiles", account_key=SecretStr(KEY))
    assert chosen.unused == ("connection_string.SharedAccessSignature",)


def test_a_credential_by_name():
    chosen = options(account_name="acmefiles", credential="managed_identity", client_id=IDENTITY)
    assert chosen.authentication == TokenCredential(name="managed_identity", client_id=IDENTITY)
    assert chosen.authentication.kind == "token"
    assert chosen.unused == ()


@pytest.mark.parametrize("credential", ["environment", "azure_cli"])
def test_a_client_id_that_reaches_no_identity_is_unused(credential):
    """O1"""
    chosen = options(account_name="acmefiles", credential=credential, client_id=IDENTITY)
    assert chosen.authentication == TokenCredential(name=credential)
    assert chosen.unused == ("client_id",)


def test_a_token_credential_is_an_object_a_callable_or_a_dotted_path():
    """Section 4: and none of them is called or imported by validation."""

    def fail() -> None:
        raise AssertionError

    for source in (UnsignedTokenCredential(), fail, "no.such.module.credential", "no.such:module"):
        chosen = options(account_name="acmefiles", token_credential=source)
        assert chosen.authentication == TokenCredential(source=source)
        assert "source" not in repr(chosen.authentication)


def test_ways_to_authenticate_can_be_keys_of_what_is_shared():
    """O4: equal ones are equal, whichever option they came from; a credential object need not be hashable."""

    class Unhashable(UnsignedTokenCredential):
        __hash__ = None  # type: ignore[assignment]

    source = Unhashable()
    same = {TokenCredential(source=source), TokenCredential(source=source)}
    assert len(same) == 1
    assert len({SharedKey(account_name="a", account_key=SecretStr("k"), option=name) for name in ("x", "y")}) == 1
    assert TokenCredential(source=source) != TokenCredential(source=Unhashable())


def test_anonymous_has_to_be_said():
    assert options(account_name="acmefiles", credential="anonymous").authentication == Anonymous()
    assert options(account_name="acmefiles").authentication == TokenCredential(name="default")


def test_where_no_way_to_authenticate_is_given_the_default_identity_does_and_signs():
    """C3: ``azure://acmefiles/media?expiration_secs=300`` is a whole backend."""
    chosen = options(account_name="acmefiles", expiration_secs=300, client_id=IDENTITY)
    assert chosen.authentication == TokenCredential(name="default", client_id=IDENTITY)
    assert (chosen.authentication.option, chosen.unused) == ("credential", ())
    assert (
        "an identity signs URLs for 7 days"
        in problems(account_name="acmefiles", expiration_secs="8d")["expiration_secs"].message
    )


@pytest.mark.parametrize(
    "given", [{"account_url": "http://127.0.0.1:10000/acmefiles"}, {"account_name": "acmefiles", "azure_ssl": False}]
)
def test_the_default_identity_is_no_way_over_http(given):
    problem = problems(**given)["credential"]
    assert (problem.id, problem.message) == ("storage_router.E011", "there is no way to authenticate over http")
    assert "account_key or connection_string" in problem.hint


def test_a_container_alone_is_not_enough():
    problem = problems()["account_name"]
    assert (problem.id, problem.message) == ("storage_router.E011", "there is neither account_name nor account_url")


@pytest.mark.parametrize("way", ["account_key", "token_credential", "credential", "sas_token"])
def test_an_account_has_to_be_named(way):
    problem = problems(**{way: WAYS[way]})["account_name"]
    assert (problem.id, problem.message) == ("storage_router.E011", f"{way} needs account_name")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://acmefiles.blob.core.windows.net", "acmefiles"),
        ("https://acmefiles-secondary.blob.core.windows.net", "acmefiles"),
        ("https://acmefiles.z12.blob.storage.azure.net/", "acmefiles"),
        ("https://acmefiles.privatelink.blob.core.windows.net", "acmefiles"),
        ("http://127.0.0.1:10000/devstoreaccount1", "devstoreaccount1"),
        ("http://azurite:10000/devstoreaccount1/", "devstoreaccount1"),
        ("http://[::1]:10000/devstoreaccount1/", "devstoreaccount1"),
    ],
)
def test_the_accounts_url_tells_its_name_and_scheme(url, name):
    chosen = options(account_url=url, account_key=KEY)
    assert chosen.resolved_account_name == name
    assert chosen.endpoint == url.rstrip("/")
    assert chosen.authentication == SharedKey(account_name=name, account_key=SecretStr(KEY))


@pytest.mark.parametrize(
    "url", ["https://files.acme.example", "https://gateway.acme.example/blobs", "http://azurite:10000"]
)
def test_a_url_that_tells_no_account_needs_one_where_urls_are_signed(url):
    assert problems(account_url=url, account_key=KEY)["account_name"].message == "account_key needs account_name"
    assert problems(account_url=url, account_key=KEY, credential="anonymous").keys() == {"account_name"}
    assert problems(account_url=url).keys() == {"account_name"}
    assert options(account_url=url, account_key=KEY, account_name="acmefiles").resolved_account_name == "acmefiles"
    for way in ({"sas_token": SAS}, {"credential": "anonymous"}):
        chosen = options(account_url=url, **way)
        assert (chosen.endpoint, chosen.resolved_account_name) == (url, "")


@pytest.mark.parametrize(
    ("given", "place", "message"),
    [
        ({"azure_ssl": False}, "azure_ssl", "azure_ssl says 'http', account_url says 'https'"),
        (
            {"endpoint_suffix": "core.chinacloudapi.cn"},
            "endpoint_suffix",
            "endpoint_suffix says 'core.chinacloudapi.cn', account_url says 'core.windows.net'",
        ),
        ({"account_name": "other"}, "account_name", "account_name says 'other', account_url says 'acmefiles'"),
    ],
)
def test_an_option_that_contradicts_the_accounts_url_is_an_error(given, place, message):
    url = "https://acmefiles.blob.core.windows.net"
    problem = problems(account_url=url, account_key=KEY, **given)[place]
    assert (problem.id, problem.message) == ("storage_router.E008", message)


def test_a_token_is_not_sent_over_http():
    """O3: azure-core refuses bearer tokens over http."""
    problem = problems(account_name="acmefiles", credential="default", azure_ssl=False)["credential"]
    assert problem.message == "credential cannot be used over http: tokens are sent over https only"


def test_a_sas_for_https_is_not_sent_over_http():
    """O3"""
    problem = problems(account_name="acmefiles", sas_token=f"{SAS}&spr=https", azure_ssl=False)["sas_token"]
    assert problem.message == "the SAS is good for https only (spr=https), and the endpoint is http"


def test_an_identity_signs_for_seven_days_at_most():
    """O3"""
    given = {"account_name": "acmefiles", "credential": "default"}
    assert options(**given, expiration_secs="7d").expiration_secs == 604800
    problem = problems(**given, expiration_secs=604801)["expiration_secs"]
    assert problem.id == "storage_router.E012"
    assert problem.message == "expiration_secs is 604801, but an identity signs URLs for 7 days at most"
    assert options(account_name="acmefiles", account_key=KEY, expiration_secs="30d").expiration_secs == 2592000


@pytest.mark.parametrize(
    ("way", "option"),
    [
        ({"sas_token": SAS}, "sas_token"),
        ({"credential": "anonymous"}, "credential"),
        ({"connection_string": SAS_STRING}, "connection_string"),
    ],
)
def test_signed_urls_cannot_be_had_from_a_credential_that_cannot_sign(way, option):
    """O3"""
    given = way if option == "connection_string" else {"account_name": "acmefiles"} | way
    problem = problems(**given, expiration_secs=300)["expiration_secs"]
    assert problem.id == "storage_router.E012"
    assert problem.message == f"expiration_secs asks for signed URLs, which {option} cannot sign"
    assert ("sas_token_in_urls" in problem.hint) == (way != {"credential": "anonymous"})


def test_a_sas_goes_into_urls_only_if_it_is_read_only_and_authenticates():
    """U3, O3"""
    assert options(account_name="acmefiles", sas_token=READ_SAS, sas_token_in_urls=True, expiration_secs=300)
    more = problems(account_name="acmefiles", sas_token=SAS, sas_token_in_urls=True)["sas_token_in_urls"]
    assert more.message.startswith("sas_token_in_urls is set, but the SAS allows more than reading")
    other = problems(account_name="acmefiles", account_key=KEY, sas_token_in_urls=True)["sas_token_in_urls"]
    assert other.message == "sas_token_in_urls is set, but account_key authenticates, not a SAS"


def test_a_wrong_way_to_authenticate_is_one_problem_not_two():
    """C5: nothing is concluded from an option that is wrong by itself."""
    assert list(problems(account_name="acmefiles", account_key="no!")) == ["account_key"]
    assert list(problems(account_name="Acme", account_key=KEY)) == ["account_name"]
    assert list(problems(connection_string="AccountName=acmefiles", azure_ssl=False)) == ["connection_string"]
    assert list(problems(account_url="acme", account_key=KEY)) == ["account_url"]


def test_contradictions_are_reported_where_each_option_is_right_by_itself():
    """C5"""
    given = {"account_name": "acmefiles", "credential": "default", "azure_ssl": False, "expiration_secs": "8d"}
    assert list(problems(**given, timeout="never")) == ["timeout"]
    assert list(problems(**given)) == ["credential", "expiration_secs"]
