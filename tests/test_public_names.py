"""Section 1: the names to import."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import storage_router

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", storage_router.__all__)
def test_every_public_name_is_there(name):
    assert getattr(storage_router, name) is getattr(storage_router, name)
    assert name in dir(storage_router)


def test_the_exceptions_are_there_without_having_been_imported(monkeypatch):
    monkeypatch.delattr(storage_router, "exceptions")
    assert issubclass(storage_router.exceptions.NoRouteError, LookupError)


def test_the_names_are_those_of_the_contract():
    assert set(storage_router.__all__) == {
        *("RouterStorage", "AzureStorage", "StaticFilesStorage", "ManifestStaticFilesStorage"),
        *("storages", "backend", "tenant", "exceptions"),
    }


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"^module 'storage_router' has no attribute 'RouterStorag'$"):
        storage_router.RouterStorag  # noqa: B018


def test_the_version_is_the_one_of_the_distribution():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert storage_router.__version__ == project["version"]


def test_importing_the_package_imports_neither_django_nor_anything_else_of_weight():
    code = """if True:
        import sys, storage_router
        print({name.partition(".")[0] for name in sys.modules} & {"django", "pydantic", "azure"})
    """
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"
