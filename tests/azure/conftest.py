"""An ``AzureStorage`` on a container of its own, over HTTP with a key and over HTTPS with a token credential."""

from __future__ import annotations

from typing import Any

import pytest

from storage_router.azure.storage import AzureStorage
from tests.kit.azurite import ACCOUNT_NAME, Azurite, UnsignedTokenCredential

from .counting import Requests


class Bench:
    """Builds storages on one container; ``requests`` counts what they ask."""

    def __init__(self, azurite: Azurite, container: str) -> None:
        self.azurite = azurite
        self.container = container
        self.requests = Requests()
        self.credential = UnsignedTokenCredential()

    def options(self) -> dict[str, Any]:
        """Return the options that reach the container."""
        if not self.azurite.https:
            return {
                "connection_string": self.azurite.connection_string(),
                "azure_container": self.container,
                "client_options": self.requests.client_options(),
            }
        return {
            "account_name": ACCOUNT_NAME,
            "account_url": self.azurite.account_url(),
            "token_credential": self.credential,
            "azure_container": self.container,
            "client_options": self.requests.client_options(connection_verify=str(self.azurite.certificate)),
        }

    def storage(self, kind: type[AzureStorage] = AzureStorage, **options: Any) -> Any:
        """Return a storage; ``options`` come on top."""
        return kind(**{**self.options(), **options})

    def requests_of(self, action: Any) -> list[str]:
        """Do it and return the operations that it took."""
        self.requests.taken()
        action()
        return self.requests.taken()


@pytest.fixture(params=["key over HTTP", "token over HTTPS"])
def bench(request: pytest.FixtureRequest, azurite: Azurite, azurite_https: Azurite) -> Bench:
    """A bench over each way to authenticate."""
    server = azurite if request.param == "key over HTTP" else azurite_https
    return Bench(server, server.create_container())


@pytest.fixture
def key_bench(azurite: Azurite, container: str) -> Bench:
    """A bench over HTTP alone, for what has nothing to do with authentication."""
    return Bench(azurite, container)
