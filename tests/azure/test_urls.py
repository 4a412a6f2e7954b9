"""U1 to U6: public and signed URLs."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage_router.azure.client import Account
from storage_router.azure.container import FileSettings
from storage_router.azure.protocol import Write
from storage_router.azure.storage import AzureStorage
from storage_router.azure.urls import REMEMBERED_URLS, BlobUrls
from storage_router.conf.azure.options import AzureOptions
from storage_router.exceptions import BlobPermissionError, InvalidNameError, SigningError
from storage_router.names import check_blob_name, clean_name
from tests.kit.azurite import ACCOUNT_KEY, AccessToken, Azurite
from tests.kit.faults import Answer
from tests.kit.proxy import FaultProxy

from .backends import blobs_for, options_for
from .counting import Requests
from .transferring import fetch

NOON = 1_795_003_200
SAS = "sv=2022-11-02&sr=c&sp=r&se=2099-01-01T00%3A00%3A00Z&sig=c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U%3D"

ODD_NAMES = [
    "a b.txt",
    "100%.txt",
    "%41.txt",
    "a#b.txt",
    "a?b=c&d.txt",
    "a+b.txt",
    "a;b=c.txt",
    "(1)!*'$,@:=~.txt",
    "ünïcødé/日本語/Ελληνικά.txt",
    "عربى.txt",
    "🦄.txt",
    ".htaccess",
    ".well-known/x",
    'quo"te<>|.txt',
    "e\u0301 is not \u00e9.txt",
    "a^b`c{d}[e].txt",
]


def options(**given: Any) -> AzureOptions:
    given = {"azure_container": "media", "account_name": "acmefiles", "account_key": ACCOUNT_KEY, **given}
    return AzureOptions(**{name: value for name, value in given.items() if value is not None})


def sas_options(**given: Any) -> AzureOptions:
    return options(account_key=None, sas_token=SAS, **given)


def expiry(url: str) -> str:
    return parse_qs(urlsplit(url).query)["se"][0]


class TestPublic:
    """U1: without expiry a URL is public and unsigned."""

    def test_it_is_the_blobs_address(self) -> None:
        assert BlobUrls(options()).url("a/b.txt") == "https://acmefiles.blob.core.windows.net/media/a/b.txt"

    def test_it_is_http_where_the_endpoint_is(self) -> None:
        url = BlobUrls(options(azure_ssl=False)).url("a.txt")
        assert url == "http://acmefiles.blob.core.windows.net/media/a.txt"

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_every_name_survives_its_url(self, name: str) -> None:
        # U6
        parts = urlsplit(BlobUrls(options()).url(name))
        assert unquote(parts.path) == f"/media/{name}"
        assert not parts.query
        assert not parts.fragment

    def test_a_trailing_slash_stays(self) -> None:
        # A8: Django's manifest storage asks for such a URL
        assert BlobUrls(options()).public_url("css/") == "https://acmefiles.blob.core.windows.net/media/css/"

    def test_parameters_are_checked_though_they_do_nothing(self) -> None:
        with pytest.raises(TypeError, match="not 'contenttype'"):
            BlobUrls(options()).url("a.txt", parameters={"contenttype": "text/plain"})
        url = BlobUrls(options()).url("a.txt", parameters={"content_type": "text/plain"})
        assert url == "https://acmefiles.blob.core.windows.net/media/a.txt"

    def test_a_parameter_that_is_none_or_empty_is_unset(self) -> None:
        urls = BlobUrls(options())
        plain = urls.url("a.txt", expire=300, now=NOON)
        for unset in (None, ""):
            assert urls.url("a.txt", expire=300, now=NOON, parameters={"content_type": unset}) == plain
        assert urls.url("a.txt", parameters={"content_type": None}) == urls.url("a.txt")
        with pytest.raises(TypeError, match="not 'contenttype'"):
            urls.url("a.txt", expire=300, parameters={"contenttype": None})

    def test_an_anonymous_backend_gives_public_urls(self) -> None:
        url = BlobUrls(options(account_key=None, credential="anonymous")).url("a.txt")
        assert url == "https://acmefiles.blob.core.windows.net/media/a.txt"


class TestCustomDomain:
    """U5: a host or a URL, with or without the container, and never for the API."""

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({"custom_domain": "cdn.acme.example"}, "https://cdn.acme.example/media/a.txt"),
            ({"custom_domain": "cdn.acme.example/files"}, "https://cdn.acme.example/files/media/a.txt"),
            ({"custom_domain": "cdn.acme.example:8443"}, "https://cdn.acme.example:8443/media/a.txt"),
            ({"custom_domain": "https://cdn.acme.example"}, "https://cdn.acme.example/media/a.txt"),
            ({"custom_domain": "https://cdn.acme.example/files/"}, "https://cdn.acme.example/files/media/a.txt"),
            ({"custom_domain": "http://cdn.acme.example"}, "http://cdn.acme.example/media/a.txt"),
            # An origin may have empty segments in its path; only a scheme makes a URL of it.
            ({"custom_domain": "cdn.acme.example//files"}, "https://cdn.acme.example//files/media/a.txt"),
            ({"custom_domain": "cdn.acme.example", "azure_ssl": False}, "http://cdn.acme.example/media/a.txt"),
            ({"custom_domain": "cdn.acme.example", "container_in_url": False}, "https://cdn.acme.example/a.txt"),
            ({"custom_domain": "cdn.acme.example/x", "container_in_url": False}, "https://cdn.acme.example/x/a.txt"),
            ({"custom_domain": "www.acme.example", "azure_container": "$web"}, "https://www.acme.example/a.txt"),
            (
                {"custom_domain": "www.acme.example", "azure_container": "$web", "container_in_url": True},
                "https://www.acme.example/$web/a.txt",
            ),
        ],
    )
    def test_it_is_what_urls_begin_with(self, given: dict[str, Any], expected: str) -> None:
        assert BlobUrls(options(**given)).url("a.txt") == expected

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({"custom_domain": "files.localhost:10000"}, "http://files.localhost:10000/devstoreaccount1/media/a.txt"),
            ({"custom_domain": "http://files.localhost"}, "http://files.localhost/media/a.txt"),
            ({"custom_domain": "files.localhost/x"}, "http://files.localhost/x/media/a.txt"),
            ({"custom_domain": "files.localhost", "container_in_url": False}, "http://files.localhost/a.txt"),
        ],
    )
    def test_another_host_of_an_emulator_keeps_the_account_in_the_path(
        self, given: dict[str, Any], expected: str
    ) -> None:
        emulator = "http://azurite:10000/devstoreaccount1"
        urls = BlobUrls(options(account_name=None, account_url=emulator, **given))
        assert urls.url("a.txt") == expected

    def test_a_gateways_path_is_its_own(self) -> None:
        urls = BlobUrls(options(account_url="https://gateway.acme.example/blobs", custom_domain="cdn.acme.example"))
        assert urls.url("a.txt") == "https://cdn.acme.example/media/a.txt"

    def test_the_other_name_of_an_emulators_host_fetches_the_blob(self, azurite: Azurite, container: str) -> None:
        given = options_for(azurite, container, custom_domain=f"localhost:{azurite.port}")
        blobs_for(given).create("a.txt", b"content", FileSettings())
        assert fetch(BlobUrls(given).url("a.txt", expire=60), azurite).body == b"content"

    def test_the_api_keeps_its_own_address(self) -> None:
        urls = BlobUrls(options(custom_domain="cdn.acme.example", container_in_url=False))
        assert urls.api == "https://acmefiles.blob.core.windows.net/media/"

    def test_requests_do_not_go_there(self, azurite: Azurite, container: str) -> None:
        given = options_for(azurite, container, custom_domain="https://cdn.invalid")
        blobs_for(given).create("a.txt", b"x", FileSettings())
        assert blobs_for(given).head("a.txt").size == 1

    def test_the_signature_is_for_the_blob_not_for_the_path_of_the_url(self, azurite: Azurite, container: str) -> None:
        # What a CDN with an origin path asks of the account is the account's own path with the same query.
        given = options_for(azurite, container, custom_domain="https://cdn.invalid/x", container_in_url=False)
        blobs_for(given).create("a.txt", b"content", FileSettings())
        url = urlsplit(BlobUrls(given).url("a.txt", expire=60))
        assert url.path == "/x/a.txt"
        assert fetch(f"{BlobUrls(given).api}a.txt?{url.query}", azurite).body == b"content"


class TestSignedWithTheAccountKey:
    """U1: signed for that blob, that permission and that time."""

    def test_it_fetches_the_blob_and_nothing_else(self, azurite: Azurite, container: str) -> None:
        given = options_for(azurite, container)
        for name in ("a.txt", "b.txt"):
            blobs_for(given).create(name, name.encode(), FileSettings())
        url = BlobUrls(given).url("a.txt", expire=60)
        assert fetch(url, azurite).body == b"a.txt"
        assert fetch(url.replace("a.txt", "b.txt"), azurite).status == 403
        assert fetch(url, azurite, method="DELETE").status == 403

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_every_odd_name_is_fetched_back(self, azurite: Azurite, container: str, name: str) -> None:
        # U6
        given = options_for(azurite, container)
        blobs_for(given).create(name, b"content", FileSettings())
        assert fetch(BlobUrls(given).url(name, expire=60), azurite).body == b"content"

    def test_parameters_become_response_headers(self, azurite: Azurite, container: str) -> None:
        given = options_for(azurite, container)
        blobs_for(given).create("a.txt", b"content", FileSettings(content_type="text/plain"))
        parameters = {
            "content_type": "application/pdf",
            "content_disposition": "attachment; filename*=UTF-8''%C3%B6.pdf",
            "content_encoding": "identity",
            "content_language": "de",
            "cache_control": "private, max-age=60",
        }
        answer = fetch(BlobUrls(given).url("a.txt", expire=60, parameters=parameters), azurite)
        assert {key: answer.headers[key.replace("_", "-")] for key in parameters} == parameters

    def test_a_url_for_creating_creates_and_cannot_read(self, azurite: Azurite, container: str) -> None:
        given = options_for(azurite, container)
        url = BlobUrls(given).url("new.txt", expire=60, permission="wc")
        assert "&sp=cw&" in url
        assert fetch(url, azurite, method="PUT", body=b"content", x_ms_blob_type="BlockBlob").status == 201
        assert fetch(url, azurite).status == 403
        assert blobs_for(given).read("new.txt", 0, 10)[0] == b"content"

    def test_a_url_for_deleting_deletes(self, azurite: Azurite, container: str) -> None:
        given = options_for(azurite, container)
        blobs_for(given).create("a.txt", b"content", FileSettings())
        assert fetch(BlobUrls(given).url("a.txt", expire=60, permission="d"), azurite, method="DELETE").status == 202

    def test_it_is_for_https_only_where_the_endpoint_is(self, azurite: Azurite, container: str) -> None:
        assert "&spr=https&" in BlobUrls(options()).url("a.txt", expire=60)
        assert "spr" not in BlobUrls(options_for(azurite, container)).url("a.txt", expire=60)
        assert "spr" not in BlobUrls(options(custom_domain="http://cdn.acme.example")).url("a.txt", expire=60)

    def test_it_follows_the_rules_of_api_version(self) -> None:
        # O2
        assert "&sv=2021-08-06&" in BlobUrls(options(api_version="2021-08-06")).url("a.txt", expire=60)

    @pytest.mark.parametrize("expire", [0, -1, float("nan"), 10**11, float("inf")])
    def test_it_cannot_be_born_dead_nor_outlive_the_calendar(self, expire: float) -> None:
        with pytest.raises(ValueError, match="A signed URL lives longer than 0 and at most 10000000000 seconds"):
            BlobUrls(options()).url("a.txt", expire=expire)

    def test_the_longest_life_with_the_longest_window_is_still_a_date(self) -> None:
        longest = BlobUrls(options(url_window_secs=10**10))
        assert expiry(longest.url("a.txt", expire=10**10, now=NOON)) > "2300-01-01"

    def test_a_wrong_mode_is_refused(self) -> None:
        with pytest.raises(ValueError, match="'q'"):
            BlobUrls(options()).url("a.txt", expire=60, permission="q")


class TestWindow:
    """U4: stable for a while, and alive for at least as long as asked and at most one window longer."""

    @given(
        st.integers(1, 8 * 86400),
        st.floats(NOON, NOON + 30 * 86400),
        st.one_of(st.none(), st.integers(0, 2 * 86400)),
    )
    def test_a_url_lives_as_long_as_asked_and_at_most_a_window_longer(
        self, expire: int, now: float, window: int | None
    ) -> None:
        url = BlobUrls(options(url_window_secs=window)).url("a.txt", expire=expire, now=now)
        longest = max(1, min(expire // 4, 3600) if window is None else window)
        assert now + expire <= _seconds(expiry(url)) <= now + expire + longest

    def test_it_stays_the_same_within_the_window_and_changes_after_it(self) -> None:
        urls = BlobUrls(options(url_window_secs=60))
        in_one_window = {urls.url("a.txt", expire=300, now=NOON + second) for second in range(1, 61)}
        assert len(in_one_window) == 1
        assert urls.url("a.txt", expire=300, now=NOON + 61) not in in_one_window

    def test_it_is_the_same_in_every_process(self) -> None:
        made = {BlobUrls(options(url_window_secs=60)).url("a.txt", expire=300, now=NOON + 1 + n) for n in range(5)}
        assert len(made) == 1

    def test_without_a_window_it_changes_with_the_second(self) -> None:
        urls = BlobUrls(options(url_window_secs=0))
        assert len({urls.url("a.txt", expire=300, now=NOON + second) for second in range(10)}) == 10
        assert urls.url("a.txt", expire=300, now=NOON + 0.25) == urls.url("a.txt", expire=300, now=NOON + 0.75)

    def test_a_clock_that_goes_back_gets_the_window_of_its_time(self) -> None:
        urls = BlobUrls(options(url_window_secs=60))
        before = urls.url("a.txt", expire=300, now=NOON + 1)
        urls.url("a.txt", expire=300, now=NOON + 601)
        assert urls.url("a.txt", expire=300, now=NOON + 1) == before

    def test_what_is_asked_for_differently_is_signed_differently(self) -> None:
        urls = BlobUrls(options())
        made = {
            urls.url("a.txt", expire=300, now=NOON),
            urls.url("b.txt", expire=300, now=NOON),
            urls.url("a.txt", expire=6000, now=NOON),
            urls.url("a.txt", expire=300, now=NOON, permission="d"),
            urls.url("a.txt", expire=300, now=NOON, parameters={"content_type": "a/b"}),
            urls.url("a.txt", expire=300, now=NOON, parameters={"content_type": "a/c"}),
        }
        assert len(made) == 6

    def test_what_is_remembered_is_bounded(self) -> None:
        urls = BlobUrls(options())
        for number in range(REMEMBERED_URLS + 10):
            urls.url(f"{number}.txt", expire=300, now=NOON)
        (window,) = urls._windows.values()
        assert len(window.urls) == 10
        for number in range(REMEMBERED_URLS + 10):
            urls.url(
                "a.txt", expire=300, now=NOON, parameters={"content_disposition": f"attachment; filename={number}"}
            )
        assert len(urls._windows) <= REMEMBERED_URLS

    def test_threads_share_a_signer(self) -> None:
        # O4
        urls = BlobUrls(options())
        names = [f"{number}.txt" for number in range(500)]
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda name: urls.url(name, expire=300, now=NOON), names * 8))
        alone = BlobUrls(options())
        assert made == [alone.url(name, expire=300, now=NOON) for name in names] * 8


class TestSignedWithADelegationKey:
    """U2: with a token credential, by a key that all share."""

    def test_it_fetches_the_blob(self, azurite_https: Azurite, container_https: str) -> None:
        given = options_for(azurite_https, container_https)
        blobs_for(given).create("a b/ö%.txt", b"content", FileSettings())
        url = BlobUrls(given).url("a b/ö%.txt", expire=60, parameters={"content_type": "text/x-test"})
        answer = fetch(url, azurite_https)
        assert (answer.body, answer.headers["Content-Type"]) == (b"content", "text/x-test")
        assert "&spr=https&" in url

    @pytest.mark.usefixtures("one_moment")
    def test_the_key_is_fetched_once_for_all_backends_of_an_account(self, azurite_https: Azurite) -> None:
        requests = Requests()
        one = azurite_https.create_container()
        given = options_for(azurite_https, one, client_options=requests.client_options())
        backends = [given, given.model_copy(update={"azure_container": azurite_https.create_container()})]
        with ThreadPoolExecutor(16) as pool:
            urls = list(pool.map(lambda number: BlobUrls(backends[number % 2]).url(f"{number}", expire=60), range(64)))
        assert len(set(urls)) == 64
        assert requests.taken() == ["POST userdelegationkey"]

    @pytest.mark.usefixtures("one_moment")
    def test_urls_of_seven_days_share_a_key_and_end_with_it(self, azurite_https: Azurite, container_https: str) -> None:
        requests = Requests()
        given = options_for(azurite_https, container_https, client_options=requests.client_options())
        blobs_for(given).create("0", b"content", FileSettings())
        requests.taken()
        urls = BlobUrls(given)
        made = [urls.url(f"{number}", expire=7 * 86400) for number in range(100)]
        assert requests.taken() == ["POST userdelegationkey"]
        query = parse_qs(urlsplit(made[0]).query)
        assert query["se"] == query["ske"]
        assert fetch(made[0], azurite_https).body == b"content"

    def test_no_identity_signs_for_more_than_seven_days(self) -> None:
        # U1, O3: the URL would end with its key, long before what was asked for; expiration_secs has the same limit.
        urls = BlobUrls(options(account_key=None, credential="default"))
        with pytest.raises(
            ValueError, match="longer than 0 and at most 604800 seconds signed by an identity, not 2592000"
        ):
            urls.url("a.txt", expire=30 * 86400)

    @pytest.mark.parametrize(
        ("wrong", "kind"),
        [
            ({"parameters": {"content_type": "a\nb"}}, ValueError),
            ({"parameters": {"content-type": "text/plain"}}, TypeError),
            ({"permission": "q"}, ValueError),
        ],
        ids=repr,
    )
    def test_wrong_arguments_cost_no_request(
        self, azurite_https: Azurite, container_https: str, wrong: dict[str, Any], kind: type[Exception]
    ) -> None:
        requests = Requests()
        urls = BlobUrls(options_for(azurite_https, container_https, client_options=requests.client_options()))
        with pytest.raises(kind):
            urls.url("a.txt", expire=60, **wrong)
        assert requests.taken() == []

    def test_the_key_is_the_accounts(self, azurite_https: Azurite, container_https: str) -> None:
        given = options_for(azurite_https, container_https)
        key, _ = Account.of(given).client(given).delegation_key(NOON)
        url = BlobUrls(given).url("a.txt", expire=60)
        assert parse_qs(urlsplit(url).query)["skoid"] == [key.oid]

    def test_a_key_that_the_identity_may_not_have_says_which_role_is_missing(
        self, azurite_https: Azurite, container_https: str
    ) -> None:
        # A10: 'Storage Blob Data Contributor' on the container is enough for everything else.
        with FaultProxy(azurite_https) as proxy:
            proxy.fail("Get User Delegation Key", Answer(403, "AuthorizationPermissionMismatch"))
            storage = AzureStorage.from_options(options_for(proxy, container_https, location="here"), alias="media")
            with pytest.raises(BlobPermissionError, match="'Storage Blob Delegator' on the account") as caught:
                storage.url("a.txt", expire=60)
        error = caught.value
        assert (error.alias, error.container, error.blob) == ("media", container_https, "here/a.txt")
        assert (error.status, error.filename) == (403, "a.txt")
        assert f"[backend 'media', container '{container_https}', blob 'here/a.txt', status 403" in str(error)

    def test_a_refused_key_is_a_permission_error(self, azurite_https: Azurite, container_https: str) -> None:
        # A10
        class Expired:
            def get_token(self, *scopes: str, **options: Any) -> Any:
                return AccessToken("not.a.token", 2**31)

        given = options_for(azurite_https, container_https, token_credential=Expired())
        with pytest.raises(BlobPermissionError, match="Azure refused the request"):
            BlobUrls(given).url("a.txt", expire=60)


class TestWithoutAKey:
    """U3: what cannot sign says so, and the credential's own SAS stays at home."""

    def test_a_sas_cannot_sign(self) -> None:
        with pytest.raises(SigningError, match=r"'media' has only a SAS, which cannot sign URLs.*sas_token_in_urls"):
            BlobUrls(sas_options()).url("a.txt", expire=60)

    def test_an_anonymous_backend_cannot_sign(self) -> None:
        with pytest.raises(SigningError, match="'media' has no credential, which cannot sign URLs"):
            BlobUrls(options(account_key=None, credential="anonymous")).url("a.txt", expire=60)

    def test_the_credentials_sas_is_not_in_urls(self) -> None:
        assert BlobUrls(sas_options()).url("a.txt") == "https://acmefiles.blob.core.windows.net/media/a.txt"

    def test_a_read_only_sas_is_in_urls_where_the_option_allows_it(self) -> None:
        urls = BlobUrls(sas_options(sas_token_in_urls=True))
        expected = f"https://acmefiles.blob.core.windows.net/media/a.txt?{SAS}"
        assert urls.url("a.txt") == urls.url("a.txt", expire=60) == expected
        assert f"{urls.api}a.txt" == urls.public_url("a.txt") == expected.partition("?")[0]


