"""The long description of the package: the README, without the links that lead nowhere outside of the repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE = re.compile(r"\[([^]]+)\]\((?!https?://)[^)]+\)")


class CustomMetadataHook(MetadataHookInterface):
    """What ``dynamic = ["readme"]`` of pyproject.toml stands for."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Put the text of every relative link in the link's place."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": _RELATIVE.sub(r"\1", text)}
