"""O4: what backends share; O5: client_options are the last word; A12: the SDK's log stays out."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from azure.core.pipeline.policies import CustomHookPolicy
from azure.core.pipeline.transport import RequestsTransport
from django.views.debug import ExceptionReporter

from storage_router.azure import client as accounts
from storage_router.azure.client import Account, Client
from storage_router.azure.container import FileSettings
from storage_router.azure.urls import BlobUrls
from storage_router.conf.azure.options import AzureOptions
from storage_router.exceptions import BlobError
from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME, Azurite, UnsignedTokenCredential
from tests.kit.faults import Reset
from tests.kit.proxy import FaultProxy

from .backends import blobs_for, options_for
from .counting import Requests


def options(**given: Any) -> AzureOptions:
    given = {"azure_container": "media", "account_name": "acmefiles", "account_key": ACCOUNT_KEY, **given}
    return AzureOptions(**{name: value for name, value in given.items() if value is not None})


def client(**given: Any) -> Client:
    asked = options(**given)
    return Account.of(asked).client(asked)


OF_REQUESTS: list[dict[str, Any]] = [
    {"timeout": 5},
    {"api_version": "2024-11-04"},
    {"log_requests": True},
    {"client_options": {"retry_total": 1}},
]
"""Options that requests depend on, and accounts do not."""


class TestSharing:
    """O4: one account per endpoint, name and credential; in it one client per distinct set of the other options."""

    def test_containers_of_an_account_share_a_client(self) -> None:
        assert client() is client(azure_container="static", location="x", expiration_secs=60)

    def test_a_connection_string_is_the_same_as_its_parts(self) -> None:
        text = f"DefaultEndpointsProtocol=https;AccountName=acmefiles;AccountKey={ACCOUNT_KEY}"
        string = AzureOptions(azure_container="media", connection_string=text)
        assert Account.of(string) is Account.of(options())

    @pytest.mark.parametrize(
        "other",
        [
            {"account_name": "acmeprivate"},
            {"account_key": "b3RoZXI="},
            {"account_key": None, "credential": "default"},
            {"azure_ssl": False},
        ],
        ids=repr,
    )
    def test_another_account_or_credential_shares_nothing(self, other: dict[str, Any]) -> None:
        assert Account.of(options(**other)) is not Account.of(options())

    @pytest.mark.parametrize("other", OF_REQUESTS, ids=repr)
    def test_what_requests_depend_on_makes_another_client_of_the_same_account(self, other: dict[str, Any]) -> None:
        assert client(**other) is not client()
        assert Account.of(options(**other)) is Account.of(options())

    @pytest.mark.usefixtures("one_moment")
    @pytest.mark.parametrize("other", OF_REQUESTS, ids=repr)
    def test_all_backends_of_an_account_share_key_token_and_connections(
        self, azurite_https: Azurite, other: dict[str, Any]
    ) -> None:
        credential = UnsignedTokenCredential()
        with FaultProxy(azurite_https) as proxy:
            containers = [azurite_https.create_container() for _ in range(2)]
            backends = [
                options_for(proxy, containers[0], token_credential=credential),
                options_for(proxy, containers[1], token_credential=credential, **other),
            ]
            for given in (*backends, *backends):
                blobs_for(given).delete("a.txt")
                assert "sig=" in BlobUrls(given).url("a.txt", expire=60)
            assert proxy.count("Get User Delegation Key") == 1
            assert proxy.connections == 1
            Account.of(backends[0]).pools.clear()

    def test_a_transport_of_the_applications_own_stays_its_clients(self, azurite: Azurite, container: str) -> None:
        with RequestsTransport() as transport:
            given = options_for(azurite, container, client_options={"transport": transport})
            assert accounts.transport(given, Account.of(given).pools) is transport
            other = options_for(azurite, container)
            assert accounts.transport(other, Account.of(other).pools) is not transport

    def test_equal_client_options_are_shared_and_objects_by_identity(self) -> None:
        def hook(_: Any) -> None: ...

        def with_options(*, hook: Any = hook, **others: Any) -> Client:
            return client(client_options={"raw_request_hook": hook, **others})

        policies = {"proxies": {"https": "http://proxy:1"}, "retry_on_status_codes": [429, 500], "request_id": None}
        assert with_options(**policies) is with_options(**policies)
        assert with_options() is not with_options(hook=lambda _: None)

    def test_an_account_and_its_client_outlive_their_storages_for_a_while(self) -> None:
        asked = options(timeout=77)
        ids = id(client(timeout=77)), id(Account.of(asked))
        gc.collect()
        assert (id(client(timeout=77)), id(Account.of(asked))) == ids

    @pytest.mark.parametrize("option", ["account_name", "timeout"])
    def test_accounts_and_clients_of_no_use_are_let_go(self, option: str) -> None:
        values = {"account_name": "acme{}", "timeout": "{}s"}
        for number in range(100):
            client(**{option: values[option].format(100 + number)})
        gc.collect()
        assert len(accounts._accounts) < 60
        assert len(Account.of(options())._clients) < 60

    def test_one_client_serves_all_threads(self, azurite: Azurite, container: str) -> None:
        blobs = blobs_for(options_for(azurite, container, timeout=41))
        barrier = threading.Barrier(8)

        def ask(_: int) -> Any:
            barrier.wait()
            return blobs.client.sender()

        with ThreadPoolExecutor(8) as pool:
            assert len({id(service) for service in pool.map(ask, range(8))}) == 1

    def test_connections_are_kept_for_many_threads(self, azurite: Azurite, container: str, caplog: Any) -> None:
        # requests keeps ten, and warns for each further one
        blobs = blobs_for(options_for(azurite, container))
        barrier = threading.Barrier(24)

        def work(number: int) -> None:
            barrier.wait()
            blobs.create(f"{number}.txt", b"content", FileSettings())

        with caplog.at_level(logging.WARNING), ThreadPoolExecutor(24) as pool:
            list(pool.map(work, range(24)))
        assert caplog.records == []

    def test_it_shows_no_secret(self) -> None:
        # C7
        account = Account.of(options())
        assert repr(account) == "<Account https://acmefiles.blob.core.windows.net (account_key)>"


class TestCredential:
    """O2: every way to authenticate reaches the service."""

    def test_a_sas_of_a_connection_string(self, azurite: Azurite, container: str) -> None:
        text = f"BlobEndpoint={azurite.account_url()};SharedAccessSignature={_sas(azurite)}"
        blobs = blobs_for(AzureOptions(azure_container=container, connection_string=text, account_name=ACCOUNT_NAME))
        self._works(blobs)

    def test_a_sas_with_a_question_mark(self, azurite: Azurite, container: str) -> None:
        self._works(blobs_for(options_for(azurite, container, sas_token=f"?{_sas(azurite)}")))

    def test_an_api_version_with_each_of_them(self, azurite: Azurite, azurite_https: Azurite) -> None:
        requests = Requests()
        for server, given in (
            (azurite, {}),
            (azurite, {"connection_string": azurite.connection_string()}),
            (azurite, {"sas_token": _sas(azurite)}),
            (azurite_https, {"token_credential": UnsignedTokenCredential()}),
        ):
            options = options_for(
                server,
                server.create_container(),
                client_options=requests.client_options(),
                api_version="2023-11-03",
                **given,
            )
            self._works(blobs_for(options))
        assert {request.headers["x-ms-version"] for request in requests.sent} == {"2023-11-03"}

    def test_nobody_reads_a_public_container(self, azurite: Azurite) -> None:
        container = azurite.create_container(public_access="blob")
        blobs_for(options_for(azurite, container)).create("a.txt", b"content", FileSettings())
        blobs = blobs_for(options_for(azurite, container, credential="anonymous"))
        assert blobs.read("a.txt", 0, 10)[0] == b"content"
        with pytest.raises(PermissionError):
            blobs.delete("a.txt")

    def _works(self, blobs: Any) -> None:
        blobs.create("a b/ö.txt", b"content", FileSettings())
        blobs.copy("b.txt", "a b/ö.txt", blobs.head("a b/ö.txt"), {})
        assert blobs.read("b.txt", 0, 10)[0] == b"content"
        assert len(list(blobs.list())) == 2
        assert blobs.delete("a b/ö.txt")


class TestClientOptions:
    """O5: our defaults, and the application's options over them."""

    def test_the_defaults(self) -> None:
        config = self._config(timeout=20)
        assert (config.timeout, config.read_timeout) == (5, 20)

    def test_a_short_timeout_shortens_connecting_too(self) -> None:
        assert self._config(timeout=2).timeout == 2

    def test_everything_can_be_overridden(self) -> None:
        config = self._config(client_options={"connection_timeout": 1, "read_timeout": 2})
        assert (config.timeout, config.read_timeout) == (1, 2)

    def _config(self, **given: Any) -> Any:
        asked = options(**given)
        return accounts.transport(asked, Account.of(asked).pools).connection_config

    def test_what_azure_core_refuses_is_reported_by_name_without_secrets(self) -> None:
        given = {"per_call_policies": 5, "proxies": {"http": "http://me:hush@proxy"}}
        blobs = blobs_for(options(account_key="c2VjcmV0c2VjcmV0", client_options=given))
        with pytest.raises(BlobError) as caught:
            blobs.head("a.txt")
        assert str(caught.value).startswith("azure-core refuses one of client_options (per_call_policies, proxies): ")
        assert (caught.value.alias, caught.value.container) == ("media", "media")
        error = caught.value.with_traceback(caught.value.__traceback__.tb_next)
        page = ExceptionReporter(None, type(error), error, error.__traceback__).get_traceback_html()
        assert "hush" not in page
        assert "c2VjcmV0c2VjcmV0" not in page

    def test_a_transport_of_the_applications_own_is_used(self, azurite: Azurite, container: str) -> None:
        class Counting(RequestsTransport):
            sent = 0

            def send(self, request: Any, **given: Any) -> Any:
                self.sent += 1
                return super().send(request, **given)

        with Counting() as transport:
            blobs = blobs_for(options_for(azurite, container, client_options={"transport": transport}))
            blobs.create("a.gz", b"\x1f\x8bcontent", FileSettings(content_encoding="gzip"))
            assert blobs.read("a.gz", 0, 100)[0] == b"\x1f\x8bcontent"
            assert transport.sent == 2

    def test_what_azure_cores_policies_take_reaches_the_wire(self, azurite: Azurite, container: str) -> None:
        calls: list[str] = []
        attempts: list[str] = []
        given = {
            "headers": {"x-ms-test": "1"},
            "user_agent": "acme/1",
            "request_id": "the-request",
            "per_call_policies": [CustomHookPolicy(raw_request_hook=lambda it: calls.append(it.http_request.method))],
            "per_retry_policies": CustomHookPolicy(raw_request_hook=lambda it: attempts.append(it.http_request.method)),
        }
        with FaultProxy(azurite) as proxy:
            proxy.fail("Delete Blob", Reset("request"))
            blobs_for(options_for(proxy, container, client_options=given)).delete("a.txt")
            head = proxy.requests[-1].head
        assert (head.get("x-ms-test"), head.get("x-ms-client-request-id")) == ("1", "the-request")
        assert str(head.get("user-agent")).startswith("acme/1 azsdk-python-storage-router ")
        assert (calls, attempts) == (["DELETE"], ["DELETE", "DELETE"])

    def test_a_policy_of_the_applications_own_sees_each_request(self, azurite: Azurite, container: str) -> None:
        seen: list[str] = []
        given = {"raw_request_hook": lambda request: seen.append(request.http_request.method)}
        blobs_for(options_for(azurite, container, client_options=given)).delete("a.txt")
        assert seen == ["DELETE"]


