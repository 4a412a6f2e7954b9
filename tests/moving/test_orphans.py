"""M4: files that no row names, and rows whose file is gone."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import sqlite3
import time

import pytest

from tests.moving.test_command import ROOT, Project

pytestmark = pytest.mark.slow

MODELS = """
from django.db import models
import storage_router

class Document(models.Model):
    file = models.FileField(upload_to="docs/")
    note = models.TextField(default="")

class Direct(models.Model):
    file = models.FileField(storage=storage_router.backend("new"))
"""

APP = """
from django.apps import AppConfig

class Docs(AppConfig):
    name = "docs"
    default_auto_field = "django.db.models.BigAutoField"
"""

LEGACY = """
class Legacy(models.Model):
    file = models.FileField()

    class Meta:
        managed = False
        db_table = "legacy"
"""

ROUTER = """
class Router:
    def db_for_read(self, model, **hints):
        return "legacy" if model.__name__ == "Legacy" else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, model_name=None, **hints):
        return db == "default" and model_name != "legacy"
"""

ROUTES = 'default = "old"\n[[routes]]\nprefix = "direct/"\nbackend = "new"\nstrip_prefix = true\n'


@pytest.fixture
def project(tmp_path) -> Project:
    project = Project(tmp_path)
    settings = tmp_path / "settings.py"
    settings.write_text(settings.read_text().replace('"django.contrib.contenttypes"', '"docs.Docs"'))
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/__init__.py").write_text(APP)
    (tmp_path / "docs/models.py").write_text(MODELS)
    toml = 'default = "old"\n'
    project.configure(ROUTES.removeprefix(toml))
    path = tmp_path / "storage_router.toml"
    path.write_text(toml + path.read_text())
    project.run("migrate", "--run-syncdb", "-v0")
    store = "from docs.models import *; from django.core.files.base import ContentFile as C\n"
    for number in range(40):
        store += f"Document.objects.create(file=C(b'x', '{number}.txt'))\n"
    store += "Direct.objects.create(file=C(b'x', 'd.txt'))\n"
    project.run("shell", "-v0", "-c", store)
    week = time.time() - dt.timedelta(days=8).total_seconds()
    for side, name in (("old", "docs/orphan.txt"), ("old", "static/a.css"), ("new", "other.txt")):
        file = tmp_path / side / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("nobody's")
    for file in [*tmp_path.glob("old/**/*"), *tmp_path.glob("new/**/*")]:
        os.utime(file, (week, week))
    (tmp_path / "old/docs/young.txt").write_text("about to get its row")
    return project


def orphans(project, *words, status=0):
    return project.run("storage_router", "orphans", *words, status=status)


def test_a_file_that_no_row_names_is_an_orphan_and_no_other_is(project):
    found = json.loads(orphans(project, "--json", status=1))
    assert (found["orphans"], found["rows"]) == (["direct/other.txt", "docs/orphan.txt"], 42)
    assert "2 of 45 files" in orphans(project, status=1)


def test_orphans_are_deleted_only_after_a_second_look_and_go_to_the_trash(project):
    report = str(project.folder / "orphans.jsonl")
    orphans(project, "--report", report, status=1)
    assert (project.folder / "old/docs/orphan.txt").exists()
    (project.folder / "new/other.txt").write_text("written again")
    assert "1 files were deleted" in orphans(project, "--delete", report)
    assert not (project.folder / "old/docs/orphan.txt").exists()
    assert (project.folder / "new/other.txt").exists()
    assert (project.folder / "old/.storage_router_trash/docs/orphan.txt").read_text() == "nobody's"
    assert len(list(project.folder.glob("old/docs/*"))) == 41
    assert json.loads(orphans(project, "--json"))["orphans"] == []
    assert "trash" not in project.run("storage_router", "inventory")


def test_a_column_that_is_no_file_field_keeps_its_files(project):
    project.run("shell", "-v0", "-c", "from docs.models import *; Document.objects.update(note='docs/orphan.txt')")
    found = json.loads(orphans(project, "--json", "--also", "docs.Document.note", status=1))
    assert found["orphans"] == ["direct/other.txt"]
    assert "is not app.Model.field" in orphans(project, "--also", "docs.Nothing.note", status=1)


def test_a_name_that_storages_read_in_another_way_keeps_its_file(project):
    for name in ("docs//orphan.txt", "docs\\\\orphan.txt", "/docs//../nothing"):
        project.run("shell", "-v0", "-c", f"from docs.models import *; Document.objects.update(note='{name}')")
        found = json.loads(orphans(project, "--json", "--also", "docs.Document.note", status=1))
        assert ("docs/orphan.txt" in found["orphans"]) is ("nothing" in name)


def test_a_table_that_the_project_does_not_migrate_keeps_its_files(project):
    """As one of an older program: ``managed = False``, in a database for which ``allow_migrate()`` says False."""
    settings = project.folder / "settings.py"
    legacy = f'{{"ENGINE": "django.db.backends.sqlite3", "NAME": {str(project.folder / "legacy.sqlite3")!r}}}'
    settings.write_text(
        f'{settings.read_text()}\nDATABASES["legacy"] = {legacy}\nDATABASE_ROUTERS = ["docs.routing.Router"]\n'
    )
    (project.folder / "docs/routing.py").write_text(ROUTER)
    with (project.folder / "docs/models.py").open("a") as models:
        models.write(LEGACY)
    for message in (orphans(project, "--json", status=2), project.run("storage_router", "dangling", status=2)):
        assert "docs.Legacy.file cannot be read in the database 'legacy', so nobody knows which files it" in message
        assert "Create the table, or correct the database routers." in message
    with contextlib.closing(sqlite3.connect(project.folder / "legacy.sqlite3")) as database:
        database.execute("CREATE TABLE legacy (id integer PRIMARY KEY, file varchar(100))")
        database.execute("INSERT INTO legacy VALUES (1, 'docs/orphan.txt')")
        database.commit()
    assert json.loads(orphans(project, "--json", status=1))["orphans"] == ["direct/other.txt"]


def test_a_file_that_a_row_in_the_schema_of_another_tenant_may_name_is_kept(project):
    """T15. With django-tenants a query finds the rows of one schema."""
    (project.folder / "django_tenants").mkdir()
    (project.folder / "django_tenants/__init__.py").touch()
    settings = project.folder / "settings.py"
    settings.write_text(settings.read_text().replace('"docs.Docs"', '"docs.Docs", "django_tenants"'))
    assert json.loads(orphans(project, "--json"))["orphans"] == []


def test_an_age_that_is_none_is_refused_with_what_to_write(project):
    assert "--older-than: 'soon' is not a duration" in orphans(project, "--older-than", "soon", status=2)


def test_an_empty_database_deletes_nothing(project):
    report = str(project.folder / "orphans.jsonl")
    orphans(project, "--report", report, status=1)
    project.run("shell", "-v0", "-c", "from docs.models import *; Document.objects.all().delete()")
    assert "Is it the right one? Nothing was deleted." in orphans(project, "--delete", report, status=2)
    assert (project.folder / "old/docs/orphan.txt").exists()


def test_a_large_share_of_the_files_needs_a_number(project):
    report = str(project.folder / "orphans.jsonl")
    for number in range(5):
        (project.folder / f"old/docs/more{number}.txt").write_text("nobody's")
        os.utime(project.folder / f"old/docs/more{number}.txt", (1, 1))
    orphans(project, "--report", report, status=1)
    assert "Say how many with --at-most" in orphans(project, "--delete", report, status=2)
    assert "7 files were deleted" in orphans(project, "--delete", report, "--at-most", "10", "--no-trash")
    assert "is not a report of orphans" in orphans(project, "--delete", str(ROOT / "pyproject.toml"), status=2)


def test_rows_whose_file_is_gone_are_listed(project):
    assert project.run("storage_router", "dangling") == "name\tcolumn\n"
    (project.folder / "old/docs/7.txt").unlink()
    (project.folder / "new/d.txt").unlink()
    found = json.loads(project.run("storage_router", "dangling", "--json", status=1))
    assert found == [
        {"name": "d.txt", "column": "docs.Direct.file"},
        {"name": "docs/7.txt", "column": "docs.Document.file"},
    ]


def test_a_row_whose_name_no_file_can_have_is_listed_too(project):
    project.run("shell", "-v0", "-c", "from docs.models import *; Document.objects.create(file='docs/../../x.txt')")
    found = json.loads(project.run("storage_router", "dangling", "--json", status=1))
    assert found == [{"name": "docs/../../x.txt", "column": "docs.Document.file"}]


def test_the_inventory_counts_files_and_bytes(project):
    found = json.loads(project.run("storage_router", "inventory", "--json"))
    assert [(row["directory"], row["backend"], row["files"]) for row in found] == [
        ("direct/", "new", 2),
        ("docs/", "old", 42),
        ("static/", "old", 1),
    ]
