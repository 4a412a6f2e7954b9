"""The page of ``make demo`` in a real browser: pictures are shown, the video plays, the styles are there."""

from __future__ import annotations

import io
from urllib.parse import urljoin

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.demo_process import DemoProcess

pytestmark = pytest.mark.browser

PICTURES = "Array.from(document.querySelectorAll('.pictures img'), image => image.naturalWidth)"


@pytest.fixture(scope="module", params=["azurite", "memory"])
def demo(request):
    with DemoProcess("--backends", request.param) as process:
        yield process


def test_the_page_shows_pictures_and_plays_the_video(page, traffic, demo):
    page.goto(demo.page, wait_until="networkidle")
    assert page.evaluate(PICTURES) == [640, 640, 640]
    assert page.evaluate("getComputedStyle(document.querySelector('header')).display") == "flex"
    page.evaluate("document.querySelector('video').play()")
    page.wait_for_function("document.querySelector('video').currentTime > 0.5")
    assert traffic.failures == []


def test_the_page_of_the_backends_lists_what_each_holds(page, traffic, demo):
    page.goto(f"{demo.page}backends/", wait_until="networkidle")
    expect(page.locator("[data-backend=bulk] li")).to_have_text(["videos/sunrise.webm"])
    assert traffic.failures == []


def test_a_large_video_goes_from_the_browser_to_its_backend(page, traffic, demo, tmp_path):
    page.goto(demo.page, wait_until="networkidle")
    address = page.locator(".pictures video").first.get_attribute("src")
    video = tmp_path / "large.webm"
    video.write_bytes(page.request.get(urljoin(demo.page, address)).body() + bytes(9 * 2**20))
    page.fill("#video_title", "A large video")
    page.set_input_files("#video_file", video)
    if page.locator("#video output").count():
        page.locator("#video output", has_text="The file is uploaded.").wait_for()
    page.click("#video > button")
    expect(page.locator(".message")).to_contain_text("videos/large.webm was stored in bulk")
    assert traffic.failures == []


def test_a_document_asks_for_the_login_and_opens_then(page, demo):
    page.goto(demo.page)
    page.locator(".documents a[href*='contract.pdf']").click()
    page.fill("#id_username", "admin")
    page.fill("#id_password", demo.password)
    with page.expect_response(
        lambda response: response.url.endswith("contract.pdf") and response.status != 302
    ) as answer:
        page.click("[type=submit]")
    assert answer.value.status in (200, 206)
    assert answer.value.headers["content-type"] == "application/pdf"


def test_a_picture_uploaded_through_the_admin_appears_on_the_page(page, traffic, demo):
    page.goto(f"{demo.page}admin/library/picture/add/")
    page.fill("#id_username", "admin")
    page.fill("#id_password", demo.password)
    page.click("[type=submit]")
    page.fill("#id_title", "Uploaded")
    target = io.BytesIO()
    Image.new("RGB", (640, 360), "#7b2d8b").save(target, "PNG")
    page.set_input_files("#id_file", {"name": "up.png", "mimeType": "image/png", "buffer": target.getvalue()})
    page.click("[name=_save]")
    expect(page.locator(".messagelist .success")).to_be_visible()
    page.goto(demo.page, wait_until="networkidle")
    assert page.evaluate("document.querySelector('img[alt=Uploaded]').naturalWidth") == 640
    page.get_by_text("files that collectstatic stored").click()
    assert traffic.failures == []
