"""M1, M3, M5: what keeps a process from starting, or a phase from being entered too early."""

from __future__ import annotations

import pytest

from tests.moving.test_command import AFTER, MOVE, Project

FIELD = """
from django.db import models
import storage_router

class Document(models.Model):
    file = models.FileField(storage=storage_router.backend("old"))
"""


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path)


def problems(project: Project) -> str:
    return project.run("check", status=1)


def test_a_move_needs_its_phase_and_another_backend(project):
    project.configure(MOVE.format(phase="mirror").replace('moving_from = "old"\n', ""))
    assert "'phase' is given, and 'moving_from' is missing" in problems(project)
    project.configure(MOVE.format(phase="mirror").replace('"old"', '"new"'))
    assert "moving_from is the route's own backend" in problems(project)
    project.configure(MOVE.format(phase="mirror").replace('"old"', '"odl"'))
    assert "there is no backend 'odl'" in problems(project)
    assert "Did you mean 'old'?" in problems(project)
    project.configure(AFTER + 'mirror_errors = "raise"\n')
    assert "mirror_errors has no effect without a move" in problems(project)


def test_a_backend_that_cannot_create_on_condition_cannot_be_moved(project):
    project.configure(MOVE.format(phase="mirror"))
    project.store_plainly("old")
    assert "E041" in problems(project)
    assert "the backend 'old' cannot create a file on condition that its name is free" in problems(project)
    project.configure(AFTER + "unique_names = true\n")
    assert "unique_names has no effect without a move" in problems(project)


def test_a_move_needs_its_app(project):
    settings = project.folder / "settings.py"
    settings.write_text(settings.read_text().replace('"storage_router.moving", ', ""))
    project.configure(MOVE.format(phase="mirror"))
    assert "storage_router.E042" in problems(project)
    assert "The table of moves is missing" in project.move("plan", status=2)


def test_static_files_are_not_moved(project):
    project.configure(MOVE.format(phase="mirror").replace("media/", "static/"))
    assert "storage_router.E043" in problems(project)


def test_a_field_that_goes_round_the_router_is_an_error_during_a_move(project):
    settings = project.folder / "settings.py"
    settings.write_text(settings.read_text().replace('"django.contrib.contenttypes"', '"docs"'))
    (project.folder / "docs").mkdir()
    (project.folder / "docs/__init__.py").touch()
    (project.folder / "docs/models.py").write_text(FIELD)
    project.configure(MOVE.format(phase="mirror"))
    found = problems(project)
    assert "docs.Document.file" in found
    assert "its files would not be moved along" in found
    project.configure(MOVE.format(phase="mirror").replace('"old"', '"old"').replace("media/", "other/"))
    assert "storage_router.E044" in problems(project)
