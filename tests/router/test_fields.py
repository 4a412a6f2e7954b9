"""R1, R5: what a model's file field does with a router, from upload to deletion."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.test.utils import isolate_apps

import storage_router

from .conftest import memory_router

ROUTES = [{"prefix": "up", "backend": "uploads", "strip_prefix": True}, {"types": "video/*", "backend": "films"}]


def instance_with(upload_to, **options):
    """An instance of a model that has one field; nothing is saved to a database."""
    with isolate_apps("tests"):

        class Document(models.Model):
            file = models.FileField(upload_to=upload_to, **options)

            class Meta:
                app_label = "tests"

    return Document()


def test_a_field_saves_reads_links_and_deletes_through_the_routes():
    router = memory_router(*ROUTES)
    document = instance_with("up/%Y", storage=router)
    document.file.save("my file.txt", ContentFile(b"content"), save=False)
    year = dt.datetime.now().astimezone().year
    assert document.file.name == f"up/{year}/my_file.txt"
    assert document.file.url == f"/uploads/{year}/my_file.txt"
    assert document.file.size == 7
    with document.file.open() as file:
        assert file.read() == b"content"
    assert router.backends["uploads"].exists(f"{year}/my_file.txt")
    document.file.delete(save=False)
    assert not router.backends["uploads"].exists(f"{year}/my_file.txt")


def test_the_fields_length_is_the_full_names():
    # R5
    document = instance_with("up", storage=memory_router(*ROUTES), max_length=20)
    document.file.save("a-name-that-is-too-long.txt", ContentFile(b"x"), save=False)
    assert len(document.file.name) == 20
    assert document.file.name.startswith("up/a-")
    assert document.file.storage.exists(document.file.name)


def test_two_uploads_of_one_name_are_two_files():
    router = memory_router(*ROUTES)
    first, second = instance_with("a", storage=router), instance_with("a", storage=router)
    for number, document in enumerate((first, second)):
        document.file.save("film.mp4", SimpleUploadedFile("film.mp4", b"%d" % number), save=False)
    assert first.file.name == "a/film.mp4"
    assert second.file.name != "a/film.mp4"
    assert [document.file.read() for document in (first, second)] == [b"0", b"1"]
    assert sorted(router.backends["films"].listdir("a")[1]) == sorted(
        document.file.name.removeprefix("a/") for document in (first, second)
    )


def test_an_upload_to_that_leaves_its_directory_is_refused():
    # R10
    document = instance_with(lambda instance, name: f"up/../private/{name}", storage=memory_router(*ROUTES))
    with pytest.raises(SuspiciousFileOperation, match=r"Detected path traversal attempt in 'up/\.\./private/a\.txt'"):
        document.file.save("a.txt", ContentFile(b"x"), save=False)


def test_a_field_may_belong_to_one_backend(settings_with_router):
    """Issue 4: its names are the backend's own."""
    document = instance_with("up", storage=storage_router.backend("films"))
    document.file.save("a.txt", ContentFile(b"x"), save=False)
    assert document.file.name == "up/a.txt"
    assert document.file.url == "/films/up/a.txt"


@pytest.fixture
def settings_with_router():
    from django.test import override_settings

    options = {"configuration": memory_router(*ROUTES).configuration}
    with override_settings(STORAGES={"default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}}):
        yield
