"""V3: the pages of the console, on each type of backend, and when the service is down."""

from __future__ import annotations

import contextlib
from urllib.parse import quote

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import call_command

import storage_router
from storage_router.files import FileSettings

from .conftest import azure

CONSOLE = "/admin/storage_router_console/console/"
PAGES = ["", "where/?name=a.txt", "files/", "file/?name=a.txt", "download/?name=a.txt", "moves/"]
PNG = b"\x89PNG\r\n\x1a\n, more or less"


def one(backend, **more):
    return {"backends": {"files": backend}, "default": "files", **more}


def put(**names):
    for name, content in names.items():
        storages["default"].create(name, ContentFile(content))


def text(response, status=200):
    assert response.status_code == status
    return " ".join(response.content.decode().split())


MEMORY = one({"type": "memory"})


@pytest.mark.parametrize("page", PAGES)
def test_without_the_permission_no_page_opens(site, page):
    client = site(MEMORY, permission=False)
    put(**{"a.txt": b"text"})
    assert client.get(CONSOLE + page).status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_who_is_not_staff_is_led_to_the_login(site, page):
    answer = site(MEMORY, staff=False).get(CONSOLE + page)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/admin/login/")


def test_health_and_links_are_asked_for_by_post_only(site):
    client = site(MEMORY)
    put(**{"a.txt": b"text"})
    assert client.get(f"{CONSOLE}probe/").status_code == client.get(f"{CONSOLE}link/?name=a.txt").status_code == 405
    strict = site(MEMORY, permission=False)
    assert strict.post(f"{CONSOLE}probe/").status_code == 403


def test_the_admin_lists_the_console_for_those_who_may_see_it(site):
    assert f'href="{CONSOLE}"' in text(site(MEMORY).get("/admin/"))
    assert CONSOLE not in text(site(MEMORY, permission=False).get("/admin/"))


def test_nothing_can_be_added_or_changed(site):
    client = site(MEMORY)
    assert client.get(f"{CONSOLE}add/").status_code == 404
    assert client.post(CONSOLE).status_code == 405


def test_the_overview_shows_routes_backends_and_warnings(site, backend):
    private = {"prefix": "private/", "backend": "private", "delivery": "stream"}
    options = {
        "backends": {"files": backend, "private": {"type": "memory"}, "idle": {"type": "memory"}},
        "routes": [{**private, "authorize": "tests.console.project.may_read"}],
        "default": "files",
    }
    page = text(site(options).get(CONSOLE))
    assert "prefix &quot;private/&quot;" in page
    assert "everything else" in page
    assert 'data-backend="files"' in page
    assert "asks who may read (stream)" in page
    assert "storage_router.W003" in page
    assert page.count('<path class="sr-colour') == 2
    assert "Not asked yet" in page
    if backend["type"] == "azure":
        assert f"devstoreaccount1 / {backend['azure_container']}" in page
        assert "public links · account key" in page
        assert backend["account_key"] not in page


def test_health_is_asked_on_demand_and_remembered(site, backend):
    client = site(one(backend))
    assert client.post(f"{CONSOLE}probe/?storage=default", follow=True).redirect_chain == [
        (f"{CONSOLE}?storage=default", 302)
    ]
    assert "It answers." in text(client.get(CONSOLE))


@pytest.mark.parametrize("has_tenant", [False, True])
def test_backends_with_a_place_for_each_tenant_are_shown_and_asked_where_there_is_a_tenant(site, has_tenant):
    backends = {
        "files": {"type": "memory"},
        "tenant": {"type": "memory", "location": "{tenant}", "base_url": "/{tenant}"},
    }
    route = {"prefix": "tenants/{tenant}/", "backend": "tenant", "strip_prefix": True}
    client = site({"backends": backends, "routes": [route], "default": "files"})
    with storage_router.tenant("acme") if has_tenant else contextlib.nullcontext():
        client.post(f"{CONSOLE}probe/")
        page = text(client.get(CONSOLE))
    assert page.count("sr-ok") == 1 + has_tenant
    assert page.count("Not asked yet") == 1 - has_tenant


def test_a_missing_container_and_a_service_that_is_down_are_shown(site, azurite, closed_port):
    down = azure(f"http://127.0.0.1:{closed_port}/devstoreaccount1", "files", timeout=2)
    client = site({"backends": {"down": down, "lost": azure(azurite, "not-there")}, "default": "down"})
    client.post(f"{CONSOLE}probe/")
    page = text(client.get(CONSOLE))
    assert page.count("sr-failed") == 2
    assert "ContainerNotFound" in page
    for path in ("files/", "file/?name=a.txt", "download/?name=a.txt"):
        assert "errornote" in text(client.get(CONSOLE + path))
    assert "errornote" not in text(client.get(f"{CONSOLE}where/?name=a.txt"))


