"""Measure what a look-up costs: microseconds for 3 routes and for 10,000, and through the whole router.

    python benchmarks/routing.py

Each figure is processor time, the fastest of several runs; a bare dictionary look-up of the same names stands beside
it. Exit status 1 if a table misses its goal: 1.5 us for 3 routes, 2.5 us for 10,000.
"""

from __future__ import annotations

import os
import sys
import time
import timeit
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]
os.environ.pop("DJANGO_SETTINGS_MODULE", None)

from django.conf import settings  # noqa: E402 - the path comes first

settings.configure(SECRET_KEY="benchmark", USE_TZ=True)

from storage_router import RouterStorage  # noqa: E402 - the settings come first
from storage_router.conf.routes import RouteOptions  # noqa: E402
from storage_router.names import clean_name  # noqa: E402
from storage_router.routing import RouteTable  # noqa: E402

FILMS = RouteOptions(backend="films", types=("video/*", ".psd"))
FEW = [
    RouteOptions(backend="static", prefix=("static/",), strip_prefix=True),
    RouteOptions(backend="private", prefix=("private/",)),
    FILMS,
]
MANY = [RouteOptions(backend="customers", prefix=(f"customers/{number:05}/",)) for number in range(9_999)] + [FILMS]
NAMES = [
    "photos/2024/07/cat.jpg",
    "static/css/site.css",
    "customers/04711/invoices/9.pdf",
    "private/a.txt",
    "x/film.mp4",
]
GOALS = {"3 routes": 1.5, "10,000 routes": 2.5}


def microseconds(work: Callable[[str], object], names: Sequence[str], *, runs: int = 9, number: int = 4_000) -> float:
    """Return the cost of one call, averaged over the names, in the fastest of the runs."""
    return (
        min(timeit.repeat(lambda: [work(name) for name in names], timer=time.process_time, number=number, repeat=runs))
        / number
        / len(names)
        * 1e6
    )


def main() -> int:
    """Print the table."""
    missed = 0
    looked_up = dict.fromkeys(NAMES, 0)
    floor = microseconds(looked_up.__getitem__, NAMES)
    print(f"{'a dictionary look-up':34} {floor:6.2f} us")
    print(f"{'clean_name':34} {microseconds(clean_name, NAMES):6.2f} us")
    for label, routes in (("3 routes", FEW), ("10,000 routes", MANY)):
        table = RouteTable(routes, "media")
        cost = microseconds(table.match, NAMES)
        verdict = "ok" if cost <= GOALS[label] else "MISSED"
        missed += cost > GOALS[label]
        print(f"{f'match, {label}':34} {cost:6.2f} us   at most {GOALS[label]} us: {verdict}")
    start = time.process_time()
    RouteTable(MANY, "media")
    compiled = time.process_time()
    assert RouteTable(MANY, "media").problems(["customers", "films", "media"]) == []
    print(f"{'compiling 10,000 routes, once':34} {(compiled - start) * 1e3:6.0f} ms")
    print(f"{'judging 10,000 routes, once':34} {(time.process_time() - compiled) * 1e3:6.0f} ms")
    router = RouterStorage(backends={"media": {"type": "memory", "base_url": "/media/"}}, default="media")
    backend = router.backends["media"]
    through, direct = microseconds(router.url, NAMES, number=1_000), microseconds(backend.url, NAMES, number=1_000)
    print(f"{'url(), beyond what the backend takes':34} {through - direct:4.2f} us")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
