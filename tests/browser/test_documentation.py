"""The site of the documentation fits every screen: no page has to be moved sideways to be read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.docs.pages import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site, as ``make docs`` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--doctree-dir", folder / "doctrees"]
    subprocess.run([*command, ROOT / "docs", folder / "html"], check=True)
    return folder / "html"


@pytest.mark.parametrize("width", [390, 1200, 1500])
def test_no_page_is_wider_than_the_screen(browser: Browser, site: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    wider = []
    for path in sorted(site.glob("*.html")):
        page.goto(path.as_uri())
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wider.append(path.name)
    page.close()
    assert wider == []
