"""Every option, check, command, exception and public name is documented; what is not makes a test fail."""

from __future__ import annotations

import argparse
import ast
import errno
import inspect
import pickle
import re
import runpy
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from django.contrib.staticfiles.management.commands.collectstatic import Command as DjangosCollectstatic
from django.core.files.storage import Storage
from django.core.management import load_command_class

import storage_router
import storage_router.testing
import storage_router.uploads
from storage_router import AzureStorage, RouterStorage, exceptions
from storage_router.checks import WARNINGS
from storage_router.conf import problems as conf_problems
from storage_router.conf.azure.options import DJANGO_SETTINGS, AzureOptions
from storage_router.conf.django_backends import DjangoBackend, FilesystemBackend, MemoryBackend
from storage_router.conf.document import (
    RouterDocument,
    StaticOptions,
    TelemetryOptions,
    TenancyOptions,
    TransactionOptions,
)
from storage_router.conf.routes import RouteOptions
from storage_router.conf.uploads import UploadOptions, UploadPolicy
from storage_router.delivery import checks as delivery
from storage_router.files import DirectStore
from storage_router.installed import PROBLEMS
from storage_router.moving import checks as moving
from storage_router.uploads import checks as uploads
from tests.docs.pages import PAGES, ROOT, text_of

MODELS = (
    *(AzureOptions, FilesystemBackend, MemoryBackend, DjangoBackend, RouteOptions, StaticOptions, RouterDocument),
    *(TelemetryOptions, TenancyOptions, TransactionOptions, UploadOptions, UploadPolicy),
)
EVERYWHERE = "\n".join(text_of(page) for page in PAGES)
ERRORS = text_of(ROOT / "docs/errors.md")
EXCEPTIONS = [
    kind
    for _, kind in inspect.getmembers(exceptions, inspect.isclass)
    if kind.__module__ == exceptions.__name__ and issubclass(kind, Exception)
]
# The root is what the page begins with.
DOCUMENTED = [kind for kind in EXCEPTIONS if kind is not exceptions.StorageRouterError]
COMMANDS = sorted(
    path.stem for path in (ROOT / "storage_router/management/commands").glob("*.py") if path.stem != "__init__"
)


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"There is no heading {heading!r}."
    return found[1]


# Settings


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_setting_has_a_heading(model):
    page = text_of(ROOT / ("docs/azure-storage.md" if model is AzureOptions else "docs/reference.md"))
    headings = re.findall(r"^### (?:\w+: )?(\w+)$", page, re.MULTILINE)
    assert [name for name in model.model_fields if name not in headings] == []


def test_every_django_setting_is_documented():
    page = text_of(ROOT / "docs/azure-storage.md")
    assert [setting for setting in DJANGO_SETTINGS.values() if f"Setting: `{setting}`" not in page] == []


@pytest.mark.parametrize(
    ("kind", "documented", "page"),
    [(AzureStorage, Storage, "azure-storage"), (RouterStorage, AzureStorage, "reference")],
)
def test_every_public_method_that_is_documented_nowhere_else_has_a_heading(kind, documented, page):
    own = {name for name, value in vars(kind).items() if inspect.isfunction(value) and not name.startswith("_")}
    # What serves direct uploads only is the package's own business.
    known = {*dir(documented), *vars(DirectStore)}
    headings = set(re.findall(r"^### (\w+)\(\)$", text_of(ROOT / f"docs/{page}.md"), re.MULTILINE))
    assert {"save", "url"} <= headings
    assert own - headings - known == set()


# Checks: tests/test_checks.py holds docs/checks.md against the tables, id by id


def test_the_ids_that_pages_name_exist():
    rooms = (delivery, moving, uploads)
    known = {*conf_problems.PROBLEMS, *PROBLEMS, *WARNINGS}.union(*(room.PROBLEMS | room.WARNINGS for room in rooms))
    assert set(re.findall(r"\b[EW]0\d\d\b", EVERYWHERE)) <= known


# Commands


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_every_command_is_documented(name):
    parser = load_command_class("storage_router", name).create_parser("manage.py", name)
    assert re.search(rf"\b{name}\b", EVERYWHERE)
    assert [flags for flags in own_options(parser) if not any(flag in EVERYWHERE for flag in flags)] == []


def own_options(parser: argparse.ArgumentParser) -> list[list[str]]:
    """The long flags of a command and of its subcommands, without Django's own and those that help does not show."""
    django = {action.dest for action in DjangosCollectstatic().create_parser("manage.py", "collectstatic")._actions}
    found = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for subparser in action.choices.values():
                found += own_options(subparser)
        elif action.dest not in django and action.help != argparse.SUPPRESS:
            found.append([flag for flag in action.option_strings if flag.startswith("--")])
    return [flags for flags in found if flags]


def test_every_subcommand_has_a_section():
    page = text_of(ROOT / "docs/commands.md")
    parser = load_command_class("storage_router", "storage_router").create_parser("manage.py", "storage_router")
    [subparsers] = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    assert list(subparsers.choices)
    for name in subparsers.choices:
        assert section(page, name)


