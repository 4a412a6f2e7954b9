"""F2, O4: Celery's prefork pool: children of a worker that used its storages, at work at the same time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from azure.storage.blob import ContainerClient

from tests.kit.azurite import Azurite

from . import SOAK

ROOT = Path(__file__).parent.parent.parent
TASKS = 40 * SOAK
CHILDREN = 2
WAIT = 600


class Queue:
    """A queue at a broker, and what its worker and its client are started with."""

    def __init__(self, folder: Path, broker: str, backends: dict[str, dict[str, Any]]) -> None:
        self.folder = folder
        # The other tests' queues are in another database.
        self.broker = f"{broker.rstrip('/')}/3"
        self.containers = {alias: backend["azure_container"] for alias, backend in backends.items()}
        self.log = folder / "log"
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        variables = {"BROKER": self.broker, "BACKENDS": json.dumps(backends), "TMPDIR": str(self.temporary)}
        self.environment = {**os.environ, **variables}

    def start(self, *module: str, output: Path, errors: Path) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own, so that its children can be found."""
        # Celery warns of root, and Python from 3.12 on of forking beside threads: that it works is what is tested.
        warnings = ("-Werror", "-Wignore:You're running the worker", "-Wignore::DeprecationWarning")
        with output.open("ab") as out, errors.open("ab") as err:
            return subprocess.Popen(
                [sys.executable, *warnings, "-m", *module],
                cwd=ROOT,
                env=self.environment,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def worker(self) -> subprocess.Popen[bytes]:
        pool = ("--pool", "prefork", "--concurrency", str(CHILDREN), "--without-gossip", "--without-mingle")
        worker = ("celery", "--app", "tests.reliability.queued", "worker", *pool, "--loglevel", "INFO")
        return self.start(*worker, output=self.log, errors=self.log)

    def run(self, tasks: int, worker: subprocess.Popen[bytes]) -> list[dict[str, Any]]:
        """Put tasks into the queue and return what they returned; without a worker there is nothing to wait for."""
        output, errors = self.folder / "output", self.folder / "errors"
        client = self.start("tests.reliability.queued", str(tasks), output=output, errors=errors)
        deadline = time.monotonic() + WAIT * SOAK
        while client.poll() is None and worker.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        ended(client)
        assert (client.returncode, errors.read_text()) == (0, "")
        return json.loads(output.read_bytes())


def ended(process: subprocess.Popen[bytes]) -> None:
    """See to it that nothing of its session is left."""
    if runs(process.pid):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(WAIT)


def runs(group: int) -> bool:
    """Whether any process of a group is there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def queue(
    azurite: Azurite, azurite_https: Azurite, container: str, container_https: str, valkey: str, tmp_path: Path
) -> Queue:
    files = {
        "type": "azure",
        "connection_string": azurite.connection_string(),
        "azure_container": container,
        "expiration_secs": 3600,
    }
    signed = {
        "type": "azure",
        "account_url": azurite_https.account_url(),
        "azure_container": container_https,
        "token_credential": "tests.reliability.queued.Credential",
        "expiration_secs": 3600,
        "client_options": {"connection_verify": str(azurite_https.certificate)},
    }
    return Queue(tmp_path, valkey, {"files": files, "signed": signed})


@pytest.fixture
def worker(queue: Queue) -> Iterator[subprocess.Popen[bytes]]:
    process = queue.worker()
    yield process
    ended(process)
    sys.stdout.write(queue.log.read_text())


def stored(azurite: Azurite, container: str) -> dict[str, bytes]:
    options = {"connection_verify": str(azurite.certificate)} if azurite.certificate else {}
    with ContainerClient.from_connection_string(azurite.connection_string(), container, **options) as client:
        return {name: client.download_blob(name).readall() for name in client.list_blob_names()}


def content_of(name: str) -> bytes:
    """What ``queued.content_of`` says; written down again, as Celery is for processes of its own."""
    line = f"{name}\n".encode()
    return line * ((5 * 2**20 if name.endswith("0.txt") else 10_000) // len(line))


def test_the_children_of_a_worker_that_used_its_storages_store_and_read_their_own_files(
    queue: Queue, worker: subprocess.Popen[bytes], azurite: Azurite, azurite_https: Azurite
) -> None:
    results = queue.run(TASKS, worker)
    pids = {result["pid"] for result in results}
    assert len(pids) == CHILDREN
    assert worker.pid not in pids
    assert {result["parent"] for result in results} == {worker.pid}
    # The key that signs links came along through the fork: a child's first link asks for none. Its requests do, once.
    assert {result["pid"] for result in results if result["for_the_link"] == [worker.pid]} == pids
    assert [result for result in results if result["in_all"] != [worker.pid, result["pid"]]] == []
    files = [f"{number}.txt" for number in (*(f"before{number}" for number in range(4)), *range(TASKS))]
    for server, alias, folder in ((azurite, "files", ""), (azurite_https, "signed", "signed/")):
        found = stored(server, queue.containers[alias])
        assert found.keys() == {folder + name for name in files}
        assert [name for name, content in found.items() if content != content_of(name)] == []
    # A warm shutdown: Celery's own waits take some seconds.
    worker.terminate()
    assert worker.wait(WAIT) == 0
    assert not runs(worker.pid)
    log = queue.log.read_text()
    assert "Warm shutdown" in log
    assert "Traceback" not in log
    assert "ERROR" not in log
    assert list(queue.temporary.iterdir()) == []
    with redis.Redis.from_url(queue.broker) as broker:
        assert (broker.llen("celery"), broker.hlen("unacked")) == (0, 0)
