"""What pyproject.toml promises about versions is what the tests are run with."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins(name: str) -> dict[str, set[str]]:
    """Read a constraints file: package -> the versions that it pins, for whichever Python."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            package, version = line.partition(";")[0].strip().split("==")
            found.setdefault(package.lower(), set()).add(version)
    return found


def floors() -> dict[str, str]:
    """Read the lower ends of all dependencies, those of the extras included."""
    wanted = [
        *PROJECT["dependencies"],
        *(entry for extra in PROJECT["optional-dependencies"].values() for entry in extra),
    ]
    return dict(re.fullmatch(r"([\w.-]+)>=([\d.]+)", entry).groups() for entry in wanted)


@pytest.mark.parametrize(("package", "version"), floors().items())
def test_the_floor_of_each_dependency_is_what_the_tests_of_the_floors_install(package, version):
    (pinned,) = pins("constraints-floors.txt")[package]
    assert pinned == version or pinned == f"{version}.0"


@pytest.mark.parametrize("package", floors())
def test_each_dependency_is_pinned_for_the_tests(package):
    assert package in pins("constraints.txt")


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-floors.txt"])
def test_no_pin_names_a_host(name):
    assert "://" not in (ROOT / name).read_text(encoding="utf-8")


def test_no_package_of_the_lockfile_names_a_host():
    packages = json.loads((ROOT / "tools/azurite/package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert packages["node_modules/azurite"]["version"] == "3.37.0"
    assert [name for name, entry in packages.items() if "resolved" in entry] == []


def test_there_is_nothing_pinned_twice_for_one_python():
    twice = {package for package, versions in pins("constraints.txt").items() if len(versions) > 1}
    assert twice == {"django"}


def test_make_says_what_it_needs_where_python_is_too_old(tmp_path):
    old = tmp_path / "python3.10"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    result = subprocess.run(
        ["make", "demo", f"PYTHON={old}"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 2
    assert f"storage_router needs Python 3.11 or newer, and PYTHON={old} is not." in result.stderr