def test_a_name_is_explained(site, backend):
    client = site(one(backend, routes=[{"prefix": "docs/", "backend": "files", "strip_prefix": True}]))
    page = text(client.get(f"{CONSOLE}where/?name=docs/a%26b.pdf"))
    assert "routes[0] (prefix &quot;docs/&quot;) is the first that matches" in page
    assert "a&amp;b.pdf</code>" in page
    assert "A file name must not" in text(client.get(f"{CONSOLE}where/?name=./a.pdf"))


def test_a_directory_is_shown_a_page_at_a_time(site, backend, monkeypatch):
    monkeypatch.setattr("storage_router.console.admin.PAGE", 4)
    client = site(one(backend))
    put(**{f"many/{number:02}.txt": b"text" for number in range(10)}, **{"many/below/x.txt": b"x"})
    found, address = [], f"{CONSOLE}files/?path=many"
    while address:
        answer = client.get(address)
        context = answer.context_data
        shown = [entry["short"] for entry in (*context["directories"], *context["files"])]
        assert len(shown) <= 4
        found += shown
        address = f"{CONSOLE}files/?{context['next']}" if "next" in context else None
    assert sorted(found) == [*(f"{number:02}.txt" for number in range(10)), "below"]
    assert "There is nothing here." in text(client.get(f"{CONSOLE}files/?path=nothing"))
    assert "errornote" in text(client.get(f"{CONSOLE}files/?path=../x"))


@pytest.mark.parametrize("marker", ["nonsense", "5", '{"0": 5}', '{"0": []}', '{"0": ["", "x"]}'])
def test_a_marker_that_is_none_is_an_error_on_the_page(site, marker):
    assert "errornote" in text(site(MEMORY).get(f"{CONSOLE}files/", {"marker": marker}))


def test_what_is_known_of_a_file_is_shown(site, backend):
    client = site(one(backend))
    settings = FileSettings(
        content_type="image/png", cache_control="max-age=60", metadata={"owner": "acme"}, tags={"kind": "logo"}
    )
    storages["default"].create("pictures/a b.png", ContentFile(PNG), settings)
    page = text(client.get(f"{CONSOLE}file/?name=pictures/a%20b.png"))
    assert f"{len(PNG)} bytes" in page
    assert "image/png" in page
    assert '<img src="' in page
    if backend["type"] == "azure":
        assert "Metadata: owner</dt><dd>acme</dd>" in page
        assert "Tag: kind</dt><dd>logo</dd>" in page
        assert "max-age=60" in page
    assert client.get(f"{CONSOLE}file/?name=missing.txt").status_code == 404
    assert client.get(f"{CONSOLE}file/?name=../x").status_code == 404


def test_a_link_is_made_for_a_minute_where_the_backend_can_sign(site, backend):
    client = site(one(backend))
    put(**{"a.txt": b"text"})
    page = text(client.post(f"{CONSOLE}link/?name=a.txt"))
    if backend["type"] == "azure":
        assert "sig=" in page
        assert "for one minute" in page
    else:
        assert "cannot sign links" in page


def test_a_download_is_an_attachment_that_no_browser_runs(site, backend):
    client = site(one(backend))
    put(**{"a.html": b"<script>"})
    answer = client.get(f"{CONSOLE}download/?name=a.html")
    assert b"".join(answer.streaming_content) == b"<script>"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="a.html"'
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "no-store" in answer.headers["Cache-Control"]
    assert client.get(f"{CONSOLE}download/?name=missing").status_code == 404


def test_reserved_names_are_never_shown(site, backend):
    client = site(one(backend))
    put(**{"a.txt": b"text"})
    inner = storages["default"].backends["files"]
    inner.save(".storage_router_trash/secret.txt", ContentFile(b"x"))
    assert "storage_router_trash" not in text(client.get(f"{CONSOLE}files/"))
    assert "secret.txt" not in text(client.get(f"{CONSOLE}files/?path=.storage_router_trash"))
    assert client.get(f"{CONSOLE}file/?name=.storage_router_trash/secret.txt").status_code == 404
    assert client.get(f"{CONSOLE}download/?name=.storage_router_trash/secret.txt").status_code == 404


def test_uploads_that_are_not_checked_yet_are_never_shown(site):
    client = site(
        {
            "backends": {"files": {"type": "memory"}, "waiting": {"type": "memory"}},
            "routes": [{"prefix": "quarantine/", "backend": "waiting"}],
            "default": "files",
            "uploads": {"policies": {"any": {"authorize": "tests.console.project.may_read"}}},
        }
    )
    storages["default"].backends["waiting"].save("quarantine/upload", ContentFile(b"x"))
    put(**{"a.txt": b"text"})
    assert "quarantine" not in text(client.get(f"{CONSOLE}files/")).partition("result_list")[2]
    assert "There is nothing here." in text(client.get(f"{CONSOLE}files/?path=quarantine"))
    for page in ("file", "download"):
        assert client.get(f"{CONSOLE}{page}/?name=quarantine/upload").status_code == 404
    assert client.post(f"{CONSOLE}link/?name=quarantine/upload").status_code == 404


