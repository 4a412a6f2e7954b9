"""F3: what comes with an upload or a request ends in no header and no log as more than one line."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile

from storage_router import AzureStorage
from tests.kit.proxy import FaultProxy

from .conftest import Folder

INJECTION = "text/html\r\nx-ms-meta-injected: 1"


def test_a_content_type_with_a_line_break_is_not_taken_from_an_upload(folder: Folder, proxy: FaultProxy) -> None:
    """A9: the upload's word counts only where it is a content type."""
    upload = SimpleUploadedFile("file", b"content", content_type=INJECTION)
    folder.storage().save("file", upload)
    assert proxy.requests[0].head.get("x-ms-blob-content-type") == "application/octet-stream"
    assert not any("injected" in name for name, _ in proxy.requests[0].head.headers)


@pytest.mark.parametrize(
    "parameter", ["content_type", "content_encoding", "content_language", "content_disposition", "cache_control"]
)
def test_a_line_break_from_get_object_parameters_is_refused(folder: Folder, proxy: FaultProxy, parameter: str) -> None:
    class Careless(AzureStorage):
        def get_object_parameters(self, name: str) -> dict[str, Any]:
            return {parameter: f"attachment; filename={name}\r\nx-ms-meta-injected: 1"}

    storage = Careless(**folder.options())
    with pytest.raises(ValueError, match=parameter):
        storage.save("file", ContentFile(b"content"))
    assert proxy.count() == 0


def test_metadata_with_a_line_break_is_refused(folder: Folder, proxy: FaultProxy) -> None:
    class Careless(AzureStorage):
        def get_object_parameters(self, name: str) -> dict[str, Any]:
            return {"metadata": {"owner": "a\r\nx-ms-meta-injected: 1"}}

    with pytest.raises(ValueError, match="metadata"):
        Careless(**folder.options()).save("file", ContentFile(b"content"))
    assert proxy.count() == 0


def test_a_file_name_with_a_line_break_is_refused_from_an_upload_and_from_code(folder: Folder) -> None:
    storage = folder.storage()
    with pytest.raises(SuspiciousFileOperation):
        storage.save("a\r\nx-ms-meta-injected: 1", ContentFile(b"content"))
    with pytest.raises(SuspiciousFileOperation):
        storage.save(None, ContentFile(b"content", name="a\nb"))
    assert folder.files() == {}


def test_response_headers_of_a_url_stay_one_parameter_each_or_are_refused(folder: Folder) -> None:
    """U1: ``parameters`` become query parameters of a signed URL; Azure sends them back as headers."""
    storage = folder.storage()
    honest = storage.url("a", expire=60, parameters={"content_disposition": 'attachment; filename="a&b=c#d.txt"'})
    assert parse_qs(urlsplit(honest).query)["rscd"] == ['attachment; filename="a&b=c#d.txt"']
    for value in ("a\r\nSet-Cookie: x", "a\nb", "a\x00b"):
        with pytest.raises(ValueError, match="content_disposition"):
            storage.url("a", expire=60, parameters={"content_disposition": value})
