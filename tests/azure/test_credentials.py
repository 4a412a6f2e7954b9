"""Credentials by name, by path, by callable and as objects; O4: one instance per distinct configuration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from storage_router.azure import credentials
from storage_router.azure.container import FileSettings
from storage_router.azure.credentials import credential
from storage_router.azure.errors import CredentialError
from storage_router.azure.storage import AzureStorage
from storage_router.azure.urls import BlobUrls
from storage_router.conf.azure.authentication import TokenCredential
from storage_router.exceptions import BlobPermissionError, ConfigurationError
from tests.kit.azurite import Azurite, UnsignedTokenCredential

from .backends import blobs_for, options_for
from .transferring import fetch

CLIENT_ID = "01234567-89ab-cdef-0123-456789abcdef"

made: list[UnsignedTokenCredential] = []
ready_made = UnsignedTokenCredential()


def make() -> UnsignedTokenCredential:
    made.append(UnsignedTokenCredential())
    return made[-1]


class Asynchronous:
    """As the credentials of azure.identity.aio are."""

    async def get_token(self, *scopes: str, **options: Any) -> Any: ...


def make_asynchronous() -> Asynchronous:
    return Asynchronous()


def make_nothing() -> object:
    return object()


class Identity:
    """The endpoint that App Service and Functions have for managed identities, on loopback."""

    def __init__(self) -> None:
        self.asked: list[dict[str, list[str]]] = []
        identity = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.headers["X-IDENTITY-HEADER"] != "the header":
                    self.send_error(401)
                    return
                identity.asked.append(parse_qs(urlsplit(self.path).query))
                token = UnsignedTokenCredential().get_token()
                body = json.dumps(
                    {
                        "access_token": token.token,
                        "expires_on": str(token.expires_on),
                        "resource": "https://storage.azure.com",
                        "token_type": "Bearer",
                    }
                ).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def fresh() -> Iterator[None]:
    """No credential from another test."""
    credentials._shared.clear()
    made.clear()
    yield
    credentials._shared.clear()


@pytest.fixture
def identity(fresh: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Identity]:
    identity = Identity()
    thread = threading.Thread(target=identity.server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{identity.server.server_port}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "the header")
    yield identity
    identity.server.shutdown()
    thread.join()
    identity.server.server_close()


@pytest.mark.parametrize("client_id", [None, CLIENT_ID])
def test_a_managed_identity_reads_writes_and_signs(
    identity: Identity, azurite_https: Azurite, container_https: str, client_id: str | None
) -> None:
    # Through the real azure-identity; U2
    given = {"credential": "managed_identity"} | ({"client_id": client_id} if client_id else {})
    options = options_for(azurite_https, container_https, **given)
    blobs = blobs_for(options)
    blobs.create("a.txt", b"content", FileSettings())
    assert blobs.read("a.txt", 0, 10)[0] == b"content"
    assert fetch(BlobUrls(options).url("a.txt", expire=60), azurite_https).body == b"content"
    (asked,) = identity.asked
    assert asked["resource"] == ["https://storage.azure.com"]
    assert asked.get("client_id") == ([client_id] if client_id else None)


def test_the_default_credential_finds_the_managed_identity(
    identity: Identity, azurite_https: Azurite, container_https: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
    options = options_for(azurite_https, container_https, credential="default", client_id=CLIENT_ID)
    assert blobs_for(options).delete("missing") is False
    assert identity.asked[0]["client_id"] == [CLIENT_ID]


def test_accounts_share_a_credential_and_its_token(
    identity: Identity, azurite_https: Azurite, container_https: str
) -> None:
    # O4: azure-identity caches tokens per instance
    for timeout in (10, 11, 12):
        options = options_for(azurite_https, container_https, credential="managed_identity", timeout=timeout)
        blobs_for(options).delete("missing")
    assert len(identity.asked) == 1


@pytest.mark.parametrize(
    ("name", "environment", "kind"),
    [
        ("environment", {}, "EnvironmentCredential"),
        ("azure_cli", {}, "AzureCliCredential"),
        ("default", {}, "DefaultAzureCredential"),
        ("managed_identity", {}, "ManagedIdentityCredential"),
        (
            "workload_identity",
            {"AZURE_TENANT_ID": CLIENT_ID, "AZURE_CLIENT_ID": CLIENT_ID, "AZURE_FEDERATED_TOKEN_FILE": "/nowhere"},
            "WorkloadIdentityCredential",
        ),
    ],
)
def test_a_name_means_a_class_of_azure_identity(
    fresh: None, monkeypatch: pytest.MonkeyPatch, name: str, environment: dict[str, str], kind: str
) -> None:
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    found = credential(TokenCredential(name=name))
    assert type(found).__name__ == kind
    assert credential(TokenCredential(name=name)) is found
    found.close()


def test_a_workload_identity_takes_a_client_id(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TENANT_ID", CLIENT_ID)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", "/nowhere")
    with pytest.raises(CredentialError, match="credential = 'workload_identity' cannot be used here"):
        credential(TokenCredential(name="workload_identity"))
    credential(TokenCredential(name="workload_identity", client_id=CLIENT_ID)).close()


def test_a_credential_that_has_nothing_to_work_with_is_a_permission_error(
    fresh: None, azurite_https: Azurite, container_https: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A10
    for variable in [name for name in os.environ if name.startswith("AZURE_")]:
        if variable != "AZURITE_BIN":
            monkeypatch.delenv(variable)
    with pytest.raises(BlobPermissionError, match="The credential gives no token: EnvironmentCredential"):
        blobs_for(options_for(azurite_https, container_https, credential="environment")).head("a.txt")
    with pytest.raises(BlobPermissionError, match="credential = 'workload_identity' cannot be used here"):
        blobs_for(options_for(azurite_https, container_https, credential="workload_identity")).head("a.txt")


def test_an_object_is_used_as_it_is(fresh: None) -> None:
    given = UnsignedTokenCredential()
    assert credential(TokenCredential(source=given)) is given


@pytest.mark.parametrize("source", [make, UnsignedTokenCredential], ids=["function", "class"])
def test_a_callable_is_called_once(fresh: None, source: Any) -> None:
    found = credential(TokenCredential(source=source))
    assert isinstance(found, UnsignedTokenCredential)
    assert credential(TokenCredential(source=source)) is found


@pytest.mark.parametrize("path", ["tests.azure.test_credentials.make", "tests.azure.test_credentials:make"])
def test_a_dotted_path_leads_to_a_callable(fresh: None, path: str) -> None:
    found = credential(TokenCredential(source=path))
    assert found is made[0]
    assert credential(TokenCredential(source=path)) is found


def test_a_dotted_path_leads_to_an_object(fresh: None) -> None:
    assert credential(TokenCredential(source="tests.azure.test_credentials.ready_made")) is ready_made


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("tests.azure.test_credentials.missing", "'tests.azure.test_credentials.missing' cannot be imported"),
        ("tests.azure.nowhere.make", "'tests.azure.nowhere.make' cannot be imported"),
        (make_nothing, r"What token_credential gives \(object\) has no get_token\(\)"),
        ("os.path.sep", r"What token_credential gives \(str\) has no get_token\(\)"),
        (make_asynchronous, r"\(Asynchronous\) is asynchronous, .* not of azure\.identity\.aio"),
        ("tests.azure.test_credentials.Asynchronous", r"\(Asynchronous\) is asynchronous, and storages are not"),
    ],
)
def test_what_gives_no_tokens_is_refused(fresh: None, source: Any, message: str) -> None:
    with pytest.raises(CredentialError, match=message):
        credential(TokenCredential(source=source))


@pytest.mark.parametrize("given", [Asynchronous(), Asynchronous], ids=["object", "class"])
def test_an_asynchronous_credential_is_refused_at_startup(given: Any) -> None:
    # O3
    with pytest.raises(ConfigurationError) as caught:
        AzureStorage(azure_container="media", account_name="acme", token_credential=given)
    (problem,) = caught.value.problems
    assert problem.message == "the credential is asynchronous, and storages are not"
    assert problem.hint == "Give the one of the same name of azure.identity, not of azure.identity.aio."


def test_many_threads_at_once_build_one_credential(fresh: None) -> None:
    # O4
    def slow() -> UnsignedTokenCredential:
        time.sleep(0.05)
        return make()

    barrier = threading.Barrier(8)

    def ask(_: int) -> Any:
        barrier.wait()
        return credential(TokenCredential(source=slow))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert len(made) == 1
    assert all(it is made[0] for it in found)


@pytest.mark.parametrize("source", [make, "tests.azure.test_credentials.make"], ids=["callable", "dotted path"])
def test_a_forked_child_builds_its_own(fresh: None, source: Any) -> None:
    # O4: azure-identity's connections and locks are not for two processes
    credential(TokenCredential(source=source))
    with credentials._building:
        assert _in_a_fork(lambda: credential(TokenCredential(source=source)) is made[1])


def test_a_forked_child_uses_an_object_as_it_is(fresh: None) -> None:
    # O4: there is no way to make another like it; docs/azure.md and docs/reliability.md say so
    given = UnsignedTokenCredential()
    credential(TokenCredential(source=given))
    assert _in_a_fork(lambda: credential(TokenCredential(source=given)) is given)


def _in_a_fork(question: Callable[[], bool]) -> bool:
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if question() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_azure_identity_is_imported_for_named_credentials_only() -> None:
    # Section 1 of the contract
    script = """
import sys
from storage_router.azure.credentials import credential
from storage_router.conf.azure.authentication import TokenCredential
credential(TokenCredential(source="tests.kit.azurite.UnsignedTokenCredential"))
assert "azure.identity" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)
