"""A second database for each test, on SQLite and on PostgreSQL, with a table of rows that name files."""

from __future__ import annotations

import contextlib

import pytest
from django.db import connections

ALIAS = "files"


@contextlib.contextmanager
def connected(entry):
    """Connect ``ALIAS`` to the database of an entry of ``DATABASES``."""
    connections.settings[ALIAS] = connections.configure_settings({"default": {}, ALIAS: entry})[ALIAS]
    try:
        with connections[ALIAS].cursor() as cursor:
            cursor.execute("CREATE TABLE document (name varchar(200))")
        yield ALIAS
    finally:
        connections[ALIAS].close()
        del connections[ALIAS]
        del connections.settings[ALIAS]


def sqlite(folder):
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "rows.sqlite3")}


@pytest.fixture(params=["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.slow)])
def database(request, tmp_path):
    entry = sqlite(tmp_path) if request.param == "SQLite" else request.getfixturevalue("postgres")
    with connected(entry) as alias:
        yield alias


def execute(statement, *values):
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(statement, values)


def committed_names():
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("SELECT name FROM document")
        return {name for (name,) in cursor.fetchall()}
