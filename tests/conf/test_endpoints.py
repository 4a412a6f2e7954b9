"""O2: where the service is, and that everything which says something of it has to agree."""

from __future__ import annotations

import base64
import itertools
import re

import pytest

from storage_router.conf.azure.options import AzureOptions
from storage_router.conf.problems import validated
from storage_router.exceptions import ConfigurationError, Problem

KEY = base64.b64encode(b"k" * 64).decode()
SAS = "sv=2025-11-05&sr=c&sp=rl&sig=abc%3D"
AZURE = "https://acmefiles.blob.core.windows.net"
CHINA = "https://acmefiles.blob.core.chinacloudapi.cn"
ZONE = "https://acmefiles.z12.blob.storage.azure.net"
OTHER = "https://other.blob.core.windows.net"


def string(**parts: str) -> str:
    """A connection string; ``SharedAccessSignature`` takes the place of the account's name and key."""
    given = {} if "SharedAccessSignature" in parts else {"AccountName": "acmefiles", "AccountKey": KEY}
    return ";".join(f"{key}={value}" for key, value in (given | parts).items())


def options(**given) -> AzureOptions:
    way = {} if "connection_string" in given else {"account_key": KEY}
    return validated(AzureOptions, {"azure_container": "media"} | way | given)


def problems(**given) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        options(**given)
    assert {problem.id for problem in caught.value.problems} == {"storage_router.E008"}
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("given", "place", "message"),
    [
        (
            {"connection_string": string(BlobEndpoint=OTHER)},
            "connection_string",
            "the connection string names both 'acmefiles' and 'other'",
        ),
        (
            {"connection_string": string(BlobEndpoint="http://127.0.0.1:10000/devstoreaccount1")},
            "connection_string",
            "the connection string names both 'acmefiles' and 'devstoreaccount1'",
        ),
        (
            {"connection_string": string(BlobEndpoint=AZURE, EndpointSuffix="core.chinacloudapi.cn")},
            "connection_string",
            "the connection string names both 'core.chinacloudapi.cn' and 'core.windows.net'",
        ),
        (
            {"connection_string": string(SharedAccessSignature=SAS, BlobEndpoint=AZURE), "account_name": "other"},
            "account_name",
            "account_name says 'other', connection_string says 'acmefiles'",
        ),
        (
            {"connection_string": string(BlobEndpoint=AZURE), "endpoint_suffix": "core.chinacloudapi.cn"},
            "endpoint_suffix",
            "endpoint_suffix says 'core.chinacloudapi.cn', connection_string says 'core.windows.net'",
        ),
        (
            {"connection_string": string(DefaultEndpointsProtocol="https"), "account_url": OTHER},
            "account_url",
            "account_url says 'other', connection_string says 'acmefiles'",
        ),
        (
            {
                "connection_string": string(DefaultEndpointsProtocol="https"),
                "account_url": AZURE.replace("https", "http"),
            },
            "account_url",
            "account_url says 'http', connection_string says 'https'",
        ),
        (
            {"connection_string": string(EndpointSuffix="core.chinacloudapi.cn"), "account_url": AZURE},
            "account_url",
            "account_url says 'core.windows.net', connection_string says 'core.chinacloudapi.cn'",
        ),
        (
            {"connection_string": string(EndpointSuffix="core.chinacloudapi.cn"), "account_url": ZONE},
            "account_url",
            "account_url says 'storage.azure.net', connection_string says 'core.chinacloudapi.cn'",
        ),
        (
            {"account_url": "http://127.0.0.1:10000/devstoreaccount1", "account_name": "acmefiles"},
            "account_name",
            "account_name says 'acmefiles', account_url says 'devstoreaccount1'",
        ),
        (
            {"connection_string": string(BlobEndpoint=AZURE), "account_url": "https://10.1.2.3"},
            "account_url",
            f"account_url says 'https://10.1.2.3', connection_string says '{AZURE}'",
        ),
    ],
)
def test_two_sources_that_say_different_things_are_one_error_that_names_both(given, place, message):
    (problem,) = problems(**given)
    assert (problem.place, problem.message) == (place, message)
    one_string = "Copy it whole from the portal, or remove one of the two from it."
    assert problem.hint == one_string if "names both" in message else problem.hint.startswith("Remove one of them; ")


