"""C6: gunicorn and uvicorn, for real: with five mistakes at once they explain all five and end; without, they serve."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
APPLICATION = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
wsgi = get_wsgi_application
asgi = get_asgi_application
"""
SETTINGS = """
import storage_router
SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "urls"
INSTALLED_APPS = ["storage_router"]
STORAGES = %s
"""
URLS = """
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import HttpResponse
from django.urls import path

def stored(request):
    return HttpResponse(default_storage.save("a/b.txt", ContentFile(b"x")))

urlpatterns = [path("", stored)]
"""
STORAGES = {
    "storages()": "storage_router.storages()",
    "written out": (
        '{"default": {"BACKEND": "storage_router.RouterStorage"}, '
        '"staticfiles": {"BACKEND": "storage_router.StaticFilesStorage"}}'
    ),
}
GOOD = """
default = "ram"
[backends.ram]
type = "memory"
"""
FIVE_MISTAKES = """
default = "meda"
[backends.media]
type = "azure"
account_name = "ACME"
azure_container = "media"
credential = "defualt"
[backends.ram]
type = "memory"
[[routes]]
prefix = "a/"
backend = "ram"
[[routes]]
prefix = "a/b/"
backend = "ram"
"""
EXPLAINED = (
    "storage_router.toml: backends.media.account_name: 'ACME' is not the name of a storage account",
    "storage_router.toml: backends.media.credential: the value is not one of the values allowed",
    "storage_router.toml: default: there is no backend 'meda'",
    'routes[1] (prefix "a/b/"): it can never match',
    "STORAGE_ROUTER__BACKEND__MEDIA__TIMEOUT: there is no setting 'backend'",
)


def gunicorn(port: int) -> list[str]:
    return [*("-m", "gunicorn", "application:wsgi()"), "--bind", f"127.0.0.1:{port}", "--no-control-socket"]


def uvicorn(port: int) -> list[str]:
    return [*("-m", "uvicorn", "application:asgi", "--factory"), "--port", str(port), "--lifespan", "off"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(params=[gunicorn, uvicorn], ids=["gunicorn", "uvicorn"])
def server(request, tmp_path):
    """Start a server of a project: ``server(storages, toml, **variables)`` gives the process and its port."""
    processes = []

    def start(storages: str, toml: str, **variables: str) -> tuple[subprocess.Popen[str], int]:
        (tmp_path / "application.py").write_text(APPLICATION)
        (tmp_path / "settings.py").write_text(SETTINGS % STORAGES[storages])
        (tmp_path / "urls.py").write_text(URLS)
        (tmp_path / "storage_router.toml").write_text(toml)
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, *request.param(port)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process, port

    yield start
    for process in processes:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.parametrize("storages", STORAGES)
def test_five_mistakes_at_once_stop_the_server_and_are_all_explained(server, storages):
    process, _ = server(storages, FIVE_MISTAKES, STORAGE_ROUTER__BACKEND__MEDIA__TIMEOUT="5")
    _, errors = process.communicate(timeout=120)
    assert process.returncode not in (0, None)
    assert "invalid configuration (" in errors
    for explanation in EXPLAINED:
        assert explanation in errors
    assert len(set(re.findall(r"\(storage_router\.E\d{3}\)$", errors, re.MULTILINE))) == 4


@pytest.mark.parametrize("storages", STORAGES)
def test_a_good_configuration_serves(server, storages):
    process, port = server(storages, GOOD)
    assert answer(process, port) == b"a/b.txt"


def answer(process: subprocess.Popen[str], port: int) -> bytes:
    """Return the server's first answer; it may take a while to start."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as response:
                return response.read()
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError(f"The server did not answer; its exit status is {process.poll()}.")