def test_no_url_needs_the_sdk() -> None:
    """Section 1 of the contract: url() loads no module of the SDK."""
    script = f"""
import sys
from storage_router.azure.storage import AzureStorage
from storage_router.azure.urls import BlobUrls
from storage_router.conf.azure.options import AzureOptions
urls = BlobUrls(AzureOptions(azure_container="media", account_name="acmefiles", account_key={ACCOUNT_KEY!r}))
urls.url("a.txt"), urls.url("a.txt", expire=60, parameters={{"content_type": "a/b"}})
assert not [name for name in sys.modules if name.split(".")[0] in ("azure", "requests", "urllib3")], sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


legal_names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(
    lambda name: _legal(name)
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(legal_names)
def test_any_legal_name_gives_a_url_that_fetches_the_blob(azurite: Azurite, container: str, name: str) -> None:
    # U6
    given = options_for(azurite, container)
    blobs_for(given).create(name, name.encode(), FileSettings(), Write(overwrite=True))
    assert fetch(BlobUrls(given).url(name, expire=60), azurite).body == name.encode()


def _legal(name: str) -> bool:
    try:
        check_blob_name(clean_name(name))
    except InvalidNameError:
        return False
    return "\\" not in name


def _seconds(time: str) -> float:
    return dt.datetime.fromisoformat(time).timestamp()


class TestArguments:
    """U7"""

    def test_expire_may_be_a_timedelta(self):
        urls = BlobUrls(options(url_window_secs=0))
        assert urls.url("a", expire=dt.timedelta(minutes=1), now=1_000_000) == urls.url("a", expire=60, now=1_000_000)
        with pytest.raises(TypeError, match="takes expire in seconds or as a timedelta, not str"):
            urls.url("a", expire="60")

    @pytest.mark.parametrize("expire", [None, 60])
    def test_what_no_server_can_send_is_refused_also_where_nothing_is_signed(self, expire):
        parameters = {"content_disposition": 'attachment; filename="计划.xlsx"'}
        with pytest.raises(ValueError, match=r"content_disposition cannot be sent as a header.*filename\*=UTF-8''"):
            BlobUrls(options()).url("a", expire=expire, parameters=parameters)
