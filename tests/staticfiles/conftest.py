"""Sources of static files."""

from __future__ import annotations

from pathlib import Path

import pytest

from .projects import FILES, write


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory with static files."""
    folder = tmp_path / "source"
    write(folder, FILES)
    return folder
