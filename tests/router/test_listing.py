"""R8: a listing shows what the router can reach, of all backends concerned, and nothing else."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from hypothesis import given
from hypothesis import strategies as st

from storage_router.files import Directory
from tests.kit.examples import examples
from tests.routing import reference

from .conftest import memory_router

STATIC = {"prefix": "static/", "backend": "static", "strip_prefix": True}
FILMS = {"types": "video/*", "backend": "films"}


def put(router, *names):
    for name in names:
        router.save(name, ContentFile(b"x"))


def put_in(router, alias, *names):
    """Put files into a backend behind the router's back."""
    for name in names:
        router.backends[alias].save(name, ContentFile(b"x"))


def listed(router, path=""):
    directories, files = router.listdir(path)
    assert len(set(directories)) == len(directories)
    assert len(set(files)) == len(files)
    start = f"{path.rstrip('/')}/" if path else ""
    for limit in (1, 3):
        expected = sorted([f"{start}{name}/" for name in directories] + [f"{start}{name}" for name in files])
        assert paged(router, path, limit) == expected
    return sorted(directories), sorted(files)


def paged(store, path="", limit=2):
    """The entries of a directory, a page at a time; directories end in a slash."""
    found, marker = [], ""
    while True:
        page = store.page(path, limit=limit, marker=marker)
        assert len(page.entries) <= limit
        found += [f"{one.name}/" if isinstance(one, Directory) else one.name for one in page.entries]
        if not (marker := page.marker):
            return found


def tree(router, path=""):
    directories, files = router.listdir(path)
    start = f"{path}/" if path else ""
    found = [f"{start}{name}" for name in files]
    for name in directories:
        found += tree(router, f"{start}{name}")
    return found


def walked(router, path=""):
    return [found.name for found in router.walk(path)]


def test_entries_of_all_backends_are_merged_without_duplicates():
    router = memory_router(FILMS)
    put(router, "a/1.txt", "a/1.mp4", "a/b/2.txt", "a/b/2.mp4", "c/3.mp4", "4.txt")
    assert listed(router) == (["a", "c"], ["4.txt"])
    assert listed(router, "a") == listed(router, "a/") == (["b"], ["1.mp4", "1.txt"])
    assert listed(router, "a/b") == ([], ["2.mp4", "2.txt"])
    assert listed(router, "c") == ([], ["3.mp4"])


def test_prefixes_of_routes_are_directories_even_while_they_are_empty():
    router = memory_router({"prefix": "a/b/c/", "backend": "one"}, {"prefix": ["a/d", "e"], "backend": "one"}, STATIC)
    assert listed(router) == (["a", "e", "static"], [])
    assert listed(router, "a") == (["b", "d"], [])
    assert listed(router, "a/b") == (["c"], [])
    assert listed(router, "a/b/c") == ([], [])
    assert listed(router, "static") == ([], [])


def test_what_the_routes_would_send_elsewhere_is_not_shown():
    router = memory_router({"prefix": "private", "backend": "private"}, FILMS, STATIC)
    put_in(router, "media", "private/leak.txt", "film.mp4", "static/old.css", "static.txt", "a/b.txt")
    put_in(router, "private", "public.txt", "private/x.txt", "private/film.mp4")
    put_in(router, "films", "text.txt", "private/film.mp4", "d/film.mp4")
    put_in(router, "static", "css/a.css", "static/x.css")
    assert listed(router) == (["a", "d", "private", "static"], ["static.txt"])
    assert listed(router, "private") == ([], ["film.mp4", "x.txt"])
    assert listed(router, "static") == (["css", "static"], [])
    assert listed(router, "static/static") == ([], ["x.css"])
    assert sorted(walked(router)) == sorted(tree(router))
    assert sorted(walked(router)) == sorted(
        [
            "private/x.txt",
            "private/film.mp4",
            "d/film.mp4",
            "static/css/a.css",
            "static/static/x.css",
            "static.txt",
            "a/b.txt",
        ]
    )


def test_routes_by_type_inside_a_prefix():
    router = memory_router(
        {"prefix": "p", "types": ".psd", "backend": "designs"}, {"prefix": "p", "backend": "rest", "strip_prefix": True}
    )
    put(router, "p/a.psd", "p/a.txt", "p/d/b.psd", "q.psd")
    put_in(router, "designs", "q.psd", "p/x.txt", "z.psd")
    put_in(router, "rest", "c.psd", "only/d.psd")
    assert listed(router) == (["p"], ["q.psd"])
    assert listed(router, "p") == (["d", "only"], ["a.psd", "a.txt"])
    assert listed(router, "p/only") == ([], [])
    assert sorted(walked(router, "p")) == ["p/a.psd", "p/a.txt", "p/d/b.psd"]


