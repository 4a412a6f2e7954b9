"""Routers over real storages, in a directory and an environment where nothing else configures them."""

from __future__ import annotations

import os
from unittest import mock

import pytest

from storage_router import RouterStorage


@pytest.fixture(autouse=True)
def nothing_else_configures(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STORAGE_ROUTER")}
    with mock.patch.dict(os.environ, kept, clear=True):
        yield


def memory_router(*routes, default="media", backends=(), **more):
    """A router over memories, one for each alias that is named."""
    aliases = {*(route["backend"] for route in routes), *backends, *([default] if default else [])}
    memories = {alias: {"type": "memory", "base_url": f"/{alias}/"} for alias in sorted(aliases)}
    return RouterStorage(backends=memories | more, routes=list(routes), **({"default": default} if default else {}))
