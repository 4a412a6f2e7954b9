"""Imports point one way: the floors of docs/architecture.md, compared with the imports in the source.

The table is read from the document, so that the picture which people learn from is the one that holds.
"""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "storage_router"
TABLE_ROW = re.compile(r"^\| (\d+) \| (.*?) \|", re.MULTILINE)
FORBIDDEN_NAMES = {"utils", "helpers", "common", "models", "constants", "misc"}
# Django takes a directory of that name in an installed app for the app's own: collectstatic would publish our modules.
FORBIDDEN_DIRECTORIES = {"static", "templates", "templatetags", "locale", "migrations"}
# `__init__` hands out names lazily; `testing` is a kit for tests, and may import everything.
OUTSIDE = {"__init__", "testing"}


def floors(document: str) -> dict[str, int]:
    """Read room -> floor, such as ``{"azure": 4, "management": 9}``."""
    return {
        room.strip("/").replace("/", "."): int(floor)
        for floor, rooms in TABLE_ROW.findall(document)
        for room in re.findall(r"`([\w/]+)`", rooms)
    }


FLOORS = floors((ROOT / "docs/architecture.md").read_text(encoding="utf-8"))
MODULES = sorted(PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    """``conf/routes.py`` is ``conf.routes``; a package is its own name, the top one ``__init__``."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts if parts == ("__init__",) or parts[-1] != "__init__" else parts[:-1])


NAMES = {module_name(path) for path in MODULES}


def room_of(module: str, table: dict[str, int]) -> str | None:
    """Return the room of the table that ``module`` is in: the longest name that it starts with."""
    parts = module.split(".")
    names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((name for name in names if name in table), None)


def imports(source: str, module: str, *, is_package: bool = False) -> Iterator[str]:
    """Yield the modules of this package that ``source`` imports, wherever in the file, relative or absolute."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    package = [] if module == "__init__" else package
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "storage_router":
                    yield alias.name.removeprefix("storage_router").lstrip(".") or "__init__"
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = package[: len(package) - node.level + 1] + (node.module or "").split(".")
            elif (node.module or "").split(".")[0] == "storage_router":
                base = (node.module or "").split(".")[1:]
            else:
                continue
            stem = ".".join(part for part in base if part)
            for alias in node.names:
                # `from .conf import options` names a module, `from .conf.options import AzureOptions` what is in one.
                dotted = f"{stem}.{alias.name}".lstrip(".")
                yield dotted if dotted in NAMES else stem or "__init__"


def upward(source: str, module: str, table: dict[str, int], *, is_package: bool = False) -> list[str]:
    """Return one sentence for each import of ``module`` that does not point down."""
    home = room_of(module, table)
    found = []
    for target in imports(source, module, is_package=is_package):
        room = room_of(target, table)
        if target.split(".")[0] == "testing" != module.split(".")[0]:
            found.append(f"{module} imports the test kit: {target}")
        elif home is None or room == home:
            continue
        elif room is None:
            found.append(f"{module} imports {target}, which has no floor")
        elif table[room] > table[home]:
            found.append(f"{module} (floor {table[home]}) imports {target} (floor {table[room]})")
    return found


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules of one cycle in import order, or nothing."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_the_table_of_the_document_is_read():
    assert FLOORS["exceptions"] == 0
    assert FLOORS["azure"] < FLOORS["factory"] < FLOORS["router"] < FLOORS["management"]


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_every_module_has_a_floor(path):
    module = module_name(path)
    assert room_of(module, FLOORS) or module.split(".")[0] in OUTSIDE, (
        f"{module} is in no room of the table in docs/architecture.md: give it a floor there"
    )


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_point_down(path):
    module = module_name(path)
    assert upward(path.read_text(encoding="utf-8"), module, FLOORS, is_package=path.stem == "__init__") == []


def test_no_modules_import_each_other_in_a_circle():
    graph = {
        module_name(path): set(
            imports(path.read_text(encoding="utf-8"), module_name(path), is_package=path.stem == "__init__")
        )
        for path in MODULES
        if module_name(path) != "__init__"
    }
    assert cycle(graph) == []


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_no_room_is_named_after_what_nobody_sorted(path):
    assert FORBIDDEN_NAMES.isdisjoint(path.relative_to(PACKAGE).with_suffix("").parts)


def test_no_directory_of_the_package_means_something_to_django():
    assert FORBIDDEN_DIRECTORIES.isdisjoint(path.name for path in PACKAGE.iterdir() if path.is_dir())


@pytest.mark.parametrize(
    ("source", "module", "message"),
    [
        ("from .router import RouterStorage", "routing", "routing (floor 3) imports router (floor 6)"),
        ("from ..factory import storages", "azure.storage", "azure.storage (floor 4) imports factory (floor 5)"),
        (
            "def late():\n    import storage_router.staticfiles",
            "router",
            "router (floor 6) imports staticfiles (floor 7)",
        ),
        ("from storage_router.routing import Match", "names", "names (floor 1) imports routing (floor 3)"),
        ("import storage_router", "conf.options", "conf.options imports __init__, which has no floor"),
        ("from .testing.azurite import Azurite", "doctor", "doctor imports the test kit: testing.azurite"),
    ],
)
def test_an_import_that_points_up_is_found(source, module, message):
    assert upward(source, module, FLOORS) == [message]


def test_an_import_that_points_down_is_not_found():
    source = "from ..conf import options\nfrom ..exceptions import BlobError\nfrom .errors import translated"
    assert upward(source, "azure.storage", FLOORS) == []


def test_a_circle_is_found():
    assert set(cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_every_module_is_described(path):
    room, _, name = module_name(path).rpartition(".")
    if path.name == "__init__.py" or room in {"testing", "testing.suite"} or room.startswith("management."):
        return
    wanted = name if room in {"", "conf", "azure"} else f"{room}.{name}"
    document = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert f"`{wanted}`" in document, f"docs/architecture.md does not say what {wanted} holds"
