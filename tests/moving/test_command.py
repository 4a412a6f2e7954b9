"""M3: ``manage.py storage_router move``, from the first phase to the last, on a project of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.kit import warm

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent

SETTINGS = """
import storage_router
SECRET_KEY = "test"
INSTALLED_APPS = ["storage_router", "storage_router.moving", "django.contrib.contenttypes"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": {database!r}}}}}
STORAGES = storage_router.storages()
STATIC_URL = "/static/"
USE_TZ = True
"""

PLAIN = """
from django.core.files.storage import FileSystemStorage

class Plain(FileSystemStorage):
    def _save(self, name, content):
        return super()._save(name, content)
"""

BEFORE = '[[routes]]\nprefix = "media/"\nbackend = "old"\n'
MOVE = '[[routes]]\nprefix = "media/"\nbackend = "new"\nmoving_from = "old"\nphase = "{phase}"\n'
AFTER = '[[routes]]\nprefix = "media/"\nbackend = "new"\n'


class Project:
    """A Django project in a folder of its own, whose commands run as processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "settings.py").write_text(SETTINGS.format(database=str(folder / "db.sqlite3")))

    def configure(self, routes: str) -> None:
        backends = "".join(
            f'[backends.{alias}]\ntype = "filesystem"\nlocation = "{self.folder / alias}"\nbase_url = "/{alias}/"\n'
            for alias in ("old", "new")
        )
        (self.folder / "storage_router.toml").write_text(backends + routes)

    def store_plainly(self, alias: str) -> None:
        """Let a backend be a storage of another package: Django's interface and no more."""
        (self.folder / "plain.py").write_text(PLAIN)
        place = f'type = "filesystem"\nlocation = "{self.folder / alias}"\nbase_url = "/{alias}/"\n'
        options = f'options = {{ location = "{self.folder / alias}", base_url = "/{alias}/" }}\n'
        path = self.folder / "storage_router.toml"
        assert place in path.read_text()
        path.write_text(path.read_text().replace(place, f'type = "django"\nbackend = "plain.Plain"\n{options}'))

    def run(self, *words: str, status: int | None = 0) -> str:
        environment = os.environ | {"DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": f"{self.folder}:{ROOT}"}
        ran = warm.run("-m", "django", *words, cwd=self.folder, env=environment)
        assert status in (None, ran.returncode), ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    def move(self, *words: str, status: int = 0) -> str:
        return self.run("storage_router", "move", *words, status=status)

    def files(self, side: str) -> dict[str, bytes]:
        folder = self.folder / side
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def project(tmp_path) -> Project:
    project = Project(tmp_path)
    for number in range(25):
        path = tmp_path / f"old/media/{number % 3}/{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"file {number}")
    project.configure(BEFORE)
    project.run("migrate", "-v0")
    return project


def test_the_files_of_a_route_move_from_the_first_phase_to_the_last(project):
    project.configure(MOVE.format(phase="mirror"))
    plan = json.loads(project.move("plan", "--json"))
    assert (plan["to copy"], plan["same"], plan["from"], plan["to"]) == (25, 0, "old", "new")
    assert project.files("new") == {}

    assert "Not started" in project.move("start", status=2)
    started = json.loads(project.move("start", "--yes", "--json"))
    assert (started["copied"], started["failed"], started["ranges done"]) == (25, 0, 1)
    assert project.files("new") == project.files("old")
    again = json.loads(project.move("start", "--yes", "--json"))
    assert again["ranges done"] == 1

    assert json.loads(project.move("verify", "--json"))["differences"] == 0
    assert "0 differences" in project.move("status")
    for phase in ("switch", "settle"):
        project.configure(MOVE.format(phase=phase))
        assert "System check identified no issues" in project.run("check")
    project.configure(AFTER)
    left = project.move("finish", status=1)
    assert "old still holds files" in left
    assert json.loads(project.move("finish", "--empty-old", "--json"))["deleted"] == 25
    assert project.files("old") == {}
    assert len(project.files("new")) == 25


FAILURE = """
from storage_router.moving.models import Shard
Shard.objects.filter(number=0).update(errors=[["media/0/0.txt", "no space left"]])
"""


def test_verification_names_what_differs_and_retry_repairs_it(project):
    project.configure(MOVE.format(phase="mirror"))
    project.move("start", "--yes", "--range-size", "10")
    (project.folder / "new/media/0/0.txt").write_text("other")
    (project.folder / "new/media/zombie.txt").write_text("deleted on old")
    (project.folder / "new/media/1/1.txt").unlink()
    found = project.move("verify", status=1)
    assert {"media/0/0.txt", "media/1/1.txt", "media/zombie.txt"} <= set(found.split())
    assert set(json.loads(project.move("verify", "--json", status=1))["names"]) <= set(found.split())
    assert json.loads(project.move("status", "--json", status=1))["ranges failed"] == 2
    project.run("shell", "-c", FAILURE)
    assert json.loads(project.move("status", "--json", status=1))["errors"] == ["media/0/0.txt: no space left"]
    assert "media/0/0.txt: no space left" in project.move("status", status=1)
    project.move("retry")
    assert project.files("new") == project.files("old")
    assert json.loads(project.move("verify", "--json"))["differences"] == 0