class TestLog:
    """A12: the SDK's log of requests at INFO stays out unless it is asked for."""

    NAME = "azure.core.pipeline.policies.http_logging_policy"

    def test_it_stays_out(self, azurite: Azurite, container: str, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO):
            blobs_for(options_for(azurite, container)).delete("a.txt")
        assert [record for record in caplog.records if record.name == self.NAME] == []

    def test_it_is_there_at_debug(self, azurite: Azurite, container: str, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            blobs_for(options_for(azurite, container)).delete("a.txt")
        found = [record for record in caplog.records if record.name == self.NAME]
        assert [record.levelname for record in found] == ["DEBUG", "DEBUG"]
        assert "Request method: 'DELETE'" in found[0].getMessage()

    def test_it_is_there_if_asked_for(self, azurite: Azurite, container: str, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO):
            blobs_for(options_for(azurite, container, log_requests=True)).delete("a.txt")
        assert [record.levelname for record in caplog.records if record.name == self.NAME] == ["INFO", "INFO"]

    def test_the_loggers_own_levels_are_left_alone(self, azurite: Azurite, container: str) -> None:
        blobs_for(options_for(azurite, container)).delete("a.txt")
        assert logging.getLogger(self.NAME).level == logging.getLogger("azure").level == logging.NOTSET


class TestProcess:
    """O4: threads, forks, the end of the process."""

    def test_a_forked_child_has_connections_of_its_own(self, azurite: Azurite, container: str) -> None:
        blobs = blobs_for(options_for(azurite, container))
        blobs.create("parent.txt", b"parent", FileSettings())
        parents = blobs.client.sender()
        # As if another thread were building a client at the moment of the fork.
        with accounts._lock, blobs.account._lock, blobs.client._lock:
            children = [_fork(lambda number=number: self._work(blobs, parents, number)) for number in range(4)]
        for number in range(20):
            assert blobs.read("parent.txt", 0, 10)[0] == b"parent", number
        assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0, 0]
        assert blobs.client.sender() is parents

    def _work(self, blobs: Any, parents: Any, number: int) -> bool:
        blobs.create(f"{number}.txt", str(number).encode(), FileSettings())
        bodies = {blobs.read(f"{number}.txt", 0, 10)[0] for _ in range(20)}
        return bodies == {str(number).encode()} and blobs.client.sender() is not parents

    def test_nothing_warns_at_the_end_of_a_process(self, azurite_https: Azurite, container_https: str) -> None:
        script = f"""
            from concurrent.futures import ThreadPoolExecutor
            from storage_router.azure.container import Blobs
            from storage_router.conf.azure.options import AzureOptions
            options = AzureOptions(
                azure_container={container_https!r}, account_name={ACCOUNT_NAME!r},
                account_url={azurite_https.account_url()!r},
                token_credential="tests.kit.azurite.UnsignedTokenCredential",
                client_options={{"connection_verify": {str(azurite_https.certificate)!r}}},
            )
            blobs = Blobs(options)
            with ThreadPoolExecutor(4) as pool:
                print(list(pool.map(blobs.delete, "abcd")))
        """
        ran = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(script)],
            check=False,
            capture_output=True,
            text=True,
        )
        assert (ran.stdout, ran.stderr) == ("[False, False, False, False]\n", "")


def _fork(work: Any) -> int:
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return child


def _sas(server: Azurite) -> str:
    import datetime as dt

    from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

    return generate_account_sas(
        ACCOUNT_NAME,
        server.accounts[ACCOUNT_NAME],
        resource_types=ResourceTypes(container=True, object=True),
        permission=AccountSasPermissions(read=True, write=True, delete=True, list=True, create=True),
        expiry=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1),
    )
