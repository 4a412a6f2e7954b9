"""Run the tests with every version of Python and Django that the package supports. ``make matrix`` runs this.

Interpreters are found by name (``python3.12``), or given in variables: ``PYTHON312=/some/where/python3.12``. One that
is missing fails the run, as does any warning. ``PAIRS="3.13-6.1"`` runs some of them, ``JOBS=2`` two at a time,
``WORKERS=1`` the tests of a pair one after the other. Arguments go to pytest. Environments are kept in ``var/matrix``,
so the second run is faster; what each pair printed is there, too.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "var" / "matrix"
# Django 6.0 was the first that needs Python 3.12: https://docs.djangoproject.com/en/6.0/releases/6.0/
MATRIX = [
    ("3.11", "5.2"),
    *((python, django) for python in ("3.12", "3.13") for django in ("5.2", "6.0", "6.1")),
]


def main(arguments: list[str]) -> int:
    """Run the pairs, go on after failures, print a table; return 1 if one failed."""
    wanted = os.environ.get("PAIRS", "").split()
    unknown = set(wanted) - {f"{python}-{django}" for python, django in MATRIX}
    if unknown:
        print(f"Not supported: {', '.join(sorted(unknown))}")
        return 2
    KEPT.mkdir(parents=True, exist_ok=True)
    pairs = [pair for pair in MATRIX if not wanted or "-".join(pair) in wanted]
    with ThreadPoolExecutor(int(os.environ.get("JOBS") or 1)) as jobs:
        results = list(jobs.map(lambda pair: tried(*pair, arguments), pairs))
    for row in [("Python", "Django", "tests", "time"), *results]:
        print("{:8} {:8} {:14} {}".format(*row))
    return int(any(status != "ok" for _, _, status, _ in results))


def tried(python: str, django: str, arguments: list[str]) -> tuple[str, str, str, str]:
    """Run the tests of a pair, print how they ended, and return its row of the table."""
    print(f"Python {python}, Django {django}: began", flush=True)
    began = time.monotonic()
    log = KEPT / f"{python}-{django}.log"
    try:
        environment = install(python, django)
        status = "ok" if run(environment, arguments, log) == 0 else "failed"
        printed = log.read_text(encoding="utf-8")
        ended = printed if status == "failed" else printed.rstrip().rpartition("\n")[2]
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        status, ended = "not installed", str(error)
    print(f"Python {python}, Django {django}: {status}. {ended}", flush=True)
    return python, django, status, f"{time.monotonic() - began:.0f} s"


def install(python: str, django: str) -> Path:
    """Make or bring up to date the environment of a pair, and return where it is."""
    variable = f"PYTHON{python.replace('.', '')}"
    name = os.environ.get(variable) or f"python{python}"
    interpreter = shutil.which(name)
    # pyenv has a shim of each name, which fails where no version of it is switched on.
    if interpreter is None or subprocess.run([interpreter, "-c", ""], check=False, capture_output=True).returncode:
        raise FileNotFoundError(f"There is no {name} here. Install it, or say where it is: {variable}=/path/to/it")
    environment = KEPT / f"{python}-{django}"
    if not (environment / "bin/python").exists():
        subprocess.run([interpreter, "-m", "venv", "--clear", environment], check=True)
    # The pins, with this Django instead of theirs.
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    constraints = environment / "constraints.txt"
    constraints.write_text(re.sub(r"^Django==.*\n", "", pins, flags=re.MULTILINE) + f"Django=={django}.*\n")
    pip = [environment / "bin/python", "-m", "pip", "install", "--quiet", "--constraint", constraints]
    subprocess.run([*pip, "--upgrade", "pip"], check=True)
    subprocess.run([*pip, "--editable", ROOT, "--group", f"{ROOT / 'pyproject.toml'}:test"], check=True)
    return environment


def run(environment: Path, arguments: list[str], log: Path) -> int:
    """Run the tests in an environment, and return pytest's exit status; what it printed is in ``log``."""
    parallel = [f"--numprocesses={os.environ.get('WORKERS') or 'auto'}", "--dist=worksteal"]
    pytest = [environment / "bin/python", "-W", "error", "-m", "pytest", "-q", "--ignore=tests/browser"]
    with log.open("w", encoding="utf-8") as printed:
        return subprocess.run(
            [*pytest, *parallel, *arguments], cwd=ROOT, check=False, stdout=printed, stderr=subprocess.STDOUT
        ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
