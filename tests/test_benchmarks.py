"""The benchmarks start, name their rows, and measure one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_the_list_names_the_rows_of_the_contract() -> None:
    """Section 9: every row of the table is measured."""
    rows = benchmarks("--list").stdout.splitlines()
    for work in ("url signed", "url unsigned", "routing", "import", "save 10 kB", "first 100 bytes", "collectstatic"):
        assert any(row.startswith(work) for row in rows), work
    assert {"1 GiB up", "1 GiB down", "listing 100,000 files", "url of a private file"} <= set(rows)
    for work in (
        "private file of 1 GiB",
        "comparing two containers",
        "moving 10,000 files",
        "telemetry",
        "loop's wait",
    ):
        assert any(row.startswith(work) for row in rows), work


def test_one_row_can_be_run_alone(tmp_path: Path) -> None:
    """Section 9: a row prints its figures and whether its goal is reached, and leaves a record."""
    record = tmp_path / "bench.json"
    done = benchmarks("--row", "routing, 3 routes", "--rounds", "1", "--json", str(record))
    assert done.stderr == ""
    assert "dict look-up" in done.stdout
    assert "at most 1.5 us" in done.stdout
    assert '"routing, 3 routes"' in record.read_text()
    assert done.returncode in (0, 1)  # a busy machine misses goals


def test_the_table_for_the_documentation_leaves_details_out_unless_they_miss_a_goal(tmp_path: Path) -> None:
    """Section 9: what a reader of the page looks for, and everything that is worse than promised."""
    page = tmp_path / "bench.md"
    done = benchmarks("--row", "url unsigned", "--row", "routing, 3 routes", "--rounds", "1", "--markdown", str(page))
    heading, _, unsigned, *details = page.read_text().splitlines()
    assert heading == "| work | storage_router | django-storages | compared with |"
    assert unsigned.startswith("| url unsigned | ")
    assert bool(details) is ("MISSED" in done.stdout.partition("routing, 3 routes")[2])


def test_an_unknown_row_is_an_error() -> None:
    """A misspelt row measures nothing and says so."""
    done = benchmarks("--row", "nothing like it")
    assert done.returncode == 2
    assert "there is no such row; --list prints them" in done.stderr