WRONG = {
    "account": {
        "AccountName": {"AccountName": "other"},
        "BlobEndpoint": {"BlobEndpoint": OTHER},
        "account_url": {"account_url": OTHER},
        "account_name": {"account_name": "other"},
    },
    "suffix": {
        "EndpointSuffix": {"EndpointSuffix": "core.chinacloudapi.cn"},
        "BlobEndpoint": {"BlobEndpoint": CHINA},
        "account_url": {"account_url": CHINA},
        "endpoint_suffix": {"endpoint_suffix": "core.chinacloudapi.cn"},
    },
    "scheme": {
        "DefaultEndpointsProtocol": {"DefaultEndpointsProtocol": "http"},
        "BlobEndpoint": {"BlobEndpoint": AZURE.replace("https", "http")},
        "account_url": {"account_url": AZURE.replace("https", "http")},
        "azure_ssl": {"azure_ssl": False},
    },
}
RIGHT = {
    "AccountName": "acmefiles",
    "BlobEndpoint": AZURE,
    "account_url": AZURE,
    "account_name": "acmefiles",
    "EndpointSuffix": "core.windows.net",
    "endpoint_suffix": "core.windows.net",
    "DefaultEndpointsProtocol": "https",
    "azure_ssl": True,
}
# Within a connection string the protocol is that of the other services: Azurite's own string may have both.
LEGAL = {("DefaultEndpointsProtocol", "BlobEndpoint")}
PAIRS = [
    (wrong, right, values[wrong])
    for values in WRONG.values()
    for wrong, right in itertools.permutations(values, 2)
    if (wrong, right) not in LEGAL and (right, wrong) not in LEGAL
]


@pytest.mark.parametrize(("wrong", "right", "value"), PAIRS, ids=[f"{wrong} {right}" for wrong, right, _ in PAIRS])
def test_no_pair_of_sources_is_forgotten(wrong, right, value):
    """Whatever says something of the account, the scheme or the suffix, beside whatever else says it."""
    given = {right: RIGHT[right]} | value
    parts = {key: value for key, value in given.items() if key[0].isupper()}
    single = {key: value for key, value in given.items() if key[0].islower()}
    if "BlobEndpoint" in parts:
        # The account need not be named then: a third source would be a third pair.
        single["connection_string"] = string(SharedAccessSignature=SAS, **parts)
    elif parts:
        single["connection_string"] = string(**parts)
    (problem,) = problems(**single)
    assert problem.place in (wrong, right, "connection_string")


