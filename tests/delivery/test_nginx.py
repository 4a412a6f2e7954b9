"""D3, T14: ``accel`` with docs/files/nginx.conf, a real nginx and a real gunicorn."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.files.base import ContentFile

from storage_router import AzureStorage
from tests.kit.servers import ROOT

from .conftest import ROUTE, TEXT, azure, body
from .servers import nginx, site

pytestmark = pytest.mark.slow

SECRET = "a secret of the tests"
NAMES = ["a b", "100%", "what?", "c#", "a+b", "%2e%2e/x", "%252e", "ü/日本", "'q\"'", "a&b;c=d", "n" * 900]


def block(site_port: int, container_url: str, directory: Path) -> str:
    """The file of the documentation, for these servers."""
    text = (ROOT / "docs/files/nginx.conf").read_text(encoding="utf-8")
    path = container_url.split("/", 3)[3]
    for old, new in (
        ("http://127.0.0.1:8000", f"http://127.0.0.1:{site_port}"),
        ("the accel_secret of the document", SECRET),
        ("/_blob/private/documents/", f"/_blob/files/{path}/"),
        ("https://acmeprivate.blob.core.windows.net/documents/", f"{container_url}/"),
        ("/srv/archive/", f"{directory}/"),
    ):
        assert text.count(old) >= 1
        text = text.replace(old, new)
    # Azurite speaks HTTP here.
    return re.sub(r" *proxy_ssl_.*\n", "", text)


@pytest.fixture(scope="module")
def servers(azurite, tmp_path_factory):
    """nginx, gunicorn, and a storage for each backend."""
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "archive").mkdir()
    container = azurite.create_container()
    files = azure(azurite, container)
    archive = {"type": "filesystem", "location": str(folder / "archive")}
    routes = [{**ROUTE, "delivery": "accel", "inline": ["image/*", "image/svg+xml", "text/plain"]}]
    routes.append({**routes[0], "prefix": "archive/", "backend": "archive"})
    options = {"backends": {"files": files, "archive": archive}, "routes": routes, "accel_secret": SECRET}
    storage = AzureStorage(
        **{key: value for key, value in files.items() if key != "type"},
        object_parameters={"content_type": "text/html", "cache_control": "public,max-age=31536000"},
    )
    with (
        site("gunicorn", options, folder) as django,
        nginx(block(django.port, f"{azurite.account_url()}/{container}", folder / "archive"), folder) as front,
    ):
        yield front, django, storage, folder


def url(name: str) -> str:
    return f"/files/f/{quote(name)}"


@pytest.mark.parametrize("name", NAMES)
def test_every_name_reaches_its_blob(servers, name):
    front, _, storage, _ = servers
    storage.save(f"private/{name}.txt", ContentFile(name.encode()))
    answer, content = front.get(url(f"private/{name}.txt"))
    assert (answer.status, content) == (200, name.encode()), content


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("private/a.jpg", marks=pytest.mark.azurite, id="azure"),
        pytest.param("archive/a.jpg", id="filesystem"),
    ],
)
def picture(servers, request):
    front, _, storage, folder = servers
    if request.param.startswith("private"):
        storage.save(request.param, ContentFile(TEXT))
    else:
        (folder / "archive/archive").mkdir()
        (folder / "archive" / request.param).write_bytes(TEXT)
    return front, url(request.param)


def test_the_answer_says_of_the_file_what_the_view_says(picture):
    front, path = picture
    answer, content = front.get(path)
    assert (answer.status, content) == (200, TEXT)
    expected = {
        "Content-Type": "image/jpeg",
        "Content-Disposition": 'inline; filename="a.jpg"',
        "Content-Security-Policy": "frame-ancestors 'self'",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-cache",
        "Vary": "Cookie, Authorization",
        "Content-Length": "1000",
        "Accept-Ranges": "bytes",
    }
    assert {key: answer.headers.get_all(key) for key in expected} == {key: [value] for key, value in expected.items()}
    assert not [key for key in answer.headers if key.lower().startswith("x-") and key != "X-Content-Type-Options"]
    assert "sig=" not in str(answer.headers)


def test_ranges_and_conditions(picture):
    front, path = picture
    etag = front.get(path)[0].headers["ETag"]
    part, content = front.get(path, Range="bytes=10-14")
    assert (part.status, content, part.headers["Content-Range"]) == (206, TEXT[10:15], "bytes 10-14/1000")
    again, content = front.get(path, If_None_Match=etag)
    assert (again.status, content) == (304, b"")
    head, content = front.get(path, "HEAD")
    assert (head.status, content, head.headers["Content-Length"]) == (200, b"", "1000")
    other, content = front.get(path, Range="bytes=10-14", If_Range='"other"')
    assert (other.status, content) == (200, TEXT)


def test_an_svg_is_shown_under_the_policy(servers):
    front, _, storage, _ = servers
    storage.save("private/a.svg", ContentFile(b"<svg/>"))
    answer, _ = front.get(url("private/a.svg"))
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_who_may_not_read_is_refused(picture):
    front, path = picture
    assert front.get(path, X_User="other")[0].status == 404
    assert front.get(path, X_User=None)[0].status == 401


def test_a_missing_file_is_404_and_says_nothing_of_the_service(servers):
    front, _, _, _ = servers
    for name in ("private/missing.jpg", "archive/missing.jpg"):
        answer, content = front.get(url(name))
        assert answer.status == 404
        assert b"RequestId" not in content
        assert b"<?xml" not in content


def test_internal_links_are_for_nginx_only(servers, picture):
    front, django, _, _ = servers
    _, path = picture
    direct, content = django.get(path)
    assert direct.status == 500
    assert "X-Accel-Redirect" not in direct.headers
    assert b"sig" not in content
    # nginx overwrites what a client sends in its place.
    forged, _ = django.get(path, X_Storage_Router_Accel="guess")
    assert forged.status == 500
    assert front.get(path, X_Storage_Router_Accel="guess")[0].status == 200
    assert front.get("/_blob/archive/archive/a.jpg")[0].status == 404
    assert "sig=" not in front.log.read_text()


def test_headers_of_the_reader_do_not_reach_the_service(servers):
    front, _, storage, _ = servers
    storage.save("private/h.txt", ContentFile(TEXT))
    headers = {
        "x_ms_range": "bytes=0-1",
        "x_ms_version": "1900-01-01",
        "Origin": "https://evil.example",
        "Authorization": "Bearer x",
    }
    answer, content = front.get(url("private/h.txt"), **headers)
    assert (answer.status, content) == (200, TEXT)


def test_without_nginx_a_development_server_streams(memory_site):
    memory_site.use(delivery="accel", settings={"DEBUG": True}).save()
    assert body(memory_site.get()) == TEXT
    memory_site.use(delivery="accel", document={"accel_secret": SECRET})
    memory_site.save()
    assert memory_site.get().status_code == 500
    assert body(memory_site.get(X_Storage_Router_Accel=SECRET)) == TEXT
