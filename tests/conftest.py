"""Django's setup and the fixtures that all tests share."""

from __future__ import annotations

import gc
import os
import re
import sys
from pathlib import Path

import django
import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.kit.fixtures"]

AZURITE_BIN = Path(__file__).parent.parent / "tools/azurite/node_modules/.bin/azurite-blob"

os.environ.setdefault("AZURITE_BIN", str(AZURITE_BIN))

# Else, where this is set, each process of each run compiles the package and rewrites the assertions of all tests again.
sys.dont_write_bytecode = False
# What tests write, they change within a second, and bytecode goes by the second.
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"

# A busy machine is slow, in finding examples and in running them.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fast", settings.get_profile("any machine"), max_examples=25)
settings.load_profile("any machine")


def pytest_configure() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need Azurite; ``make test-fast`` leaves them out."""
    # The processes of a parallel run have to agree on the names of the tests.
    if addresses := [item.nodeid for item in items if re.search(r" at 0x[0-9a-f]{6}| id='\d{6}", item.nodeid)]:
        raise pytest.UsageError(f"The name of a test has an address in it: {addresses[0]}")
    for item in items:
        if {"azurite", "azurite_https"}.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("azurite")


def pytest_collection_finish() -> None:
    """Keep the garbage collector from all that is there for the whole run: a test that calls it takes 0.3 s else."""
    gc.freeze()