# Exceptions


@pytest.mark.parametrize("kind", DOCUMENTED, ids=lambda kind: kind.__name__)
def test_every_exception_has_a_section_that_names_its_fields(kind):
    text = section(ERRORS, kind.__name__)
    if "__init__" in vars(kind):
        own = [name for name in inspect.signature(kind).parameters if name != "message"]
        assert [name for name in own if f"`{name}`" not in text] == []


def test_the_tree_of_the_page_is_the_hierarchy():
    line = re.compile(r"^([│ ├└─]*)(\w+Error)(?: +also (\w+))?$", re.MULTILINE)
    tree = line.findall(ERRORS)
    assert {name for _, name, _ in tree} == {kind.__name__ for kind in EXCEPTIONS}
    parents: dict[int, type] = {}
    for indent, name, also in tree:
        kind = getattr(exceptions, name)
        depth = len(indent) // 4
        parents[depth] = kind
        bases = {base.__name__ for base in kind.__bases__}
        expected = {parents[depth - 1].__name__, also} - {""} if depth else {"Exception"}
        # What is said of a parent holds for its children, too.
        assert expected <= bases | {base.__name__ for base in kind.__mro__}
        assert bases <= expected | {"ImproperlyConfigured", "SuspiciousFileOperation"} or also == ""


def examples() -> list[Exception]:
    made: dict[str, Exception] = {}
    for kind in EXCEPTIONS:
        if issubclass(kind, exceptions.BlobError):
            made[kind.__name__] = kind("no", alias="media", container="c", blob="b", status=404, request_id="1")
        elif issubclass(kind, exceptions.RoutingError):
            made[kind.__name__] = kind("no", name="a/b")
    made["ConfigurationError"] = exceptions.ConfigurationError(
        [exceptions.Problem(id="storage_router.E001", place="here", message="no")]
    )
    made["SourceChangedError"] = exceptions.SourceChangedError(errno.ESTALE, "no", "a.css")
    made["TransferError"] = exceptions.TransferError({"a.css": OSError("no")}, ["b.css"], 3, "copied")
    return [made.get(kind.__name__) or kind("no") for kind in EXCEPTIONS]


@pytest.mark.parametrize("error", examples(), ids=lambda error: type(error).__name__)
def test_every_exception_survives_a_task_queue(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert {key: str(value) for key, value in vars(copy).items()} == {
        key: str(value) for key, value in vars(error).items()
    }


# Names


def test_every_public_name_has_a_heading():
    names = [
        f"{package.__name__}.{name}" for package in (storage_router, storage_router.testing) for name in package.__all__
    ]
    page = text_of(ROOT / "docs/reference.md")
    assert [name for name in names if not re.search(rf"^### {re.escape(name)}(\(\))?$", page, re.MULTILINE)] == []


def test_every_extra_is_documented():
    extras = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]["optional-dependencies"]
    assert [extra for extra in extras if f"[{extra}]" not in EVERYWHERE and f"extra `{extra}`" not in EVERYWHERE] == []


def test_every_room_of_the_package_is_in_the_picture_of_the_architecture():
    folder = ROOT / "storage_router"
    rooms = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    assert "(pictures/floors.svg)" in section(text_of(ROOT / "docs/architecture.md"), "The rooms")
    drawn = set(re.findall(r"\w+", text_of(ROOT / "docs/pictures/floors.svg")))
    assert rooms - {"__init__", "testing"} - drawn == set()


def test_every_page_is_in_the_table_of_contents():
    index = text_of(ROOT / "docs/index.md")
    pages = {Path(page).stem for page in (ROOT / "docs").glob("*.md")} - {"index"}
    assert {name for name in pages if not re.search(rf"^{name}$", index, re.MULTILINE)} == set()


# Messages


def test_no_message_sends_anybody_to_a_page_that_the_wheel_does_not_hold():
    named = []
    for path in (ROOT / "storage_router").rglob("*.py"):
        tree = ast.parse(text_of(path))
        # Docstrings, and those of names, stand alone as statements.
        alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        named += [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone
            if re.search(r"docs/|\.md\b", node.value)
        ]
    assert named == []


# Pictures


def test_the_pictures_are_what_the_script_draws(monkeypatch, tmp_path, capsys):
    diagrams = runpy.run_path(str(ROOT / "tools/diagrams.py"))
    assert diagrams["main"](["--check"]) == 0
    monkeypatch.setitem(diagrams["main"].__globals__, "FOLDER", tmp_path)
    assert diagrams["main"](["--check"]) == 1
    assert "identity.svg is stale; run python tools/diagrams.py" in capsys.readouterr().out
    assert diagrams["main"]([]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in (ROOT / "docs/pictures").glob("*.svg")}
    for path in tmp_path.iterdir():
        assert ET.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"
        assert f"(pictures/{path.name})" in EVERYWHERE


def test_the_screenshots_are_small_and_each_is_on_a_page():
    for path in (ROOT / "docs/pictures").glob("*.png"):
        assert path.stat().st_size < 150_000, path.name
        assert f"(pictures/{path.name})" in EVERYWHERE
