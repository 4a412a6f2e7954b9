"""The README and the pages of ``docs/``, taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"(?:#|//|--) (?P<file>[\w./-]+\.\w+|\.env|Dockerfile)\b")


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block: where it stands, its language, its text, and the file that its first line names, if any."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def file(self) -> str:
        """``storage_router.toml`` of ``# storage_router.toml, as an example``."""
        found = _COMMENT.match(self.text)
        return found["file"] if found else ""

    @property
    def place(self) -> str:
        """``README.md:42``"""
        return f"{self.page.name}:{self.line}"


def text_of(page: Path) -> str:
    """Return what is written there."""
    return page.read_text(encoding="utf-8")


def blocks(*languages: str, pages: list[Path] = PAGES) -> list[Block]:
    """Return the blocks in these languages, page by page, in the order of reading; all without a language."""
    return [block for page in pages for block in _blocks(page) if not languages or block.language in languages]


def _blocks(page: Path) -> Iterator[Block]:
    text = text_of(page)
    for found in _FENCE.finditer(text):
        indent = len(found["indent"])
        yield Block(
            page=page,
            line=text.count("\n", 0, found.start()) + 1,
            language=found["language"],
            text="".join(line[indent:] for line in found["text"].splitlines(keepends=True)),
        )


def commands(block: Block) -> list[str]:
    """Return what follows the ``$`` of a console block, continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", block.text)
    return re.findall(r"^\$ (.*(?:\n> .*)*)", joined, re.MULTILINE)
