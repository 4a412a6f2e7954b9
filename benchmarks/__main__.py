"""Measure what the package costs, beside django-storages, the SDK and the floor, in one run.

    python benchmarks                      # every row; `make bench` installs what it needs first
    python benchmarks --row "url"          # the rows whose name begins so
    python benchmarks --json var/bench.json --markdown var/bench.md

The contenders of a row take turns, round by round, each measurement in a process of its own that checks the results
which it times. The table shows medians for one operation (memory: what all of them added at their peak), and how many
times as long as ours the others took. The exit status is 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
os.environ.setdefault("AZURITE_BIN", str(HERE.parent / "tools/azurite/node_modules/.bin/azurite-blob"))

import table  # noqa: E402 - the path comes first
from measuring import Figures  # noqa: E402
from rows import ROWS, Row  # noqa: E402
from servers import Servers  # noqa: E402

LONGEST = 1800
"""Seconds after which a measurement is given up."""


def main() -> int:
    """Measure the rows asked for."""
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--row", action="append", default=[], help="only rows whose name begins so; may be repeated")
    parser.add_argument("--rounds", type=int, help="measurements of each contender; each row has its own default")
    parser.add_argument("--json", type=Path, help="write every single measurement there")
    parser.add_argument("--markdown", type=Path, help="write the table there, for the documentation")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    given = parser.parse_args()
    if given.list:
        print("\n".join(row.name for row in ROWS))
        return 0
    rows = [row for row in ROWS if row.name.startswith(tuple(given.row) or "")]
    if not rows:
        parser.error("there is no such row; --list prints them")
    print(f"{machine()}\n\n{table.heading()}", flush=True)
    found: list[tuple[Row, table.Rounds]] = []
    try:
        for row in rows:
            found.append((row, measured(row, given.rounds or row.rounds)))
            print("\n".join(table.lines(*found[-1])), flush=True)
    finally:
        # What was measured before an error or an interruption is kept.
        if given.json:
            given.json.parent.mkdir(parents=True, exist_ok=True)
            record = {"machine": machine(), "rows": {row.name: rounds for row, rounds in found}}
            given.json.write_text(json.dumps(record, indent=1))
        if given.markdown:
            given.markdown.write_text(table.markdown(found))
    return int(not all(reached for each in found for _, reached in table.judged(*each)))


def measured(row: Row, count: int) -> table.Rounds:
    """Return, for each round, the figures of each contender; who went first in one round goes last in the next."""
    with Servers(row) as servers:
        rounds = []
        for number in range(count):
            order = row.contenders if number % 2 == 0 else row.contenders[::-1]
            rounds.append({contender: _in_a_process(row, contender, servers.endpoint()) for contender in order})
    return rounds


def _in_a_process(row: Row, contender: str, endpoint: str) -> Figures:
    command = [sys.executable, str(HERE / "measure.py"), row.work, contender, endpoint]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=LONGEST)
    if done.returncode != 0:
        raise SystemExit(f"{row.name}, {contender}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def machine() -> str:
    """Return what the figures are measured on, and when."""
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return f"{dt.date.today().isoformat()}: {system}"  # noqa: DTZ011 - a date for people


if __name__ == "__main__":
    sys.exit(main())
