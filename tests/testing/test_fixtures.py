"""The pytest fixtures, in a project of their own and a pytest of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CONFTEST = """
pytest_plugins = ["storage_router.testing.fixtures"]

def pytest_configure():
    from django.conf import settings

    media = {"type": "azure", "account_name": "acmefiles", "azure_container": "media", "credential": "default"}
    options = {"backends": {"media": media}, "default": "media"}
    settings.configure(STORAGES={"default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}})
"""

TESTS = """
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from storage_router import AzureStorage
from storage_router.testing.faults import Reset

def storage_on(server, container):
    return AzureStorage(connection_string=server.connection_string(), azure_container=container)

def test_azurite(azurite, azurite_container):
    storage = storage_on(azurite, azurite_container)
    assert storage.save("a.txt", ContentFile("text")) == "a.txt"

def test_faults(fault_proxy, azurite_container):
    fault_proxy.fail("Put Blob", Reset("answer"))
    assert storage_on(fault_proxy, azurite_container).save("a.txt", ContentFile("text")) == "a.txt"
    assert fault_proxy.count("Put Blob") == 2
    assert False, "to see the story"

def test_https(azurite_https):
    assert azurite_https.account_url().startswith("https://127.0.0.1:")

def test_memory(memory_storage_router):
    assert default_storage.save("a.txt", ContentFile("text")) == "a.txt"
    assert memory_storage_router.exists("a.txt")
"""


def test_a_project_gets_the_fixtures_by_naming_one_module(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_project.py").write_text(TESTS)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_project.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "1 failed, 3 passed" in ran.stdout, ran.stdout + ran.stderr
    assert "seed 0, 3 requests" in ran.stdout
    assert "after Reset(point='answer', after=None)>" in ran.stdout
