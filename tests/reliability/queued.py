"""A Django project with a Celery app: the worker uses its storages before its pool is forked, its tasks use them after.

Run as a program it puts tasks into the queue, waits for all of them, and prints what they returned as JSON. Arguments:
how many tasks. ``BROKER`` is the URL of the queue and its results, ``BACKENDS`` are the two backends as JSON.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import django
from celery import Celery, signals
from django.conf import settings

import storage_router
from storage_router.azure import urls
from tests.kit.azurite import AccessToken, UnsignedTokenCredential

BROKER = os.environ["BROKER"]
BACKENDS = json.loads(os.environ["BACKENDS"])
CONFIG = {"backends": BACKENDS, "routes": [{"prefix": "signed/", "backend": "signed"}], "default": "files"}
CONNECTIONS = 4
LARGE, SMALL = 5 * 2**20, 10_000
WAIT = 600

settings.configure(STORAGES=storage_router.storages(CONFIG), INSTALLED_APPS=["storage_router"])
django.setup()

app = Celery("queued", broker=BROKER, backend=BROKER)
app.conf.broker_connection_retry_on_startup = True
# At the full hour a child would ask for another key to sign links with: here, it is always the same time.
STARTED = time.time()
urls.time = SimpleNamespace(time=lambda: STARTED)  # type: ignore[assignment]
tokens_asked_by: list[int] = []
"""The processes that asked for a token; a child has its parent's list to begin with."""


class Credential(UnsignedTokenCredential):
    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        tokens_asked_by.append(os.getpid())
        return super().get_token(*scopes, **options)


def content_of(name: str) -> bytes:
    """Return what a file of this name holds; every tenth is large: blocks and ranges of it go by threads."""
    line = f"{name}\n".encode()
    return line * ((LARGE if name.endswith("0.txt") else SMALL) // len(line))


def keep(name: str) -> None:
    """Save a file, read it back, and follow a link to it."""
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage

    content = content_of(name)
    assert default_storage.save(name, ContentFile(content)) == name
    with default_storage.open(name) as file:
        assert file.read() == content, name
    link = default_storage.url(name)
    verify = BACKENDS["signed"]["client_options"]["connection_verify"]
    context = ssl.create_default_context(cafile=verify) if link.startswith("https:") else None
    with urllib.request.urlopen(link, timeout=120, context=context) as answer:
        assert answer.read() == content, name


@signals.worker_init.connect
def use_before_the_fork(**_: Any) -> None:
    """Leave open connections over HTTP and TLS, a token and a delegation key behind."""
    first, *others = before_the_fork()
    # One thread asks for the token: the SDK's policy lets each thread ask that finds none.
    keep(first)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(keep, others))


def before_the_fork() -> list[str]:
    return [f"{folder}before{number}.txt" for number in range(CONNECTIONS) for folder in ("signed/", "")]


@app.task(name="store")
def store(number: int) -> dict[str, Any]:
    from django.core.files.storage import default_storage

    default_storage.url("signed/before0.txt")
    for_the_link = list(tokens_asked_by)
    keep(f"{number}.txt")
    keep(f"signed/{number}.txt")
    return {"pid": os.getpid(), "parent": os.getppid(), "for_the_link": for_the_link, "in_all": tokens_asked_by}


if __name__ == "__main__":
    waiting = [app.send_task("store", (number,)) for number in range(int(sys.argv[1]))]
    sys.stdout.write(json.dumps([task.get(timeout=WAIT, interval=0.05) for task in waiting]))