def test_nested_prefixes():
    router = memory_router(
        {"prefix": "a/b/c", "backend": "three", "strip_prefix": True},
        {"prefix": "a/b", "backend": "two"},
        {"prefix": "a", "backend": "one", "strip_prefix": True},
    )
    put(router, "a/b/c/3", "a/b/2", "a/1", "0")
    put_in(router, "one", "b/hidden", "b/c/hidden", "d/e")
    put_in(router, "two", "a/b/c/hidden", "a/hidden")
    assert sorted(tree(router)) == sorted(walked(router)) == ["0", "a/1", "a/b/2", "a/b/c/3", "a/d/e"]
    assert listed(router, "a") == (["b", "d"], ["1"])
    assert sorted(walked(router, "a/b")) == ["a/b/2", "a/b/c/3"]
    assert walked(router, "a/b/c") == ["a/b/c/3"]


def test_globs_show_what_lies_below_their_written_part():
    router = memory_router(
        {"glob": "docs/2024/**/*.pdf", "backend": "pdfs"}, {"glob": "x/*.txt", "backend": "texts"}, default=None
    )
    put(router, "docs/2024/a.pdf", "docs/2024/deep/b.pdf", "x/a.txt")
    put_in(router, "pdfs", "docs/2023/c.pdf", "other/d.pdf", "docs/2024/notes.txt")
    put_in(router, "texts", "x/deep/b.txt", "x/c.pdf")
    assert listed(router) == (["docs", "x"], [])
    assert listed(router, "docs") == (["2024"], [])
    assert listed(router, "docs/2024") == (["deep"], ["a.pdf"])
    assert listed(router, "x") == ([], ["a.txt"])
    assert sorted(walked(router)) == ["docs/2024/a.pdf", "docs/2024/deep/b.pdf", "x/a.txt"]


def test_a_backend_behind_two_prefixes_is_seen_through_both():
    route = {"backend": "one", "strip_prefix": True}
    router = memory_router({"prefix": "a"} | route, {"prefix": "b", "types": ".txt"} | route)
    put(router, "a/x.txt", "a/y.bin")
    assert listed(router, "a") == ([], ["x.txt", "y.bin"])
    assert listed(router, "b") == ([], ["x.txt"])
    assert sorted(walked(router)) == ["a/x.txt", "a/y.bin", "b/x.txt"]


def test_a_directory_that_exists_nowhere_is_what_the_backends_say(tmp_path):
    disk = {"type": "filesystem", "location": str(tmp_path / "disk")}
    router = memory_router({"prefix": "d", "backend": "disk"}, default=None, disk=disk)
    assert router.listdir("") == (["d"], [])
    assert router.listdir("d") == ([], [])
    assert walked(router) == []
    put(router, "d/a/b.txt")
    assert listed(router, "d") == (["a"], [])
    with pytest.raises(FileNotFoundError):
        router.listdir("d/nothing")


def test_a_backend_without_the_directory_does_not_hide_the_others(tmp_path):
    disk = {"type": "filesystem", "location": str(tmp_path / "disk")}
    router = memory_router(FILMS, films=disk)
    put(router, "a/b.txt", "file")
    put_in(router, "films", "file/x.mp4")
    assert listed(router, "a") == ([], ["b.txt"])
    assert listed(router) == (["a", "file"], ["file"])
    assert listed(router, "file") == ([], ["x.mp4"])


def test_the_root_is_there_even_if_no_backend_is(tmp_path):
    router = memory_router(media={"type": "filesystem", "location": str(tmp_path / "not yet")})
    assert router.listdir("") == ([], [])


@pytest.mark.parametrize("path", ["", "a"])
def test_a_backend_that_cannot_list_is_an_error_where_it_would_matter(path):
    """Half a list would be a wrong one: a job that deletes what is not listed would delete too much."""
    dropbox = {"type": "django", "backend": "tests.router.storages.WriteOnlyStorage"}
    router = memory_router({"types": ".log", "backend": "logs"}, {"prefix": "b", "backend": "clean"}, logs=dropbox)
    put(router, "a/1.log", "a/1.txt", "b/1.txt")
    with pytest.raises(NotImplementedError) as error:
        router.listdir(path)
    where = repr(path) if path else "the root"
    assert str(error.value) == (
        f"The backend 'logs' cannot list files, so the list of {where} would be without those that the routes send "
        "there."
    )
    with pytest.raises(NotImplementedError, match="The backend 'logs' cannot list files"):
        walked(router, path)


def test_a_backend_that_cannot_list_does_not_matter_where_no_route_leads_to_it():
    dropbox = {"type": "django", "backend": "tests.router.storages.WriteOnlyStorage"}
    router = memory_router({"prefix": "in", "backend": "dropbox"}, dropbox=dropbox)
    put(router, "in/x", "a/b")
    assert listed(router) == (["a", "in"], [])
    assert listed(router, "a") == ([], ["b"])


