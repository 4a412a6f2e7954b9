"""Django's setup and the fixtures that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import django

pytest_plugins = ["tests.kit.fixtures"]

AZURITE_BIN = Path(__file__).parent.parent / "tools/azurite/node_modules/.bin/azurite-blob"

os.environ.setdefault("AZURITE_BIN", str(AZURITE_BIN))


def pytest_configure() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
