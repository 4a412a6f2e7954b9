"""The walk-through that puts an empty Django project's static and media files on Azure, in a real browser.

S1, and what it rests on: storage classes written as subclasses (section 4), public URLs (U1), signed links that end.
"""

from __future__ import annotations

import io
import re
import time
from pathlib import Path

import django.contrib.admin
import pytest
from azure.storage.blob import BlobServiceClient
from PIL import Image
from playwright.sync_api import expect

import storage_router
from tests.kit.azurite import Azurite

from .project import EXPIRATION_SECS, PASSWORD, Project

pytestmark = pytest.mark.browser

ADMIN_FILES = Path(django.contrib.admin.__file__).parent / "static"
PACKAGE_FILES = Path(storage_router.__file__).parent / "static"
HEADER_COLOUR = "getComputedStyle(document.querySelector('#header')).backgroundColor"


@pytest.fixture(scope="module")
def server():
    with Azurite() as azurite, BlobServiceClient.from_connection_string(azurite.connection_string()) as service:
        service.create_container("media", public_access="blob")
        service.create_container("static", public_access="blob")
        service.create_container("private")
        yield service, azurite.account_url()


@pytest.fixture(scope="module")
def collected(server, tmp_path_factory):
    """The project, and what ``collectstatic`` printed."""
    project = Project(tmp_path_factory.mktemp("walkthrough") / "project", server[1])
    project.create()
    return project, project.manage("collectstatic", "--noinput")


@pytest.fixture(scope="module")
def project(collected):
    project, _ = collected
    try:
        project.serve()
        yield project
    finally:
        project.stop()


@pytest.fixture
def signed_in(page, project):
    page.goto(f"{project.address}/admin/")
    page.fill("#id_username", "admin")
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]")
    expect(page.locator("#user-tools")).to_contain_text("admin")
    return page


def upload(page, address: str, name: str, mime_type: str, content: bytes) -> None:
    """Add an object through the admin, and open it again."""
    page.goto(address)
    page.set_input_files("#id_file", {"name": name, "mimeType": mime_type, "buffer": content})
    page.click("[name=_continue]")
    expect(page.locator(".messagelist .success")).to_be_visible()


def test_collectstatic_copies_the_files_of_the_apps_into_the_container(collected, server):
    _, printed = collected
    container = server[0].get_container_client("static")
    files = {
        path.relative_to(folder).as_posix(): path
        for folder in (ADMIN_FILES, PACKAGE_FILES)
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert set(container.list_blob_names()) == set(files)
    assert f"{len(files)} static files" in printed
    for name in ("admin/css/base.css", "admin/js/theme.js", "admin/img/icon-yes.svg"):
        assert container.download_blob(name).readall() == files[name].read_bytes()


def test_the_login_page_is_styled_from_the_container(page, traffic, project, server):
    page.goto(f"{project.address}/admin/login/?next=/admin/", wait_until="networkidle")
    sheets = traffic.urls(below=f"{server[1]}/static/admin/css/", kind="stylesheet")
    assert f"{server[1]}/static/admin/css/login.css" in sheets
    assert page.evaluate(HEADER_COLOUR) != "rgba(0, 0, 0, 0)"
    assert traffic.failures == []
    assert traffic.urls(below=f"{project.address}/static/") == []


def test_the_login_page_has_no_other_source_of_styles(page, project, server):
    page.route(f"{server[1]}/**", lambda route: route.abort())
    page.goto(f"{project.address}/admin/login/?next=/admin/")
    assert page.evaluate(HEADER_COLOUR) == "rgba(0, 0, 0, 0)"


def test_an_uploaded_picture_is_shown_from_the_media_container(signed_in, traffic, project, server):
    page = signed_in
    target = io.BytesIO()
    Image.new("RGB", (320, 200), "#2a9d6f").save(target, "PNG")
    upload(page, f"{project.address}/admin/gallery/picture/add/", "green field.png", "image/png", target.getvalue())
    link = page.locator(".file-upload a")
    # A8: Django's rule for the names of uploads.
    address = f"{server[1]}/media/pictures/green_field.png"
    assert link.get_attribute("href") == address
    assert server[0].get_blob_client("media", "pictures/green_field.png").download_blob().readall() == target.getvalue()
    link.click()
    page.wait_for_url(address)
    assert page.evaluate("[document.images[0].naturalWidth, document.images[0].naturalHeight]") == [320, 200]
    assert traffic.failures == []


def test_a_private_document_opens_by_its_link_until_that_has_expired_and_by_that_of_a_fresh_page(
    signed_in, traffic, project, server
):
    page = signed_in
    upload(page, f"{project.address}/admin/gallery/document/add/", "note.txt", "text/plain", b"for your eyes only")
    link, form = page.locator(".file-upload a"), page.url
    started = time.time()
    page.reload()
    address = link.get_attribute("href")
    assert re.match(re.escape(f"{server[1]}/private/documents/note.txt?") + ".*sig=", address)
    assert "for your eyes only" in page.goto(address).text()
    assert traffic.failures == []

    assert page.goto(address.partition("?")[0]).status in (403, 404)

    deadline = started + EXPIRATION_SECS + 120
    while page.goto(address).status == 200:
        assert time.time() < deadline, "The link still works, long after its expiry"
        page.wait_for_timeout(250)
    assert page.goto(address).status == 403
    assert time.time() >= started + EXPIRATION_SECS  # U4: at least as long as asked

    page.goto(form)
    assert page.goto(link.get_attribute("href")).text() == "for your eyes only"
