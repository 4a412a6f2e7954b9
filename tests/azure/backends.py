"""Containers of the test servers as the package's own layers see them: options, and the blobs below them."""

from __future__ import annotations

from typing import Any

from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import BlobClient

from storage_router.azure.container import Blobs
from storage_router.conf.azure.options import AzureOptions
from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME, Azurite, UnsignedTokenCredential
from tests.kit.proxy import FaultProxy

Server = Azurite | FaultProxy


def options_for(
    server: Server, container: str, *, client_options: dict[str, Any] | None = None, **given: Any
) -> AzureOptions:
    """Return the options of a backend: the account's key over HTTP, a token over HTTPS, unless something is given."""
    if not given.keys() & {"account_key", "token_credential", "credential", "sas_token", "connection_string"}:
        if server.certificate is None:
            given["account_key"] = server.accounts[ACCOUNT_NAME]
        else:
            given["token_credential"] = UnsignedTokenCredential()
    if server.certificate is not None:
        client_options = {"connection_verify": str(server.certificate), **(client_options or {})}
    return AzureOptions(
        azure_container=container,
        account_name=ACCOUNT_NAME,
        account_url=server.account_url(),
        client_options=client_options or {},
        **given,
    )


def sdk_blob(blobs: Blobs, name: str) -> BlobClient:
    """Return the SDK's client of a blob, which sees what the package does not show."""
    key = AzureNamedKeyCredential(ACCOUNT_NAME, ACCOUNT_KEY)
    return BlobClient(blobs.account.endpoint, blobs.container, name, credential=key)


def blobs_for(options: AzureOptions, alias: str | None = "media") -> Blobs:
    """Return the container of ``options``."""
    return Blobs(options, alias=alias)
