"""R1, R5, R9, R10, R11: each name to its own backend, in every method."""

from __future__ import annotations

import copy
import datetime as dt
import inspect

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import Storage

from storage_router import RouterStorage
from storage_router.aio import AsyncMethods
from storage_router.exceptions import NoRouteError

from .conftest import memory_router
from .storages import BUILT

STATIC = {"prefix": "static/", "backend": "static", "strip_prefix": True}
FILMS = {"types": "video/*", "backend": "films"}


@pytest.fixture
def router():
    found = memory_router(STATIC, FILMS, {"prefix": "private", "backend": "private"})
    for name in ("static/css/a.css", "private/film.mp4", "private/a.txt", "a/b.txt"):
        found.save(name, ContentFile(name.encode()))
    return found


# The file's full name, the alias of its backend, the backend's own name.
PLACES = [
    ("static/css/a.css", "static", "css/a.css"),
    ("private/film.mp4", "films", "private/film.mp4"),
    ("private/a.txt", "private", "private/a.txt"),
    ("a/b.txt", "media", "a/b.txt"),
]


def test_every_public_method_of_djangos_storage_is_routed():
    """R9: also those that later versions of Django add; a method that is not routed would act on no file at all."""
    public = {name for name, value in vars(Storage).items() if inspect.isfunction(value) and not name.startswith("_")}
    routed = {name for kind in RouterStorage.__mro__[: RouterStorage.__mro__.index(Storage)] for name in vars(kind)}
    assert public - routed == set()


@pytest.mark.parametrize(("name", "alias", "own_name"), PLACES)
def test_every_method_reaches_the_same_file(router, name, alias, own_name):
    """R1: the same name always reaches the same backend, in every method."""
    backend = router.backends[alias]
    assert backend.open(own_name).read() == name.encode()
    assert router.open(name).read() == name.encode()
    assert router.exists(name) is True
    assert router.size(name) == len(name)
    assert router.url(name) == f"/{alias}/{own_name}"
    assert router.is_name_available(name) is False
    assert router.get_modified_time(name) == backend.get_modified_time(own_name)
    assert router.get_created_time(name) == backend.get_created_time(own_name)
    assert router.get_accessed_time(name) == backend.get_accessed_time(own_name)
    router.delete(name)
    assert not backend.exists(own_name)
    assert router.exists(name) is False
    assert router.is_name_available(name) is True


@pytest.mark.parametrize(("name", "alias", "own_name"), PLACES)
def test_an_explanation_tells_route_backend_and_the_backends_own_name(router, name, alias, own_name):
    # R11
    found = router.explain(name)
    assert (found.name, found.alias, found.backend_name) == (name, alias, own_name)


def test_explanations_are_sentences(router):
    # R11
    assert [str(router.explain(name)) for name in ("static/a.css", "x/FILM.MP4", "private/x", "x.txt")] == [
        (
            "'static/a.css' goes to the backend 'static' as 'a.css': routes[0] (prefix \"static/\") is the first that "
            "matches"
        ),
        (
            "'x/FILM.MP4' goes to the backend 'films': routes[1] (types \"video/*\") is the first that matches: "
            "media type video/mp4"
        ),
        "'private/x' goes to the backend 'private': routes[2] (prefix \"private\") is the first that matches",
        "'x.txt' goes to the backend 'media': no route claims it, and it is the default",
    ]


def test_an_explanation_tells_every_matcher_and_whether_the_route_is_read_only():
    # R11
    route = {"prefix": ["a", "b"], "glob": "**/x.*", "types": [".png", ".tar.gz"], "backend": "one", "read_only": True}
    router = memory_router(route, {"backend": "rest"}, default=None)
    found = router.explain("b/x.tar.gz")
    assert found.why.endswith('is the first that matches: prefix "b/", extension ".tar.gz"')
    assert found.read_only is True
    assert ", read-only: routes[0] (" in str(found)
    assert router.explain("c").why == "routes[1] (everything) is the first that matches"


