"""The test kit as pytest fixtures.

The top ``conftest.py`` of a project names this module: ``pytest_plugins = ["storage_router.testing.fixtures"]``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from storage_router.router import RouterStorage

from .azurite import Azurite
from .override import override_storage_router
from .proxy import FaultProxy


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """Azurite over HTTP, for account keys and SAS; one for the whole test run."""
    with Azurite() as server:
        yield server


@pytest.fixture(scope="session")
def azurite_https() -> Iterator[Azurite]:
    """Azurite over HTTPS, which takes token credentials, too; one for the whole test run."""
    with Azurite(https=True) as server:
        yield server


@pytest.fixture
def azurite_container(azurite: Azurite) -> str:
    """The name of a new, empty container of ``azurite``."""
    return azurite.create_container()


@pytest.fixture
def fault_proxy(azurite: Azurite) -> Iterator[FaultProxy]:
    """A proxy in front of ``azurite``; what happened at it is printed with the report of a test that fails."""
    with FaultProxy(azurite) as proxy:
        yield proxy
    # pytest shows what was captured only where the test failed.
    sys.stdout.write(proxy.story())


@pytest.fixture
def memory_storage_router() -> Iterator[RouterStorage]:
    """The project's router over backends in memory, in the place of ``STORAGES["default"]``."""
    with override_storage_router() as router:
        yield router
