"""F2, O4: processes forked after the storage was used: no hang, no crossed answers, no shared connection.

Celery's prefork pool has a module of its own: test_celery.py.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from tests.kit.azurite import Azurite

from . import SOAK
from .forking import NUMBERS

ROOT = Path(__file__).parent.parent.parent
CHILDREN = 4
ROUNDS = 10 * SOAK


def upload(azurite: Azurite, container: str, name: str, content: bytes) -> None:
    options = {"connection_verify": str(azurite.certificate)} if azurite.certificate else {}
    with BlobServiceClient.from_connection_string(azurite.connection_string(), **options) as service:
        service.get_blob_client(container, name).upload_blob(content)


def upload_files(azurite: Azurite, container: str) -> None:
    upload(azurite, container, "large.bin", b"\0" * (5 * 2**20) + b"tail")
    upload(azurite, container, "numbers.bin", b"".join(number.to_bytes(4, "big") for number in range(NUMBERS)))


def fork(options: dict[str, Any]) -> None:
    """Also with a file that was opened before: its children read each other's places of it."""
    arguments = [json.dumps(options), str(CHILDREN), str(ROUNDS)]
    ran = subprocess.run(
        # From Python 3.12 on, forking beside threads warns: that it works here is what this test is about.
        [sys.executable, "-Werror", "-Wignore::DeprecationWarning", "-m", "tests.reliability.forking", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_children_and_parent_go_on_with_a_storage_that_was_used(azurite: Azurite, container: str) -> None:
    upload_files(azurite, container)
    fork({"connection_string": azurite.connection_string(), "azure_container": container})


def test_over_tls_with_a_token_and_signed_urls(azurite_https: Azurite, container_https: str) -> None:
    upload_files(azurite_https, container_https)
    fork(
        {
            "account_url": azurite_https.account_url(),
            "azure_container": container_https,
            "expiration_secs": 600,
            "client_options": {"connection_verify": str(azurite_https.certificate)},
        }
    )


class TestGunicornWithPreload:
    @pytest.fixture
    def port(self, azurite: Azurite, container: str, tmp_path: Path) -> Any:
        listener = socket.create_server(("127.0.0.1", 0))
        options = {"connection_string": azurite.connection_string(), "azure_container": container}
        errors = tmp_path / "errors"
        with errors.open("w") as log:
            server = subprocess.Popen(
                [
                    *(sys.executable, "-m", "gunicorn", "--preload", "--workers", "2", "--threads", "4"),
                    *("--bind", f"fd://{listener.fileno()}", "--graceful-timeout", "5", "--no-control-socket"),
                    "tests.reliability.preloaded:application",
                ],
                cwd=ROOT,
                env={**os.environ, "STORAGE": json.dumps(options)},
                pass_fds=[listener.fileno()],
                stderr=log,
            )
        port = listener.getsockname()[1]
        listener.close()
        yield port
        server.terminate()
        server.wait(120)
        printed = errors.read_text()
        sys.stdout.write(printed)
        assert "Traceback" not in printed

    def test_real_requests_get_their_own_answers(self, port: int) -> None:
        def ask(method: str, path: str, body: bytes | None = None) -> tuple[bytes, str, str]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            connection.request(method, path, body)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            assert answer.status == 200, content
            return content, answer.headers["X-Name"], answer.headers["X-Worker"]

        def visit(visitor: int) -> tuple[set[str], set[str]]:
            workers, names = set(), set()
            for turn in range(ROUNDS):
                body = f"{visitor}-{turn} ".encode() * 200
                content, name, worker = ask("POST", "/same.txt", body)
                assert content == body
                workers.add(worker)
                names.add(name)
                assert ask("GET", f"/{name}")[0] == body
            return workers, names

        # A busy machine may start one of them late.
        started: set[str] = set()
        while len(started) < 2:
            content, _, worker = ask("GET", "/preloaded.txt")
            assert content == b"before the fork"
            started.add(worker)
        with ThreadPoolExecutor(8) as visitors:
            visits = list(visitors.map(visit, range(8)))
        assert set().union(*(workers for workers, _ in visits)) <= started
        assert len(set().union(*(names for _, names in visits))) == 8 * ROUNDS
