"""Storages behind a fault proxy, and a look at the container that does not go through it."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from storage_router import AzureStorage
from storage_router.azure import pipeline
from tests.kit.azurite import Azurite
from tests.kit.proxy import FaultProxy

SMALL = b"0123456789" * 1_000
LARGE = bytes(range(256)) * (5 * 2**20 // 256)
"""Two blocks to save, two ranges to read."""


@pytest.fixture(scope="module")
def proxy_of_module(azurite: Azurite) -> Iterator[FaultProxy]:
    with FaultProxy(azurite) as proxy:
        yield proxy


@pytest.fixture
def proxy(proxy_of_module: FaultProxy) -> Iterator[FaultProxy]:
    """A proxy without faults and memories; what it saw is printed when the test fails."""
    proxy_of_module.heal()
    proxy_of_module.forget()
    yield proxy_of_module
    proxy_of_module.heal()
    sys.stdout.write(proxy_of_module.story())


@pytest.fixture(params=[3, pytest.param(1, marks=pytest.mark.large)], ids=["a third", "all"])
def share(request: pytest.FixtureRequest) -> int:
    """Of many cases of one kind, each third is enough in ``make test``; ``make test-large`` runs all of them."""
    return int(request.param)


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let retries follow at once: there are hundreds of them in these tests. Their real pace has a test of its own."""
    monkeypatch.setattr(pipeline, "FIRST_WAIT", 0.01)


class Folder:
    """A folder of a container, seen directly, and storages on it that go through the proxy."""

    def __init__(self, azurite: Azurite, proxy: FaultProxy, container: str) -> None:
        self.proxy = proxy
        self.container = container
        self.location = uuid.uuid4().hex
        self._client = ContainerClient.from_connection_string(azurite.connection_string(), container)

    def options(self, **options: Any) -> dict[str, Any]:
        defaults = {
            "connection_string": self.proxy.connection_string(),
            "azure_container": self.container,
            "location": self.location,
        }
        return {**defaults, **options}

    def storage(self, **options: Any) -> AzureStorage:
        return AzureStorage(**self.options(**options))

    def put(self, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            self._client.upload_blob(f"{self.location}/{name}", content, overwrite=True)

    def files(self) -> dict[str, bytes]:
        """Return what is stored: every blob's name and content."""
        found = self._client.list_blobs(name_starts_with=f"{self.location}/")
        # The SDK asks for the first bytes of an empty blob, too; after that error it may leave a connection open.
        contents = {blob.name: self._client.download_blob(blob.name).readall() if blob.size else b"" for blob in found}
        return {name.removeprefix(f"{self.location}/"): content for name, content in contents.items()}

    def renew(self) -> Folder:
        """Go on with another, empty folder."""
        self.location = uuid.uuid4().hex
        return self

    def clear(self) -> None:
        """Delete everything in the folder."""
        for name in self.files():
            self._client.delete_blob(f"{self.location}/{name}")

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def shared_container(azurite: Azurite) -> str:
    return azurite.create_container()


@pytest.fixture
def folder(azurite: Azurite, proxy: FaultProxy, shared_container: str) -> Iterator[Folder]:
    folder = Folder(azurite, proxy, shared_container)
    yield folder
    folder.close()
