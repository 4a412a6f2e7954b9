"""docs/testing.md in a project of its own: what it shows is run by a pytest of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

DOCUMENT = Path(__file__).parent.parent.parent / "docs/testing.md"
NODE_MODULES = Path(os.environ["AZURITE_BIN"]).parent.parent


def test_the_examples_of_the_documentation_run_in_a_project(tmp_path: Path, azurite) -> None:
    blocks = dict(re.findall(r"```\w+\n# ([\w/]+\.\w+)\n(.*?)```", DOCUMENT.read_text(), re.DOTALL))
    blocks["azurite_fixtures.py"] = (DOCUMENT.parent / "files/azurite_fixtures.py").read_text()
    assert sorted(blocks) == [
        *("acme/settings.py", "azurite_fixtures.py", "conftest.py", "storage_router.toml"),
        *("test_azure.py", "test_memory.py", "test_my_storage.py"),
    ]
    (tmp_path / "acme").mkdir()
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    for name, text in blocks.items():
        (tmp_path / name).write_text(text)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert re.search(r"^\d\d+ passed", ran.stdout, re.MULTILINE), ran.stdout + ran.stderr
