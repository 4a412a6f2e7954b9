"""V3: a directory of 100,000 files is shown a page at a time, and never listed as a whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from storage_router import AzureStorage

from .conftest import azure
from .test_pages import CONSOLE, one

FILES = 100_000


@pytest.mark.large
def test_a_directory_of_100_000_files_on_azure(site, azurite, container):
    requests = []
    client_options = {"raw_request_hook": lambda request: requests.append(request.http_request.url)}
    client = site(one(azure(azurite, container, client_options=client_options)))
    # Azurite takes its time where many write at once.
    filler = AzureStorage(connection_string=azurite.connection_string(), azure_container=container, timeout=120)

    def save(number):
        filler.replace(f"many/{number:06}.txt", ContentFile(b"x"))

    with ThreadPoolExecutor(8) as executor:
        list(executor.map(save, range(FILES)))
    address, pages = f"{CONSOLE}files/?path=many", 0
    found = []
    while address and pages < 20:
        context = client.get(address).context_data
        found += [entry["short"] for entry in context["files"]]
        address, pages = f"{CONSOLE}files/?{context['next']}", pages + 1
    assert found == [f"{number:06}.txt" for number in range(2000)]
    assert len(requests) == 20


@pytest.mark.large
def test_a_directory_of_100_000_files_on_this_machine(site, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number:06}.txt").touch()
    client = site(one({"type": "filesystem", "location": str(tmp_path), "base_url": "/open/"}))
    context = client.get(f"{CONSOLE}files/?path=many").context_data
    assert [entry["short"] for entry in context["files"]] == [f"{number:06}.txt" for number in range(100)]


def test_a_page_costs_one_request_however_many_files_there_are(site, azurite, container, monkeypatch):
    monkeypatch.setattr("storage_router.console.admin.PAGE", 5)
    requests = []
    client_options = {"raw_request_hook": lambda request: requests.append(request.http_request.url)}
    backend = azure(azurite, container, client_options=client_options)
    client = site(one(backend))
    for number in range(23):
        storages["default"].save(f"many/{number:02}.txt", ContentFile(b"x"))
    requests.clear()
    address, found = f"{CONSOLE}files/?path=many", []
    while address:
        context = client.get(address).context_data
        found += [entry["short"] for entry in context["files"]]
        address = f"{CONSOLE}files/?{context['next']}" if "next" in context else None
    assert found == [f"{number:02}.txt" for number in range(23)]
    assert len(requests) == 5
    assert all("maxresults=5" in request for request in requests)