def test_a_file_that_is_gone_before_it_is_looked_at_is_left_out(monkeypatch):
    router = memory_router(STATIC)
    monkeypatch.setattr(router.backends["static"], "listdir", lambda path: ([], ["a.css"]))
    assert walked(router, "static") == []


def test_names_that_the_router_would_refuse_are_not_shown(monkeypatch):
    """R10: other programs store what they like."""
    router = memory_router()
    put(router, "a.txt", "d/b.txt")
    names = {"": (["d", "..", "con\ntrol", ""], ["a.txt", "", ".", "x\x00", "C:"]), "d": ([".."], ["b.txt"])}
    monkeypatch.setattr(router.backends["media"], "listdir", names.__getitem__)
    assert router.listdir("") == (["d"], ["a.txt"])
    assert walked(router) == ["a.txt", "d/b.txt"]


def test_walking_gives_size_and_time_of_every_file():
    router = memory_router(STATIC)
    router.save("static/a", ContentFile(b"1234"))
    [found] = router.walk()
    assert (found.name, found.size) == ("static/a", 4)
    assert found.modified == router.get_modified_time("static/a")


def test_a_storage_that_tells_no_times_is_walked_all_the_same():
    timeless = {"type": "django", "backend": "tests.router.storages.TimelessStorage"}
    router = memory_router({"prefix": "t", "backend": "timeless"}, timeless=timeless)
    router.save("t/a", ContentFile(b"1234"))
    assert [(found.name, found.size, found.modified) for found in router.walk("t")] == [("t/a", 4, None)]
    assert router.stat("t/a").modified is None
    with pytest.raises(NotImplementedError):
        router.get_modified_time("t/a")


def test_a_backend_behind_many_prefixes_is_walked_once():
    """R13: one long list is quicker than one request for each of ten thousand prefixes."""
    routes = [{"prefix": f"customers/{number}", "backend": "one"} for number in range(100)]
    router = memory_router(*routes, {"prefix": "x/y", "backend": "two"}, {"prefix": "x/z", "backend": "two"})
    put(router, "customers/7/a", "customers/99/b/c", "customers/100/d", "e", "x/y/f")
    put_in(router, "one", "customers/100/hidden", "hidden")
    assert sorted(walked(router)) == ["customers/100/d", "customers/7/a", "customers/99/b/c", "e", "x/y/f"]
    starts = [(view.alias, start) for view, start in router.table.views_below("")]
    assert starts == [("media", ""), ("one", "customers"), ("two", "x/y"), ("two", "x/z")]


def test_a_file_in_the_place_of_a_directory_hides_nothing(tmp_path):
    one = {"type": "filesystem", "location": str(tmp_path)}
    router = memory_router({"prefix": "a/b/c", "backend": "one"}, one=one)
    put_in(router, "one", "a")
    put_in(router, "media", "a/b/x")
    assert walked(router) == tree(router) == ["a/b/x"]


@pytest.mark.parametrize("kind", ["filesystem", "memory"])
def test_a_directory_exists_where_its_backend_has_it(tmp_path, kind):
    """R10: a name that ends in a slash asks for a directory; a file of that name is none."""
    location = {"location": str(tmp_path / "disk")} if kind == "filesystem" else {}
    router = memory_router({"prefix": "s", "backend": "one", "strip_prefix": True}, one={"type": kind, **location})
    assert [router.exists(name) for name in ("s/", "a/", "s/a/")] == [True, False, False]
    put(router, "a.txt", "s/a.txt", "s/empty/a.txt", "b/c/d.txt")
    router.delete("s/empty/a.txt")
    assert [router.exists(name) for name in ("a.txt/", "a.txt/b/", "s/a.txt/")] == [False] * 3
    assert [router.exists(name) for name in ("s/empty/", "b/", "b/c\\")] == [True] * 3


def test_a_directory_does_not_exist_because_its_list_is_empty(azurite, container):
    """Azure has no empty directories, and no list of one is an error."""
    azure = {"type": "azure", "connection_string": azurite.connection_string(), "azure_container": container}
    router = memory_router(media=azure)
    put(router, "a/b.txt")
    assert [router.exists(name) for name in ("a/", "b/", "a/b.txt/")] == [True, False, False]


def test_what_a_backend_says_of_bad_values_is_not_taken_for_an_empty_directory(monkeypatch):
    router = memory_router(media={"type": "django", "backend": "django.core.files.storage.FileSystemStorage"})

    def listdir(path):
        raise ValueError("what is this?")

    monkeypatch.setattr(router.backends["media"], "listdir", listdir)
    with pytest.raises(ValueError, match=r"^what is this\?$"):
        router.listdir("")


