"""A real browser: Debian's chromium, driven by Playwright. ``make chromium`` installs it; without it the tests fail."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, Response, expect, sync_playwright

TIMEOUT = 120_000
"""Milliseconds for anything that a page should come to; a busy machine takes its time."""

expect.set_options(timeout=TIMEOUT)

SCREENSHOTS = Path(__file__).parent.parent.parent / "var/browser"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Traffic:
    """What one page asked for: every response, and every request that failed or was refused.

    A request that the browser gave up itself, because the page was left while its pictures were loading, is no failure.
    """

    def __init__(self, page: Page) -> None:
        self.responses: list[Response] = []
        self.failures: list[str] = []
        page.on("response", self._note)
        page.on("requestfailed", self._note_failed)
        page.on("pageerror", lambda error: self.failures.append(str(error)))

    def _note(self, response: Response) -> None:
        self.responses.append(response)
        if response.status >= 400:
            self.failures.append(f"{response.status} {response.url}")

    def _note_failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":
            self.failures.append(f"{request.failure} {request.url}")

    def urls(self, *, below: str, kind: str | None = None) -> list[str]:
        """The addresses that were answered and start with ``below``; ``kind`` is ``stylesheet``, ``image``, …"""
        return [
            response.url
            for response in self.responses
            if response.url.startswith(below) and kind in (None, response.request.resource_type)
        ]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "The browser tests need chromium: make chromium, or apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS, timeout=TIMEOUT)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page in a context of its own; how it looked at the end is kept as ``var/browser/<test>.png``."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(TIMEOUT)
    yield page
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{request.node.name}.png", full_page=True)
    context.close()


@pytest.fixture
def traffic(page: Page) -> Traffic:
    return Traffic(page)
