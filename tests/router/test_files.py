"""R5, R12: the files that ``open()`` returns: whole files, under full names, which no reopening makes writable."""

from __future__ import annotations

import copy
import io
import zipfile

import pytest
from django.core.files.base import ContentFile
from django.db import models
from django.http import FileResponse
from django.test.utils import isolate_apps

from storage_router import RouterStorage
from storage_router.azure.file import AzureFile
from storage_router.exceptions import BlobChangedError, BlobExistsError, BlobNotFoundError, ReadOnlyRouteError
from storage_router.router.file import RoutedFile
from tests.azure.counting import Requests

from .conftest import memory_router

CONTENT = b"one\ntwo\n" + b"x" * 100_000


@pytest.fixture
def router(azurite, container, tmp_path):
    """Of three backends, each behind a prefix that is stripped, and a read-only one that is kept."""
    backends = {
        "azure": {"type": "azure", "connection_string": azurite.connection_string(), "azure_container": container},
        "disk": {"type": "filesystem", "location": str(tmp_path / "disk")},
        "memory": {"type": "memory"},
    }
    routes = []
    for alias in backends:
        routes.append({"prefix": alias, "backend": alias, "strip_prefix": True})
        routes.append({"prefix": f"archive/{alias}", "backend": alias, "read_only": True})
    return RouterStorage(backends=backends, routes=routes, default="azure")


def field_file(router, name):
    with isolate_apps("tests"):

        class Document(models.Model):
            file = models.FileField(storage=router)

            class Meta:
                app_label = "tests"

    return Document(file=name).file


ALIASES = ["azure", "disk", "memory"]


@pytest.fixture(params=ALIASES)
def alias(request):
    return request.param


@pytest.mark.parametrize("mode", ["wb", "w", "ab", "xb", "r+b"])
def test_a_file_of_a_read_only_route_is_not_reopened_for_writing(router, alias, mode):
    # R12
    name = f"archive/{alias}/a.txt"
    router.backends[alias].save(name, ContentFile(b"kept"))
    message = f'routes[{2 * ALIASES.index(alias) + 1}] (prefix "archive/{alias}") is read_only: '
    with router.open(name) as file:
        with pytest.raises(ReadOnlyRouteError) as error:
            file.open(mode)
        assert str(error.value) == f"{message}{name} can be neither written nor deleted"
        assert file.read() == b"kept"
    with pytest.raises(ReadOnlyRouteError):
        file.open(mode)
    with file.open() as again:
        assert again.read() == b"kept"


def test_a_field_does_not_reopen_a_read_only_file_for_writing_either(router, alias):
    """R12: a field keeps the file that it has opened once, and never comes back to the router."""
    name = f"archive/{alias}/a.txt"
    router.backends[alias].save(name, ContentFile(b"kept"))
    document = field_file(router, name)
    with document.open() as file:
        assert file.read() == b"kept"
    with pytest.raises(ReadOnlyRouteError):
        document.open("wb")
    with document.open("r") as file:
        assert file.read() == "kept"


def test_nothing_is_written_to_a_read_only_file(router, alias):
    """R12: Django's memory does not keep to the mode."""
    name = f"archive/{alias}/a.txt"
    router.backends[alias].save(name, ContentFile(b"kept"))
    with router.open(name) as file:
        assert file.writable() is False
        for write in (lambda: file.write(b"x"), lambda: file.writelines([b"x"]), lambda: file.truncate(0)):
            with pytest.raises(io.UnsupportedOperation):
                write()
        assert file.read() == b"kept"


AZURE = {"type": "azure", "account_name": "acme", "account_key": "c2VjcmV0", "azure_container": "abc"}


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ((60,), {"mode": "w"}),
        ((60, None, "c"), {}),
        ((), {"expire": 60, "mode": "rw"}),
        ((), {"expire": 60, "mode": "d"}),
        ((), {"mode": "l"}),
        ((), {"http_method": "PUT"}),
    ],
)
@pytest.mark.parametrize("name", ["archive/a.txt", "archive/"])
def test_a_read_only_route_gives_links_to_read_by_and_no_others(name, args, options):
    # R12
    router = memory_router({"prefix": "archive", "backend": "signed", "read_only": True}, signed=AZURE)
    with pytest.raises(ReadOnlyRouteError, match=r"read_only: archive/.* can be neither written nor deleted"):
        router.url(name, *args, **options)


