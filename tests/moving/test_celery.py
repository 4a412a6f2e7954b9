"""M3: ranges of names on Celery, with workers that are killed."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.storage.blob import generate_container_sas

from tests.kit.azurite import ACCOUNT_KEY, Azurite
from tests.moving.test_command import MOVE, ROOT, Project

CELERY = """
import os
from celery import Celery
app = Celery("project", broker=os.environ["BROKER"])
# A killed worker's tasks are given to another one after this time.
app.conf.broker_transport_options = {"visibility_timeout": int(os.environ["VISIBILITY"])}
app.conf.worker_prefetch_multiplier = 1
app.conf.broker_connection_retry_on_startup = True
app.autodiscover_tasks(["storage_router.moving"])
"""


@pytest.fixture
def project(tmp_path) -> Project:
    project = Project(tmp_path)
    (tmp_path / "project.py").write_text(CELERY)
    settings = tmp_path / "settings.py"
    settings.write_text(f"import project\n{settings.read_text()}")
    return project


def worker(project: Project, broker: str, visibility: int) -> subprocess.Popen[bytes]:
    variables = {
        "BROKER": broker,
        "VISIBILITY": str(visibility),
        "DJANGO_SETTINGS_MODULE": "settings",
        "PYTHONPATH": f"{project.folder}:{ROOT}",
    }
    with (project.folder / "worker.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "project", "worker", "-c", "1", "-P", "solo", "-l", "warning"],
            cwd=project.folder,
            env=os.environ | variables,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def execute(project: Project, statement: str) -> list[tuple[int]]:
    database = sqlite3.connect(project.folder / "db.sqlite3", timeout=60)
    with contextlib.closing(database), database:
        return database.execute(statement).fetchall()


def count(project: Project, *states: str) -> int:
    wanted = ", ".join(f"'{state}'" for state in states)
    [[found]] = execute(project, f"select count(*) from storage_router_moving_shard where state in ({wanted})")
    return found


def run_with_killed_workers(
    project: Project, broker: str, *, ranges: int, workers: int, kills: int, visibility: int = 2
) -> None:
    """Let workers take all ranges, and kill one after each part of them; another one takes its place.

    What a killed worker had taken is given to another one when its lease has ended: that is made to be so at the end.
    """
    processes = [worker(project, broker, visibility) for _ in range(workers)]
    killed = 0
    try:
        # Each kill leaves one range at most that nobody works on.
        while killed < kills or count(project, "waiting", "running") > kills:
            left = count(project, "waiting")
            if killed < kills and left < ranges - (killed + 1) * ranges // (kills + 2):
                oldest = processes.pop(0)
                os.killpg(oldest.pid, signal.SIGKILL)
                oldest.wait()
                killed += 1
                processes.append(worker(project, broker, visibility))
            assert all(process.poll() is None for process in processes), (project.folder / "worker.log").read_text()
            time.sleep(0.05)
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    execute(project, "update storage_router_moving_shard set lease = '2000-01-01 00:00:00' where state = 'running'")


@pytest.mark.slow
@pytest.mark.parametrize("files", [600, pytest.param(20_000, marks=pytest.mark.large)])
def test_a_move_is_complete_although_its_workers_are_killed(project, valkey, monkeypatch, files):
    monkeypatch.setenv("BROKER", valkey)
    monkeypatch.setenv("VISIBILITY", "2")
    for number in range(files):
        path = project.folder / f"old/media/{number % 7}/{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"file {number}")
    project.configure(MOVE.format(phase="mirror"))
    project.run("migrate", "-v0")
    ranges = files // 50
    assert f"{ranges} tasks were sent" in project.move("start", "--yes", "--celery", "--range-size", "50")
    run_with_killed_workers(project, valkey, ranges=ranges, workers=1, kills=2)
    status = json.loads(project.move("start", "--yes", "--json"))
    assert (status["ranges done"], status["failed"]) == (ranges, 0)
    assert json.loads(project.move("verify", "--json"))["differences"] == 0
    # A worker that was killed while it wrote a file leaves that behind, under a name that nothing lists.
    stored = {name: content for name, content in project.files("new").items() if "/.storage_router-" not in name}
    assert stored == project.files("old")


ACCOUNTS = ("oldaccount", "newaccount")


def seed(server: Azurite, container: str, names: list[str]) -> None:
    """Store a few bytes under each name of the first account; the service is the limit, not this process."""
    expiry = dt.datetime.now(dt.UTC) + dt.timedelta(hours=6)
    token = generate_container_sas(ACCOUNTS[0], container, ACCOUNT_KEY, permission="cw", expiry=expiry)

    def put(names: list[str]) -> None:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)) as connection:
            for name in names:
                while not stored(connection, f"/{ACCOUNTS[0]}/{container}/{name}?{token}", name.encode()):
                    # Azurite pauses to collect garbage, and then closes what has been idle.
                    connection.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(put, (names[start::8] for start in range(8))))


def stored(connection: http.client.HTTPConnection, path: str, content: bytes) -> bool:
    headers = {"x-ms-blob-type": "BlockBlob", "x-ms-version": "2024-11-04", "Content-Type": "text/plain"}
    try:
        connection.request("PUT", path, content, headers)
        answer = connection.getresponse()
        answer.read()
    except (ConnectionError, http.client.HTTPException):
        return False
    assert answer.status == 201
    return True


@pytest.mark.slow
@pytest.mark.azurite
@pytest.mark.parametrize(
    ("files", "size", "workers", "kills"),
    [(300, 50, 1, 1), pytest.param(200_000, 10_000, 4, 4, marks=pytest.mark.large)],
)
def test_a_move_between_two_accounts_is_complete_although_workers_are_killed(
    project, valkey, monkeypatch, files, size, workers, kills
):
    monkeypatch.setenv("BROKER", valkey)
    monkeypatch.setenv("VISIBILITY", "2")
    with Azurite(accounts=dict.fromkeys(ACCOUNTS, ACCOUNT_KEY)) as server:
        for account in ACCOUNTS:
            server.create_container("files", account_name=account)
        names = [f"media/{number % 100:02}/{number:06}.txt" for number in range(files)]
        times = [time.monotonic()]
        seed(server, "files", names)
        times.append(time.monotonic())
        backends = "".join(
            f'[backends.{alias}]\ntype = "azure"\naccount_url = "{server.account_url(account)}"\n'
            f'account_key = "{ACCOUNT_KEY}"\nazure_container = "files"\ntimeout = 600\n'
            for alias, account in zip(("old", "new"), ACCOUNTS, strict=True)
        )
        (project.folder / "storage_router.toml").write_text(backends + MOVE.format(phase="mirror"))
        project.run("migrate", "-v0")
        ranges = files // size
        started = project.move("start", "--yes", "--celery", "--threads", "8", "--range-size", str(size))
        assert f"{ranges} tasks were sent" in started
        run_with_killed_workers(
            project, valkey, ranges=ranges, workers=workers, kills=kills, visibility=2 if files < 1000 else 300
        )
        times.append(time.monotonic())
        # A range is left where a worker was killed, and one is tried again where a file could not be copied in time.
        execute(project, "update storage_router_moving_shard set state = 'waiting' where state = 'failed'")
        status = json.loads(project.move("start", "--yes", "--json"))
        times.append(time.monotonic())
        assert (status["ranges done"], status["failed"]) == (ranges, 0)
        # Ranges of killed workers were counted when they ran again: what was copied before was the same then.
        assert status["copied"] + status["same"] == files
        assert json.loads(project.move("verify", "--json"))["differences"] == 0
        times.append(time.monotonic())
        for what, start, end in zip(("seeded", "moved", "left over", "verified"), times, times[1:], strict=False):
            sys.stdout.write(f"{what}: {end - start:.0f} s, {files / (end - start):.0f} files a second\n")
