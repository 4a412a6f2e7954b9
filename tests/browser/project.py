"""The project of the walk-through: ``django-admin startproject``, three storage classes, and nothing of the router."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME
from tests.kit.servers import reserved_port

PASSWORD = "a password for the walk-through"
EXPIRATION_SECS = 20
"""Long enough for a busy machine to show a page and to follow a link of it."""

CLASSES = f"""
from storage_router import AzureStorage


class AzureMediaStorage(AzureStorage):
    account_name = "{ACCOUNT_NAME}"
    account_key = "{ACCOUNT_KEY}"
    azure_container = "media"
    expiration_secs = None


class AzureStaticStorage(AzureStorage):
    account_name = "{ACCOUNT_NAME}"
    account_key = "{ACCOUNT_KEY}"
    azure_container = "static"
    expiration_secs = None


class AzurePrivateStorage(AzureStorage):
    account_name = "{ACCOUNT_NAME}"
    account_key = "{ACCOUNT_KEY}"
    azure_container = "private"
    expiration_secs = {EXPIRATION_SECS}
    url_window_secs = 0
"""

SETTINGS = """
INSTALLED_APPS += ["storage_router", "gallery"]

STORAGES = {
    "default": {"BACKEND": "backend.custom_azure.AzureMediaStorage"},
    "staticfiles": {"BACKEND": "backend.custom_azure.AzureStaticStorage"},
    "private": {"BACKEND": "backend.custom_azure.AzurePrivateStorage"},
}

AZURE_ACCOUNT_URL = "ENDPOINT"
AZURE_CUSTOM_DOMAIN = "ENDPOINT"
STATIC_URL = f"{AZURE_CUSTOM_DOMAIN}/static/"
MEDIA_URL = f"{AZURE_CUSTOM_DOMAIN}/media/"
"""

MODELS = """
from django.core.files.storage import storages
from django.db import models


def private_storage():
    return storages["private"]


class Picture(models.Model):
    file = models.ImageField(upload_to="pictures/")


class Document(models.Model):
    file = models.FileField(upload_to="documents/", storage=private_storage)
"""

ADMIN = """
from django.contrib import admin

from .models import Document, Picture

admin.site.register([Picture, Document])
"""


class Project:
    """The project in ``folder``, its files in the Azurite at ``account_url``; ``address`` is set once it serves."""

    def __init__(self, folder: Path, account_url: str) -> None:
        self.folder = folder
        self.account_url = account_url
        self.address = ""
        self._held = contextlib.ExitStack()
        self._server: subprocess.Popen[bytes] | None = None
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "STORAGE_ROUTER"))
        }
        self._environment["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
        self._environment["PYTHONPATH"] = str(Path(__file__).parent.parent.parent)

    def create(self) -> None:
        """Start the project, write what the walk-through writes, and create the tables and a user."""
        self.folder.mkdir()
        self._run("-m", "django", "startproject", "backend", ".")
        self._write("backend/custom_azure.py", CLASSES)
        settings = self.folder / "backend/settings.py"
        settings.write_text(settings.read_text() + SETTINGS.replace("ENDPOINT", self.account_url))
        self._write("gallery/__init__.py", "")
        self._write("gallery/models.py", MODELS)
        self._write("gallery/admin.py", ADMIN)
        self.manage("makemigrations", "gallery")
        self.manage("migrate")
        self.manage("createsuperuser", "--noinput", "--username", "admin", "--email", "admin@example.com")

    def manage(self, *arguments: str) -> str:
        """Run a command of ``manage.py`` and return what it printed."""
        return self._run("manage.py", *arguments)

    def serve(self) -> None:
        """Start ``runserver --nostatic`` on a free port and wait until it answers."""
        port = self._held.enter_context(reserved_port())
        command = [sys.executable, "manage.py", "runserver", "--nostatic", "--noreload", f"127.0.0.1:{port}"]
        log = (self.folder / "runserver.log").open("wb")
        self._server = subprocess.Popen(
            command, cwd=self.folder, env=self._environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
        log.close()
        self.address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"{self.address}/admin/login/", timeout=60).close()
            except OSError:
                running = self._server.poll() is None and time.monotonic() < deadline
                assert running, f"It does not serve:\n{(self.folder / 'runserver.log').read_text()}"
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait(60)
        self._held.close()

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.lstrip())

    def _run(self, *arguments: str) -> str:
        command = [sys.executable, *arguments]
        result = subprocess.run(
            command, cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert result.returncode == 0, f"{arguments} failed:\n{result.stdout}{result.stderr}"
        return result.stdout
