"""Issue 8: a project that used django-storages moves over, and all its stored files are still found.

django-storages' own class stores the files; this package's, with the same options, has to find them.
"""

from __future__ import annotations

import datetime as dt
import urllib.request
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.db import models
from django.utils.module_loading import import_string
from storages.backends.azure_storage import AzureStorage as Predecessor

from storage_router import AzureStorage
from storage_router.exceptions import InvalidNameError
from storage_router.testing import override_storage_router
from storage_router.testing.azurite import ACCOUNT_KEY
from tests.docs.pages import ROOT, blocks, text_of

PAGE = ROOT / "docs/migrating.md"

pytestmark = [
    # What the predecessor does on a new Python.
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
]

NAMES = [
    "picture.png",
    "photos/2024/05/Ferien am Meer (1).jpg",
    "photos/naïve 日本語.txt",
    "100% #1 ?.txt",
    "archive.tar.gz",
    "drawing.svgz",
    "well-known/.hidden",
    "a/b/c/d/e/f/g.txt",
    "no-extension",
    "UPPER.PDF",
    "double  space.txt",
    "picture.png",  # again: without overwrite_files it gets another name
]

OPTIONS = {
    "nothing else": {},
    "location": {"location": "sites/acme"},
    "location with slashes": {"location": "/sites/acme/"},
    "overwrite_files": {"overwrite_files": True},
    "expiration_secs": {"expiration_secs": 300},
    "content settings": {
        "cache_control": "max-age=60",
        "object_parameters": {"content_disposition": "attachment"},
        "location": "x",
    },
}


@pytest.fixture(params=OPTIONS.values(), ids=OPTIONS)
def both(request, azurite):
    """The two storages, with the same options, on the same new container."""
    container = azurite.create_container(public_access="blob")
    options = {
        "connection_string": azurite.connection_string(),
        "azure_container": container,
        **request.param,
    }
    return Predecessor(**options), AzureStorage(**options)


def stored_by(storage: Predecessor) -> dict[str, bytes]:
    """Save a file for each of ``NAMES``; return what a database would hold, and each file's content."""
    stored = {}
    for number, name in enumerate(NAMES):
        content = f"{number} {name}".encode()
        stored[storage.save(name, ContentFile(content))] = content
    return stored


def fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return answer.read()


def test_every_stored_file_is_found_by_the_name_in_the_database(both):
    before, after = both
    stored = stored_by(before)
    assert len(stored) == len(NAMES) - before.overwrite_files
    for name, content in stored.items():
        assert after.exists(name)
        assert after.size(name) == len(content)
        with after.open(name) as file:
            assert file.read() == content
        assert abs(after.get_modified_time(name) - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
    assert {entry.name for entry in after.walk()} == set(stored)


def test_links_lead_to_the_same_files(both):
    before, after = both
    for name, content in stored_by(before).items():
        link = after.url(name)
        assert fetch(link) == fetch(before.url(name)) == content
        assert link.partition("?")[0] == before.url(name).partition("?")[0]


def test_what_is_saved_afterwards_is_found_by_both(both):
    """The way back stays open: what the new class saves under the predecessor's names, the predecessor finds."""
    before, after = both
    for name in NAMES:
        saved = after.save(name, ContentFile(name.encode()))
        assert before.size(saved) == len(name.encode())


def test_nothing_is_overwritten_and_what_is_deleted_is_gone(both):
    before, after = both
    name = before.save("picture.png", ContentFile(b"old"))
    other = after.save("picture.png", ContentFile(b"new"))
    assert (other == name) is before.overwrite_files
    after.delete(name)
    assert not before.exists(name)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"location": "sites/acme"},
        {"azure_ssl": False},
        {"endpoint_suffix": "core.chinacloudapi.cn"},
        {"custom_domain": "cdn.acme.example"},
        {"custom_domain": "cdn.acme.example", "location": "sites/acme"},
    ],
)
@pytest.mark.parametrize("name", NAMES[:-1])
def test_public_addresses_stay_as_they_were(options, name):
    options = {"account_name": "acmefiles", "account_key": ACCOUNT_KEY, "azure_container": "media", **options}
    assert AzureStorage(**options).url(name) == Predecessor(**options).url(name)


