"""R9: the hooks that a subclass of ``RouterStorage`` has of its own are asked, as Django's ``Storage`` asks them."""

from __future__ import annotations

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile

from storage_router import RouterStorage
from storage_router.exceptions import ReadOnlyRouteError, RouteChangedError

CONFIG = {
    "backends": {
        "media": {"type": "memory", "base_url": "/media/"},
        "static": {"type": "memory", "base_url": "/static/"},
        "reports": {"type": "memory"},
        "films": {"type": "memory"},
    },
    "routes": [
        {"prefix": "static/", "backend": "static", "strip_prefix": True},
        {"prefix": "archive/", "backend": "media", "read_only": True},
        {"glob": "reports/20??.pdf", "backend": "reports"},
        {"types": "video/*", "backend": "films"},
    ],
    "default": "media",
}


def read(storage, name):
    with storage.open(name) as file:
        return file.read()


class Overwriting(RouterStorage):
    """The recipe that everybody knows."""

    def get_available_name(self, name, max_length=None):
        if self.exists(name):
            self.delete(name)
        return name


def test_a_name_chosen_by_get_available_name_is_the_name():
    router = Overwriting(**CONFIG)
    for content in (b"first", b"second"):
        assert router.save("static/a.css", ContentFile(content)) == "static/a.css"
        assert read(router, "static/a.css") == content
    assert router.backends["static"].listdir("") == ([], ["a.css"])
    with pytest.raises(ReadOnlyRouteError):
        router.save("archive/a.css", ContentFile(b"x"))


class Numbering(RouterStorage):
    """Its second ``a.txt`` is ``a-again.txt``."""

    def get_alternative_name(self, file_root, file_ext):
        return f"{file_root}-again{file_ext}"


def test_a_name_made_by_get_alternative_name_is_tried():
    router = Numbering(**CONFIG)
    names = ["static/d/a.tar.gz", "static/d/a-again.tar.gz"]
    assert [router.save("static/d/a.tar.gz", ContentFile(b"x")) for _ in names] == names
    assert sorted(router.backends["static"].listdir("d")[1]) == ["a-again.tar.gz", "a.tar.gz"]


class Asked(Numbering):
    """Its every hook is its own."""

    def is_name_available(self, name, max_length=None):
        return super().is_name_available(name, max_length=max_length)


def test_max_length_is_the_full_names_here_too():
    router = Asked(**CONFIG)
    router.save("static/abcdefghij.css", ContentFile(b"x"))
    assert router.save("static/abcdefghij.css", ContentFile(b"x"), max_length=21) == "static/abcd-again.css"
    with pytest.raises(SuspiciousFileOperation, match="can not find an available filename"):
        router.save("static/abcdefghij.css", ContentFile(b"x"), max_length=9)


@pytest.mark.parametrize("hook", ["exists", "is_name_available"])
def test_a_name_that_a_hook_calls_taken_is_taken(hook):
    def exists(self, name):
        return name == "static/reserved.css" or RouterStorage.exists(self, name)

    def is_name_available(self, name, max_length=None):
        return name != "static/reserved.css" and RouterStorage.is_name_available(self, name, max_length)

    kind = type("Reserving", (RouterStorage,), {hook: locals()[hook]})
    router = kind(**CONFIG)
    saved = router.save("static/reserved.css", ContentFile(b"x"))
    assert saved.startswith("static/reserved_")
    assert router.save("static/free.css", ContentFile(b"x")) == "static/free.css"
    assert router.is_name_available("static/reserved.css") is False
    assert router.is_name_available("static/b.css", max_length=12) is True
    assert router.is_name_available("static/b.css", max_length=11) is False


def test_there_is_an_end_to_asking_a_backend_that_overwrites(tmp_path):
    class Remembering(RouterStorage):
        def exists(self, name):
            return super().exists(name)

    backends = {"disk": {"type": "filesystem", "location": str(tmp_path), "allow_overwrite": True}}
    router = Remembering(backends=backends, default="disk")
    for content in (b"first", b"second"):
        assert router.save("a.txt", ContentFile(content)) == "a.txt"
    assert read(router, "a.txt") == b"second"


class Stamping(RouterStorage):
    """It stores and opens in its own ways."""

    def _save(self, name, content):
        return super()._save(f"{name}.stamped", ContentFile(b"stamped " + content.read()))

    def _open(self, name, mode="rb"):
        return super()._open(f"{name}.stamped", mode)


def test_what_is_stored_goes_through_save_and_open_of_the_subclass():
    router = Stamping(**CONFIG)
    assert router.save("static/a.css", ContentFile(b"x")) == "static/a.css.stamped"
    assert read(router, "static/a.css") == b"stamped x"


class Sorting(RouterStorage):
    """It has a directory for what is saved."""

    def _save(self, name, content):
        return super()._save(f"static/{name}", content)


def test_where_a_subclass_stores_is_its_own_affair():
    router = Sorting(**CONFIG)
    assert router.save("a.css", ContentFile(b"x")) == "static/a.css"
    assert read(router.backends["static"], "a.css") == b"x"


class Lowering(RouterStorage):
    """It takes the backend's rules, and makes them stricter."""

    def get_valid_name(self, name):
        return super().get_valid_name(name).lower()


def test_uploads_are_called_what_get_valid_name_says():
    """As Django does it, the hook is given the last segment alone."""
    router = Lowering(**CONFIG)
    assert router.generate_filename("static/Dir/My File.CSS") == "static/Dir/my_file.css"
    assert router.generate_filename("Dir\\My File.txt") == "Dir/my_file.txt"
    with pytest.raises(SuspiciousFileOperation):
        router.generate_filename("static/../x")


def test_a_hook_that_leads_elsewhere_is_an_error_before_anything_is_stored():
    # R6
    class Filming(RouterStorage):
        def get_valid_name(self, name):
            return f"{name}.mp4"

        def get_available_name(self, name, max_length=None):
            return f"{name}.mp4"

    router = Filming(**CONFIG)
    with pytest.raises(RouteChangedError, match=r"'a\.txt' leads to the backend 'media'.* as 'a\.txt\.mp4'"):
        router.save("a.txt", ContentFile(b"x"))
    # R10: what comes out of generate_filename() is routed again when it is saved.
    assert router.generate_filename("a.txt") == "a.txt.mp4"
    assert router.listdir("")[1] == []
    numbering = Numbering(**CONFIG)
    numbering.save("reports/2026.pdf", ContentFile(b"1"))
    with pytest.raises(RouteChangedError, match=r"store it as 'reports/2026-again\.pdf', which leads elsewhere"):
        numbering.save("reports/2026.pdf", ContentFile(b"2"))


def test_without_hooks_of_its_own_a_subclass_saves_as_the_router_does(monkeypatch):
    class Plain(RouterStorage):
        def url(self, name, *args, **kwargs):
            return "/elsewhere/"

    router = Plain(**CONFIG)
    monkeypatch.setattr(router.backends["media"], "exists", lambda name: False)
    monkeypatch.setattr(RouterStorage, "exists", lambda self, name: pytest.fail("asked"))
    assert router.save("a.txt", ContentFile(b"x")) == "a.txt"
