"""F3, R10: no name reaches a file outside its route, container and location, and none causes an undocumented exception.

Every public method of ``AzureStorage`` and of a router over Azure, a directory and memory, with a fuzzer's names. The
proxy sees what is really asked of Azure.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, memory
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from storage_router import AzureStorage, RouterStorage
from storage_router.exceptions import InvalidNameError, StorageRouterError
from storage_router.names import clean_name
from tests.kit.azurite import Azurite
from tests.kit.proxy import FaultProxy

from . import SOAK
from .hostile import CLASSICS, names

CONTENT = b"hostile"


def _read(storage: Any, name: str) -> bytes:
    with storage.open(name) as file:
        return bytes(file.read())


def _write(storage: Any, name: str) -> None:
    with storage.open(name, "wb") as file:
        file.write(CONTENT)


METHODS: Mapping[str, Callable[[Any, str], Any]] = {
    "save": lambda storage, name: storage.save(name, ContentFile(CONTENT)),
    "save cut": lambda storage, name: storage.save(name, ContentFile(CONTENT), max_length=30),
    "replace": lambda storage, name: storage.replace(name, ContentFile(CONTENT)),
    "open": _read,
    "open wb": _write,
    "exists": lambda storage, name: storage.exists(name),
    "listdir": lambda storage, name: storage.listdir(name),
    "walk": lambda storage, name: list(storage.walk(name)),
    "size": lambda storage, name: storage.size(name),
    "stat": lambda storage, name: storage.stat(name),
    "url": lambda storage, name: storage.url(name),
    "get_modified_time": lambda storage, name: storage.get_modified_time(name),
    "get_created_time": lambda storage, name: storage.get_created_time(name),
    "get_valid_name": lambda storage, name: storage.get_valid_name(name),
    "get_available_name": lambda storage, name: storage.get_available_name(name),
    "get_available_name cut": lambda storage, name: storage.get_available_name(name, max_length=30),
    "is_name_available": lambda storage, name: storage.is_name_available(name),
    "get_alternative_name": lambda storage, name: storage.get_alternative_name(name, ".txt"),
    "generate_filename": lambda storage, name: storage.generate_filename(name),
    "delete": lambda storage, name: storage.delete(name),
    "path": lambda storage, name: storage.path(name),
    "get_accessed_time": lambda storage, name: storage.get_accessed_time(name),
}
AZURE_METHODS = {
    "copy from": lambda storage, name: storage.copy(name, "copy"),
    "copy to": lambda storage, name: storage.copy("there", name),
    "move": lambda storage, name: storage.move(name, name),
}
ROUTER_METHODS = {"explain": lambda storage, name: storage.explain(name)}


ROUTED = {"save", "open", "exists", "listdir", "delete", "get_available_name", "explain"}


class Site:
    """An Azure storage in a location of a container and a router, between files that nobody may reach."""

    def __init__(self, azurite: Azurite, proxy: FaultProxy, folder: Path) -> None:
        self.proxy = proxy
        self.container = azurite.create_container()
        self.inside = f"{self.container}/in/side/"
        self.root = folder / "files"
        self.root.mkdir()
        (folder / "outside.txt").write_bytes(b"outside")
        self.options = {
            "connection_string": proxy.connection_string(),
            "azure_container": self.container,
            "location": "in/side",
        }
        self.azure = AzureStorage(**self.options)
        self.router = RouterStorage(
            backends={
                "azure": {"type": "azure", **self.options},
                "files": {"type": "filesystem", "location": str(self.root), "base_url": "/files/"},
                "memory": {"type": "memory", "base_url": "/memory/"},
            },
            routes=[
                {"prefix": "azure/", "backend": "azure", "strip_prefix": True},
                {"prefix": "files/", "backend": "files", "strip_prefix": True},
            ],
            default="memory",
        )

    def check(self) -> None:
        """Fail if a request left the location, or a file appeared outside."""
        for request in self.proxy.requests:
            if request.operation == "List Blobs":
                assert request.blob == self.container, request
                assert request.query.get("prefix", "").startswith("in/side/"), request
            else:
                assert request.blob.startswith(self.inside), request
            assert not {"..", "."} & set(request.blob.split("/")), request
            source = request.head.get("x-ms-copy-source")
            assert source is None or f"/{self.inside}" in unquote(source), request
        self.proxy.forget()
        assert sorted(path.name for path in self.root.parent.iterdir()) == ["files", "outside.txt"]


@pytest.fixture(scope="module")
def site(azurite: Azurite, proxy_of_module: FaultProxy, tmp_path_factory: pytest.TempPathFactory) -> Site:
    proxy_of_module.heal()
    site = Site(azurite, proxy_of_module, tmp_path_factory.mktemp("site"))
    site.azure.save("there", ContentFile(b"there"))
    return site


def attempt(method: Callable[[Any, str], Any], storage: Storage, name: str) -> Any:
    """Call the method and return its result, or the documented exception that it raised; others pass."""
    try:
        return method(storage, name)
    except (SuspiciousFileOperation, StorageRouterError, OSError, NotImplementedError) as error:
        return error
    except (ValueError, AttributeError) as error:
        # Django's own words for its own rule; and its InMemoryStorage looks for "a/b" in "a", which may be a file. Both
        # are Django's, and not this package's to hide.
        in_memory = traceback.extract_tb(error.__traceback__)[-1].filename == memory.__file__
        if not in_memory and str(error) != "The name must be given to delete().":
            raise
        return error


def check_url(site: Site, url: Any) -> None:
    if isinstance(url, Exception):
        return
    # What a browser makes of it.
    parts = urlsplit(urljoin("http://site.example/page", url))
    path = unquote(parts.path)
    assert path.startswith((f"/devstoreaccount1/{site.inside}", "/files/", "/memory/")), url
    assert not {"..", "."} & set(path.split("/")), url
    assert not parts.fragment
    assert all(" " < character < "\x7f" for character in url), url


def all_methods(func: Any) -> Any:
    return settings(
        max_examples=60 * SOAK,
        deadline=None,
        derandomize=SOAK == 1,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )(func)


@pytest.mark.parametrize("which", ["azure", "router"])
def test_the_classics_through_every_method(site: Site, which: str, share: int) -> None:
    storage = getattr(site, which)
    prefixes = ("",) if which == "azure" else ("", "azure/", "files/")
    more = AZURE_METHODS if which == "azure" else ROUTER_METHODS
    for number, name in enumerate(CLASSICS):
        for prefix in prefixes:
            methods = {**METHODS, **more}
            if prefix == "azure/":
                # Behind the router, an Azure backend gets what the other run has already tried on it alone.
                methods = {label: method for label, method in methods.items() if label in ROUTED}
            for turn, method in enumerate(methods.values()):
                if (number + turn) % share == 0:
                    attempt(method, storage, prefix + name)
            check_url(site, attempt(METHODS["url"], storage, prefix + name))
            site.check()
    assert site.azure.size("there") == 5


@pytest.mark.parametrize("which", ["azure", "router"])
@all_methods
@given(name=names, method=st.sampled_from(sorted(METHODS)))
@example(name="azure/../files/x", method="save")
@example(name="a\\..\\..\\b", method="open wb")
def test_a_fuzzers_names_through_every_method(site: Site, which: str, name: str, method: str) -> None:
    storage = getattr(site, which)
    result = attempt(METHODS[method], storage, name)
    if method == "url":
        check_url(site, result)
    if method == "save" and isinstance(result, str):
        # R5: what comes out goes in.
        assert _read(storage, result) == CONTENT
        assert storage.exists(result)
        directory, _, file_name = result.rpartition("/")
        assert file_name in storage.listdir(directory)[1]
        check_url(site, storage.url(result))
        storage.delete(result)
        assert not storage.exists(result)
    site.check()


REFUSED = ("a/../b", "..", "./a", "/a", "a\x00b", "a\r\nb", "C:/a", "a\ud800", "..\\a", "a/./b")


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
@pytest.mark.parametrize("which", ["azure", "router"])
def test_a_name_that_is_no_path_is_refused_by_every_method_before_any_request(
    site: Site, which: str, name: str
) -> None:
    """R10, in every method that takes the name of a file or directory."""
    storage = getattr(site, which)
    site.proxy.forget()
    more = AZURE_METHODS if which == "azure" else ROUTER_METHODS
    outcomes = {label: attempt(method, storage, name) for label, method in {**METHODS, **more}.items()}
    taken = {label for label, outcome in outcomes.items() if not isinstance(outcome, SuspiciousFileOperation)}
    # These make a name of what they are given, and act on none: "..txt" is one. Azure has no path and no such time.
    makers = {"get_valid_name", "get_alternative_name", "generate_filename"}
    # generate_filename() normalizes the name of an upload.
    allowed = makers | {"path", "get_accessed_time"} if which == "azure" else makers - {"get_valid_name"}
    assert taken <= allowed
    asked = [request for request in site.proxy.requests if "there" not in request.blob]
    assert asked == []


@all_methods
@given(name=st.text(st.characters(), max_size=40))
def test_get_valid_name_makes_a_name_that_can_be_saved_or_refuses(site: Site, name: str) -> None:
    valid = attempt(METHODS["get_valid_name"], site.azure, name)
    if not isinstance(valid, Exception):
        assert clean_name(valid) == valid
        assert "/" not in valid or "/" in name.replace("\\", "/")


def test_two_unicode_forms_of_a_name_are_two_files(site: Site) -> None:
    composed, decomposed = "u/\u00e9.txt", "u/e\u0301.txt"
    for name in (composed, decomposed):
        assert site.azure.save(name, ContentFile(name.encode())) == name
    assert [_read(site.azure, name).decode() for name in (composed, decomposed)] == [composed, decomposed]
    assert sorted(site.azure.listdir("u")[1]) == sorted(["\u00e9.txt", "e\u0301.txt"])


def test_a_refusal_shows_the_name_without_its_control_characters(site: Site) -> None:
    with pytest.raises(InvalidNameError) as caught:
        site.azure.save("a\r\nSet-Cookie: x", ContentFile(b""))
    assert "\n" not in str(caught.value)
    assert "\r" not in str(caught.value)
