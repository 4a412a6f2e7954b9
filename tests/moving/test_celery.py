"""M3: ranges of names on Celery, with workers that are killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from tests.moving.test_command import MOVE, ROOT, Project

CELERY = """
import os
from celery import Celery
app = Celery("project", broker=os.environ["BROKER"])
# A killed worker's tasks are given to another one after this time.
app.conf.broker_transport_options = {"visibility_timeout": 2}
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


def worker(project: Project, broker: str) -> subprocess.Popen[bytes]:
    variables = {
        "BROKER": broker,
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


def waiting(project: Project) -> int:
    with contextlib.closing(sqlite3.connect(project.folder / "db.sqlite3")) as database:
        return database.execute("select count(*) from storage_router_moving_shard where state = 'waiting'").fetchone()[
            0
        ]


@pytest.mark.slow
@pytest.mark.parametrize("files", [600, pytest.param(20_000, marks=pytest.mark.large)])
def test_a_move_is_complete_although_its_workers_are_killed(project, valkey, monkeypatch, files):
    monkeypatch.setenv("BROKER", valkey)
    for number in range(files):
        path = project.folder / f"old/media/{number % 7}/{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"file {number}")
    project.configure(MOVE.format(phase="mirror"))
    project.run("migrate", "-v0")
    ranges = files // 50
    assert f"{ranges} tasks were sent" in project.move("start", "--yes", "--celery", "--range-size", "50")
    deadline = time.monotonic() + 120 + files / 20
    kills = 0
    process = worker(project, valkey)
    try:
        while waiting(project) and time.monotonic() < deadline:
            if kills < 2 and waiting(project) < ranges - (kills + 1) * ranges // 4:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                kills += 1
                process = worker(project, valkey)
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert (kills, waiting(project)) == (2, 0)
    # What a killed worker had taken is given to another one when its lease has ended.
    with contextlib.closing(sqlite3.connect(project.folder / "db.sqlite3")) as database, database:
        database.execute("update storage_router_moving_shard set lease = '2000-01-01 00:00:00' where state = 'running'")
    status = json.loads(project.move("start", "--yes", "--json"))
    assert (status["ranges done"], status["failed"]) == (ranges, 0)
    assert json.loads(project.move("verify", "--json"))["differences"] == 0
    # A worker that was killed while it wrote a file leaves that behind, under a name that nothing lists.
    stored = {name: content for name, content in project.files("new").items() if "/.storage_router-" not in name}
    assert stored == project.files("old")