def test_a_move_that_was_taken_back_and_is_started_again_copies_and_verifies_again(project):
    project.configure(MOVE.format(phase="mirror"))
    project.move("start", "--yes")
    project.move("verify")
    # Taken back: meanwhile processes save on the old backend only.
    (project.folder / "old/media/0/later.txt").write_text("saved meanwhile")
    again = json.loads(project.move("start", "--yes", "--json"))
    assert (again["copied"], again["same"], again["verified"]) == (1, 25, "never")
    project.configure(MOVE.format(phase="switch"))
    assert "was never verified" in project.run("check", status=1)
    assert project.files("new") == project.files("old")


def test_a_file_that_was_saved_on_the_new_backend_only_is_copied_in_switch_and_left_alone_in_settle(project):
    project.configure(MOVE.format(phase="mirror"))
    project.move("start", "--yes")
    project.move("verify")
    (project.folder / "new/media/0/saved.txt").write_text("while the old backend was full")
    project.configure(MOVE.format(phase="settle"))
    assert "media/0/saved.txt" in project.move("verify", status=1)
    assert "Deploy phase = 'switch' and run: manage.py storage_router move retry" in project.run("check", status=1)
    for action in ("start", "retry"):
        assert "In the phase 'settle' nothing is copied" in project.move(action, status=2)
    project.configure(MOVE.format(phase="switch"))
    plan = json.loads(project.move("plan", "--json"))
    assert (plan["to copy"], plan["to delete"]) == (1, 0)
    project.move("retry")
    assert "media/0/saved.txt" in project.files("old")
    assert project.files("new") == project.files("old")
    project.move("verify")
    project.move("start", "--yes")
    assert "System check identified no issues" in project.run("check")


@pytest.mark.parametrize("current", ["", 'tenancy.current = "settings.nobody"\n'])
def test_the_files_of_all_tenants_move_where_names_tell_the_tenant(project, current):
    with (project.folder / "settings.py").open("a") as settings:
        settings.write("\ndef nobody():\n    return None\n")
    for tenant in ("acme", "other"):
        path = project.folder / f"old/media/{tenant}/a.txt"
        path.parent.mkdir(parents=True)
        path.write_text(tenant)
    project.configure(MOVE.format(phase="mirror").replace("media/", "media/{tenant}/"))
    path = project.folder / "storage_router.toml"
    path.write_text(current + path.read_text())
    assert json.loads(project.move("start", "--yes", "--json"))["copied"] == 27
    assert project.files("new") == project.files("old")
    project.move("verify")


def test_a_backend_with_a_place_for_each_tenant_is_not_moved(project):
    project.configure(MOVE.format(phase="mirror"))
    path = project.folder / "storage_router.toml"
    path.write_text('tenancy.current = "settings.nobody"\n' + path.read_text().replace("/new/", "/new/{tenant}/"))
    path.write_text(path.read_text().replace('/new"', '/new/{tenant}"'))
    with (project.folder / "settings.py").open("a") as settings:
        settings.write("\ndef nobody():\n    return None\n")
    for command in (["check"], ["check", "--database", "default"]):
        found = project.run(*command, status=1)
        assert "storage_router.E045" in found
        assert "it moves from or to a backend with a place for each tenant" in found
        assert "Traceback" not in found
    assert "nothing moves" in project.move("start", "--yes", status=2)


def test_the_phase_switch_needs_a_clean_verification(project):
    project.configure(MOVE.format(phase="switch"))
    found = project.run("check", status=1)
    assert "storage_router.E040" in found
    assert "move verify" in found


def test_the_routes_and_explanations_show_the_move(project):
    project.configure(MOVE.format(phase="mirror"))
    assert "moves from old: mirror" in project.run("storage_router", "routes")
    assert "old > new (mirror)" in project.run("storage_router", "explain", "media/1/1.txt")
    nothing = '[[routes]]\nbackend = "new"\n'
    project.configure(nothing)
    assert "No route has moving_from and phase" in project.move("status", status=2)


SAVE = """
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
default_storage.save("media/{name}.txt", ContentFile(b"saved in {name}"))
default_storage.delete("media/0/{number}.txt")
"""


@pytest.mark.slow
@pytest.mark.parametrize("side", ["old", pytest.param("new", marks=pytest.mark.large)])
def test_files_of_a_storage_of_another_package_are_moved_where_names_are_unique(project, side):
    """As from S3 with django-storages: no save and no copy is conditional, and none needs to be."""

    def deploy(routes: str, name: str, number: int) -> None:
        project.configure(routes + ("unique_names = true\n" if "phase" in routes else ""))
        project.store_plainly(side)
        assert "System check identified no issues" in project.run("check")
        project.run("shell", "-c", SAVE.format(name=name, number=number))

    deploy(MOVE.format(phase="mirror"), "mirror", 0)
    started = json.loads(project.move("start", "--yes", "--json"))
    assert (started["copied"], started["same"], started["failed"]) == (24, 1, 0)
    assert json.loads(project.move("verify", "--json"))["differences"] == 0
    deploy(MOVE.format(phase="switch"), "switch", 3)
    deploy(MOVE.format(phase="settle"), "settle", 6)
    assert project.files("old") == project.files("new")
    moved = project.files("new")
    assert len(moved) == 25 - 3 + 3
    project.configure(AFTER)
    project.store_plainly(side)
    assert json.loads(project.move("finish", "--empty-old", "--json"))["deleted"] == 25
    assert (project.files("old"), project.files("new")) == ({}, moved)