def test_names_cannot_bring_markup_into_a_page(site):
    client = site(MEMORY)
    name = "<b>'&\"/<script>.txt"
    storages["default"].backends["files"].save(name, ContentFile(b"text"))
    for page in ("files/?path=", "files/?path=<b>'%26\"", "where/?name=", "file/?name="):
        found = text(client.get(CONSOLE + page + ("" if "path" in page else quote(name))))
        assert "<b>" not in found
        assert "<script>.txt" not in found


def test_links_and_probes_need_the_token_against_forgery(site):
    client = site(MEMORY)
    put(**{"a.txt": b"text"})
    client.handler.enforce_csrf_checks = True
    assert client.post(f"{CONSOLE}link/?name=a.txt").status_code == 403
    assert client.post(f"{CONSOLE}probe/").status_code == 403


def test_of_many_routes_the_picture_shows_the_first(site):
    routes = [{"prefix": f"p{number}/", "backend": "files"} for number in range(300)]
    page = text(site({**MEMORY, "routes": routes}).get(CONSOLE))
    assert "250 further routes" in page
    assert page.count('<path class="sr-colour') == 51


def test_no_migration_is_missing(site):
    site(MEMORY)
    call_command("makemigrations", "storage_router_console", check=True, dry_run=True, verbosity=0)


def test_a_site_without_a_router_has_the_pages_too(site, tmp_path):
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    client = site({}, STORAGES={"default": storage, "staticfiles": static})
    storages["default"].save("a.txt", ContentFile(b"text"))
    assert 'data-backend="default"' in text(client.get(CONSOLE))
    assert "no routes" in text(client.get(f"{CONSOLE}where/"))
    assert "a.txt" in text(client.get(f"{CONSOLE}files/"))
    assert "4 bytes" in text(client.get(f"{CONSOLE}file/?name=a.txt"))


def test_a_container_without_a_router_has_the_pages_too(site, azurite, container):
    options = {key: value for key, value in azure(azurite, container).items() if key != "type"}
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    storage = {"BACKEND": "storage_router.AzureStorage", "OPTIONS": {**options, "expiration_secs": 300}}
    client = site({}, STORAGES={"default": storage, "staticfiles": static})
    put(**{"a.txt": b"text"})
    page = text(client.post(f"{CONSOLE}probe/", follow=True))
    assert f"devstoreaccount1 / {container}" in page
    assert "signed links, for 300 s · account key" in page
    assert "It answers." in page
    assert "sig=" in text(client.post(f"{CONSOLE}link/?name=a.txt"))


def test_one_of_several_routers_is_chosen(site):
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    router = {"BACKEND": "storage_router.RouterStorage", "OPTIONS": MEMORY}
    other = {**router, "OPTIONS": {"backends": {"archive": {"type": "memory"}}, "default": "archive"}}
    client = site({}, STORAGES={"default": router, "old": other, "staticfiles": static})
    assert 'data-backend="files"' in text(client.get(CONSOLE))
    page = text(client.get(f"{CONSOLE}?storage=old"))
    assert 'data-backend="archive"' in page
    assert "<option selected>old</option>" in page
    assert client.get(f"{CONSOLE}?storage=none").status_code == 404


def test_a_move_is_shown_with_its_ranges_and_errors(site, tmp_path):
    from django.utils import timezone

    from storage_router.moving.models import Move

    backends = {side: {"type": "filesystem", "location": str(tmp_path / side)} for side in ("old", "new")}
    route = {"prefix": "media/", "backend": "new", "moving_from": "old", "phase": "mirror"}
    client = site({"backends": backends, "routes": [route]})
    page = text(client.get(f"{CONSOLE}moves/"))
    assert "not started" in page
    assert page.count("old → new") == 1
    assert "sr-old" in text(client.get(CONSOLE))
    move = Move.objects.create(router="default", route='prefix "media/"', old="old", new="new", began=timezone.now())
    for number, state in enumerate(["done", "done", "failed", "running"]):
        errors = [["media/a.txt", "Azure said no"]] if state == "failed" else []
        move.shards.create(number=number, state=state, copied=10, size=1024, errors=errors)
    page = text(client.get(f"{CONSOLE}moves/"))
    assert page.count("old → new") == 1
    assert "2 of 4, 1 running" in page
    assert "1 failed" in page
    assert "<code>media/a.txt</code>: Azure said no" in page
    assert "mirror" in page
