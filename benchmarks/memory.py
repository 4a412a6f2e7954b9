"""What saving and reading 1 GiB add to a process's memory (A3: at most 64 MiB).

Each measurement is a process of its own, against an Azurite that is started for it. What counts is the peak of the
resident memory from a warm start (one small save and one small read have loaded the SDK) to the end.

    python benchmarks/memory.py [--mebibytes 1024] [--json]

Exits with status 1 if a measurement exceeds the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 64 * 2**20
WAYS = ("save a file", "save a stream", "read in chunks", "read by lines", "append")

ROOT = Path(__file__).resolve().parent.parent
_PIECE = 2**20


def main() -> int:
    """Measure each of ``WAYS`` and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--connection-string", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("AZURITE_BIN", str(ROOT / "tools/azurite/node_modules/.bin/azurite-blob"))
    if arguments.way:
        print(json.dumps(measure(arguments.way, arguments.mebibytes, arguments.connection_string)))
        return 0
    results = {way: _in_a_process(way, arguments.mebibytes) for way in WAYS}
    if arguments.json:
        print(json.dumps(results))
    else:
        for way, result in results.items():
            print(f"{way:16}{result['added'] / 2**20:8.1f} MiB added in {result['seconds']:.1f} s")
    return int(any(result["added"] > LIMIT for result in results.values()))


def measure(way: str, mebibytes: int, connection_string: str) -> dict[str, float]:
    """Do it in this process; return the bytes that it added at its peak, and the seconds that it took."""
    from django.conf import settings

    settings.configure(SECRET_KEY="only to measure")
    from django.core.files.base import ContentFile, File

    from storage_router.azure.storage import AzureStorage

    storage = AzureStorage(connection_string=connection_string, azure_container="memory")
    with storage.open(storage.save("warm", ContentFile(b"warm"))) as file:
        file.read()
    with tempfile.TemporaryFile() as source:
        # Lines of 1 KiB, so that there is something for a reader of lines.
        piece = b"".join(os.urandom(255).hex().encode() + b"\n" for _ in range(_PIECE // 511))
        for _ in range(mebibytes * 2**20 // len(piece) + 1):
            source.write(piece)
        size = source.tell()
        source.seek(0)
        if not way.startswith("save"):
            storage.save("big", File(source, "big"))
        _reset_peak()
        before, started = _peak(), time.perf_counter()
        if way == "save a file":
            storage.save("big", File(source, "big"))
        elif way == "save a stream":
            with subprocess.Popen(["cat"], stdin=source, stdout=subprocess.PIPE) as stream:
                storage.save("big", File(stream.stdout, "big"))
        elif way == "append":
            with storage.open("big", "ab") as file:
                file.write(piece)
            size += len(piece)
        else:
            with storage.open("big") as file:
                parts = file.chunks() if way == "read in chunks" else file
                assert sum(map(len, parts)) == size
        seconds = time.perf_counter() - started
    assert storage.size("big") == size
    return {"added": _peak() - before, "seconds": seconds}


def _in_a_process(way: str, mebibytes: int) -> dict[str, float]:
    from azure.storage.blob import BlobServiceClient

    from storage_router.testing.azurite import Azurite

    with Azurite() as azurite:
        with BlobServiceClient.from_connection_string(azurite.connection_string()) as service:
            service.create_container("memory")
        command = [sys.executable, __file__, "--way", way, "--mebibytes", str(mebibytes)]
        command += ["--connection-string", azurite.connection_string()]
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(printed)


def _reset_peak() -> None:
    # https://www.kernel.org/doc/html/latest/filesystems/proc.html: 5 resets the peak resident set size.
    Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """Return the peak of the resident memory, in bytes. Linux only."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("This system does not tell a process its peak memory.")


if __name__ == "__main__":
    sys.exit(main())
