"""V3: the console in a real browser: light, dark, 390 pixels wide, by keyboard, and with 100,000 files."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from tests.console.project import PASSWORD
from tests.kit import servers

pytestmark = pytest.mark.browser

CONSOLE = "/admin/storage_router_console/console/"


def filled(folder):
    """Directories on this machine with many files in them, and another backend."""
    for name, files in (("some", 350), ("many", 100_000)):
        directory = folder / "files" / name
        directory.mkdir(parents=True)
        for number in range(files):
            (directory / f"{number:06}.txt").touch()
    (folder / "files/a.txt").write_text("text")
    backends = {
        "files": {"type": "filesystem", "location": str(folder / "files"), "base_url": "/open/"},
        "private": {"type": "memory"},
    }
    route = {"prefix": "private/", "backend": "private", "delivery": "stream"}
    routes = [{**route, "authorize": "tests.console.project.may_read"}]
    return {"backends": backends, "routes": routes, "default": "files"}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("console")
    given = {"options": filled(folder), "database": str(folder / "db.sqlite3")}
    application = "tests.console.project:application()"
    with servers.web("gunicorn", application, folder, "--threads", "4", CONSOLE_PROJECT=json.dumps(given)) as address:
        yield address


def sign_in(page, address):
    page.goto(f"{address}/admin/login/?next=/admin/")
    page.fill("#id_username", "ada")
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]")
    expect(page.locator("#user-tools")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_page_fits_and_loads_all_it_asks_for(page, traffic, address, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    sign_in(page, address)
    page.click("text=Backends, routes and files")
    page.click("text=Ask every backend now")
    expect(page.locator(".sr-ok")).to_have_count(2)
    for link in ("Explain a name", "Files", "Moves", "Overview"):
        page.click(f".sr-tabs >> text={link}")
        expect(page.locator(".sr-tabs [aria-current=page]")).to_have_text(link)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), link
    page.goto(f"{address}{CONSOLE}file/?name=a.txt")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert traffic.failures == []


def test_lines_lead_from_the_middle_of_a_route_to_the_middle_of_its_backend(page, address):
    sign_in(page, address)
    page.goto(f"{address}{CONSOLE}")
    svg = page.locator(".sr-lines").bounding_box()
    ends = [re.findall(r"[\d.]+", line.get_attribute("d")) for line in page.locator(".sr-lines path").all()]
    for row, (route, alias) in enumerate((("private", "private"), ("everything else", "files"))):
        for selector, end in ((f".sr-routes li:has-text('{route}')", 1), (f"[data-backend={alias}]", 7)):
            box = page.locator(selector).bounding_box()
            middle = svg["y"] + svg["height"] * float(ends[row][end]) / 100
            assert abs(box["y"] + box["height"] / 2 - middle) < 2, selector


def test_a_name_is_explained_and_a_directory_turned_by_keyboard(page, address):
    sign_in(page, address)
    page.goto(f"{address}{CONSOLE}where/")
    expect(page.locator("#sr-name")).to_be_focused()
    page.keyboard.type("private/contract.pdf")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert 'prefix "private/"' in page.inner_text("#sr-answer")
    page.goto(f"{address}{CONSOLE}files/?path=some")
    seen = []
    while True:
        seen += page.locator("#result_list th[scope=row]").all_inner_texts()
        if not page.locator("[rel=next]").count():
            break
        page.focus("[rel=next]")
        with page.expect_navigation():
            page.keyboard.press("Enter")
    assert seen == [f"{number:06}.txt" for number in range(350)]


def test_a_directory_of_100_000_files_is_turned_page_by_page(page, traffic, address):
    sign_in(page, address)
    page.goto(f"{address}{CONSOLE}files/")
    with page.expect_navigation():
        page.click("text=many/")
    for first in range(0, 500, 100):
        names = page.locator("#result_list th[scope=row]").all_inner_texts()
        assert names == [f"{number:06}.txt" for number in range(first, first + 100)]
        with page.expect_navigation():
            page.click("[rel=next]")
    page.click("text=000500.txt")
    assert "0 bytes" in page.inner_text(".sr-facts")
    assert traffic.failures == []
