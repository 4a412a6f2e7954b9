"""The test kit's own Azurite: it starts, takes keys and tokens, and is gone when it was stopped."""

from __future__ import annotations

import socket

import pytest
from azure.storage.blob import BlobServiceClient

from storage_router.testing.azurite import ACCOUNT_KEY, Azurite, UnsignedTokenCredential


def test_a_stored_blob_is_read_back_with_the_account_key(azurite, container):
    with BlobServiceClient(azurite.account_url(), credential=ACCOUNT_KEY) as service:
        blob = service.get_blob_client(container, "a/b.txt")
        blob.upload_blob(b"content")
        assert blob.download_blob().readall() == b"content"


def test_a_stored_blob_is_read_back_with_a_token(azurite_https, container_https):
    credential = UnsignedTokenCredential()
    options = {"connection_verify": str(azurite_https.certificate)}
    with BlobServiceClient(azurite_https.account_url(), credential=credential, **options) as service:
        blob = service.get_blob_client(container_https, "a/b.txt")
        blob.upload_blob(b"content")
        assert blob.download_blob().readall() == b"content"
    assert credential.calls >= 1


def test_nothing_listens_after_it_was_stopped():
    server = Azurite().start()
    server.stop()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)


def test_a_missing_azurite_says_what_to_install(monkeypatch):
    monkeypatch.setenv("AZURITE_BIN", "/nowhere/azurite-blob")
    with pytest.raises(RuntimeError, match="Azurite is not installed here"):
        Azurite().start()
