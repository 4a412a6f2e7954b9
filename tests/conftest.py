"""What all tests share: the kit's own fixtures, and a container for a test.

Servers are started by the test run itself; one that cannot start fails the tests.
"""

from __future__ import annotations

import os
from pathlib import Path

import django
import pytest

from storage_router.testing.azurite import Azurite
from storage_router.testing.proxy import FaultProxy

pytest_plugins = ["storage_router.testing.fixtures"]

AZURITE_BIN = Path(__file__).parent.parent / "tools/azurite/node_modules/.bin/azurite-blob"

os.environ.setdefault("AZURITE_BIN", str(AZURITE_BIN))


def pytest_configure() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()


@pytest.fixture
def container(azurite: Azurite) -> str:
    """A new, empty container of ``azurite``."""
    return azurite.create_container()


@pytest.fixture
def container_https(azurite_https: Azurite) -> str:
    """A new, empty container of ``azurite_https``."""
    return azurite_https.create_container()


@pytest.fixture
def proxy(fault_proxy: FaultProxy) -> FaultProxy:
    """The kit's ``fault_proxy``; some directories of tests put one of their own in its place."""
    return fault_proxy