def test_names_that_the_predecessor_trimmed_are_the_only_ones_to_rename(azurite):
    options = {"connection_string": azurite.connection_string(), "azure_container": azurite.create_container()}
    before, after = Predecessor(**options), AzureStorage(**options)
    assert [before.save(name, ContentFile(b"x")) for name in (".htaccess", "notes.")] == [".htaccess", "notes."]
    assert {entry.name for entry in after.walk()} == {"htaccess", "notes"}
    assert not after.exists(".htaccess")
    assert after.move("htaccess", ".htaccess") == ".htaccess"
    assert after.exists(".htaccess")
    with pytest.raises(InvalidNameError, match="dot"):
        after.exists("notes.")
    assert 'move("htaccess", ".htaccess")' in text_of(PAGE)


def script(name: str) -> str:
    """A script of the page, by its file's name."""
    [found] = [block.text for block in blocks("python", pages=[PAGE]) if block.file == name]
    return found


class FileRow:
    """What the page's script asks of a model: a label, fields, and the names in its rows."""

    def __init__(self, storage, names):
        field = models.FileField(storage=storage)
        field.set_attributes_from_name("file")
        self._meta = SimpleNamespace(get_fields=lambda: [field, models.IntegerField()], label="gallery.Document")
        self._default_manager = self
        self.names = names

    def exclude(self, **_condition):
        return self

    def values_list(self, _field, *, flat):
        assert flat
        return self

    def iterator(self):
        return iter(self.names)


def test_the_script_of_the_page_prints_the_files_that_are_missing_and_no_others(azurite, monkeypatch, capsys):
    options = {"connection_string": azurite.connection_string(), "azure_container": azurite.create_container()}
    names = [*stored_by(Predecessor(**options)), Predecessor(**options).save(".htaccess", ContentFile(b"x"))]
    rows = FileRow(AzureStorage(**options), [*names, "a//b"])
    monkeypatch.setattr(apps, "get_models", lambda: [rows])
    exec(compile(script("check_files.py"), "check_files.py", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("gallery")] == [
        "gallery.Document.file: .htaccess",
        "gallery.Document.file: a//b",
    ]
    assert len(lines) == 3


def test_the_script_of_the_page_moves_files_between_backends_and_may_be_repeated(azurite, capsys):
    def azure(container):
        return {"type": "azure", "azure_container": container, "connection_string": azurite.connection_string()}

    backends = {"media": azure(azurite.create_container()), "private": azure(azurite.create_container())}
    with override_storage_router({"backends": backends, "default": "media"}) as router:
        for name in ("private/a.txt", "private/b/c.txt", "public.txt"):
            router.save(name, ContentFile(name.encode()))
        for expected in (["private/a.txt", "private/b/c.txt"], []):
            exec(compile(script("move_files.py"), "move_files.py", "exec"), {})
            assert capsys.readouterr().out.split() == expected
    routes = [{"prefix": "private/", "backend": "private"}]
    with override_storage_router({"backends": backends, "default": "media", "routes": routes}) as router:
        assert router.open("private/b/c.txt").read() == b"private/b/c.txt"


def test_the_two_settings_side_by_side_have_the_same_options(monkeypatch):
    monkeypatch.setenv("ACCOUNT_KEY", ACCOUNT_KEY)
    before, after = [block.text for block in blocks("python", pages=[PAGE]) if block.file == "settings.py"][:2]
    found = []
    for source in (before, after):
        namespace = {}
        exec(compile(source, "settings.py", "exec"), namespace)
        entries = namespace["STORAGES"].values()
        found.append([import_string(entry["BACKEND"])(**entry["OPTIONS"]) for entry in entries])
    assert [storage.url("a b.txt").partition("?")[0] for storage in found[0]] == [
        storage.url("a b.txt").partition("?")[0] for storage in found[1]
    ]
