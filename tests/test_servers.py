"""C6: gunicorn and uvicorn, for real: with five mistakes at once they explain all five and end; without, they serve."""

from __future__ import annotations

import os
import subprocess
import sys
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
default = "ram"
[backends.media]
type = "azure"
account_name = "ACME"
azure_container = "media"
credential = "defualt"
[backends.ram]
type = "memory"
[[routes]]
prefx = "a/"
backend = "ram"
[static]
hashed = "perhaps"
"""
EXPLAINED = (
    "storage_router.toml: backends.media.account_name: 'ACME' is not the name of a storage account",
    "storage_router.toml: backends.media.credential: the value is not one of the allowed values",
    "storage_router.toml: routes[0].prefx: there is no setting 'prefx'",
    "storage_router.toml: static.hashed: 'perhaps' is ",
    "STORAGE_ROUTER__BACKEND__MEDIA__TIMEOUT: there is no setting 'backend'",
)


COMMANDS = {
    "gunicorn": ("application:wsgi()", "--bind", "127.0.0.1:0", "--no-control-socket"),
    "uvicorn": ("application:asgi", "--factory", "--port", "0", "--lifespan", "off"),
}

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path):
    """``project(storages, toml)`` writes a project and returns its folder."""

    def write(storages: str, toml: str) -> Path:
        (tmp_path / "application.py").write_text(APPLICATION)
        (tmp_path / "settings.py").write_text(SETTINGS % STORAGES[storages])
        (tmp_path / "urls.py").write_text(URLS)
        (tmp_path / "storage_router.toml").write_text(toml)
        return tmp_path

    return write


@pytest.mark.parametrize("storages", STORAGES)
@pytest.mark.parametrize("server", COMMANDS)
def test_five_mistakes_at_once_stop_the_server_and_are_all_explained(project, server, storages):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "STORAGE_ROUTER__BACKEND__MEDIA__TIMEOUT": "5"}
    command = [sys.executable, "-m", server, *COMMANDS[server]]
    folder = project(storages, FIVE_MISTAKES)
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode not in (0, None)
    assert "invalid configuration (5 problems):\n" in done.stderr
    for explanation in EXPLAINED:
        assert explanation in done.stderr


@pytest.mark.parametrize("storages", STORAGES)
@pytest.mark.parametrize("server", ["gunicorn", "uvicorn"])
def test_a_good_configuration_serves(project, serve, server, storages):
    folder = project(storages, GOOD)
    application = {"gunicorn": "application:wsgi()", "uvicorn": "application:asgi()"}[server]
    with urllib.request.urlopen(serve(server, application, folder), timeout=120) as response:
        assert response.read() == b"a/b.txt"
