"""D4: ``attachment`` of a ``link`` route stores uploads of active types as downloads."""

from __future__ import annotations

import pickle

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile

from storage_router import RouterStorage

from .conftest import azure


@pytest.fixture
def saved(azurite, container):
    """Save a file through a router with such a route, and tell what is stored with it."""

    def save(name: str, content=None, *, options=None, **route):
        backends = {"files": azure(azurite, container, **(options or {})), "ram": {"type": "memory"}}
        routes = [{"prefix": "uploads/", "backend": "files", "attachment": ["active"], **route}]
        router = RouterStorage(backends=backends, routes=routes, default="files")
        name = router.save(name, content or ContentFile(b"x"))
        stat = router.stat(name)
        return stat.content_type, stat.content_disposition

    return save


@pytest.mark.parametrize("name", ["a.html", "a.svg", "a.js", "a.css", "a.xml"])
def test_active_types_are_downloads_and_keep_their_type(saved, name):
    content_type, disposition = saved(f"uploads/{name}")
    assert content_type in ("text/html", "image/svg+xml", "text/javascript", "text/css", "application/xml")
    assert disposition == "attachment"


@pytest.mark.parametrize("name", ["uploads/a.png", "uploads/a.pdf", "elsewhere/a.html"])
def test_other_types_and_other_routes_are_not(saved, name):
    assert saved(name)[1] is None


def test_the_type_that_the_upload_claims_counts_where_the_name_says_nothing(saved):
    upload = SimpleUploadedFile("a.unknown", b"<script>", content_type="text/html; charset=utf-8")
    assert saved("uploads/a.unknown", upload)[1] == "attachment"


def test_media_types_may_be_named(saved):
    assert saved("uploads/a.csv", attachment=["text/*"])[1] == "attachment"
    assert saved("uploads/b.html", attachment=["text/*"])[1] == "attachment"
    assert saved("uploads/c.png", attachment=["text/*"])[1] is None


def test_a_stripped_prefix_and_the_options_of_the_backend_change_nothing(saved):
    inline = {"object_parameters": {"content_disposition": "inline"}}
    assert saved("uploads/a.html", strip_prefix=True, options=inline)[1] == "attachment"
    assert saved("uploads/a.png", strip_prefix=True, options=inline)[1] == "inline"


def test_a_file_that_is_written_open_is_a_download_too(azurite, container):
    routes = [{"prefix": "uploads/", "backend": "files", "attachment": ["active"]}]
    router = RouterStorage(backends={"files": azure(azurite, container)}, routes=routes)
    again = pickle.loads(pickle.dumps(router))
    with again.open("uploads/a.html", "wb") as file:
        file.write(b"<script>")
    assert router.stat("uploads/a.html").content_disposition == "attachment"