def test_the_path_is_there_where_the_backend_has_one(tmp_path):
    # R9
    router = memory_router(
        {"prefix": "local", "backend": "disk", "strip_prefix": True},
        disk={"type": "filesystem", "location": str(tmp_path / "disk")},
        media=AZURE,
    )
    router.save("local/a/b.txt", ContentFile(b"x"))
    assert router.path("local/a/b.txt") == str(tmp_path / "disk/a/b.txt")
    with router.open("local/a/b.txt") as file:
        assert file.read() == b"x"
    with file.open() as again:
        assert again.read() == b"x"
    with pytest.raises(NotImplementedError, match="This backend doesn't support absolute paths"):
        router.path("a/b.txt")


AZURE = {"type": "azure", "account_name": "acme", "account_key": "c2VjcmV0", "azure_container": "abc"}


def test_options_of_url_go_to_the_backend():
    # R9
    router = memory_router(
        signed=AZURE,
        default="signed",
    )
    assert "se=" not in router.url("a.txt")
    assert "rsct=text%2Fplain" in router.url("a.txt", expire=60, parameters={"content_type": "text/plain"})
    assert "sp=c" in router.url("a.txt", 60, mode="c")


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("static/", "/static/"),
        ("static/img/", "/static/img/"),
        ("private/", "/private/private/"),
        ("a\\b\\", "/media/a/b/"),
    ],
)
def test_the_url_of_a_directory_keeps_its_slash(router, name, url):
    """A8: Django's manifest storage asks for it."""
    assert router.url(name) == url


def test_what_no_route_claims_is_an_error_in_every_method():
    # R4
    router = memory_router({"prefix": "a", "backend": "one"}, default=None)
    with pytest.raises(NoRouteError, match="No route claims 'b' and there is no default"):
        router.open("b")
    with pytest.raises(NoRouteError, match="No route claims 'b/_'"):
        router.url("b/")
    with pytest.raises(LookupError):
        router.save("b", ContentFile(b""))


BAD_NAMES = ["/a", "a/../b", "./a", "public/../private/x", "..\\x", "a\x00b", "C:\\x", "\ud800"]

CALLS = {
    "open": lambda router, name: router.open(name),
    "open for writing": lambda router, name: router.open(name, "wb"),
    "save": lambda router, name: router.save(name, ContentFile(b"x")),
    "delete": lambda router, name: router.delete(name),
    "exists": lambda router, name: router.exists(name),
    "listdir": lambda router, name: router.listdir(name),
    "size": lambda router, name: router.size(name),
    "url": lambda router, name: router.url(name),
    "path": lambda router, name: router.path(name),
    "get_accessed_time": lambda router, name: router.get_accessed_time(name),
    "get_created_time": lambda router, name: router.get_created_time(name),
    "get_modified_time": lambda router, name: router.get_modified_time(name),
    "get_valid_name": lambda router, name: router.get_valid_name(name),
    "get_available_name": lambda router, name: router.get_available_name(name),
    "is_name_available": lambda router, name: router.is_name_available(name),
    "get_alternative_name": lambda router, name: router.get_alternative_name(name, ".txt"),
    "generate_filename": lambda router, name: router.generate_filename(name),
    "stat": lambda router, name: router.stat(name),
    "walk": lambda router, name: list(router.walk(name)),
    "page": lambda router, name: router.page(name),
    "tags_of": lambda router, name: router.tags_of(name),
    "replace": lambda router, name: router.replace(name, ContentFile(b"x")),
    "forwarded": lambda router, name: router.forwarded(name),
    "explain": lambda router, name: router.explain(name),
    "read": lambda router, name: router.read(name),
    "create": lambda router, name: router.create(name, ContentFile(b"x")),
    "copy_from": lambda router, name: router.copy_from(name, router, "a"),
    "sign": lambda router, name: router.sign(name, 60),
}
NORMALIZED = {"./a", "a\x00b"}


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
@pytest.mark.parametrize("method", CALLS)
def test_a_name_that_could_mean_another_file_is_refused_before_routing(method, name):
    """R10: in every method; no backend is even built."""
    if method == "generate_filename" and name in NORMALIZED:
        return
    router = memory_router(STATIC, unbuilt={"type": "django", "backend": "tests.router.storages.Counted"})
    router.table.default = "unbuilt"
    BUILT.clear()
    with pytest.raises(SuspiciousFileOperation):
        CALLS[method](router, name)
    assert BUILT == []


