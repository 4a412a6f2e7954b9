"""A project with static files: the settings for it, and its ``collectstatic``."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.management.commands.collectstatic import Command as DjangosCommand
from django.core.files.storage import Storage, storages
from django.core.management import call_command
from django.test import override_settings

DJANGOS = "django.contrib.staticfiles.storage."
OURS = "storage_router."

FILES = {
    "css/site.css": b'@import url("base.css");\nbody { background: url("../img/logo.svg#top") }\n',
    "css/base.css": b"p { margin: 0 }\n/*# sourceMappingURL=base.css.map */\n",
    "css/base.css.map": b'{"version": 3}',
    "img/logo.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "js/main.js": b'import { draw } from "./draw.js";\ndraw();\n//# sourceMappingURL=main.js.map\n',
    "js/draw.js": b"export function draw() {}\n",
    "js/main.js.map": b'{"version": 3}',
    "fonts/icons.eot": b"\x00\x01font",
    "archive.tar.gz": b"\x1f\x8b not really",
    "empty.txt": b"",
    ".hidden": b"not collected",
    "notes.txt~": b"not collected either",
}


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` below ``folder``."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@dataclass
class Output:
    """What a command printed."""

    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of standard output, sorted: files are copied in no order."""
        return sorted(line for line in self.out.splitlines() if line)


@dataclass
class Project:
    """A project whose sources lie in ``source`` (and ``more``)."""

    source: Path
    more: list[Path] = field(default_factory=list)

    @property
    def storage(self) -> Storage:
        """The static files' storage."""
        return storages["staticfiles"]

    def collect(self, *, command: Any = "collectstatic", **options: Any) -> Output:
        """Run ``collectstatic`` without a question."""
        out, err = io.StringIO(), io.StringIO()
        call_command(command, stdout=out, stderr=err, **{"interactive": False, **options})
        return Output(out.getvalue(), err.getvalue())

    def collect_as_django(self, **options: Any) -> Output:
        """Run Django's own command."""
        return self.collect(command=DjangosCommand(), **options)


@contextmanager
def project(source: Path, storages: Mapping[str, Any], *more: Path, **settings: Any) -> Iterator[Project]:
    """Work in a project with these ``STORAGES``; ``source`` and ``more`` are its ``STATICFILES_DIRS``."""
    given = {
        "STATICFILES_DIRS": [source, *more],
        "STATICFILES_FINDERS": ["django.contrib.staticfiles.finders.FileSystemFinder"],
        "STATIC_URL": "/static/",
        **settings,
    }
    with override_settings(STORAGES=dict(storages), **given):
        yield Project(source, list(more))


def router(backend: Mapping[str, Any], *, kind: str = "StaticFilesStorage", **config: Any) -> dict[str, Any]:
    """Return STORAGES with a router whose route ``static/`` leads to ``backend``."""
    config.setdefault("routes", [{"prefix": "static/", "backend": "static", "strip_prefix": True}])
    options = {"backends": {"static": backend, "media": {"type": "memory"}}, "default": "media", **config}
    return {
        "default": {"BACKEND": f"{OURS}RouterStorage", "OPTIONS": options},
        "staticfiles": {"BACKEND": kind if "." in kind else f"{OURS}{kind}"},
    }


def azure(server: Any, container: str, **options: Any) -> dict[str, Any]:
    """Return a backend on ``container`` of ``server``: an Azurite or a proxy in front of one."""
    return {"type": "azure", "connection_string": server.connection_string(), "azure_container": container, **options}


def filesystem(location: Path, **options: Any) -> dict[str, Any]:
    """Return a backend in the directory ``location``."""
    return {"type": "filesystem", "location": str(location), "base_url": "/static/", **options}


def only_static(location: Path, *, kind: str = "StaticFilesStorage") -> dict[str, Any]:
    """Return STORAGES with Django's own storage for static files."""
    return {
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
        "staticfiles": {"BACKEND": f"{DJANGOS}{kind}", "OPTIONS": {"location": str(location)}},
    }


def in_directory(location: Path) -> dict[str, bytes]:
    """Return every file below ``location``."""
    return {path.relative_to(location).as_posix(): path.read_bytes() for path in location.rglob("*") if path.is_file()}


def in_container(server: Any, container: str) -> dict[str, bytes]:
    """Return every blob, read with the SDK."""
    with _client(server, container) as client:
        # The SDK asks for the first bytes of an empty blob, too; after that error it may leave a connection open.
        return {
            blob.name: client.download_blob(blob.name, decompress=False).readall() if blob.size else b""
            for blob in client.list_blobs()
        }


def properties(server: Any, container: str) -> dict[str, Any]:
    """Return the SDK's properties of every blob."""
    with _client(server, container) as client:
        return {blob.name: blob for blob in client.list_blobs(include=["metadata", "tags"])}


def _client(server: Any, container: str) -> Any:
    from azure.storage.blob import ContainerClient

    options = {"connection_verify": str(server.certificate)} if server.certificate else {}
    return ContainerClient.from_connection_string(server.connection_string(), container, **options)