def test_links_to_read_by_are_given_whatever_they_are_asked_with():
    # R12
    router = memory_router({"prefix": "archive", "backend": "signed", "read_only": True}, signed=AZURE)
    headers = {"content_type": "text/plain"}
    assert "sp=r&" in router.url("archive/a.txt", 60, headers, "r")
    assert "sp=r&" in router.url("archive/a.txt", expire=60, parameters=headers, mode="r")
    assert router.url("archive/").endswith("/abc/archive/")


def test_a_file_has_its_full_name(router, alias):
    # R5
    router.save(f"{alias}/d/a.txt", ContentFile(CONTENT))
    with router.open(f"{alias}/d/a.txt") as file:
        assert file.name == str(file) == f"{alias}/d/a.txt"
        assert repr(file) == f"<RoutedFile: {alias}/d/a.txt>"
        assert file


def test_a_file_that_neither_is_renamed_nor_read_only_is_the_backends_own(router):
    router.save("a.txt", ContentFile(b"x"))
    with router.open("a.txt") as file:
        assert type(file) is AzureFile
        assert file.name == "a.txt"


@pytest.mark.parametrize("prefix", ["{}/", "archive/{}/"])
def test_a_file_does_what_files_do(router, alias, prefix):
    name = f"{prefix.format(alias)}a.txt"
    router.backends[alias].save(router.explain(name).backend_name, ContentFile(CONTENT))
    file = router.open(name)
    assert (file.closed, file.readable(), file.seekable()) == (False, True, True)
    assert (file.size, len(file), file.multiple_chunks(), file.multiple_chunks(200_000)) == (
        len(CONTENT),
        len(CONTENT),
        True,
        False,
    )
    assert file.read(4) == b"one\n"
    assert file.tell() == 4
    assert file.readline() == b"two\n"
    assert b"".join(file.chunks(7)) == CONTENT
    assert list(file)[:2] == [b"one\n", b"two\n"]
    file.seek(-3, io.SEEK_END)
    assert file.read() == b"xxx"
    assert file.open() is file
    assert file.readlines()[:1] == [b"one\n"]
    with file.open("r") as text:
        assert text.mode == "r"
        assert text.readline() == "one\n"
    with file.open("rb"):
        assert file.read(3) == b"one"


def test_a_file_is_sent_by_a_view(router, alias):
    router.save(f"{alias}/a.txt", ContentFile(CONTENT))
    response = FileResponse(router.open(f"{alias}/a.txt"), as_attachment=True)
    assert response["Content-Length"] == str(len(CONTENT))
    assert response["Content-Disposition"] == 'attachment; filename="a.txt"'
    assert b"".join(response) == CONTENT
    response.close()


