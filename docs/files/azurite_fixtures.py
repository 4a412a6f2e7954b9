"""Fixtures for pytest: one Azurite for the run, on a free port, and a container for each test."""

import os
import signal
import socket
import subprocess
import time
import uuid

import pytest
from azure.storage.blob import BlobServiceClient

ACCOUNT = (  # Azurite's one account and its public key
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
)
OPTIONS = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"]


def listens(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def azurite():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["node_modules/.bin/azurite-blob", "--blobPort", str(port), *OPTIONS]
    with subprocess.Popen(command, start_new_session=True) as process:
        try:
            while not listens(port):
                assert process.poll() is None, "Azurite ended"
                time.sleep(0.1)
            yield f"{ACCOUNT}BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
        finally:
            os.killpg(process.pid, signal.SIGTERM)


@pytest.fixture
def container(azurite):
    name = f"test-{uuid.uuid4().hex}"
    with BlobServiceClient.from_connection_string(azurite) as service:
        service.create_container(name)
    return name
