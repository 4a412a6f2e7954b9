"""Run as a program: use a storage, fork, and use it in the children and the parent at the same time.

Arguments: the options of the storage as JSON, the number of children, how many files each saves. Exit status 0 if each
read back what it saved itself.
"""

from __future__ import annotations

import io
import json
import os
import sys
import traceback
from typing import Any

import django
from django.conf import settings

NUMBERS = 700_000
"""Numbers in a file that is larger than what is held in memory: its beginning is in a temporary file."""


def work(storage: object, who: str, rounds: int) -> None:
    """Save, read back, list and sign, and compare: an answer to somebody else's request would show."""
    from django.core.files.base import ContentFile

    for number in range(rounds):
        name, content = f"{who}/{number}.txt", f"{who}-{number}".encode() * 500
        assert storage.save(name, ContentFile(content)) == name
        with storage.open(name) as file:
            assert file.read() == content, name
        assert f"{who}/{number}.txt" in storage.url(name)
        assert storage.size(name) == len(content)
    assert len(storage.listdir(who)[1]) == rounds


def read_back_and_forth(numbers: Any) -> None:
    """Read a file of NUMBERS numbers, 4 bytes each, from its end to its beginning, several times."""
    for first in [*range(0, NUMBERS, 100)] * 3:
        numbers.seek(-4 * (first + 1), io.SEEK_END)
        assert int.from_bytes(numbers.read(4), "big") == NUMBERS - 1 - first


def main(options: dict[str, object], children: int, rounds: int) -> int:
    from storage_router import AzureStorage
    from tests.kit.azurite import UnsignedTokenCredential

    if "connection_string" not in options:
        options["token_credential"] = UnsignedTokenCredential()
    storage = AzureStorage(**options)
    # Connections, a token, a delegation key and, with a file half read, threads.
    work(storage, "before", 2)
    with storage.open("large.bin") as half_read, storage.open("numbers.bin") as numbers:
        beginning = half_read.read(5 * 2**20)
        pids = []
        for child in range(children):
            pid = os.fork()
            if not pid:
                try:
                    work(storage, f"child{child}", rounds)
                    read_back_and_forth(numbers)
                    assert half_read.read() == b"tail"
                    status = 0
                except BaseException:  # noqa: BLE001 - a child must not run on as a second pytest or parent
                    traceback.print_exc()
                    status = 1
                sys.stderr.flush()
                os._exit(status)
            pids.append(pid)
        work(storage, "parent", rounds)
        read_back_and_forth(numbers)
        assert beginning + half_read.read() == b"\0" * (5 * 2**20) + b"tail"
    return max(os.waitpid(pid, 0)[1] for pid in pids)


if __name__ == "__main__":
    settings.configure()
    django.setup()
    sys.exit(bool(main(json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
