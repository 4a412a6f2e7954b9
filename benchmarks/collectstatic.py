"""What ``collectstatic`` costs: 2,130 files, side by side with django-storages and with the same bytes written by
obstore.

    python benchmarks/collectstatic.py                      # direct, and behind a proxy that adds 10 ms
    python benchmarks/collectstatic.py --ours --rounds 3    # without django-storages, which takes minutes

Needs django-storages and obstore beside the development requirements, and Azurite (AZURITE_BIN). Each contender runs
in a process of its own, in a new container of a new Azurite; the time is that of the command, Django being set up
already. The floor reads the same files and puts them, 32 at a time, without looking at what is there.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
os.environ.setdefault("AZURITE_BIN", str(ROOT / "tools/azurite/node_modules/.bin/azurite-blob"))

FILES = 2130
CONTAINER = "static"


def make_files(folder: Path) -> int:
    """Write 2,130 files as a project has them, most of them small, about 14 MB in all; the same ones each time."""
    chance = random.Random(2130)
    total = 0
    for index in range(FILES):
        path = folder / f"package{index % 40}" / f"part{index % 7}" / f"file{index}.{('js', 'css', 'svg')[index % 3]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = chance.randbytes(int(min(400_000, chance.lognormvariate(8, 1.3))))
        path.write_bytes(content)
        total += len(content)
    return total


def floor(folder: Path, endpoint: str) -> None:
    """Put the files with obstore."""
    import obstore
    from contenders import object_store

    store = object_store(endpoint, CONTAINER)

    def put(path: Path) -> None:
        obstore.put(store, path.relative_to(folder).as_posix(), path.read_bytes(), use_multipart=False)

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(put, (path for path in folder.rglob("*") if path.is_file())))


def collectstatic(folder: Path, endpoint: str, *, ours: bool) -> Any:
    """Set Django up and return what runs the command."""
    import django
    from django.conf import settings
    from django.core.management import call_command

    from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME

    options = {
        "connection_string": f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT_NAME};AccountKey={ACCOUNT_KEY};"
        f"BlobEndpoint={endpoint};",
        "azure_container": CONTAINER,
    }
    backends = {"static": {"type": "azure", **options}}
    routes = [{"prefix": "static/", "backend": "static", "strip_prefix": True}]
    router = {"BACKEND": "storage_router.RouterStorage", "OPTIONS": {"backends": backends, "routes": routes}}
    storages = {
        True: {"default": router, "staticfiles": {"BACKEND": "storage_router.StaticFilesStorage"}},
        False: {
            "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
            "staticfiles": {
                "BACKEND": "storages.backends.azure_storage.AzureStorage",
                "OPTIONS": {**options, "overwrite_files": True},
            },
        },
    }
    settings.configure(
        INSTALLED_APPS=[*(["storage_router"] if ours else []), "django.contrib.staticfiles"],
        SECRET_KEY="only for benchmarks",
        STATIC_URL="/static/",
        STATICFILES_DIRS=[folder],
        # Not the files of the apps: the contenders have different ones.
        STATICFILES_FINDERS=["django.contrib.staticfiles.finders.FileSystemFinder"],
        STORAGES=storages[ours],
    )
    django.setup()
    return lambda: call_command("collectstatic", interactive=False, verbosity=0)


def measure(contender: str, folder: Path, endpoint: str) -> None:
    """Run in the process of its own: print the seconds."""
    if contender == "floor":
        import obstore.store  # noqa: F401 - the floor is the requests, not the import

        command = lambda: floor(folder, endpoint)  # noqa: E731
    else:
        command = collectstatic(folder, endpoint, ours=contender == "ours")
    seconds, processor = time.perf_counter(), time.process_time()
    command()
    print(json.dumps([time.perf_counter() - seconds, time.process_time() - processor]))


def run(contender: str, folder: Path, endpoint: str) -> tuple[float, float]:
    """Start the process and return seconds, and seconds of the processor."""
    command = [sys.executable, __file__, "--measure", contender, str(folder), endpoint]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, processor = json.loads(printed.splitlines()[-1])
    return seconds, processor


def compare(folder: Path, round_trip: float, contenders: list[str]) -> dict[str, tuple[float, float]]:
    """Measure the first run and the next one of each contender, each with an Azurite of its own."""
    from azure.storage.blob import BlobServiceClient
    from latency_proxy import latency_proxy

    from tests.kit.azurite import ACCOUNT_NAME, Azurite

    found = {}
    for contender in contenders:
        with ExitStack() as stack:
            azurite = stack.enter_context(Azurite())
            with BlobServiceClient.from_connection_string(azurite.connection_string()) as service:
                service.create_container(CONTAINER)
            port = azurite.port
            if round_trip:
                port = stack.enter_context(latency_proxy(port, round_trip=round_trip))
            endpoint = f"http://127.0.0.1:{port}/{ACCOUNT_NAME}"
            found[f"{contender}, first run"] = run(contender, folder, endpoint)
            if contender != "floor":
                found[f"{contender}, nothing changed"] = run(contender, folder, endpoint)
    return found


def main() -> None:
    """Compare, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", action="store_true", help="leave django-storages out")
    parser.add_argument("--rounds", type=int, default=1, help="repeat, and take the best of each")
    parser.add_argument("--round-trip", type=float, action="append", help="seconds; 0 and 0.010 by default")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        contender, folder, endpoint = given.measure
        measure(contender, Path(folder), endpoint)
        return
    with tempfile.TemporaryDirectory() as folder:
        print(f"{FILES:,} files, {make_files(Path(folder)) / 1e6:.1f} MB")
        for round_trip in given.round_trip or (0.0, 0.010):
            best: dict[str, tuple[float, float]] = {}
            for _ in range(given.rounds):
                for name, figures in compare(
                    Path(folder), round_trip, ["floor", "ours", *([] if given.ours else ["django-storages"])]
                ).items():
                    best[name] = min(figures, best.get(name, figures))
            for name, (seconds, processor) in best.items():
                print(f"{round_trip * 1000:3.0f} ms  {name:32} {seconds:7.2f} s  ({processor:5.2f} s of the processor)")


if __name__ == "__main__":
    main()