def test_the_methods_that_are_called_with_bad_names_are_all_there_are():
    # R10
    public = {name for name, value in inspect.getmembers(RouterStorage, inspect.isfunction) if not name.startswith("_")}
    # The async methods call those.
    public -= vars(AsyncMethods).keys()
    assert public == {name.partition(" ")[0] for name in CALLS} | {"deconstruct"}


@pytest.mark.parametrize(
    "method",
    sorted(CALLS.keys() - {"exists", "listdir", "walk", "page", "delete", "get_alternative_name", "path", "url"}),
)
def test_the_empty_name_is_no_file(router, method):
    # R10
    with pytest.raises(SuspiciousFileOperation, match="Could not derive file name from ''"):
        CALLS[method](router, "")


@pytest.mark.parametrize("name", ["", None])
def test_deleting_nothing_is_djangos_error(router, name):
    """A12: bad names fail with Django's exceptions and messages."""
    with pytest.raises(ValueError, match=r"^The name must be given to delete\(\)\.$"):
        router.delete(name)


def test_the_empty_name_is_the_root_and_a_slash_asks_for_a_directory(router):
    # R10
    assert router.exists("") is True
    assert router.exists("static/") is True
    assert router.exists("static/css\\") is True
    assert router.exists("nothing/") is False
    assert router.exists("static/nothing/") is False


def test_a_backslash_counts_as_a_slash(router):
    # R10
    assert router.open("private\\a.txt").read() == b"private/a.txt"


def test_the_backends_own_rules_for_names_hold():
    # R9
    strict = {"type": "django", "backend": "tests.router.storages.StrictStorage"}
    router = memory_router({"prefix": "s/", "backend": "strict", "strip_prefix": True}, strict=strict)
    assert router.get_valid_name("s/a/x y.txt") == "s/a/X Y.TXT"
    assert router.get_valid_name("x y.txt") == "x_y.txt"
    assert router.generate_filename("s/a/x y.txt") == "s/a/X Y.TXT"
    assert router.generate_filename("s\\x y.txt") == "s/X Y.TXT"
    assert router.generate_filename("a/x y.txt") == "a/x_y.txt"
    assert router.get_alternative_name("s/a/x", ".txt") == "s/a/x-again.txt"
    router.save("s/a/x.txt", ContentFile(b"x"))
    assert router.get_available_name("s/a/x.txt") == "s/a/x-again.txt"
    assert router.save("s/a/x.txt", ContentFile(b"x")) == "s/a/x-again.txt"


def test_a_file_is_described_by_what_its_backend_knows(router):
    found = router.stat("static/css/a.css")
    assert (found.name, found.size) == ("static/css/a.css", 16)
    assert dt.datetime.now(dt.UTC) - found.modified < dt.timedelta(minutes=5)
    assert router.stat("private/film.mp4").name == "private/film.mp4"


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_has_the_same_files(router, copied):
    """A13: as a copy of Django's memory storage has them."""
    other = copied(router)
    assert other.open("static/css/a.css").read() == b"static/css/a.css"
    other.save("new.txt", ContentFile(b"x"))
    assert router.exists("new.txt")
    assert other.backends["media"] is not router.backends["media"]
    other.backends["media"].base_url = "/other/"
    assert (router.url("new.txt"), other.url("new.txt")) == ("/media/new.txt", "/other/new.txt")


def test_a_router_shows_no_more_of_itself_than_its_aliases(router):
    # C7
    assert repr(router) == "<RouterStorage 3 routes to films, media, private, static>"
    assert repr(router.backends) == "<Backends films, media, private, static>"


