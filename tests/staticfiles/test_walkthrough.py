"""The walk-through that the project was created from, with its old settings and its ``custom_azure.py``. S1."""

from __future__ import annotations

import re
import subprocess
import textwrap
import urllib.request
from pathlib import Path

import pytest

from tests.kit import warm
from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME, Azurite

from .projects import in_container

SETTINGS = """
    from pathlib import Path

    BASE_DIR = Path(__file__).resolve().parent.parent
    SECRET_KEY = "only for tests"
    DEBUG = True
    ALLOWED_HOSTS = ["*"]
    ROOT_URLCONF = "backend.urls"
    INSTALLED_APPS = [
        'django.contrib.admin',
        'django.contrib.auth',
        'django.contrib.contenttypes',
        'django.contrib.sessions',
        'django.contrib.messages',
        'django.contrib.staticfiles',
        'storage_router',
    ]
    MIDDLEWARE = [
        'django.contrib.sessions.middleware.SessionMiddleware',
        'django.contrib.auth.middleware.AuthenticationMiddleware',
        'django.contrib.messages.middleware.MessageMiddleware',
    ]
    TEMPLATES = [{
        'BACKEND': 'django.template.backends.django.DjangoTemplates',
        'APP_DIRS': True,
        'OPTIONS': {'context_processors': [
            'django.template.context_processors.request',
            'django.contrib.auth.context_processors.auth',
            'django.contrib.messages.context_processors.messages',
        ]},
    }]
    DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE_DIR / 'db.sqlite3'}}

    DEFAULT_FILE_STORAGE = 'backend.custom_azure.AzureMediaStorage'
    STATICFILES_STORAGE = 'backend.custom_azure.AzureStaticStorage'

    STATIC_LOCATION = "static"
    MEDIA_LOCATION = "media"

    AZURE_ACCOUNT_NAME = "djangoaccountstorage"
    AZURE_CUSTOM_DOMAIN = f'{AZURE_ACCOUNT_NAME}.blob.core.windows.net'
    STATIC_URL = f'https://{AZURE_CUSTOM_DOMAIN}/{STATIC_LOCATION}/'
    MEDIA_URL = f'https://{AZURE_CUSTOM_DOMAIN}/{MEDIA_LOCATION}/'
"""

CUSTOM_AZURE = """
    from storage_router import AzureStorage

    class AzureMediaStorage(AzureStorage):
        account_name = 'ACCOUNT' # <storage_account_name>
        account_key = 'KEY' # <storage_account_key>
        azure_container = 'media'
        expiration_secs = None

    class AzureStaticStorage(AzureStorage):
        account_name = 'ACCOUNT' # <storage_account_name>
        account_key = 'KEY' # <storage_account_key>
        azure_container = 'STATIC'
        expiration_secs = None
"""

URLS = """
    from django.contrib import admin
    from django.urls import path

    urlpatterns = [path('admin/', admin.site.urls)]
"""

STORAGES = (
    'STORAGES = {"default": {"BACKEND": "backend.custom_azure.AzureMediaStorage"}, '
    '"staticfiles": {"BACKEND": "backend.custom_azure.AzureStaticStorage"}}'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "backend").mkdir()
    files = {
        "settings.py": SETTINGS,
        "custom_azure.py": CUSTOM_AZURE.replace("KEY", ACCOUNT_KEY),
        "urls.py": URLS,
        "__init__.py": "",
    }
    run = "import sys\nfrom django.core.management import execute_from_command_line as run\nrun(sys.argv)\n"
    (tmp_path / "manage.py").write_text(run)
    for name, text in files.items():
        (tmp_path / "backend" / name).write_text(textwrap.dedent(text))
    return tmp_path


def manage(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {"DJANGO_SETTINGS_MODULE": "backend.settings", "PYTHONPATH": f"{folder}:{Path(__file__).parents[2]}"}
    return warm.run("manage.py", *command, cwd=folder, env=environment)


@pytest.mark.parametrize("command", [("collectstatic", "--noinput"), ("migrate",), ("check",)])
def test_the_first_command_says_what_to_write_in_place_of_the_old_settings(command: tuple, folder: Path) -> None:
    said = manage(folder, *command)
    assert said.returncode != 0
    assert STORAGES in said.stderr
    assert "STATIC_ROOT" not in said.stderr


def test_with_what_it_says_the_walk_through_works(folder: Path, azurite: Azurite) -> None:
    container = azurite.create_container(public_access="blob")
    settings = folder / "backend/settings.py"
    lines = [line for line in settings.read_text().splitlines() if "FILE" not in line.partition("=")[0]]
    settings.write_text("\n".join([*lines, STORAGES]))
    custom = folder / "backend/custom_azure.py"
    text = custom.read_text().replace("ACCOUNT", ACCOUNT_NAME).replace("STATIC", container)
    # In place of Azure's own address.
    text = text.replace("    expiration_secs", f"    account_url = {azurite.account_url()!r}\n    expiration_secs")
    custom.write_text(text)
    said = manage(folder, "check")
    assert said.returncode == 0, said.stderr
    first = manage(folder, "collectstatic", "--noinput")
    assert first.returncode == 0, first.stderr
    assert "static files copied" in first.stdout
    stored = in_container(azurite, container)
    assert {name.partition("/")[0] for name in stored} == {"admin", "storage_router"}
    again = manage(folder, "collectstatic", "--noinput", "--clear")
    assert again.returncode == 0, again.stderr
    assert in_container(azurite, container) == stored
    asked = "from django.test import Client; print(Client().get('/admin/login/').content.decode())"
    page = manage(folder, "shell", "-c", asked).stdout
    # Azurite has the account in its path, and no TLS.
    address = f"http://djangoaccountstorage.blob.core.windows.net/{ACCOUNT_NAME}/{container}/admin/css/base.css"
    assert f'href="{address}"' in page, re.findall("<link.*", page)
    with urllib.request.urlopen(f"{azurite.account_url()}/{container}/admin/css/base.css") as answer:
        assert answer.headers["Content-Type"] == "text/css"
