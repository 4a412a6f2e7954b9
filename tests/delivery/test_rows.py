"""D2, T10: ``authorize = "model:app.Model.field"`` lets those read a file who may see a row that names it."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.test import override_settings

from .conftest import TEXT, body

APPS = [*settings.INSTALLED_APPS, "tests.delivery.documents"]


@pytest.fixture
def rows(memory_site):
    """The site, and a function that stores a row."""
    with override_settings(INSTALLED_APPS=APPS):
        models = [apps.get_model("documents", name) for name in ("Document", "Letter", "AsyncLetter")]
        with connection.schema_editor() as editor:
            for model in models:
                editor.create_model(model)
        yield lambda name, **values: apps.get_model("documents", name).objects.create(**values)
        with connection.schema_editor() as editor:
            for model in models:
                editor.delete_model(model)


def by(memory_site, model_and_field):
    memory_site.use(authorize=f"model:documents.{model_and_field}")
    memory_site.save()
    return memory_site


def test_the_permission_to_view_the_row_lets_read_the_file(memory_site, rows):
    by(memory_site, "Document.file")
    rows("Document", file="private/a.txt")
    assert body(memory_site.get(X_User="documents.view_document")) == TEXT
    assert memory_site.get(X_User="documents.view_letter").status_code == 404
    assert memory_site.get(X_User=None).status_code == 401


def test_without_a_row_nobody_may_read_and_a_stranger_learns_nothing(memory_site, rows):
    by(memory_site, "Document.file")
    there = memory_site.get(X_User=None, Accept="text/html")
    missing = memory_site.get("private/b.txt", X_User=None, Accept="text/html")
    assert (there.status_code, missing.status_code) == (302, 302)
    assert memory_site.get(X_User="documents.view_document").status_code == 404


def test_a_row_may_decide_itself_and_one_of_several_is_enough(memory_site, rows):
    by(memory_site, "Letter.file")
    rows("Letter", file="private/a.txt", owner="anna")
    rows("Letter", file="private/a.txt", owner="bela")
    for user, status in (("anna", 200), ("bela", 200), ("carl", 404), ("documents.view_letter", 404)):
        assert memory_site.get(X_User=user).status_code == status


def test_a_row_may_decide_asynchronously(memory_site, rows):
    by(memory_site, "AsyncLetter.file")
    rows("AsyncLetter", file="private/a.txt", owner="anna")
    assert memory_site.get(X_User="anna").status_code == 200
    assert memory_site.get(X_User="bela").status_code == 404


@pytest.mark.parametrize("owner", ["none", "yes"])
def test_what_a_row_answers_is_true_or_false(memory_site, rows, owner, caplog):
    by(memory_site, "Letter.file")
    rows("Letter", file="private/a.txt", owner=owner)
    assert memory_site.get(X_User="anna").status_code == 500
    assert "Letter.may_read returned" in caplog.text


def test_names_are_compared_exactly_whatever_the_database_does(memory_site, rows):
    by(memory_site, "Document.nocase")
    memory_site.save("private/A.txt", b"another's")
    rows("Document", nocase="private/a.txt")
    user = "documents.view_document"
    assert apps.get_model("documents", "Document").objects.filter(nocase="private/A.txt").exists()
    assert memory_site.get("private/a.txt", X_User=user).status_code == 200
    assert memory_site.get("private/A.txt", X_User=user).status_code == 404
