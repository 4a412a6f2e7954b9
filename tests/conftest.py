"""Servers that the tests share. Each is started by the test run itself; one that cannot start fails the tests."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import django
import pytest

from storage_router.testing.azurite import Azurite

AZURITE_BIN = Path(__file__).parent.parent / "tools/azurite/node_modules/.bin/azurite-blob"

os.environ.setdefault("AZURITE_BIN", str(AZURITE_BIN))


def pytest_configure() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """Azurite over HTTP, for account keys and SAS."""
    with Azurite() as server:
        yield server


@pytest.fixture(scope="session")
def azurite_https() -> Iterator[Azurite]:
    """Azurite over HTTPS, which takes token credentials, too."""
    with Azurite(https=True) as server:
        yield server


@pytest.fixture
def container(azurite: Azurite) -> str:
    """A new, empty container of ``azurite``."""
    return create_container(azurite)


@pytest.fixture
def container_https(azurite_https: Azurite) -> str:
    """A new, empty container of ``azurite_https``."""
    return create_container(azurite_https)


def create_container(server: Azurite, public_access: str | None = None) -> str:
    """Create a container with the SDK, independent of the code under test, and return its name."""
    from azure.storage.blob import BlobServiceClient

    name = f"test-{uuid.uuid4().hex[:16]}"
    options = {"connection_verify": str(server.certificate)} if server.certificate else {}
    with BlobServiceClient.from_connection_string(server.connection_string(), **options) as service:
        service.create_container(name, public_access=public_access)
    return name