@st.composite
def filled_routers(draw):
    """A router by any routes, and files in all its backends, some of them where no route leads."""
    routes = draw(reference.TABLES)
    default = draw(st.sampled_from([None, "one"]))
    files = draw(
        st.lists(st.tuples(st.sampled_from(["one", "two", "three"]), reference.NAMES), max_size=10, unique=True)
    )
    return routes, default, files


@examples(150)
@given(filled_routers())
def test_listings_and_walks_show_exactly_the_files_that_names_reach(given_router):
    """R8, R5: compared with asking for every name that any file could have."""
    routes, default, files = given_router
    router = routed(routes, default)
    prefixes = {"", *(f"{prefix.rstrip('/')}/" for route in routes for prefix in route.prefix)}
    stored = set()
    for alias, name in files:
        # A name below a file is nothing that a tree can hold, and nothing that Django's memory can be asked for.
        others = [other for place, other in stored if other != name or place == alias]
        # Nor below one that is in the place of a prefix's directory, or of what is left of it behind another prefix.
        inner = (longer.removeprefix(prefix) for prefix in prefixes for longer in prefixes if longer.startswith(prefix))
        others += [directory.rstrip("/") for directory in inner if directory.startswith(f"{name}/")]
        # Nor below one whose full name is a directory of another's, behind a prefix.
        ours, theirs = ({prefix + one for prefix in prefixes for one in some} for some in ([name], others))
        below = any(its.startswith(f"{own}/") or own.startswith(f"{its}/") for own in ours for its in theirs)
        if name not in others and not below:
            stored.add((alias, name))
            router.backends[alias].save(name, ContentFile(b"x"))
    names = {prefix + name for prefix in prefixes for _, name in stored}
    reachable = {name for name in names if (to := reference.destination(routes, default, name)) and to[:2] in stored}
    assert sorted(walked(router)) == sorted(reachable)
    assert sorted(tree(router)) == sorted(reachable)
    for name in reachable:
        assert router.exists(name)
        assert router.size(name) == 1


def routed(routes, default):
    """A router whose routes were not judged: unreachable ones are part of what is tried."""
    from storage_router import RouterStorage
    from storage_router.conf.django_backends import MemoryBackend
    from storage_router.conf.document import RouterDocument
    from storage_router.conf.loading import Configuration

    backends = {alias: MemoryBackend() for alias in ("one", "two", "three")}
    document = RouterDocument(backends=backends, routes=tuple(routes), default=default)
    return RouterStorage(configuration=Configuration(document=document, origins={}))


@examples(150)
@given(filled_routers(), reference.NAMES)
def test_where_a_name_may_lead_is_never_denied(given_router, name):
    """R8: a view is left out only where it is certain that nothing leads there."""
    routes, default, _ = given_router
    table = routed(routes, default).table
    destination = reference.destination(routes, default, name)
    if destination is None:
        return
    match = table.match(name)
    segments = name.split("/")
    directories = ["/".join(segments[:count]) for count in range(len(segments))]
    inside = [directory for directory in directories if f"{directory}/".startswith(match.prefix)]
    assert all(match.view in table.views(directory) or table.is_prefix(directory) for directory in inside)
    for directory in directories:
        starts = [start for view, start in table.views_below(directory) if view == match.view]
        assert any(not start or name.startswith(f"{start}/") for start in starts)


def test_a_directory_that_an_earlier_route_claims_whole_leads_to_no_other():
    # R8
    table = memory_router({"prefix": "a", "backend": "one"}, {"glob": "b/*.txt", "backend": "two"}).table
    found = {directory: [view.alias for view in table.views(directory)] for directory in ("", "a", "b", "b/c")}
    assert found == {"": ["two", "media"], "a": ["one"], "b": ["two", "media"], "b/c": ["media"]}


def test_a_walk_is_in_the_order_of_names_across_backends():
    """M4: two ordered streams can be compared; ``start`` leaves out what comes before."""
    router = memory_router(STATIC, {"types": ".mp4", "backend": "films"}, {"prefix": "a/z", "backend": "one"})
    names = ["a-b/x", "a/b.mp4", "a/c", "a/z/1", "a/z/2.mp4", "b.mp4", "static/a", "static/b/c", "t"]
    put(router, *reversed(names))
    assert walked(router) == names
    for start in ("", "a/c", "a/c0", "static/b", "static/zz", "u"):
        assert [stat.name for stat in router.walk(start=start)] == [name for name in names if name >= start]
    assert [stat.name for stat in router.walk("a", start="a/z/2")] == ["a/z/2.mp4"]
