"""Imports point down: a module imports its own room and the rooms on the floors below it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "storage_router"

FLOORS = (
    {"exceptions"},
    {"delegation", "forks", "globs", "names", "media_types", "records"},
    {"files", "events"},
    {"conf", "aio"},
    {"routing", "references"},
    {"azure"},
    {"factory"},
    {"router"},
    {"staticfiles"},
    {"telemetry", "tenancy", "transactions"},
    {"installed", "health"},
    {"management"},
    {"provision"},
    {"doctor"},
    {"delivery", "moving"},
    {"uploads"},
    {"checks", "urls", "console"},
    {"apps"},
)
"""The rooms of ``storage_router/``, the lowest first. ``__init__`` gives out names; ``testing`` is the users'."""


def imported(path: Path) -> Iterator[str]:
    """Yield the rooms that a module imports from, wherever in the file."""
    package = ("storage_router", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1], node.module or ""] if node.level else [node.module or ""]
            names = [".".join(filter(None, [*base, alias.name])) for alias in node.names]
        yield from (name.split(".")[1] for name in names if name.startswith("storage_router."))


def test_imports_point_down():
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room in ("__init__", "testing"):
            continue
        wrong += [
            f"{path.relative_to(PACKAGE)} imports {target}"
            for target in imported(path)
            if target != room and floor.get(target, 99) >= floor[room]
        ]
    assert wrong == []


def test_no_room_is_named_after_what_nobody_sorted():
    names = {part.removesuffix(".py") for path in PACKAGE.rglob("*.py") for part in path.relative_to(PACKAGE).parts}
    assert names.isdisjoint({"utils", "helpers", "common", "constants", "misc"})
