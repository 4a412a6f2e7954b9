"""The servers of the test run as pytest fixtures. A server that cannot start fails the test; none is skipped."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from . import servers
from .azurite import Azurite
from .proxy import FaultProxy


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """Azurite over HTTP, for account keys and SAS; one for each process of the test run."""
    with Azurite() as server:
        yield server


@pytest.fixture(scope="session")
def azurite_https() -> Iterator[Azurite]:
    """Azurite over HTTPS, which accepts token credentials, too; one for each process of the test run."""
    with Azurite(https=True) as server:
        yield server


@pytest.fixture
def container(azurite: Azurite) -> str:
    """The name of a new, empty container of ``azurite``."""
    return azurite.create_container()


@pytest.fixture
def container_https(azurite_https: Azurite) -> str:
    """The name of a new, empty container of ``azurite_https``."""
    return azurite_https.create_container()


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[FaultProxy]:
    """A proxy in front of ``azurite``; what happened at it is printed with the report of a test that fails."""
    with FaultProxy(azurite) as proxy:
        yield proxy
    # pytest shows what was captured only where the test failed.
    sys.stdout.write(proxy.story())


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """``serve("gunicorn" or "uvicorn", "module:application", folder, *arguments, **variables)`` gives the address."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments, **variables: stack.enter_context(servers.web(*arguments, **variables))


@pytest.fixture
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """``nginx("location / { … }")`` starts an nginx with this inside its ``server`` block and gives the address."""
    with contextlib.ExitStack() as stack:
        yield lambda server: stack.enter_context(servers.nginx(server, tmp_path_factory.mktemp("nginx")))


@pytest.fixture
def one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """URLs are signed as if all at one moment: at each full hour another user delegation key is due."""
    now = time.time()
    monkeypatch.setattr("storage_router.azure.urls.time", SimpleNamespace(time=lambda: now))


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of the loopback interface on which nobody listens, nor will during the test."""
    with servers.reserved_port() as port:
        yield port


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[dict[str, Any]]:
    """PostgreSQL; one for each process of the test run."""
    # A short path: that of a socket has at most 107 bytes. And one that nobody may enter, unlike pytest's.
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder, servers.postgres(Path(folder)) as database:
        yield database


@pytest.fixture
def postgres(postgres_server: dict[str, Any]) -> dict[str, Any]:
    """A new, empty database, as an entry of ``DATABASES``."""
    import psycopg

    name = f"test_{uuid.uuid4().hex}"
    server = {key.lower(): postgres_server[key] for key in ("HOST", "USER")}
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return {**postgres_server, "NAME": name}


@pytest.fixture(scope="session")
def valkey() -> Iterator[str]:
    """The URL of a Valkey; one for each process of the test run."""
    with servers.valkey() as url:
        yield url