def test_each_contradiction_is_told():
    """C5"""
    found = problems(
        account_url=AZURE, account_name="other", azure_ssl=False, endpoint_suffix="core.usgovcloudapi.net", timeout=5
    )
    assert [problem.place for problem in found] == ["account_name", "azure_ssl", "endpoint_suffix"]
    assert {problem.hint for problem in found} == {"Remove one of them; account_url decides."}


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        # Private endpoints, proxies and names of one's own go with any account and any cloud.
        ({"account_url": "https://files.acme.example"}, "https://files.acme.example"),
        ({"account_url": "https://files.acme.example/blobs"}, "https://files.acme.example/blobs"),
        ({"account_url": "https://10.1.2.3"}, "https://10.1.2.3"),
        ({"account_url": "https://proxy/some-path"}, "https://proxy/some-path"),
        ({"account_url": "https://acmefiles.privatelink.blob.core.windows.net"}, None),
        ({"connection_string": string(BlobEndpoint="https://files.acme.example")}, "https://files.acme.example"),
        (
            {
                "connection_string": string(DefaultEndpointsProtocol="https", EndpointSuffix="core.windows.net"),
                "account_url": "https://files.acme.example",
            },
            "https://files.acme.example",
        ),
        # Azure's own hosts.
        ({"account_url": AZURE, "endpoint_suffix": "core.windows.net", "azure_ssl": True}, AZURE),
        ({"account_url": f"{AZURE}:443", "endpoint_suffix": "core.windows.net"}, AZURE),
        ({"account_url": f"{AZURE}.", "endpoint_suffix": "core.windows.net"}, f"{AZURE}."),
        ({"account_url": CHINA, "endpoint_suffix": "core.chinacloudapi.cn"}, CHINA),
        ({"account_url": "https://acmefiles-secondary.blob.core.windows.net"}, None),
        ({"account_url": "https://acmefiles-secondary-ipv6.blob.core.windows.net"}, None),
        ({"account_url": "https://acmefiles-internetrouting.blob.core.windows.net"}, None),
        # What the Azure CLI prints for an account in a zone, and what the portal's string lacks for it.
        (
            {"connection_string": string(EndpointSuffix="core.windows.net", BlobEndpoint=f"{ZONE}/")},
            ZONE,
        ),
        ({"connection_string": string(EndpointSuffix="core.windows.net"), "account_url": ZONE}, ZONE),
        ({"account_url": ZONE, "endpoint_suffix": "storage.azure.net"}, ZONE),
        (
            {
                "account_url": "https://acmefiles.z1.blob.storage.azure.example",
                "endpoint_suffix": "core.usgovcloudapi.net",
            },
            "https://acmefiles.z1.blob.storage.azure.example",
        ),
        # Emulators.
        ({"account_url": "http://127.0.0.1:10000/acmefiles", "azure_ssl": False}, "http://127.0.0.1:10000/acmefiles"),
        ({"account_url": "http://azurite:10000/acmefiles"}, "http://azurite:10000/acmefiles"),
        (
            {"account_url": "http://acmefiles.blob.localhost:10000", "endpoint_suffix": "localhost:10000"},
            "http://acmefiles.blob.localhost:10000",
        ),
        (
            {
                "connection_string": string(
                    DefaultEndpointsProtocol="https", BlobEndpoint="http://[::1]:10000/acmefiles"
                )
            },
            "http://[::1]:10000/acmefiles",
        ),
    ],
)
def test_what_agrees_or_tells_nothing_is_accepted(given, endpoint):
    assert options(account_name="acmefiles", **given).endpoint == (endpoint or given["account_url"])


def test_the_emulators_string_goes_with_what_it_means():
    chosen = options(connection_string="UseDevelopmentStorage=true", account_name="devstoreaccount1", azure_ssl=False)
    assert chosen.endpoint == "http://127.0.0.1:10000/devstoreaccount1"


def test_an_identity_may_be_used_where_the_scheme_is_written_in_capitals():
    url = "HTTPS://AcmeFiles.blob.core.windows.net"
    chosen = validated(AzureOptions, {"azure_container": "media", "account_url": url, "credential": "default"})
    assert (chosen.endpoint, chosen.resolved_account_name) == (AZURE, "acmefiles")


@pytest.mark.parametrize("way", ["account_url", "BlobEndpoint"])
@pytest.mark.parametrize(
    ("url", "message"),
    [
        (f"{AZURE}/pub", "has more in its path than an account's endpoint"),
        (f"{AZURE}:8443/pub/", "has more in its path than an account's endpoint"),
        (f"{ZONE}/pub", "has more in its path than an account's endpoint"),
        ("https://acmefiles.privatelink.blob.core.windows.net/pub", "has more in its path than an account's endpoint"),
        ("https://acmefiles.dfs.core.windows.net", "is the endpoint of another service: dfs"),
        ("https://acmefiles.z6.web.core.windows.net/", "is the endpoint of another service: web"),
        ("https://acmefiles.file.core.chinacloudapi.cn", "is the endpoint of another service: file"),
        ("http://127.0.0.1:10000/acmefiles/pub", "has more in its path than an account's endpoint"),
        ("http://azurite:10000/acmefiles/pub", "has more in its path than an account's endpoint"),
        ("http://[::1]:10000/acmefiles/pub", "has more in its path than an account's endpoint"),
        ("https://proxy.acme.example/a/../b", "is not the URL of a blob service"),
        ("https://proxy.acme.example/a/%2E%2e/b", "is not the URL of a blob service"),
        ("https://https://acmefiles.blob.core.windows.net", "is not the URL of a blob service"),
        ("https://http//acmefiles.blob.core.windows.net", "is not the URL of a blob service"),
    ],
)
def test_an_endpoint_is_an_accounts(way, url, message):
    """O6: with a container in it, the files of one container would lie in another one."""
    if way == "account_url":
        given = {"account_url": url, "account_name": "acmefiles", "account_key": KEY}
        # What is long enough to be a key is not quoted.
        what = f"({re.escape(repr(url))}|the value)"
    else:
        given = {"connection_string": string(BlobEndpoint=url)}
        what = "BlobEndpoint of the connection string"
    with pytest.raises(ConfigurationError) as caught:
        validated(AzureOptions, {"azure_container": "media", **given})
    (problem,) = caught.value.problems
    assert re.fullmatch(f"{what} {message}", problem.message)


