"""O5: how requests reach the wire: certificates, proxies, slow lines, connections that are kept."""

from __future__ import annotations

import base64
import contextlib
import http.client
import re
import select
import socket
import threading
import time
from collections.abc import Hashable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import ServiceResponseError
from azure.core.rest import HttpRequest
from django.core.files.base import ContentFile
from django.views.debug import ExceptionReporter

from storage_router import AzureStorage
from storage_router.azure.client import Account
from storage_router.azure.container import Blobs, FileSettings
from storage_router.azure.transport import PIECE, Pool, Route, Transport
from storage_router.conf.azure.options import AzureOptions
from storage_router.exceptions import BlobConnectionError, BlobError, BlobTimeoutError
from tests.kit.azurite import ACCOUNT_NAME, Azurite, UnsignedTokenCredential
from tests.kit.proxy import FaultProxy

from .backends import blobs_for, options_for


class ForwardProxy(BaseHTTPRequestHandler):
    """A proxy as companies have one: forwards requests, and tunnels for https."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str, str | None]]

    def do_CONNECT(self) -> None:
        self._note()
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port))) as upstream:
            self.send_response(200)
            self.end_headers()
            pair = [self.connection, upstream]
            while readable := select.select(pair, [], [], 120)[0]:
                for end in readable:
                    data = end.recv(65536)
                    if not data:
                        return
                    pair[1 - pair.index(end)].sendall(data)

    def _forward(self) -> None:
        self._note()
        address = self.path.split("/")[2]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        upstream = http.client.HTTPConnection(address)
        upstream.request(self.command, self.path.partition(address)[2], body, dict(self.headers))
        answer = upstream.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        upstream.close()

    do_GET = do_PUT = do_DELETE = _forward

    def _note(self) -> None:
        self.seen.append((self.command, self.path, self.headers.get("Proxy-Authorization")))

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def forward() -> Iterator[tuple[str, list[tuple[str, str, str | None]]]]:
    """The address of a forward proxy, and what it saw."""

    class Handler(ForwardProxy):
        seen: list[tuple[str, str, str | None]] = []  # noqa: RUF012 - one list per fixture

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}", Handler.seen
        server.shutdown()
        thread.join()


class TestProxies:
    """The proxies of the environment and of client_options, over HTTP and through a tunnel."""

    @pytest.mark.parametrize("scheme", ["http://", ""])
    def test_a_proxy_of_client_options(self, azurite: Azurite, container: str, forward: Any, scheme: str) -> None:
        address, seen = forward
        given = {"proxies": {"http": f"{scheme}{address}"}}
        _works(blobs_for(options_for(azurite, container, client_options=given)))
        assert seen[0][:2] == ("PUT", f"{azurite.account_url()}/{container}/a%20b.txt")

    def test_a_tunnel_with_a_user(self, azurite_https: Azurite, container_https: str, forward: Any) -> None:
        address, seen = forward
        options = options_for(
            azurite_https, container_https, client_options={"proxies": {"https": f"http://me:secret@{address}"}}
        )
        _works(blobs_for(options))
        expected = f"Basic {base64.b64encode(b'me:secret').decode()}"
        assert seen == [("CONNECT", f"127.0.0.1:{azurite_https.port}", expected)]
        Account.of(options).pools.clear()

    @pytest.fixture
    def alone(self, azurite: Azurite, container: str) -> Iterator[Blobs]:
        """The environment is read once for an account's connections: these are no other test's."""
        blobs = blobs_for(options_for(azurite, container))
        blobs.account.pools.clear()
        yield blobs
        blobs.account.pools.clear()

    def test_a_proxy_of_the_environment(self, alone: Blobs, forward: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        address, seen = forward
        monkeypatch.setenv("http_proxy", f"http://{address}")
        monkeypatch.setenv("no_proxy", "")
        _works(alone)
        assert [method for method, *_ in seen] == ["PUT", "GET", "DELETE"]

    def test_the_environment_can_be_left_out(
        self, azurite: Azurite, container: str, alone: Blobs, forward: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        address, seen = forward
        monkeypatch.setenv("http_proxy", f"http://{address}")
        monkeypatch.setenv("no_proxy", "")
        # Though others of the same account use it.
        _works(alone)
        assert seen
        seen.clear()
        _works(blobs_for(options_for(azurite, container, client_options={"use_env_settings": False})))
        assert seen == []

    def test_hosts_that_need_no_proxy_get_none(
        self, alone: Blobs, forward: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        address, seen = forward
        monkeypatch.setenv("http_proxy", f"http://{address}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        _works(alone)
        assert seen == []

    def test_a_proxy_that_is_not_there_is_a_connection_error(
        self, azurite: Azurite, container: str, closed_port: int
    ) -> None:
        given = {"proxies": {"http": f"http://127.0.0.1:{closed_port}"}, "retry_total": 0}
        with pytest.raises(BlobConnectionError):
            blobs_for(options_for(azurite, container, client_options=given)).delete("a.txt")

    def test_a_proxy_that_speaks_something_else_is_a_connection_error(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"http://127.0.0.1:{server.getsockname()[1]}"

            def speak() -> None:
                client, _ = server.accept()
                with client:
                    client.recv(4096)
                    client.sendall(b"SSH-2.0-server\r\n")

            thread = threading.Thread(target=speak)
            thread.start()
            with pytest.raises(BlobConnectionError):
                blobs_for(_nowhere("https", proxies={"https": address}, retry_total=0)).head("a.txt")
            thread.join()

    def test_socks_without_its_package_says_what_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "urllib3.contrib.socks", None)
        options = _nowhere(proxies={"http": "socks5://me:hush@127.0.0.1:1"})
        with pytest.raises(BlobError, match=r"needs PySocks: pip install 'urllib3\[socks\]'") as caught:
            blobs_for(options).head("a.txt")
        assert "hush" not in _page(caught.value)

    @pytest.mark.parametrize("address", ["ftp://me:hush@proxy:1", "http://me:hush@[proxy", "http://me:hush@a b:1"])
    def test_a_proxy_whose_address_is_none_is_told_at_once_and_without_its_password(self, address: str) -> None:
        with pytest.raises(BlobError, match=r"The proxy of client_options.proxies, .* is no address such as") as caught:
            blobs_for(_nowhere(proxies={"http": address})).head("a.txt")
        assert "hush" not in _page(caught.value)


class TestCertificates:
    """connection_verify and connection_cert, and the environment's authorities."""

    def test_a_certificate_of_an_unknown_authority_is_refused_once(
        self, azurite_https: Azurite, container_https: str
    ) -> None:
        with FaultProxy(azurite_https) as proxy:
            with pytest.raises(BlobConnectionError, match="certificate verify failed"):
                blobs_for(_https(proxy, container_https)).delete("a.txt")
            assert proxy.requests == []

    @pytest.mark.parametrize("content", [None, b"", b"no certificate"], ids=["missing", "empty", "no certificate"])
    @pytest.mark.parametrize("place", ["client_options.connection_verify", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_authorities_that_cannot_be_loaded_are_told_at_once_by_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, content: bytes | None
    ) -> None:
        for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(variable, raising=False)
        path = tmp_path / "ca.pem"
        if content is not None:
            path.write_bytes(content)
        given = {}
        if place.startswith("client_options"):
            given["connection_verify"] = str(path)
        else:
            monkeypatch.setenv(place, str(path))
        waits: list[float] = []
        clock = SimpleNamespace(sleep=waits.append, monotonic=time.monotonic)
        monkeypatch.setattr("storage_router.azure.pipeline.time", clock)
        with pytest.raises(BlobError) as caught:
            blobs_for(_nowhere("https", **given)).head("a.txt")
        assert waits == [], "It was tried again."
        assert str(caught.value.strerror).startswith(
            f"{place}: the certificate authorities in {str(path)!r} cannot be loaded ("
        )
        assert str(caught.value.strerror).endswith("Name a PEM file that can be read.")
        assert (caught.value.alias, caught.value.blob) == ("media", "a.txt")
        assert "hush" not in _page(caught.value)

    def test_a_certificate_of_the_client_that_cannot_be_loaded_is_told_at_once_by_name(self, tmp_path: Path) -> None:
        files = [str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem")]
        with pytest.raises(BlobError) as caught:
            blobs_for(_nowhere("https", connection_cert=files)).head("a.txt")
        assert str(caught.value.strerror).startswith(
            f"client_options.connection_cert: the certificate in {files[0]!r}, {files[1]!r} cannot be loaded "
            "(No such file or directory)."
        )

    def test_a_directory_of_authorities(self, azurite_https: Azurite, container_https: str, tmp_path: Path) -> None:
        assert azurite_https.certificate is not None
        name = _hash(azurite_https.certificate)
        (tmp_path / f"{name}.0").write_bytes(azurite_https.certificate.read_bytes())
        _works(blobs_for(_https(azurite_https, container_https, connection_verify=str(tmp_path))))

    @pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_the_environments_authorities(
        self, azurite_https: Azurite, container_https: str, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
        monkeypatch.setenv(variable, str(azurite_https.certificate))
        _works(blobs_for(_https(azurite_https, container_https)))

    @pytest.mark.filterwarnings("ignore:Unverified HTTPS requests")
    def test_verification_can_be_turned_off(self, azurite_https: Azurite, container_https: str) -> None:
        _works(blobs_for(_https(azurite_https, container_https, connection_verify=False)))

    def test_no_answer_to_whether_to_verify_is_none_to_leave_it(
        self, azurite_https: Azurite, container_https: str
    ) -> None:
        # As requests takes it; a variable that holds null must not turn verification off.
        with pytest.raises(BlobConnectionError, match="certificate verify failed"):
            blobs_for(_https(azurite_https, container_https, connection_verify=None)).delete("a.txt")

    @pytest.mark.parametrize("form", [tuple, list, None], ids=["pair", "list", "one file"])
    def test_a_certificate_of_the_client(
        self, azurite_https: Azurite, container_https: str, tmp_path: Path, form: Any
    ) -> None:
        certificate, key = azurite_https.certificate, azurite_https.private_key
        assert certificate is not None
        assert key is not None
        both = tmp_path / "both.pem"
        both.write_bytes(certificate.read_bytes() + key.read_bytes())
        given = form((str(certificate), str(key))) if form else str(both)
        options = _https(azurite_https, container_https, connection_verify=str(certificate), connection_cert=given)
        _works(blobs_for(options))


class TestConnections:
    """Connections are kept, replaced when they are gone, and slow ones are given their time."""

    def test_requests_share_a_connection(self, azurite: Azurite, container: str) -> None:
        with FaultProxy(azurite) as proxy:
            blobs = blobs_for(options_for(proxy, container))
            for number in range(10):
                blobs.create(f"{number}.txt", b"x" * number * 100_000, FileSettings())
                blobs.read(f"{number}.txt", 0, 2**20)
            assert proxy.connections == 1

    def test_a_reader_who_stops_after_the_last_byte_leaves_the_connection_to_others(
        self, azurite: Azurite, container: str
    ) -> None:
        with FaultProxy(azurite) as proxy:
            storage = AzureStorage(connection_string=proxy.connection_string(), azure_container=container)
            storage.save("a.bin", ContentFile(bytes(3 * PIECE)))
            for _ in range(3):
                with storage.read("a.bin") as reading:
                    missing = reading.length
                    while missing:
                        missing -= len(next(reading.chunks))
            assert proxy.connections == 1
            with storage.read("a.bin") as reading:
                next(reading.chunks)
            # A connection with the rest of an answer in it is nobody's.
            assert storage.size("a.bin") == 3 * PIECE
            assert proxy.connections == 2

    def test_a_connection_that_the_server_closed_is_replaced(self, azurite: Azurite, container: str) -> None:
        with FaultProxy(azurite) as proxy:
            blobs = blobs_for(options_for(proxy, container))
            blobs.create("a.txt", b"content", FileSettings())
            proxy.drop_connections()
            assert blobs.read("a.txt", 0, 10)[0] == b"content"

    @pytest.mark.parametrize("through", ["directly", "a proxy"])
    def test_idle_connections_are_kept_alive_and_dead_ones_noticed(
        self, azurite: Azurite, forward: Any, through: str
    ) -> None:
        # Azure's load balancers drop what was idle for four minutes, without a word.
        proxies = {"http": f"http://{forward[0]}"} if through == "a proxy" else None
        pool = Pool(f"http://127.0.0.1:{azurite.port}", Route.of({"proxies": proxies}))
        connection = pool.take(5, 5)
        sock = connection.sock
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        idle, interval, count = (
            sock.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert idle + interval * count <= 120
        connection.close()

    def test_a_large_body_is_written_in_pieces(
        self, azurite: Azurite, container: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The time limit is for one write: a slow line could not take a large block in one.
        written: list[int] = []
        send = http.client.HTTPConnection.send

        def note(connection: http.client.HTTPConnection, data: Any) -> None:
            written.append(len(data))
            send(connection, data)

        monkeypatch.setattr(http.client.HTTPConnection, "send", note)
        blobs = blobs_for(options_for(azurite, container))
        blobs.create("a.bin", bytes(20 * PIECE + 1), FileSettings())
        assert sum(written) > 20 * PIECE
        assert max(written) == PIECE, written
        assert blobs.head("a.bin").size == 20 * PIECE + 1

    def test_an_answer_gives_its_connection_back_once(self, azurite: Azurite) -> None:
        pools: dict[Hashable, Pool] = {}
        request = HttpRequest("GET", f"http://127.0.0.1:{azurite.port}/{ACCOUNT_NAME}?comp=list")
        answer = Transport(pools, read_timeout=5).send(request, stream=True)
        assert b"".join(answer.iter_raw())
        # As a hook or a policy of the application may do.
        answer.read()
        answer.close()
        (pool,) = pools.values()
        one, other = (pool.take(5, 5) for _ in range(2))
        assert one is not other
        one.close()
        other.close()

    def test_headers_that_cannot_be_sent_show_no_secret(self, azurite: Azurite) -> None:
        headers = {"Authorization": "Bearer hush", "x-ms-meta-city": "\u6771\u4eac"}
        request = HttpRequest("GET", f"http://127.0.0.1:{azurite.port}/", headers=headers)
        with pytest.raises(ValueError, match="not in Latin-1") as caught:
            Transport({}).send(request)
        assert "hush" not in repr(caught.value)
        assert caught.value.__context__ is None

    def test_a_server_that_takes_no_connection_is_a_timeout(self) -> None:
        # A listener whose queue is full does not answer.
        with socket.socket() as busy:
            busy.bind(("127.0.0.1", 0))
            busy.listen(0)
            address = busy.getsockname()
            waiting = [socket.socket() for _ in range(8)]
            for client in waiting:
                client.setblocking(False)
                client.connect_ex(address)
            options = AzureOptions(
                azure_container="media",
                account_name=ACCOUNT_NAME,
                account_url=f"http://127.0.0.1:{address[1]}/{ACCOUNT_NAME}",
                account_key="a2V5",
                timeout=1,
            )
            with pytest.raises(BlobTimeoutError):
                blobs_for(options).head("a.txt")
            for client in waiting:
                client.close()


def _works(blobs: Blobs) -> None:
    blobs.create("a b.txt", b"content", FileSettings())
    assert blobs.read("a b.txt", 0, 10)[0] == b"content"
    assert blobs.delete("a b.txt")


def _nowhere(scheme: str = "http", **client_options: Any) -> AzureOptions:
    """Return options for which nothing listens; a SAS, so that the URL is a secret, too."""
    return AzureOptions(
        azure_container="media",
        account_name=ACCOUNT_NAME,
        account_url=f"{scheme}://127.0.0.1:9/{ACCOUNT_NAME}",
        sas_token="sv=2022-11-02&sr=c&sp=r&se=2099-01-01&sig=hush",
        client_options=client_options,
    )


def _page(error: BaseException) -> str:
    """Return what Django's page of errors shows, without the frame of the test."""
    assert error.__traceback__ is not None
    error = error.with_traceback(error.__traceback__.tb_next)
    reporter = ExceptionReporter(None, type(error), error, error.__traceback__)
    return reporter.get_traceback_text() + reporter.get_traceback_html()


def _https(server: Azurite | FaultProxy, container: str, **client_options: Any) -> AzureOptions:
    return AzureOptions(
        azure_container=container,
        account_name=ACCOUNT_NAME,
        account_url=server.account_url(),
        token_credential=UnsignedTokenCredential(),
        client_options=client_options,
    )


def _hash(certificate: Path) -> str:
    """Return the name under which OpenSSL looks for an authority in a directory."""
    import subprocess

    command = ["openssl", "x509", "-subject_hash", "-noout", "-in", str(certificate)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def answering(*answers: bytes) -> Iterator[str]:
    """Serve a URL on loopback where each connection gets one of ``answers`` and is closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)

        def serve() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with contextlib.suppress(OSError), connection, connection.makefile("rb") as reader:
                    while reader.readline().strip():
                        pass
                    connection.sendall(answer)

        server = threading.Thread(target=serve)
        server.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.join()


class TestAnswers:
    """A15: what a server may say, and what it may not."""

    @pytest.mark.parametrize(
        ("answer", "body"),
        [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", b"body"),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", b"body"),
            (b"HTTP/1.1 200\r\ncontent-length:4\r\nX-Empty:\r\n\r\nbody", b"body"),
            (b"HTTP/1.1 200 OK\nContent-Length: 4 \n\nbody and more", b"body"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nbod\r\n1;x=y\r\ny\r\n0\r\n\r\n", b"body"),
            (b"HTTP/1.0 200 OK\r\n\r\nbody", b"body"),
            (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        ],
    )
    def test_an_answer_is_read_as_its_head_says(self, answer: bytes, body: bytes) -> None:
        with answering(answer) as url:
            found = Transport({}, read_timeout=30).send(HttpRequest("GET", url))
        assert (found.status_code // 100, found.read()) == (2, body)

    def test_a_head_alone_answers_a_look(self) -> None:
        with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nx-ms-meta-City:  M\xfcnchen \r\n\r\n") as url:
            found = Transport({}, read_timeout=30).send(HttpRequest("HEAD", url))
        assert found.read() == b""
        assert found.headers["X-MS-Meta-City"] == "München"
        assert dict(found.headers) == {"Content-Length": "4", "x-ms-meta-City": "München"}

    def test_a_value_keeps_the_bytes_that_only_python_takes_for_blanks(self) -> None:
        sent = "attachment; filename=voilà"
        with answering(b"HTTP/1.1 204 OK\r\nContent-Disposition: " + sent.encode() + b" \r\nX: \x85\r\n\r\n") as url:
            found = Transport({}, read_timeout=30).send(HttpRequest("HEAD", url))
        assert found.headers["Content-Disposition"].encode("latin-1").decode() == sent
        assert found.headers["X"] == "\x85"

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            (b"", "Remote end closed connection without response"),
            (b"HTTP/1.1 200 OK\r\nContent-Le", "Remote end closed connection in the middle of a head"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n", "Remote end closed connection in the middle of a head"),
            (b"SSH-2.0-server\r\n\r\n", "SSH-2.0-server"),
            (b"HTTP/2 200 OK\r\n\r\n", "HTTP/2 200 OK"),
            (b"HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 2000 OK"),
            (b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", "'no header' is not a header"),
            (b"HTTP/1.1 200 OK\r\nContent-Length : 4\r\n\r\nbody", "'Content-Length : 4' is not a header"),
            (b"HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n", "' folded' is not a header"),
            (b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 15_000 + b"\r\n", "got more than 65536 bytes when reading head"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody", "IncompleteRead"),
        ],
    )
    def test_a_damaged_answer_is_an_error_that_is_tried_again(self, answer: bytes, message: str) -> None:
        with (
            answering(answer) as url,
            pytest.raises(ServiceResponseError, match=re.escape(message)),
        ):
            Transport({}, read_timeout=30).send(HttpRequest("GET", url))
