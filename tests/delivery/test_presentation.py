"""D4, T3, T4, T24, T25: what a browser may do with a file is decided by the file's name, once."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile

from storage_router import AzureStorage
from storage_router.conf.routes import RouteOptions
from storage_router.delivery.presentation import Presentation

from .conftest import ROUTE

SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def presentation(name, **route) -> Presentation:
    return Presentation.of(name, RouteOptions(**{**ROUTE, **route}))


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.png", "image/png"),
        ("a.jpg", "image/jpeg"),
        ("a.mp4", "video/mp4"),
        ("a.mp3", "audio/mpeg"),
        ("a.pdf", "application/pdf"),
        ("a.txt", "text/plain"),
    ],
)
def test_what_browsers_show_safely_is_inline(name, content_type):
    found = presentation(name)
    assert (found.content_type, found.content_disposition) == (content_type, f'inline; filename="{name}"')
    assert found.content_security_policy == "frame-ancestors 'self'"


@pytest.mark.parametrize("name", ["a.docx", "a.zip", "a.csv", "a.unknown", "a", "a.exe", "a.json"])
def test_everything_else_is_a_download(name):
    found = presentation(name)
    assert found.content_disposition == f'attachment; filename="{name}"'
    assert found.content_security_policy == SANDBOX


@pytest.mark.parametrize("extension", ["html", "xhtml", "xml", "js", "mjs", "css", "wasm", "mht", "swf", "xsl", "rss"])
def test_active_types_travel_without_their_type(extension):
    found = presentation(f"a.{extension}", inline=["image/*", "text/*", "application/*", "message/*"])
    assert found.content_type == "application/octet-stream"
    assert found.content_disposition == f'attachment; filename="a.{extension}"'
    assert found.content_security_policy == SANDBOX


def test_an_svg_is_a_download_unless_inline_names_it():
    download = presentation("a.svg", inline=["image/*"])
    assert (download.content_type, download.content_disposition[:10]) == ("image/svg+xml", "attachment")
    assert download.content_security_policy == SANDBOX
    shown = presentation("a.svg", inline=["image/*", "image/svg+xml"])
    assert (shown.content_type, shown.content_disposition[:6]) == ("image/svg+xml", "inline")
    assert shown.content_security_policy == f"{SANDBOX}; frame-ancestors 'self'"


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("Übersicht.pdf", "inline; filename*=utf-8''%C3%9Cbersicht.pdf"),
        ('a"b;c.pdf', 'inline; filename="a\\"b;c.pdf"'),
        ("x\u202efdp.exe", 'attachment; filename="x_fdp.exe"'),
        ("a\u200b\u2066.pdf", 'inline; filename="a__.pdf"'),
        ("deep/er/a.pdf", 'inline; filename="a.pdf"'),
    ],
)
def test_the_file_name_says_nothing_else_than_it_shows(name, disposition):
    assert presentation(name).content_disposition == disposition


def test_what_is_stored_with_the_file_is_never_sent(azure_site):
    storage = AzureStorage(
        **{key: value for key, value in azure_site.backend.items() if key != "type"},
        object_parameters={"content_type": "text/html", "cache_control": "public,max-age=31536000"},
    )
    storage.save("private/a.jpg", ContentFile(b"<script>"))
    headers = azure_site.get("private/a.jpg").headers
    assert headers["Content-Type"] == "image/jpeg"
    assert headers["Cache-Control"] == "private, no-cache"
    assert not [name for name in headers if name.lower().startswith("x-ms")]


def test_answers_are_for_pages_of_the_site(memory_site):
    memory_site.save()
    assert memory_site.get().headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert memory_site.get("private/none").headers["Cross-Origin-Resource-Policy"] == "same-origin"
    memory_site.use(resource_policy="cross-origin").save()
    assert memory_site.get().headers["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_what_browsers_keep_stays_for_the_pages_that_the_route_says(any_site):
    any_site.use(resource_policy="cross-origin").save()
    whole = any_site.get()
    for condition in ({"If_None_Match": whole.headers["ETag"]}, {"If_Modified_Since": whole.headers["Last-Modified"]}):
        again = any_site.get(**condition)
        assert (again.status_code, again.headers["Cross-Origin-Resource-Policy"]) == (304, "cross-origin")


@pytest.mark.azurite
def test_a_redirect_is_for_the_pages_that_the_route_says(azure_site):
    azure_site.use(delivery="redirect").save()
    assert azure_site.get().headers["Cross-Origin-Resource-Policy"] == "same-origin"
    azure_site.use(delivery="redirect", resource_policy="cross-origin")
    assert azure_site.get().headers["Cross-Origin-Resource-Policy"] == "cross-origin"
