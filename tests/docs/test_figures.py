"""Figures are those of one table, that of docs/performance.md; elsewhere they are few, and agree with it."""

from __future__ import annotations

import re

import pytest

from storage_router.azure.pipeline import FIRST_WAIT
from tests.docs.pages import PAGES, ROOT, text_of

README = text_of(ROOT / "README.md")
PERFORMANCE = text_of(ROOT / "docs/performance.md")
SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}

# The README's words for a row, and its name in the table.
ROWS = {
    "a signed URL": "url signed, distinct names",
    "saving 10 kB, 10 ms": "save 10 kB, 10 ms",
    "the first 100 bytes of 1 GiB": "first 100 bytes of 1 GiB",
    "reading 1 GiB": "1 GiB down",
    "`collectstatic`, 2,130 files, 10 ms, first run": "collectstatic, first run, 10 ms",
    "`collectstatic` again, nothing changed, 10 ms": "collectstatic, nothing changed, 10 ms",
    "listing 100,000 files": "listing 100,000 files",
}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def measured() -> dict[tuple[str, str], list[str]]:
    """The table: the figures of each work and contender, the time first."""
    table = re.search(r"^\| work \| storage_router .*?\n\n", PERFORMANCE, re.MULTILINE | re.DOTALL)
    found = {}
    for work, ours, theirs, _ in map(cells, table[0].strip().splitlines()[2:]):
        found |= {(work, "ours"): ours.partition(";")[0].split(", "), (work, "django-storages"): theirs.split(", ")}
    return found


def said() -> list[tuple[str, str, str]]:
    """Work, contender and figure of the README's table."""
    table = re.search(r"^\| work \| storage_router .*?\n\n", README, re.MULTILINE | re.DOTALL)
    _, _, *lines = table[0].strip().splitlines()
    return [
        (work, contender, figure)
        for work, ours, theirs in map(cells, lines)
        for contender, text in (("ours", ours), ("django-storages", theirs))
        for figure in text.split(", ")
    ]


def test_every_row_of_the_readme_is_one_of_the_table():
    assert {work for work, _, _ in said()} == set(ROWS)
    assert set(ROWS.values()) <= {work for work, _ in measured()}


@pytest.mark.parametrize(("work", "contender", "figure"), said())
def test_a_figure_of_the_readme_is_the_tables_rounded(work, contender, figure):
    time, *others = measured()[ROWS[work], contender]
    number, unit = figure.rsplit(" ", 1)
    if unit not in SECONDS:
        assert figure in others
        return
    value, its_unit = time.split(" ")
    half = 0.5 / 10 ** len(number.partition(".")[2])
    assert abs(float(value) * SECONDS[its_unit] / SECONDS[unit] - float(number)) <= half + 1e-9


def test_both_tables_are_of_one_run():
    [date] = re.findall(r"^Measured on (\S+) by `make bench`", README, re.MULTILINE)
    assert f"\n{date}, Linux" in PERFORMANCE


def test_no_other_page_has_times_of_its_own():
    exempt = ("README.md", "CHANGELOG.md", "performance.md")
    others = {page.name: text_of(page) for page in PAGES if page.name not in exempt}
    times = {(name, time) for name, text in others.items() for time in re.findall(r"\b[\d.]+ (?:µs|us|ms)\b", text)}
    # The round trip that the benchmarks' proxy adds.
    assert {time for _, time in times} <= {"10 ms"}, times


def test_the_time_until_a_refused_connection_is_an_error_is_the_sum_of_the_waits():
    page = text_of(ROOT / "docs/reliability.md")
    [total, waits] = re.findall(r"some (\d+) s: six attempts, with waits of (.*?) s on average", page)[0]
    summed = [float(wait) for wait in re.findall(r"[\d.]+", waits)]
    assert summed == [FIRST_WAIT * 2**attempt for attempt in range(5)]
    assert int(total) == round(sum(summed))
