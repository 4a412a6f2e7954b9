"""What pyproject.toml promises is what the tests are run with, and what the wheel and the sdist hold."""

from __future__ import annotations

import ast
import json
import re
import runpy
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_string
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

import storage_router

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


# What is in the wheel and in the sdist


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The folder of a wheel and an sdist of this tree, and of the wheel that the sdist makes."""
    folder = tmp_path_factory.mktemp("dist")
    build(ROOT, folder)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    [source] = (folder / "unpacked").iterdir()
    build(source, folder / "again", "--target", "wheel")
    return folder


def build(source: Path, folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder), *arguments]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def in_wheel(folder: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def in_sdist(folder: Path) -> set[str]:
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def test_the_wheel_holds_the_package_the_schemas_and_the_licence_and_nothing_else(built):
    names = set(in_wheel(built))
    metadata = {name for name in names if ".dist-info/" in name}
    package = {
        f"storage_router/{path.relative_to(ROOT / 'storage_router').as_posix()}"
        for path in (ROOT / "storage_router").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    schemas = {f"storage_router/schemas/{path.name}" for path in (ROOT / "schemas").iterdir()}
    assert names - metadata == package | schemas
    assert {"storage_router/py.typed", "storage_router/schemas/storage_router.schema.json"} <= names
    assert any(name.endswith("/licenses/LICENSE") for name in metadata)


def test_the_schemas_of_the_wheel_are_those_of_the_repository(built):
    wheel = in_wheel(built)
    for path in (ROOT / "schemas").iterdir():
        assert wheel[f"storage_router/schemas/{path.name}"] == path.read_bytes()


def test_the_sdist_makes_the_same_wheel(built):
    first, second = in_wheel(built), in_wheel(built / "again")
    assert first == second


def test_the_sdist_holds_what_builds_the_package_and_no_tests(built):
    names = in_sdist(built)
    assert {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "PKG-INFO"} <= names
    assert {name.partition("/")[0] for name in names if "/" in name} == {"storage_router", "schemas"}
    assert [name for name in names if name.startswith(("tests", "example", "benchmarks", "docs", "tools", "."))] == [
        ".gitignore"  # hatchling reads it to leave out what is ignored
    ]


def test_no_file_of_the_distributions_names_a_place_of_the_machine_that_built_them(built):
    places = (str(ROOT).encode(), str(Path.home()).encode() + b"/")
    assert [name for name, text in in_wheel(built).items() if any(place in text for place in places)] == []


def test_the_metadata_is_what_the_project_says(built):
    [text] = [text.decode() for name, text in in_wheel(built).items() if name.endswith("/METADATA")]
    metadata = message_from_string(text)
    assert (metadata["Name"], metadata["Version"]) == (PROJECT["name"], storage_router.__version__)
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert set(metadata.get_all("Provides-Extra") or ()) == PROJECT["optional-dependencies"].keys()
    # What does not exist is not linked to.
    assert metadata.get_all("Project-URL") is None
    assert metadata["Description-Content-Type"] == "text/markdown"
    description = metadata.get_payload()
    assert "Quickstart · configuration · private delivery" in description
    assert "![" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "![" not in description
    assert {link.partition(":")[0] for link in re.findall(r"\]\(([^)]+)\)", description)} == {"https"}


def test_the_version_is_in_the_changelog():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(storage_router.__version__)}\b", changelog, re.MULTILINE)


def test_every_package_that_the_code_imports_is_a_dependency_of_its_own():
    """What arrives with another package today may leave with its next release."""
    wanted = {*PROJECT["dependencies"], *(e for extra in PROJECT["optional-dependencies"].values() for e in extra)}
    declared = {re.match(r"[\w.-]+", entry)[0].lower() for entry in wanted}
    homes = {name: {home.lower() for home in found} for name, found in packages_distributions().items()}
    missing = {
        module
        for path in (ROOT / "storage_router").rglob("*.py")
        for module in imported(path)
        if module.split(".")[0] not in sys.stdlib_module_names
        and not module.startswith("storage_router")
        and distribution(module, homes).isdisjoint(declared)
    }
    # pydantic and its core are one; who uses Celery, telemetry or health checks has installed what they need.
    allowed = {"pydantic_core", "celery", "health_check", "opentelemetry", "prometheus_client", "rest_framework"}
    assert {module.split(".")[0] for module in missing} <= allowed


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
    return found


def distribution(module: str, homes: dict[str, set[str]]) -> set[str]:
    """The distributions that a module may come from; ``azure`` is a namespace, so there the next names count."""
    parts = module.split(".")
    if parts[0] == "azure":
        names = {"-".join(parts[:length]) for length in (2, 3)}
        # ``from azure import identity``
        return names if len(parts) > 1 else {"azure-identity"}
    return homes.get(parts[0], set())


# The workflow, the matrix and the classifiers speak of the same versions


def test_the_matrix_is_what_the_classifiers_say():
    tool = runpy.run_path(str(ROOT / "tools/matrix.py"))
    said = set(PROJECT["classifiers"])
    assert {f"Programming Language :: Python :: {python}" for python, _ in tool["MATRIX"]} <= said
    assert {f"Framework :: Django :: {django}" for _, django in tool["MATRIX"]} == {
        name for name in said if re.search(r"Django :: \d", name)
    }


def test_the_workflow_runs_the_matrix():
    tool = runpy.run_path(str(ROOT / "tools/matrix.py"))
    workflow = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8"))
    pairs = workflow["jobs"]["matrix"]["strategy"]["matrix"]["include"]
    assert [(pair["python"], pair["django"]) for pair in pairs] == tool["MATRIX"]


def test_the_workflow_names_targets_that_exist():
    text = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = set(re.findall(r"\bmake ([a-z-]+)", text))
    assert {"lint", "docs", "test-wheel", "test-extras", "test-floors"} <= named <= set(targets)


# What contributors are given


def test_every_hook_runs_something_that_is_there():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    words = [word for hook in hooks for word in hook["entry"].split()]
    files = [word for word in words if word.endswith(".py")]
    assert files
    assert [name for name in files if not (ROOT / name).exists()] == []
    # The environment's own tools, whose versions are pinned.
    tools = {word.rpartition("/")[2] for word in words if word.startswith(".venv/bin/")}
    assert tools == {"ruff", "mypy", "python"}


def test_reports_of_bugs_come_with_what_doctor_says():
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text(encoding="utf-8"))
    asked = {field["attributes"]["label"]: field for field in form["body"]}
    assert asked["`manage.py storage_router doctor --json`"]["validations"] == {"required": True}


def test_every_file_that_contributors_are_sent_to_is_there():
    architecture = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    table = architecture.partition("## Where do I add …")[2].partition("\n## ")[0]
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8") + table
    named = set(re.findall(r"`([\w.]+/[\w./]*)`", text)) | {".ci/run"}
    homes = (ROOT, ROOT / "storage_router")
    assert len(named) > 15
    assert [name for name in sorted(named) if not any((home / name).exists() for home in homes)] == []


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.yml")), ids=lambda path: path.name)
def test_every_file_for_github_is_yaml(path):
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)
