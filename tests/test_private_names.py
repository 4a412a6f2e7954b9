"""H3: the private names of other packages that the code uses are those of the table in docs/architecture.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TREES = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "storage_router").rglob("*.py")]
ROWS = re.findall(
    r"^\| `(_\w+)` \|.*\| `([\w/]+\.py)::(\w+)` \|$",
    (ROOT / "docs/architecture.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)

DOCUMENTED = {
    "_meta": "https://docs.djangoproject.com/en/stable/ref/models/meta/",
    "_default_manager": "https://docs.djangoproject.com/en/stable/topics/db/managers/#default-managers",
    "_base_manager": "https://docs.djangoproject.com/en/stable/topics/db/managers/#base-managers",
    "_open": "https://docs.djangoproject.com/en/stable/howto/custom-file-storage/",
    "_save": "https://docs.djangoproject.com/en/stable/howto/custom-file-storage/",
    "_replace": "https://docs.python.org/3/library/collections.html#collections.somenamedtuple._replace",
    "_asdict": "https://docs.python.org/3/library/collections.html#collections.somenamedtuple._asdict",
}
"""Public in spite of their underscore, and where that is said."""

NAMED = {"_expire_at", "_get_content_settings_parameters", "_get_service_client", "_get_valid_path", "_normalize_name"}
"""Methods of django-storages that a check looks for in subclasses, to say that nobody calls them here."""


def private(name: str) -> bool:
    return bool(re.fullmatch(r"_[A-Za-z0-9]\w*", name))


def defined(tree: ast.Module) -> Iterator[str]:
    """Yield every name that a module defines or assigns."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def used(tree: ast.Module) -> Iterator[str]:
    """Yield every name that a module reads, imports or has as a string, as ``getattr`` and ``vars()[…]`` take it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)
            yield from (node.module or "").split(".")
        elif isinstance(node, ast.Import):
            yield from (part for alias in node.names for part in alias.name.split("."))


def test_the_private_names_of_other_packages_are_those_of_the_table():
    own = {name for tree in TREES for name in defined(tree)}
    found = {name for tree in TREES for name in used(tree) if private(name) and not name.startswith("_storage_router")}
    assert found - own - NAMED - DOCUMENTED.keys() <= {name for name, _, _ in ROWS}


@pytest.mark.parametrize(("name", "path", "test"), ROWS, ids=[name for name, _, _ in ROWS])
def test_each_name_of_the_table_is_used_and_has_the_test_that_notices_when_it_goes(name, path, test):
    found = {found for tree in TREES for found in (*used(tree), *defined(tree))}
    assert name in found, "the code does not need it any more: remove the row"
    assert re.search(rf"^ *def {test}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
