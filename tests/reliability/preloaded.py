"""A WSGI application for ``gunicorn --preload``: it uses its storage while it is imported, before workers are forked.

``POST /name`` stores the body and answers with what is stored; ``GET /name`` answers with it. Options of the storage
come as JSON in ``STORAGE``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings

FILES = {"type": "azure", **json.loads(os.environ["STORAGE"])}
OPTIONS = {"backends": {"files": FILES}, "default": "files"}
settings.configure(STORAGES={"default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": OPTIONS}})

from django.core.files.base import ContentFile  # noqa: E402
from django.core.files.storage import default_storage  # noqa: E402

PRELOADED = default_storage.save("preloaded.txt", ContentFile(b"before the fork"))
assert default_storage.open(PRELOADED).read() == b"before the fork"


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    name = environ["PATH_INFO"].lstrip("/")
    if environ["REQUEST_METHOD"] == "POST":
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        name = default_storage.save(name, ContentFile(body))
    with default_storage.open(name) as file:
        content = file.read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Name", name), ("X-Worker", str(os.getpid()))])
    return [content]