def test_repeated_slashes_count_as_one_in_every_method(router):
    """R10: an app has built the name of a directory and a file."""
    assert router.open("private//a.txt").read() == b"private/a.txt"
    assert router.exists("private//a.txt")
    assert router.url("private//a.txt") == "/private/private/a.txt"
    assert router.save("docs//new.txt", ContentFile(b"x")) == "docs/new.txt"
    assert router.listdir("static//css//") == ([], ["a.css"])


@pytest.mark.parametrize(
    ("upload", "name"),
    [
        ("./docs/a.txt", "docs/a.txt"),
        ("docs//x/a.txt", "docs/x/a.txt"),
        ("static//My Summer (2).css", "static/My_Summer_2.css"),
        ("tab\there.txt", "tabhere.txt"),
        ("Q: answers.pdf", "Q_answers.pdf"),
    ],
)
def test_the_name_of_an_upload_is_normalized_before_it_is_routed(router, upload, name):
    # R10
    assert router.generate_filename(upload) == name
    assert type(router.generate_filename(upload)) is str


@pytest.mark.parametrize("method", ["get_available_name", "generate_filename"])
def test_a_name_that_leads_elsewhere_is_refused_in_djangos_words(router, method):
    """A12: as in Django's tests of its file storages."""
    for name, base in (("/tmp/..", ".."), ("\\tmp\\.", "."), ("", "")):
        with pytest.raises(SuspiciousFileOperation, match=f"Could not derive file name from '{base}'"):
            getattr(router, method)(name)
    for name, directory in (("tmp/../path", "tmp/.."), ("\\tmp\\..\\path", "/tmp/..")):
        with pytest.raises(SuspiciousFileOperation, match=f"Detected path traversal attempt in '{directory}'"):
            getattr(router, method)(name)


def test_a_bare_name_without_a_default_follows_djangos_rule():
    """R9: forms ask for it before they know the directory."""
    router = memory_router({"prefix": "a", "backend": "one"}, default=None)
    assert router.get_valid_name("My Summer (2).png") == "My_Summer_2.png"
    assert router.get_alternative_name("x", ".png").startswith("x_")
    with pytest.raises(NoRouteError):
        router.get_valid_name("b/x.png")
    with pytest.raises(NoRouteError):
        router.get_alternative_name("b/x", ".png")


def test_the_root_has_the_default_backends_url():
    # R9
    router = memory_router({"prefix": "a", "backend": "one"})
    assert router.url("") == router.url(None) == "/media/"
    router = memory_router({"prefix": "a", "backend": "one"}, default=None)
    assert router.url("") == router.url(None) == ""


def test_a_router_of_several_backends_is_not_local(tmp_path):
    """R9: Django asks ``path("")`` for "are you local?"."""
    disk = {"type": "filesystem", "location": str(tmp_path), "base_url": "/files/"}
    several = memory_router({"prefix": "a", "backend": "one"}, media=disk)
    stripped = RouterStorage(backends={"d": disk}, routes=[{"prefix": "a", "backend": "d", "strip_prefix": True}])
    for router in (several, stripped):
        with pytest.raises(NotImplementedError):
            router.path("")
        assert router.location == ""
        assert not hasattr(router, "base_url")


def test_a_router_of_one_local_backend_is_local(tmp_path):
    # R9
    disk = {"type": "filesystem", "location": str(tmp_path), "base_url": "/files/"}
    router = RouterStorage(backends={"d": disk}, routes=[{"prefix": "a", "backend": "d"}], default="d")
    assert (router.path(""), router.location, router.base_url) == (str(tmp_path), str(tmp_path), "/files/")


def test_a_directory_exists_without_a_slash_too(tmp_path):
    """R9: ``collectstatic --clear`` asks so."""
    router = memory_router(STATIC, FILMS, media={"type": "filesystem", "location": str(tmp_path)})
    for name in ("static/css/a.css", "trip/day/a.mp4", "docs/a.txt"):
        router.save(name, ContentFile(b"x"))
    found = [router.exists(name) for name in ("static", "static/css", "trip", "trip/day", "docs", "docs/a.txt")]
    assert found == [True] * 6
    assert [router.exists(name) for name in ("nothing", "static/nothing", "tri", "docs/a.txt/b")] == [False] * 4