@pytest.mark.parametrize(
    ("url", "blob"),
    [
        ("https://acmefiles.dfs.core.windows.net", AZURE),
        # A static website's host has a zone, and the blob service of the same account has none.
        ("https://acmefiles.z6.web.core.windows.net", AZURE),
        ("https://acmefiles.z12.web.storage.azure.net", ZONE),
    ],
)
def test_the_endpoint_of_another_service_is_told_that_of_blobs(url, blob):
    with pytest.raises(ConfigurationError) as caught:
        options(account_url=url)
    assert caught.value.problems[0].hint == f"The blob service is at {blob}."


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"account_url": "http://127.0.0.1:10000", "account_name": "acmefiles"}, "account_url"),
        ({"account_url": "http://localhost:10000/", "account_name": "devstoreaccount1"}, "account_url"),
        ({"account_url": "http://azurite:10000", "account_name": "devstoreaccount1"}, "account_url"),
        ({"connection_string": string(BlobEndpoint="http://[::1]:10000")}, "connection_string"),
    ],
)
def test_an_emulators_endpoint_has_the_account_in_its_path(given, option):
    """O6: the emulator would take the container for the account, and answer that its name is too long."""
    with pytest.raises(ConfigurationError) as caught:
        options(**given)
    (problem,) = caught.value.problems
    url = given.get("account_url", "http://[::1]:10000").rstrip("/")
    assert (problem.place, problem.message) == (option, f"{option} has no account in its path: {url}")
    assert problem.hint == f"Write {url}/{given.get('account_name', 'acmefiles')}."


def test_an_identity_at_a_host_that_names_no_account_is_told_what_is_missing():
    with pytest.raises(ConfigurationError) as caught:
        validated(AzureOptions, {"azure_container": "media", "account_url": "https://files.acme.example"})
    (problem,) = caught.value.problems
    assert (problem.place, problem.message) == ("account_name", "an identity needs account_name")


@pytest.mark.parametrize(
    "url",
    [
        "https://proxy.acme.example/blobs/acmefiles",
        "https://files.web.acme.example/x",
        "http://proxy/some-path/x",
        "http://127.0.0.1:10000/acmefiles",
        "https://10.0.0.4",
    ],
)
def test_other_hosts_may_have_a_path(url):
    """O6: private links and proxies."""
    assert options(account_url=url, account_name="acmefiles").endpoint == url


@pytest.mark.parametrize(
    "suffix",
    [
        *("blob.core.windows.net", "dfs.core.windows.net", "acmefiles.blob.core.chinacloudapi.cn", ".Blob.x.y"),
        # The host would be acmefiles.blob.z12.storage.azure.net.
        *("z12.storage.azure.net", "privatelink.core.windows.net"),
    ],
)
def test_a_suffix_with_what_comes_before_it_is_refused(suffix):
    """O6"""
    with pytest.raises(ConfigurationError) as caught:
        options(account_name="acmefiles", endpoint_suffix=suffix)
    assert caught.value.problems[0].hint.endswith(
        "'<account>.blob.' is put in front of it. Accounts in a DNS zone, and private links, have an account_url."
    )


@pytest.mark.parametrize(
    "domain",
    ["https://cdn.acme.example/../x", "cdn.acme.example/a/..", "https://https://x", "https://cdn.example/%2e."],
)
def test_a_custom_domain_has_no_dot_segments(domain):
    """O6"""
    with pytest.raises(ConfigurationError) as caught:
        options(account_name="acmefiles", custom_domain=domain)
    assert caught.value.problems[0].message == f"{domain!r} is neither a host nor a URL"
