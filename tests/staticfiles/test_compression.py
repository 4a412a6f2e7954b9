"""``static.compress``: text stored gzip-encoded, compared by what it was before. S7."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.management import CommandError
from django.templatetags.static import static

from storage_router import AzureStorage
from tests.kit.azurite import Azurite
from tests.kit.proxy import FaultProxy

from .projects import azure, filesystem, in_container, project, properties, router, write
from .test_collectstatic import COLLECTED

LONG = b"body { margin: 0 }\n" * 200
FILES = {"css/long.css": LONG, "css/short.css": b"p {}", "js/app.js": b"let a = 1;\n" * 300, "photo.png": b"\0" * 5000}
KINDS = ["StaticFilesStorage", "ManifestStaticFilesStorage"]


def compressing(backend: dict[str, Any], kind: str = "StaticFilesStorage") -> dict[str, Any]:
    return router(backend, kind=kind, static={"compress": ["gzip"]})


@pytest.fixture
def source(source: Path) -> Path:
    write(source, FILES)
    return source


@pytest.mark.parametrize("kind", KINDS)
def test_text_that_becomes_smaller_is_stored_compressed(kind: str, source: Path, azurite, container: str) -> None:
    with project(source, compressing(azure(azurite, container, metadata={"release": "7"}), kind)) as here:
        here.collect()
        found, blobs = in_container(azurite, container), properties(azurite, container)
        for name in ("css/long.css", "js/app.js"):
            assert gzip.decompress(found[name]) == FILES[name]
            assert blobs[name].content_settings.content_encoding == "gzip"
            assert blobs[name].metadata == {
                "release": "7",
                "static_encoding": "gzip",
                "static_size": str(len(FILES[name])),
                "static_md5": hashlib.md5(FILES[name]).hexdigest(),
            }
        for name in ("css/short.css", "photo.png", "archive.tar.gz"):
            assert found[name] == (FILES | COLLECTED)[name]
            assert blobs[name].content_settings.content_encoding is None
            assert blobs[name].metadata == {"release": "7"}
        manifests = [name for name in found if name.startswith("staticfiles")]
        assert all(found[name].startswith(b"{") for name in manifests), "no browser reads them"


@pytest.mark.parametrize("kind", KINDS)
def test_unchanged_files_cost_one_listing_and_a_change_one_request_each(
    kind: str, source: Path, proxy: FaultProxy, container: str
) -> None:
    with project(source, compressing(azure(proxy, container), kind)) as here:
        here.collect()
        proxy.forget()
        here.collect()
        assert [request.operation for request in proxy.requests] == ["List Blobs"], proxy.story()
        write(source, {"css/long.css": LONG + LONG})
        proxy.forget()
        here.collect()
        sent = [request.blob.partition("/")[2] for request in proxy.requests[1:]]
    assert len(sent) == (1 if kind == "StaticFilesStorage" else 4)
    assert "css/long.css" in sent


@pytest.mark.parametrize("kind", KINDS)
def test_the_setting_reaches_files_that_are_there_and_leaves_them_again(
    kind: str, source: Path, azurite: Azurite, container: str
) -> None:
    """Hashed names stay the same: the digest is that of the original."""
    names = []
    for static_table in ({}, {"compress": ["gzip"]}, {}):
        with project(source, router(azure(azurite, container), kind=kind, static=static_table)) as here:
            here.collect()
            found = in_container(azurite, container)
            names.append(set(found))
            hashed = here.storage.stored_name("css/long.css") if "Manifest" in kind else "css/long.css"
            for name in ("css/long.css", hashed):
                content = found[name]
                assert (gzip.decompress(content) if static_table else content) == LONG
                encoding = properties(azurite, container)[name].content_settings.content_encoding
                assert encoding == ("gzip" if static_table else None)
            assert json.loads(found["staticfiles.json"]) if "Manifest" in kind else True
    assert names[0] == names[1] == names[2]


def test_the_static_storage_speaks_of_the_original(source: Path, azurite: Azurite, container: str) -> None:
    with project(source, compressing(azure(azurite, container))) as here:
        here.collect()
        for name, content in (FILES | {"archive.tar.gz": COLLECTED["archive.tar.gz"]}).items():
            with here.storage.open(name) as file:
                assert file.read() == content
            assert here.storage.size(name) == len(content)
        # Somebody else's encoding is not ours to undo.
        packed = gzip.compress(b"data")
        given = azure(azurite, container, object_parameters={"content_encoding": "gzip"})
        AzureStorage(**{key: value for key, value in given.items() if key != "type"}).save("x.txt", ContentFile(packed))
        with here.storage.open("x.txt") as file:
            assert file.read() == packed
        assert here.storage.size("x.txt") == len(packed)


def test_each_mode_reads_the_original_or_says_that_it_cannot(source: Path, azurite: Azurite, container: str) -> None:
    """S7: text was an error of the codec, and an append made a file that no browser could read."""
    with project(source, compressing(azure(azurite, container))) as here:
        here.storage.save("cache/out.css", ContentFile(LONG))
        with here.storage.open("cache/out.css", "r") as file:
            assert file.read() == LONG.decode()
        for mode in ("ab", "r+b"):
            with pytest.raises(io.UnsupportedOperation, match=r"cache/out\.css is stored compressed"):
                here.storage.open("cache/out.css", mode)
        with here.storage.open("cache/new.css", "ab") as file:
            file.write(b"p {}")
        with here.storage.open("cache/new.css", "a") as file:
            file.write("\n")
        assert here.storage.open("cache/new.css").read() == b"p {}\n"
        with here.storage.open("cache/out.css", "wb") as file:
            file.write(b"q {}")
        assert here.storage.open("cache/out.css").read() == b"q {}"


def test_a_save_through_the_static_storage_compresses_too(source: Path, azurite: Azurite, container: str) -> None:
    with project(source, compressing(azure(azurite, container))) as here:
        here.storage.save("cache/out.css", ContentFile(LONG))
        here.storage.save("cache/out.txt", ContentFile(b"x"))
        found = in_container(azurite, container)
        assert gzip.decompress(found["cache/out.css"]) == LONG
        assert found["cache/out.txt"] == b"x"
        with here.storage.open("cache/out.css") as file:
            assert file.read() == LONG


def test_browsers_read_the_original(source: Path, azurite: Azurite) -> None:
    public = azurite.create_container(public_access="blob")
    with project(source, compressing(azure(azurite, public), "ManifestStaticFilesStorage")) as here:
        here.collect()
        with urllib.request.urlopen(static("css/long.css")) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert answer.headers["Content-Type"] == "text/css"
            assert gzip.decompress(answer.read()) == LONG


def test_text_of_any_size_is_compressed(source: Path, proxy: FaultProxy, container: str) -> None:
    """With blocks for what is large even then."""
    large = os.urandom(6 * 2**20).hex().encode()
    write(source, {"large.js": large})
    with project(source, compressing(azure(proxy, container))) as here:
        here.collect()
        assert proxy.count("Put Block List") == 1
        proxy.forget()
        here.collect()
        assert [request.operation for request in proxy.requests] == ["List Blobs"], proxy.story()
        with here.storage.open("large.js") as file:
            assert hashlib.md5(file.read()).digest() == hashlib.md5(large).digest()


@pytest.mark.parametrize("kind", KINDS)
def test_a_backend_that_stores_no_encoding_is_an_error(kind: str, source: Path, tmp_path: Path) -> None:
    with project(source, compressing(filesystem(tmp_path / "stored"), kind)) as here:
        why = r"static\.compress: static/site\.css goes to a FileSystemStorage, which cannot store a Content-Encoding\."
        with pytest.raises(ImproperlyConfigured, match=why):
            here.storage.check()
        with pytest.raises((CommandError, ImproperlyConfigured), match=r"static\.compress"):
            here.collect()
