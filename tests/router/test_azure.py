"""R5, R6, R8 and A2 over real containers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from django.core.files.base import ContentFile

import storage_router
from storage_router import RouterStorage
from storage_router.exceptions import BlobNotFoundError, RouteChangedError
from tests.azure.counting import Requests


@pytest.fixture
def router(azurite, container, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    azure = {"type": "azure", "connection_string": azurite.connection_string()}
    return RouterStorage(
        backends={
            "media": {**azure, "azure_container": container, "location": "live/media"},
            "static": {**azure, "azure_container": azurite.create_container()},
            "films": {**azure, "azure_container": container, "location": "films", "overwrite_files": True},
        },
        routes=[
            {"prefix": "static/", "backend": "static", "strip_prefix": True},
            {"glob": "**/long-*.mp4", "backend": "films"},
        ],
        default="media",
    )


def names(router, path=""):
    return sorted(found.name for found in router.walk(path))


def test_every_name_that_comes_back_opens_deletes_and_gives_a_url(router):
    # R5
    saved = [
        router.save(name, ContentFile(name.encode()))
        for name in ("static/a b.css", "a/long-1.mp4", "a/é.txt", ".htaccess")
    ]
    saved.append(router.save("static/a b.css", ContentFile(b"again")))
    assert saved[:4] == ["static/a b.css", "a/long-1.mp4", "a/é.txt", ".htaccess"]
    assert names(router) == sorted(saved)
    for name in saved:
        with router.open(name) as file:
            assert file.name == name
            assert file.read() in (name.encode(), b"again")
        assert router.stat(name).name == name
        assert router.url(name).startswith("http://127.0.0.1")
        router.delete(name)
        assert not router.exists(name)
    assert names(router) == []


def test_listings_merge_containers_without_their_locations(router):
    # R8, A6
    for name in ("static/css/a.css", "a/long-1.mp4", "a/b/2.txt", "3.txt"):
        router.save(name, ContentFile(b"x"))
    router.backends["static"].save("static/b.css", ContentFile(b"x"))
    router.backends["media"].save("static/hidden.css", ContentFile(b"x"))
    assert router.listdir("") == (["a", "static"], ["3.txt"])
    assert router.listdir("a") == (["b"], ["long-1.mp4"])
    assert router.listdir("static") == (["css", "static"], [])
    assert names(router) == ["3.txt", "a/b/2.txt", "a/long-1.mp4", "static/css/a.css", "static/static/b.css"]
    assert names(router, "static") == ["static/css/a.css", "static/static/b.css"]
    assert names(router, "a/") == ["a/b/2.txt", "a/long-1.mp4"]
    assert router.exists("a/b/") is True
    assert router.exists("a/c/") is False


def test_a_missing_file_is_missing_in_every_method(router):
    # A4, A10
    for method in (router.open, router.size, router.stat, router.get_modified_time):
        with pytest.raises(BlobNotFoundError, match=r"backend 'static'.*blob 'none\.css'"):
            method("static/none.css")
    router.delete("static/none.css")


def test_a_name_that_is_cut_and_leads_elsewhere_overwrites_nothing(router):
    """R6: overwriting is allowed in this backend, so what was there before must be seen to before the save."""
    films = router.backends["films"]
    films.save("a/lon.mp4", ContentFile(b"there before"))
    with pytest.raises(RouteChangedError, match=r"store it as 'a/lon.*\.mp4', which leads elsewhere"):
        router.save("a/long-name-of-a-film.mp4", ContentFile(b"x"), max_length=9)
    with films.open("a/lon.mp4") as file:
        assert file.read() == b"there before"


def test_a_name_that_is_taken_and_leads_elsewhere_leaves_nothing_behind(azurite, container):
    """R6: Azure creates under another name only what is not there, so it can be deleted again."""
    azure = {"type": "azure", "connection_string": azurite.connection_string(), "azure_container": container}
    routes = [{"glob": "reports/20??.pdf", "backend": "reports"}]
    router = RouterStorage(backends={"reports": azure}, routes=routes)
    router.save("reports/2026.pdf", ContentFile(b"1"))
    with pytest.raises(RouteChangedError, match=r"which leads elsewhere\. Widen .* longer\.$"):
        router.save("reports/2026.pdf", ContentFile(b"2"))
    assert router.backends["reports"].listdir("reports") == ([], ["2026.pdf"])


def test_a_file_in_place_of_another_is_not_deleted(azurite, container):
    """R6: a conditional create makes a new file only where the storage does not overwrite."""
    options = {"connection_string": azurite.connection_string(), "azure_container": container}
    one_name = {"type": "django", "backend": "tests.router.storages.OneNameAzureStorage", "options": options}
    router = RouterStorage(backends={"odd": one_name}, routes=[{"prefix": "up", "backend": "odd"}])
    router.backends["odd"].save("latest.bin", ContentFile(b"before"))
    with pytest.raises(RouteChangedError, match=r"was not deleted: it is still in 'odd', as 'latest\.bin'"):
        router.save("up/a.bin", ContentFile(b"x"))
    assert router.backends["odd"].exists("latest.bin")


def test_writing_replacing_and_describing_reach_the_container(router):
    with router.open("static/a.txt", "w") as file:
        file.write("é")
    assert router.stat("static/a.txt").content_type == "text/plain"
    assert router.replace("static/a.txt", ContentFile(b"new")).name == "static/a.txt"
    assert router.size("static/a.txt") == 3
    assert router.get_modified_time("static/a.txt") == router.backends["static"].get_modified_time("a.txt")


def test_the_router_adds_no_request(azurite, container, monkeypatch, tmp_path):
    """A2, A4, A7: what costs one request costs one through the router."""
    monkeypatch.chdir(tmp_path)
    requests = Requests()
    azure = {"type": "azure", "connection_string": azurite.connection_string(), "azure_container": container}
    azure["client_options"] = requests.client_options()
    routes = [{"prefix": "static", "backend": "media", "strip_prefix": True}]
    router = RouterStorage(backends={"media": azure}, routes=routes)
    router.save("static/a.txt", ContentFile(b"x"), max_length=100)
    assert requests.taken() == ["PUT blob"]
    with router.open("static/a.txt") as file:
        file.read()
    assert requests.taken() == ["GET blob"]
    router.size("static/a.txt")
    router.exists("static/a.txt")
    assert requests.taken() == ["HEAD blob", "HEAD blob"]
    router.url("static/a.txt")
    router.generate_filename("static/a b.txt")
    router.explain("static/a.txt")
    assert requests.taken() == []
    router.listdir("")
    assert requests.taken() == []
    router.listdir("static")
    assert requests.taken() == ["GET list"]
    router.delete("static/a.txt")
    assert requests.taken() == ["DELETE blob"]


def test_a_save_passes_through_fewer_than_16_modules(azurite, container):
    # H2
    azure = {"type": "azure", "connection_string": azurite.connection_string(), "azure_container": container}
    routes = [{"prefix": "static/", "backend": "azure", "strip_prefix": True}]
    router = RouterStorage(backends={"azure": azure}, routes=routes)
    package = Path(storage_router.__file__).parent
    router.save("static/first.bin", ContentFile(bytes(10_000)))
    modules = set()

    def note(frame, event, _):
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(package):
            modules.add(str(path.relative_to(package)))

    sys.setprofile(note)
    try:
        router.save("static/second.bin", ContentFile(bytes(10_000)))
    finally:
        sys.setprofile(None)
    assert len(modules) < 16, sorted(modules)