def test_a_file_has_those_methods_that_the_backends_has(router):
    """``io.TextIOWrapper`` and ``zipfile`` look which way of reading there is."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("inner.txt", "content")
    for alias in ALIASES:
        router.save(f"{alias}/a.zip", ContentFile(archive.getvalue()))
        with router.open(f"{alias}/a.zip") as file, zipfile.ZipFile(file) as opened:
            assert opened.read("inner.txt") == b"content"
            assert hasattr(file, "read1") is hasattr(file.file, "read1")
            with pytest.raises(AttributeError, match="nothing"):
                file.nothing  # noqa: B018
    with router.open("azure/a.zip") as file:
        assert file.read1(2) == b"PK"


def test_a_file_can_be_copied_before_it_is_whole():
    """``copy`` and ``pickle`` look for methods of an instance that has nothing yet."""
    with pytest.raises(AttributeError, match="'RoutedFile' object has no attribute 'file'"):
        copy.copy(RoutedFile.__new__(RoutedFile)).file  # noqa: B018


def test_a_block_that_fails_stores_nothing(router):
    """A5: directly, and through a field, whose ``close()`` does not say why it is called."""

    def write_half(file):
        with file:
            file.write(b"half")
            raise LookupError

    for file in (router.open("azure/a.txt", "wb"), field_file(router, "azure/b.txt").open("wb")):
        with pytest.raises(LookupError):
            write_half(file)
    assert router.listdir("azure") == ([], [])


def test_opening_reading_and_closing_cost_what_they_cost_the_backend(azurite, container):
    """A4, A12."""
    requests = Requests()
    azure = {"type": "azure", "connection_string": azurite.connection_string(), "azure_container": container}
    azure["client_options"] = requests.client_options()
    router = RouterStorage(
        backends={"azure": azure}, routes=[{"prefix": "a", "backend": "azure", "strip_prefix": True}]
    )
    router.save("a/x", ContentFile(b"content"))
    requests.taken()
    file = router.open("a/x")
    assert (file.size, file.closed, file.read()) == (7, False, b"content")
    assert file.open().read() == b"content"
    file.close()
    assert file.closed is True
    assert requests.taken() == ["GET blob"]
    file.open().close()
    assert requests.taken() == ["GET blob"]


# What django-storages does at its import and in its constructor.
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
@pytest.mark.parametrize(
    "kind", ["tests.router.storages.ByNameStorage", "storages.backends.azure_storage.AzureStorage"]
)
def test_a_backends_file_keeps_the_name_that_it_reads_and_stores_by(azurite, container, kind):
    """C1, R5: the files of many storages look for their content by their name, when it is used."""
    azure = {"connection_string": azurite.connection_string(), "azure_container": container}
    lazy = {"type": "django", "backend": kind, "options": azure if kind.startswith("storages.") else {}}
    router = memory_router({"prefix": "far", "backend": "lazy", "strip_prefix": True}, lazy=lazy)
    router.save("far/a.txt", ContentFile(b"content"))
    with router.open("far/a.txt") as file:
        assert (file.name, file.size, file.read()) == ("far/a.txt", 7, b"content")
    with router.open("far/b.txt", "wb") as file:
        file.write(b"written")
    assert sorted(router.backends["lazy"].listdir("")[1]) == ["a.txt", "b.txt"]
    with router.open("far/b.txt") as file:
        assert file.read() == b"written"


def test_a_backends_file_may_be_any_file_of_pythons():
    plain = {"type": "django", "backend": "tests.router.storages.PlainStorage"}
    router = memory_router({"prefix": "far", "backend": "plain", "strip_prefix": True}, plain=plain)
    router.save("far/a.txt", ContentFile(b"content"))
    with router.open("far/a.txt") as file:
        assert (file.name, file.size, list(file.chunks(4))) == ("far/a.txt", 7, [b"cont", b"ent"])
    with file.open() as again:
        assert again.read() == b"content"


MISSING = {
    "open": lambda router, name: router.open(name),
    "size": lambda router, name: router.size(name),
    "get_modified_time": lambda router, name: router.get_modified_time(name),
    "stat": lambda router, name: router.stat(name),
}


@pytest.mark.parametrize("method", MISSING)
@pytest.mark.parametrize("place", ["azure", "memory"])
def test_what_is_missing_is_named_in_full(router, method, place):
    """R5: in the caller's terms; ``blob`` is Azure's."""
    with pytest.raises(FileNotFoundError) as error:
        MISSING[method](router, f"{place}/d/none.txt")
    assert error.value.filename == f"{place}/d/none.txt"
    if place == "azure":
        assert isinstance(error.value, BlobNotFoundError)
        assert error.value.blob == "d/none.txt"


def test_errors_of_a_file_name_it_in_full_too(router):
    # R5
    router.save("azure/a.txt", ContentFile(b"x"))
    with pytest.raises(BlobExistsError) as error:
        router.open("azure/a.txt", "xb")
    assert error.value.filename == "azure/a.txt"
    file = router.open("azure/b.txt", "xb")
    file.write(b"mine")
    router.save("azure/b.txt", ContentFile(b"theirs"))
    with pytest.raises(BlobExistsError) as error:
        file.close()
    assert error.value.filename == "azure/b.txt"
    with router.open("azure/a.txt") as file:
        router.delete("azure/a.txt")
    with pytest.raises(BlobNotFoundError) as error:
        file.open()
    assert error.value.filename == "azure/a.txt"


def test_reading_a_large_file_that_is_gone_names_it_in_full(router):
    # R5
    router.save("azure/large.bin", ContentFile(bytes(9 * 2**20)))
    with router.open("azure/large.bin") as file:
        router.delete("azure/large.bin")
        with pytest.raises(BlobChangedError) as error:
            file.read()
    assert error.value.filename == "azure/large.bin"


def test_a_directory_that_is_missing_is_named_in_full(router):
    # R5
    with pytest.raises(FileNotFoundError) as error:
        router.listdir("memory/none")
    assert error.value.filename == "memory/none"


def test_an_error_that_is_about_something_else_keeps_it(router, tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        router.open("disk/none.txt")
    assert error.value.filename == str(tmp_path / "disk/none.txt")
