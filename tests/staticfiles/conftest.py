"""Sources of static files, and a proxy that counts and fails requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage_router.testing.azurite import Azurite
from storage_router.testing.proxy import FaultProxy

from .projects import FILES, write


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory with static files."""
    folder = tmp_path / "source"
    write(folder, FILES)
    return folder


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[FaultProxy]:
    """A proxy in front of ``azurite``."""
    with FaultProxy(azurite) as running:
        yield running
