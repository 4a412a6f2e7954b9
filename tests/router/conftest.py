"""Routers over real storages, in a directory and an environment where nothing else configures them."""

from __future__ import annotations

import os

import pytest

from storage_router import RouterStorage


@pytest.fixture(scope="session")
def nowhere(tmp_path_factory):
    """A directory without files; one of each test would take more time than most of these tests."""
    return tmp_path_factory.mktemp("nowhere")


@pytest.fixture(autouse=True)
def nothing_else_configures(monkeypatch, nowhere):
    monkeypatch.chdir(nowhere)
    for name in [name for name in os.environ if name.startswith("STORAGE_ROUTER")]:
        monkeypatch.delenv(name)


def memory_router(*routes, default="media", backends=(), **more):
    """A router over memories, one for each alias that is named."""
    aliases = {*(route["backend"] for route in routes), *backends, *([default] if default else [])}
    memories = {alias: {"type": "memory", "base_url": f"/{alias}/"} for alias in sorted(aliases)}
    return RouterStorage(backends=memories | more, routes=list(routes), **({"default": default} if default else {}))
