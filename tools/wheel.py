"""Try the wheel as people get it: in an environment that holds it and what it depends on, nothing of this repository.

``wheel.py quickstart`` follows docs/quickstart.md with it. ``wheel.py extras`` installs it once without extras and once
with each of them, alone, and uses what that extra is for. ``make test-wheel`` and ``make test-extras`` run this.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / "var" / "wheel"

IMPORT = """
import storage_router
STORAGES = storage_router.storages({"backends": {"media": {"type": "memory"}}, "default": "media"})
assert STORAGES["default"]["BACKEND"] == "storage_router.RouterStorage"
"""
# What each extra is for, in a process of its own with that extra and no other.
USES = {
    "": IMPORT
    + """
import os, pathlib
pathlib.Path("files.yaml").write_text('backends: {media: "memory://"}')
os.environ["STORAGE_ROUTER_CONFIG"] = "files.yaml"
try:
    storage_router.RouterStorage()
except storage_router.exceptions.ConfigurationError as error:
    assert "django-storage-router[yaml]" in str(error), error
else:
    raise AssertionError("YAML was read without the extra")
""",
    "yaml": """
import os, pathlib, storage_router
pathlib.Path("files.yaml").write_text('default: media\\nbackends: {media: "memory://"}')
os.environ["STORAGE_ROUTER_CONFIG"] = "files.yaml"
assert storage_router.storages()["default"]["OPTIONS"]["configuration"].document.default == "media"
""",
    "keyvault": IMPORT
    + """
import os
os.environ |= {"AZURE_CLIENT_ID": "", "AZURE_TOKEN_CREDENTIALS": "AzureCliCredential"}
key = "@Microsoft.KeyVault(SecretUri=https://no-such-vault-of-storage-router.vault.azure.net/secrets/key)"
media = {"type": "azure", "account_name": "acmefiles", "account_key": key, "azure_container": "media"}
try:
    storage_router.RouterStorage(backends={"media": media}, default="media")
except storage_router.exceptions.ConfigurationError as error:
    assert "not installed" not in str(error) and "E013" in str(error), error
else:
    raise AssertionError("a vault that is not there was read")
""",
    "celery": """
import django, redis
from django.conf import settings
settings.configure(INSTALLED_APPS=["storage_router.moving"])
django.setup()
from storage_router.moving import tasks
assert [name for name, value in vars(tasks).items() if hasattr(value, "delay")], vars(tasks)
""",
    "testing": """
import pathlib, pytest
pathlib.Path("test_mine.py").write_text('''
import pytest
from django.conf import settings
settings.configure()
from django.core.files.storage import InMemoryStorage
from storage_router.testing import StorageContract

class TestMemory(StorageContract):
    @pytest.fixture
    def storage(self):
        return InMemoryStorage()
''')
assert pytest.main(["-q", "-k", "exists", "test_mine.py"]) == 0
""",
}


def main(what: str) -> int:
    """Build the wheel and try it; return an exit status."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "hatchling", "build", "--directory", folder], cwd=ROOT, check=True)
        [wheel] = Path(folder).glob("*.whl")
        return quickstart(wheel) if what == "quickstart" else extras(wheel)


def quickstart(wheel: Path) -> int:
    """Run the test of the quickstart with an interpreter that has the wheel."""
    python = install("quickstart", str(wheel), "pillow")
    environment = os.environ | {"STORAGE_ROUTER_TEST_PYTHON": str(python)}
    command = [sys.executable, "-m", "pytest", "-q", "tests/docs/test_quickstart.py"]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def extras(wheel: Path) -> int:
    """Use each extra alone."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if {"", *project["optional-dependencies"]} != USES.keys():
        print(f"An extra has no use in {Path(__file__).name}, or the other way round.")
        return 1
    failed = []
    for extra, use in USES.items():
        python = install(extra or "none", f"{wheel}[{extra}]" if extra else str(wheel))
        with tempfile.TemporaryDirectory() as folder:
            kept = {name: value for name, value in os.environ.items() if not name.startswith(("STORAGE_", "DJANGO_"))}
            command = [python, "-W", "error", "-c", use]
            done = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, check=False)
        print(f"{extra or 'without extras':16} {'ok' if done.returncode == 0 else 'failed'}", flush=True)
        if done.returncode:
            failed.append(extra)
            print(done.stdout, done.stderr)
    return int(bool(failed))


def install(name: str, *packages: str) -> Path:
    """Make an empty environment, install there, and return its interpreter."""
    environment = ENVIRONMENTS / name
    subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
    python = environment / "bin/python"
    constraints = ROOT / "constraints.txt"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--constraint", constraints, *packages], check=True)
    return python


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
