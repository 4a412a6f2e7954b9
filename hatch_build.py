"""The long description of the package: the README, without pictures and links that exist in the repository only."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_PICTURE = re.compile(r"!\[[^]]*\]\((?!https?://)[^)]+\)\n+")
_RELATIVE = re.compile(r"\[([^]]+)\]\((?!https?://)[^)]+\)")


class CustomMetadataHook(MetadataHookInterface):
    """What ``dynamic = ["readme"]`` of pyproject.toml stands for."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Remove relative pictures; put the text of every relative link in the link's place."""
        text = _PICTURE.sub("", Path(self.root, "README.md").read_text(encoding="utf-8"))
        metadata["readme"] = {"content-type": "text/markdown", "text": _RELATIVE.sub(r"\1", text)}
