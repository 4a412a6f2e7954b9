"""D1: the URL of a private file is the path of the view, the same for everybody."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db.models.fields.files import FieldFile
from django.forms import ClearableFileInput
from django.test import RequestFactory, override_settings
from django.urls import set_script_prefix

from storage_router import RouterStorage

from .conftest import azure, body


def test_the_url_of_a_private_file_is_the_path_of_the_view(any_site):
    assert any_site.storage.url("private/a b/ü.pdf") == "/files/f/private/a%20b/%C3%BC.pdf"
    assert any_site.storage.url("private/a/") == "/files/f/private/a/"
    assert any_site.storage.url("elsewhere.txt") == "/open/elsewhere.txt"


@pytest.mark.parametrize(
    "name", ["a b", "100%", "what?", "c#", "a+b", "a&b;c", "%2e%2e", "ü/日本", "'q\"'", "~x", "a:b@c!"]
)
def test_the_url_of_any_name_leads_to_its_file(any_site, name):
    if "/" not in name and any_site.backend["type"] == "memory":
        name = f"d/{name}"
    saved = any_site.storage.save(f"private/{name}", content_of(name))
    assert saved == f"private/{name}"
    assert body(any_site.get(saved)) == name.encode()


def content_of(name):
    return ContentFile(name.encode())


def test_no_request_is_made_for_a_url(tmp_path):
    class NoServer:
        def account_url(self):
            return "http://127.0.0.1:9/devstoreaccount1"

    backends = {"files": azure(NoServer(), "private")}
    route = {"backend": "files", "delivery": "stream", "authorize": "a.b"}
    document = {"backends": backends, "routes": [route]}
    with override_settings(
        ROOT_URLCONF="tests.delivery.site",
        STORAGES={"default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": document}},
    ):
        assert storages["default"].url("x.txt") == "/files/f/x.txt"


def test_url_with_an_argument_is_the_signed_link(azure_site):
    link = azure_site.storage.url("private/a.txt", expire=60)
    assert link.startswith(azure_site.backend["account_url"])
    assert "sig=" in link
    assert azure_site.storage.url("private/a.txt", expire=None) == "/files/f/private/a.txt"


def test_base_url_makes_it_absolute(memory_site):
    memory_site.use(document={"base_url": "https://acme.example/files"})
    assert memory_site.storage.url("private/a.txt") == "https://acme.example/files/f/private/a.txt"


def test_the_script_prefix_and_the_urlconf_count(memory_site):
    assert memory_site.storage.url("private/a.txt") == "/files/f/private/a.txt"
    set_script_prefix("/app/")
    try:
        assert memory_site.storage.url("private/a.txt") == "/app/files/f/private/a.txt"
    finally:
        set_script_prefix("/")
    with override_settings(ROOT_URLCONF="storage_router.urls"), pytest.raises(ImproperlyConfigured):
        memory_site.storage.url("private/a.txt")


def test_urls_that_are_not_included_are_an_error_with_the_line_to_add(memory_site):
    with (
        override_settings(ROOT_URLCONF="tests.delivery.nothing_included"),
        pytest.raises(ImproperlyConfigured) as caught,
    ):
        memory_site.storage.url("private/a.txt")
    assert 'Add: urlpatterns += [path("files/", include("storage_router.urls"))]' in str(caught.value)


def test_a_router_that_storages_does_not_hold_has_no_urls(memory_site):
    route = {"prefix": "private/", "backend": "ram", "delivery": "stream", "authorize": "a.b"}
    router = RouterStorage(backends={"ram": {"type": "memory"}}, routes=[route])
    with pytest.raises(ImproperlyConfigured, match="Add this router to STORAGES"):
        router.url("private/a.txt")


@pytest.fixture
def field_file(memory_site):
    class Field:
        storage = memory_site.storage
        name = "file"

    return FieldFile(None, Field, "private/a.txt")


def test_a_form_links_to_the_view_as_the_admin_does(field_file):
    assert field_file.url == "/files/f/private/a.txt"
    assert 'href="/files/f/private/a.txt"' in ClearableFileInput().render("file", field_file)


def test_a_serializer_of_rest_framework_links_to_the_view(field_file):
    from rest_framework.serializers import FileField, Serializer

    class DocumentSerializer(Serializer):
        file = FileField()

    context = {"request": RequestFactory().get("/")}
    data = DocumentSerializer({"file": field_file}, context=context).data
    assert data == {"file": "http://testserver/files/f/private/a.txt"}
