"""M1: two servers in neighbouring phases under load, through all phases and back: nothing lost, nothing doubled."""

from __future__ import annotations

import json
import random
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from tests.moving.test_command import AFTER, BEFORE, MOVE, Project

APPLICATION = """
import hashlib, json, os
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
    except FileNotFoundError:
        status = "404 Not Found"
    start(status, [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
"""

STEPS = [BEFORE, *(MOVE.format(phase=phase) for phase in ("mirror", "switch", "settle")), AFTER]


class Site:
    """Two servers. ``deploy`` restarts one with another configuration."""

    def __init__(self, project: Project, serve) -> None:
        self.project, self.serve = project, serve
        self.addresses = ["", ""]

    def deploy(self, number: int, routes: str) -> None:
        self.project.configure(routes)
        self.addresses[number] = self.serve("gunicorn", "site_app:application", self.project.folder, "--threads=4")

    def ask(self, number: int, action: str, **values: str):
        query = "&".join(f"{key}={quote(value)}" for key, value in values.items())
        try:
            with urllib.request.urlopen(f"{self.addresses[number]}/{action}?{query}", timeout=30) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                raise


def load(site: Site, known: dict[str, str], seed: int, count: int) -> None:
    """Save, read and delete through both servers; ``known`` holds what must be there."""
    chance = random.Random(seed)

    def one(index: int) -> None:
        server = index % 2
        text = f"{seed}-{index}"
        name = site.ask(server, "save", name=f"media/{index % 5}.txt", text=text)
        assert known.setdefault(name, text) == text, f"{name} was given twice"
        assert site.ask(1 - server, "read", name=name) == text
        assert site.ask(server, "url", name=name)
        if chance.random() < 0.3:
            # From here on another save may get the name.
            del known[name]
            site.ask(1 - server, "delete", name=name)
            assert site.ask(server, "read", name=name) != text

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(one, range(count)))
    for name, text in known.items():
        for server in (0, 1):
            assert site.ask(server, "read", name=name) == text, name


@pytest.mark.slow
@pytest.mark.parametrize("count", [24, pytest.param(400, marks=pytest.mark.large)])
def test_a_move_through_all_phases_and_back_loses_and_doubles_nothing(tmp_path, serve, count):
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
        load(site, known, 2 * seed, count)  # one server in each of two neighbouring phases
        site.deploy(1, STEPS[step])
        load(site, known, 2 * seed + 1, count)
        if seed == 1:
            project.move("start", "--yes")
            assert json.loads(project.move("verify", "--json"))["differences"] == 0
    names = {name for name in project.files("new") if not name.split("/")[-1].startswith(".")}
    assert names == known.keys()
