"""The kit in a project of its own: what docs/testing.md shows is run by a pytest of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

DOCUMENT = Path(__file__).parent.parent.parent / "docs/testing.md"

MORE = """
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from storage_router import AzureStorage
from storage_router.testing.faults import Reset


def test_memory(memory_storage_router):
    assert default_storage.save("a.txt", ContentFile("text")) == "a.txt"
    assert memory_storage_router.exists("a.txt")


def test_that_fails(fault_proxy, azurite_container):
    fault_proxy.fail("Put Blob", Reset("answer"))
    AzureStorage(connection_string=fault_proxy.connection_string(), azure_container=azurite_container).save(
        "a.txt", ContentFile("text")
    )
    raise AssertionError("to see the story")
"""


def test_the_examples_of_the_documentation_run_in_a_project(tmp_path: Path) -> None:
    blocks = dict(re.findall(r"```\w+\n# ([\w/]+\.\w+)\n(.*?)```", DOCUMENT.read_text(), re.DOTALL))
    assert sorted(blocks) == [
        *("acme/settings.py", "conftest.py", "storage_router.toml"),
        *("test_azure.py", "test_memory.py", "test_my_storage.py"),
    ]
    (tmp_path / "acme").mkdir()
    for name, text in {**blocks, "test_more.py": MORE}.items():
        (tmp_path / name).write_text(text)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert re.search(r"1 failed, \d\d+ passed", ran.stdout), ran.stdout + ran.stderr
    assert "seed 0, 3 requests" in ran.stdout
    assert "after Reset(point='answer', after=None)>" in ran.stdout
