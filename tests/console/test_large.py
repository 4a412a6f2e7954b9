"""V3: a directory of 100,000 files is shown a page at a time, and never listed as a whole."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from .conftest import azure
from .test_pages import CONSOLE, one, text

FILES = 100_000


@pytest.mark.large
def test_a_directory_of_100_000_files_on_azure(site, azurite, container):
    client = site(one(azure(azurite, container)))
    store = storages["default"].backends["files"]

    def save(number):
        store.create(f"many/{number:06}.txt", ContentFile(b"x"))

    with ThreadPoolExecutor(16) as executor:
        list(executor.map(save, range(FILES)))
    address, pages, slowest = f"{CONSOLE}files/?path=many", 0, 0.0
    found = []
    while address and pages < 20:
        began = time.perf_counter()
        context = client.get(address).context_data
        slowest = max(slowest, time.perf_counter() - began)
        found += [entry["short"] for entry in context["files"]]
        address, pages = f"{CONSOLE}files/?{context['next']}", pages + 1
    assert found == [f"{number:06}.txt" for number in range(2000)]
    assert slowest < 5


@pytest.mark.large
def test_a_directory_of_100_000_files_on_this_machine(site, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number:06}.txt").touch()
    client = site(one({"type": "filesystem", "location": str(tmp_path), "base_url": "/open/"}))
    began = time.perf_counter()
    page = text(client.get(f"{CONSOLE}files/?path=many"))
    assert page.count("<tr>") == 101
    assert time.perf_counter() - began < 10


def test_a_page_costs_one_request_however_many_files_there_are(site, azurite, container, monkeypatch):
    monkeypatch.setattr("storage_router.console.admin.PAGE", 5)
    requests = []
    client_options = {"raw_request_hook": lambda request: requests.append(request.http_request.url)}
    backend = azure(azurite, container, client_options=client_options)
    client = site(one(backend))
    for number in range(23):
        storages["default"].save(f"many/{number:02}.txt", ContentFile(b"x"))
    requests.clear()
    text(client.get(f"{CONSOLE}files/?path=many"))
    assert len(requests) == 1
    assert "maxresults=5" in requests[0]
