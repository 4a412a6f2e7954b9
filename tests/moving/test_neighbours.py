"""M1: two servers in neighbouring phases under load, through all phases and back: nothing lost, nothing doubled.

Now and then a worker of a server is killed. Nobody knows what became of the request that it worked on, so the promise
is about those that were answered; and no file is there twice.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.moving.test_command import AFTER, BEFORE, MOVE, Project

APPLICATION = """
import json, os
from pathlib import Path
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import django
django.setup()
from urllib.parse import parse_qs
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage as storage

def application(environ, start):
    given = {key: value[0] for key, value in parse_qs(environ["QUERY_STRING"]).items()}
    action, name = environ["PATH_INFO"].strip("/"), given.get("name")
    status, answer = "200 OK", None
    try:
        if action == "save":
            answer = storage.save(name, ContentFile(given["text"].encode()))
        elif action == "read":
            with storage.open(name) as file:
                answer = file.read().decode()
        elif action == "delete":
            answer = storage.delete(name)
        elif action == "url":
            answer = storage.url(name)
        elif action == "worker":
            answer = [os.getppid(), os.getpid()]
        else:
            # What a URL leads to: the files of one backend.
            answer = Path(action).read_text()
    except FileNotFoundError:
        status = "404 Not Found"
    start(status, [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
"""

STEPS = [BEFORE, *(MOVE.format(phase=phase) for phase in ("mirror", "switch", "settle")), AFTER]

UNANSWERED = object()


class Site:
    """Two servers. ``deploy`` restarts one with another configuration."""

    def __init__(self, project: Project, serve) -> None:
        self.project, self.serve = project, serve
        self.addresses = ["", ""]

    def deploy(self, number: int, routes: str) -> None:
        self.project.configure(routes)
        self.addresses[number] = self.serve("gunicorn", "site_app:application", self.project.folder, "--threads=4")

    def ask(self, number: int, action: str, **values: str):
        """Return the answer, None for a file that is not there, ``UNANSWERED`` where the worker was killed."""
        query = "&".join(f"{key}={quote(value)}" for key, value in values.items())
        try:
            with urllib.request.urlopen(f"{self.addresses[number]}/{action}?{query}", timeout=120) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                raise
        except (ConnectionError, http.client.IncompleteRead):
            return UNANSWERED
        except urllib.error.URLError as error:
            if isinstance(error.reason, ConnectionError):
                return UNANSWERED
            raise

    def look(self, number: int, action: str, **values: str):
        """Ask what changes nothing, until there is an answer."""
        while (answer := self.ask(number, action, **values)) is UNANSWERED:
            pass
        return answer

    def kill(self, number: int) -> None:
        """Kill the worker that answers. Its master starts another one."""
        master, worker = self.look(number, "worker")
        assert master != os.getpid()
        os.kill(worker, signal.SIGKILL)


def load(site: Site, known: dict[str, str], seed: int, count: int, kills: int = 0) -> None:
    """Save, read and delete through both servers; ``known`` holds what must be there."""
    chance = random.Random(seed)
    killing = set(chance.sample(range(count), kills))

    def one(index: int) -> None:
        server = index % 2
        text = f"{seed}-{index}"
        if index in killing:
            site.kill(server)
        name = site.ask(server, "save", name=f"media/{index % 5}.txt", text=text)
        if name is UNANSWERED:
            return
        assert known.setdefault(name, text) == text, f"{name} was given twice"
        assert site.look(1 - server, "read", name=name) == text
        for number in (0, 1):
            url = site.look(number, "url", name=name)
            assert site.look(number, url.strip("/")) == text, url
        if chance.random() < 0.3:
            # From here on another save may get the name.
            del known[name]
            if site.ask(1 - server, "delete", name=name) is not UNANSWERED:
                assert site.look(server, "read", name=name) != text

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(one, range(count)))
    for name, text in known.items():
        for server in (0, 1):
            assert site.look(server, "read", name=name) == text, name


@pytest.mark.slow
@pytest.mark.parametrize(("count", "kills"), [(24, 1), pytest.param(400, 8, marks=pytest.mark.large)])
def test_a_move_through_all_phases_and_back_loses_and_doubles_nothing(tmp_path, serve, count, kills):
    project = Project(tmp_path)
    (tmp_path / "site_app.py").write_text(APPLICATION)
    project.configure(BEFORE)
    project.run("migrate", "-v0")
    site = Site(project, serve)
    known: dict[str, str] = {}
    for number in (0, 1):
        site.deploy(number, BEFORE)
    load(site, known, 0, count)
    forward = [1, 2, 3]
    for seed, step in enumerate([*forward, 2, 1, 2, 3, 4], start=1):
        site.deploy(0, STEPS[step])
        load(site, known, 2 * seed, count, kills)  # one server in each of two neighbouring phases
        site.deploy(1, STEPS[step])
        load(site, known, 2 * seed + 1, count)
        if seed == 1:
            project.move("start", "--yes")
            repair(project)
    stored = {name: content for name, content in project.files("new").items() if is_listed(name)}
    assert stored.items() >= {name: text.encode() for name, text in known.items()}.items()
    assert len(set(stored.values())) == len(stored)


def repair(project: Project) -> None:
    """Compare the two backends, as a killed worker may have written one of them only, and repair what differs."""
    project.run("storage_router", "move", "verify", status=None)
    project.move("retry")
    assert json.loads(project.move("verify", "--json"))["differences"] == 0


def is_listed(name: str) -> bool:
    """Whether a file is one, and not what a killed worker was writing."""
    return not Path(name).name.startswith(".storage_router-")
