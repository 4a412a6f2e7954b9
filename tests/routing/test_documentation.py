"""The worked table of docs/routing.md is what the routes above it do."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from storage_router.conf.routes import RouteOptions
from storage_router.routing import RouteTable, find_problems

PAGE = (Path(__file__).parent.parent.parent / "docs/routing.md").read_text(encoding="utf-8")
[CONFIGURATION] = [tomllib.loads(block) for block in re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)]
ROWS = re.findall(r"^\| `([^`]+)` \| (\w+) \| (\w+) \| `([^`]+)` \|$", PAGE, re.MULTILINE)
TABLE = RouteTable([RouteOptions(**route) for route in CONFIGURATION["routes"]], CONFIGURATION["default"])


def test_the_table_is_found():
    assert len(ROWS) == 12
    assert find_problems(TABLE, ["media", "static", "exports", "private", "bulk", "records"]) == []


@pytest.mark.parametrize(("name", "route", "backend", "own_name"), ROWS)
def test_each_row_is_true(name, route, backend, own_name):
    # R2, R3, R5
    match = TABLE.match(name)
    assert (match.alias, match.name) == (backend, own_name)
    assert str("default" if match.route is None else match.route.index) == route


def test_the_example_of_a_changed_name_is_true():
    # R6
    routes = [RouteOptions(backend="reports", glob=("reports/20??.pdf",))]
    wider = [RouteOptions(backend="reports", glob=("reports/20??*.pdf",))]
    for name, alias in (("reports/2026.pdf", "reports"), ("reports/2026_x7Gk2aP.pdf", "media")):
        assert RouteTable(routes, "media").match(name).alias == alias
        assert RouteTable(wider, "media").match(name).alias == "reports"
