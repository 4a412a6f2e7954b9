"""The fault proxy itself: without a fault nothing changes, and each fault is what its name says."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from azure.core.exceptions import AzureError, HttpResponseError, ServiceResponseError
from azure.storage.blob import BlobClient, BlobServiceClient, ContainerClient

from tests.kit.azurite import Azurite, UnsignedTokenCredential
from tests.kit.faults import (
    BUSY_WITH_RETRY_AFTER,
    DONE_BUT_FAILED,
    SERVER_ERROR,
    Cut,
    Delay,
    Duplicate,
    Fault,
    Plan,
    RejectToken,
    Request,
    Reset,
    Stall,
)
from tests.kit.http1 import Head
from tests.kit.proxy import FaultProxy


def client(server: FaultProxy | Azurite, container: str, **options: Any) -> ContainerClient:
    options = {"retry_total": 0, "read_timeout": 120, **options}
    return BlobServiceClient.from_connection_string(server.connection_string(), **options).get_container_client(
        container
    )


@pytest.fixture
def through(proxy: FaultProxy, container: str) -> Iterator[ContainerClient]:
    with client(proxy, container) as it:
        yield it


@pytest.fixture
def direct(azurite: Azurite, container: str) -> Iterator[ContainerClient]:
    with client(azurite, container) as it:
        yield it


def content(container: ContainerClient, name: str) -> bytes | None:
    blob: BlobClient = container.get_blob_client(name)
    return blob.download_blob().readall() if blob.exists() else None


def test_without_a_fault_everything_passes(proxy: FaultProxy, through: ContainerClient) -> None:
    body = bytes(range(256)) * 4096
    through.upload_blob("a b/ü%.bin", body)
    assert content(through, "a b/ü%.bin") == body
    assert [blob.name for blob in through.list_blobs()] == ["a b/ü%.bin"]
    through.delete_blob("a b/ü%.bin")
    operations = [request.operation for request in proxy.requests]
    assert operations == ["Put Blob", "Get Blob Properties", "Get Blob", "List Blobs", "Delete Blob"]
    assert [request.status for request in proxy.requests] == [201, 200, 206, 200, 202]
    assert proxy.requests[0].blob == f"{through.container_name}/a b/ü%.bin"


def test_requests_are_named_as_azure_names_them() -> None:
    def operation(start: str, **headers: str) -> str:
        return Request.of(Head(start=f"{start} HTTP/1.1", headers=tuple(headers.items()))).operation

    assert operation("PUT /acct/c/b?comp=block&blockid=MQ%3D%3D") == "Put Block"
    assert operation("PUT /acct/c/b?comp=blocklist") == "Put Block List"
    assert operation("GET /acct/c/b?comp=blocklist") == "Get Block List"
    assert operation("PUT /acct/c/b", **{"x-ms-copy-source": "http://x"}) == "Copy Blob"
    assert operation("GET /acct/c?restype=container&comp=list") == "List Blobs"
    assert operation("GET /acct/?comp=list") == "List Containers"
    assert operation("PUT /acct/c?restype=container") == "Create Container"
    assert operation("DELETE /acct/c?restype=container") == "Delete Container"
    assert operation("HEAD /acct/c?restype=container") == "Get Container Properties"
    assert operation("POST /acct/?restype=service&comp=userdelegationkey") == "Get User Delegation Key"
    assert operation("PUT /acct/c/b?comp=metadata") == "PUT metadata"
    assert operation("OPTIONS /acct/c/b") == "OPTIONS"


@pytest.mark.parametrize(
    ("fault", "stored"),
    [
        (Reset("request"), False),
        (Reset("request body"), False),
        (Reset("answer"), True),
        (SERVER_ERROR, False),
        (BUSY_WITH_RETRY_AFTER, False),
        (DONE_BUT_FAILED, True),
    ],
    ids=str,
)
def test_a_fault_during_a_put_reaches_the_client_and_leaves_the_service_as_it_says(
    proxy: FaultProxy, through: ContainerClient, direct: ContainerClient, fault: Fault, stored: bool
) -> None:
    proxy.fail("Put Blob", fault)
    with pytest.raises(AzureError):
        through.upload_blob("x", b"content" * 20_000)
    assert content(direct, "x") == (b"content" * 20_000 if stored else None)
    through.upload_blob("y", b"the next one passes")
    assert proxy.requests[0].fault == fault
    assert proxy.count("Put Blob") == 2


def test_a_request_without_a_body_is_not_passed_on_by_a_reset_within_its_body(
    proxy: FaultProxy, through: ContainerClient, direct: ContainerClient
) -> None:
    direct.upload_blob("x", b"still here")
    proxy.fail("Delete Blob", Reset("request body"))
    with pytest.raises(ServiceResponseError):
        through.delete_blob("x")
    assert content(direct, "x") == b"still here"


def test_an_answer_says_what_the_fault_says(proxy: FaultProxy, through: ContainerClient) -> None:
    proxy.fail("Get Blob", BUSY_WITH_RETRY_AFTER)
    with pytest.raises(HttpResponseError) as caught:
        through.download_blob("x")
    response = caught.value.response
    assert response is not None
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert response.headers["x-ms-error-code"] == "ServerBusy"
    proxy.fail("Get Blob Properties", SERVER_ERROR)
    with pytest.raises(HttpResponseError):
        through.get_blob_client("x").get_blob_properties()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Reset("answer body"), ConnectionResetError),
        (Cut(), http.client.IncompleteRead),
        (Cut(after=0), http.client.IncompleteRead),
        (Stall("answer body"), TimeoutError),
    ],
    ids=str,
)
def test_a_body_that_ends_too_early_is_seen_as_such(
    azurite: Azurite, proxy: FaultProxy, fault: Fault, expected: type[Exception]
) -> None:
    name = azurite.create_container(public_access="blob")
    with client(proxy, name) as through:
        through.upload_blob("x", b"content" * 20_000)
    proxy.fail("Get Blob", fault)
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=120)
    connection.request("GET", f"/devstoreaccount1/{name}/x")
    answer = connection.getresponse()
    assert answer.length == 140_000
    if isinstance(fault, Stall):
        connection.sock.settimeout(0.3)
    with pytest.raises(expected):
        answer.read()
    answer.close()
    connection.close()


def test_a_sealed_cut_is_shorter_and_looks_whole(proxy: FaultProxy, through: ContainerClient) -> None:
    through.upload_blob("x", b"0123456789")
    proxy.fail("Get Blob", Cut(after=4, sealed=True))
    # The SDK sees the length in Content-Range, and fetches the rest.
    assert through.download_blob("x").readall() == b"0123456789"
    assert [request.head.get("x-ms-range") for request in proxy.requests[1:]] == ["bytes=0-33554431", "bytes=4-9"]
    proxy.fail("List Blobs", Cut(sealed=True))
    with pytest.raises(AzureError):
        list(through.list_blobs())


def test_a_stall_holds_the_answer_until_the_client_gives_up(
    proxy: FaultProxy, container: str, direct: ContainerClient
) -> None:
    direct.upload_blob("x", b"content" * 20_000)
    with client(proxy, container, read_timeout=0.3) as through:
        for fault in (Stall("request"), Stall("request body"), Stall("answer")):
            proxy.fail("Get Blob", fault)
            with pytest.raises(AzureError):
                through.download_blob("x").readall()
        proxy.fail("Put Blob", Stall("request body"))
        with pytest.raises(AzureError):
            through.upload_blob("y", b"content" * 20_000)
    assert content(direct, "y") is None


def test_a_delay_is_only_a_delay(proxy: FaultProxy, through: ContainerClient) -> None:
    proxy.fail("Put Blob", Delay(0.2))
    start = time.monotonic()
    through.upload_blob("x", b"content")
    assert time.monotonic() - start >= 0.2
    assert content(through, "x") == b"content"


def test_a_duplicate_is_delivered_twice_and_the_second_answer_counts(
    proxy: FaultProxy, through: ContainerClient, direct: ContainerClient
) -> None:
    proxy.fail("Put Blob", Duplicate())
    with pytest.raises(HttpResponseError) as caught:
        through.upload_blob("x", b"content" * 20_000)
    assert caught.value.status_code == 409
    assert content(direct, "x") == b"content" * 20_000


def test_faults_can_wait_and_can_be_meant_for_one_blob(proxy: FaultProxy, through: ContainerClient) -> None:
    proxy.fail("Put *", SERVER_ERROR, blob="*/odd", skip=1, times=2)
    outcomes = []
    for name in ("odd", "even", "odd", "even", "odd", "odd"):
        try:
            through.upload_blob(name, b"", overwrite=True)
            outcomes.append("stored")
        except HttpResponseError:
            outcomes.append("failed")
    assert outcomes == ["stored", "stored", "failed", "stored", "failed", "stored"]
    proxy.fail("*", SERVER_ERROR)
    proxy.heal()
    proxy.forget()
    through.upload_blob("odd", b"", overwrite=True)
    assert proxy.count() == 1
    assert proxy.count("Get *") == 0


def test_nobody_listens_while_the_proxy_is_down(proxy: FaultProxy, through: ContainerClient) -> None:
    through.upload_blob("x", b"content")
    with proxy.down(), pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port))
    assert content(through, "x") == b"content"


def test_connections_can_be_refused_and_dropped(proxy: FaultProxy, container: str) -> None:
    def ask() -> int:
        connection.request("HEAD", f"/devstoreaccount1/{container}/x")
        response = connection.getresponse()
        response.read()
        return response.status

    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=120)
    assert ask() == ask()
    proxy.drop_connections()
    with pytest.raises(ConnectionError):
        ask()
    connection.close()
    proxy.refuse(2)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            ask()
        connection.close()
    assert ask() in {403, 404}
    connection.close()
    assert proxy.connections == 4


def test_a_rejected_token_is_rejected_until_there_is_a_new_one(azurite_https: Azurite, container_https: str) -> None:
    class Renewing(UnsignedTokenCredential):
        def get_token(self, *scopes: str, **options: Any) -> Any:
            self.lifetime += 1
            return super().get_token(*scopes, **options)

    credential = Renewing()
    with FaultProxy(azurite_https) as proxy:
        url, certificate = proxy.account_url(), str(proxy.certificate)
        with BlobServiceClient(url, credential, connection_verify=certificate, retry_total=0) as service:
            container = service.get_container_client(container_https)
            container.upload_blob("x", b"content")
            proxy.fail("Get Blob Properties", RejectToken())
            assert content(container, "x") == b"content"
    assert [request.status for request in proxy.requests] == [201, 401, 200, 206]
    assert credential.calls == 2


def ask(proxy: FaultProxy, method: str = "GET", **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=120)
    try:
        connection.request(method, "/devstoreaccount1/none/none", headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def test_the_token_that_was_refused_stays_refused_and_others_do_not(proxy: FaultProxy) -> None:
    proxy.fail("Get Blob", RejectToken())
    assert [ask(proxy, Authorization="Bearer old") for _ in range(2)] == [401, 401]
    assert ask(proxy, Authorization="Bearer new") != 401
    assert [str(request.fault) for request in proxy.requests] == ["RejectToken()", "RejectToken()", "None"]


def test_a_client_may_close_after_its_request_or_within_its_body(proxy: FaultProxy, azurite: Azurite) -> None:
    assert proxy.accounts == azurite.accounts
    assert ask(proxy, Connection="close") in {403, 404}
    with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
        connection.sendall(b"PUT /devstoreaccount1/none/none HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf")
        connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(100) == b""
    assert ask(proxy) in {403, 404}


def test_a_client_that_speaks_no_tls_is_dropped_and_the_next_one_served(azurite_https: Azurite) -> None:
    with FaultProxy(azurite_https) as proxy:
        with pytest.raises(OSError, match=r"."):
            ask(proxy)
        options = {"connection_verify": str(proxy.certificate), "retry_total": 0}
        with BlobServiceClient.from_connection_string(proxy.connection_string(), **options) as service:
            assert list(service.list_containers(name_starts_with="none")) == []


def test_an_azurite_that_is_gone_or_hangs_up_is_a_reset(azurite: Azurite) -> None:
    gone = Azurite()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gone.port = listener.getsockname()[1]
        with FaultProxy(gone) as proxy:

            def hang_up() -> None:
                connection, _ = listener.accept()
                connection.recv(65536)
                connection.close()

            hanging_up = threading.Thread(target=hang_up)
            hanging_up.start()
            with pytest.raises(ConnectionError):
                ask(proxy)
            hanging_up.join()
            listener.close()
            with pytest.raises(ConnectionError):
                ask(proxy)


def test_a_seed_makes_the_same_faults_in_whatever_order_threads_run(azurite: Azurite, container: str) -> None:
    names = [f"{number}.txt" for number in range(30)]

    def outcome(seed: int, workers: int) -> dict[str, str]:
        with FaultProxy(azurite) as proxy:
            proxy.fail_randomly(0.5, [SERVER_ERROR, DONE_BUT_FAILED], seed=seed, operations="Put *")
            with client(proxy, container) as through, ThreadPoolExecutor(workers) as pool:
                list(pool.map(lambda name: _attempt(through, name), names))
            return {request.blob: str(request.fault) for request in proxy.requests}

    first = outcome(7, workers=1)
    assert len(set(first.values())) == 3
    assert outcome(7, workers=8) == first
    assert outcome(8, workers=1) != first


def _attempt(container: ContainerClient, name: str) -> None:
    with contextlib.suppress(HttpResponseError):
        container.upload_blob(name, b"", overwrite=True)


def test_the_story_names_seed_requests_and_faults_and_no_signature(azurite: Azurite, container: str) -> None:
    with FaultProxy(azurite, seed=99) as proxy, client(proxy, container) as through:
        proxy.fail("Put Blob", Reset("request"))
        with pytest.raises(AzureError):
            through.upload_blob("x", b"")
        through.upload_blob("x", b"")
        sas = "sv=2024-01-01&sig=SECRET"
        with pytest.raises(AzureError):
            ContainerClient(proxy.account_url(), container, credential=sas, retry_total=0).delete_blob("x")
    story = proxy.story()
    assert "seed 99, 3 requests" in story
    assert f"<Put Blob {container}/x … after Reset(point='request', after=None)>" in story
    assert f"<Put Blob {container}/x 201>" in story
    assert "SECRET" not in story
    assert "SharedKey" not in story


def test_stopping_twice_is_no_error_and_leaves_no_thread(azurite: Azurite) -> None:
    proxy = FaultProxy(azurite).start()
    with socket.create_connection(("127.0.0.1", proxy.port)):
        proxy.stop()
        proxy.stop()
    assert "fault-proxy" not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(RuntimeError, match="The fault proxy is not started"):
        proxy.drop_connections()


def test_a_plan_without_a_rate_lets_everything_pass() -> None:
    request = Request.of(Head(start="GET /a/c/b HTTP/1.1", headers=()))
    assert Plan(seed=1).fault_for(request) is None
