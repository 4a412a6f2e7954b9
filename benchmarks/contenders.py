"""Who takes part: the storages, set up alike, the SDK's own client, and the floor, which is one plain request."""

from __future__ import annotations

import http.client
import os
from typing import Any
from urllib.parse import urlsplit

from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME

CONTAINER = "bench"
BODY = os.urandom(10_000)
MIB = 2**20


def settings(**given: Any) -> None:
    """Set Django up."""
    from django.conf import settings as django_settings

    if not django_settings.configured:
        django_settings.configure(SECRET_KEY="only for benchmarks", USE_TZ=True, **given)


def options(endpoint: str, **given: Any) -> dict[str, Any]:
    """Return the options that both storages take."""
    if not endpoint:
        return {"account_name": ACCOUNT_NAME, "account_key": ACCOUNT_KEY, "azure_container": CONTAINER, **given}
    return {"connection_string": connection_string(endpoint), "azure_container": CONTAINER, **given}


def connection_string(endpoint: str) -> str:
    """Return the connection string of the account at ``endpoint``."""
    name = endpoint.rpartition("/")[2]
    return f"DefaultEndpointsProtocol=http;AccountName={name};AccountKey={ACCOUNT_KEY};BlobEndpoint={endpoint};"


def storage(contender: str, endpoint: str, **given: Any) -> Any:
    """Return the contender's storage."""
    settings()
    if contender == "through the router":
        from storage_router.router import RouterStorage

        backends = {"media": {"type": "azure", **options(endpoint, **given)}, "other": "memory://", "film": "memory://"}
        routes = [{"prefix": "other/", "backend": "other"}, {"types": ["video/*"], "backend": "film"}]
        return RouterStorage(backends=backends, routes=routes, default="media")
    if contender == "django-storages":
        from storages.backends.azure_storage import AzureStorage
    else:
        from storage_router.azure.storage import AzureStorage
    return AzureStorage(**options(endpoint, **given))


def sdk(endpoint: str, **given: Any) -> Any:
    """Return the SDK's own client of the container."""
    from azure.storage.blob import BlobServiceClient

    service = BlobServiceClient.from_connection_string(connection_string(endpoint), **given)
    return service.get_container_client(CONTAINER)


def object_store(endpoint: str, container: str = CONTAINER) -> Any:
    """Return obstore's client of a container."""
    from obstore.store import AzureStore

    config: Any = {"account_name": ACCOUNT_NAME, "account_key": ACCOUNT_KEY, "endpoint": endpoint}
    return AzureStore(container, config=config, client_options={"allow_http": True})


class PlainRequests:
    """The floor: one signed request after the other, by http.client, over one connection."""

    def __init__(self, endpoint: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(endpoint).netloc)
        self._connection.connect()
        self._storage = storage("ours", endpoint)

    def put(self, name: str, body: bytes) -> None:
        """Store a blob."""
        url = self._storage.url(name, expire=600, mode="cw")
        self._connection.request("PUT", url, body, {"x-ms-blob-type": "BlockBlob", "x-ms-version": "2022-11-02"})
        answer = self._connection.getresponse()
        answer.read()
        assert answer.status == 201, answer.status

    def copy(self, name: str, source: str) -> None:
        """Have the service copy what is at the URL ``source``, if the name is free."""
        url = self._storage.url(name, expire=600, mode="cw")
        given = {"x-ms-copy-source": source, "x-ms-requires-sync": "true", "If-None-Match": "*"}
        self._connection.request("PUT", url, b"", {**given, "x-ms-version": "2022-11-02"})
        answer = self._connection.getresponse()
        answer.read()
        assert answer.status == 202, answer.status

    def get(self, name: str, first: int | None = None) -> bytes:
        """Read a blob, or the ``first`` bytes of it."""
        headers = {"Range": f"bytes=0-{first - 1}"} if first else {}
        self._connection.request("GET", self._storage.url(name, expire=600), None, headers)
        answer = self._connection.getresponse()
        assert answer.status in (200, 206), answer.status
        return answer.read()
