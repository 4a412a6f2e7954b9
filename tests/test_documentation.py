"""What the README and the quickstart show is executed: their configurations are valid, their commands exist."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from storage_router import factory

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)\)")


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language]


def configuration(page: Path, *numbers: int) -> dict:
    """Merge the TOML blocks of a page, as a reader does who goes on from one to the next."""
    toml = blocks(page, "toml")
    return tomllib.loads("\n".join(toml[number] for number in numbers))


@pytest.fixture(autouse=True)
def nothing_else_configures(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def test_the_smallest_configuration_of_the_readme_is_valid():
    loaded = factory.configure(configuration(ROOT / "README.md", 0))
    assert list(loaded.document.backends) == ["media"]
    assert loaded.warnings == ()


def test_the_readme_goes_on_to_two_backends():
    loaded = factory.configure(configuration(ROOT / "README.md", 0, 1))
    assert loaded.document.backends["private"].expiration_secs == 300
    assert loaded.warnings == ()


def test_the_readme_moves_a_project_from_django_storages(monkeypatch):
    for alias in ("MEDIA", "STATIC"):
        monkeypatch.setenv(f"STORAGE_ROUTER__BACKENDS__{alias}__ACCOUNT_KEY", "c2VjcmV0")
    loaded = factory.configure(configuration(ROOT / "README.md", 2))
    assert loaded.document.backends["static"].authentication.kind == "account_key"
    assert loaded.warnings == ()


def test_the_configuration_of_the_quickstart_is_valid(monkeypatch):
    for alias in ("MEDIA", "STATIC", "PRIVATE"):
        monkeypatch.setenv(f"STORAGE_ROUTER__BACKENDS__{alias}__CREDENTIAL", "managed_identity")
    loaded = factory.configure(configuration(ROOT / "docs/quickstart.md", 0))
    assert {backend.credential for backend in loaded.document.backends.values()} == {"default"}
    assert loaded.warnings == ()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_toml_block_is_toml(page):
    for text in blocks(page, "toml"):
        assert tomllib.loads(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page):
    targets = [target for target in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_make_target_that_a_page_names_exists():
    help_text = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = set(re.findall(r"^  make (\S+)", help_text, re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"\bmake ([a-z-]+)\b", "\n".join(commands(page)))}
    assert {"demo", "test"} <= named <= targets


def commands(page: Path) -> list[str]:
    """Everything in a page that is set as code."""
    text = page.read_text(encoding="utf-8")
    return [*(body for _, body in BLOCK.findall(text)), *re.findall(r"`([^`\n]+)`", text)]
