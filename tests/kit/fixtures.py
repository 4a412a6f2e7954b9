"""The servers of the test run as pytest fixtures. A server that cannot start fails the test; none is skipped."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

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
