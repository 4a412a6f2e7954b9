"""Copying to a container: the direct way and the SDK's store the same; the direct one is only taken where it may."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage

from storage_router import AzureStorage
from storage_router.exceptions import TransferError
from storage_router.staticfiles.destination import Destination, FileCopy
from tests.kit.azurite import Azurite
from tests.kit.proxy import FaultProxy
from tests.staticfiles.projects import in_container, properties, write

NAMES = [
    "plain.css",
    "with space.css",
    "grün.css",
    "日本/語.js",
    "100%.svg",
    "a#b.txt",
    "a?b&c=d.txt",
    "a+b.txt",
    "it's (a) [test]~;=@:!$,.txt",
    ".well-known/x",
    "😀.png",
    "no-extension",
]


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[FaultProxy]:
    with FaultProxy(azurite) as running:
        yield running


def target(server, container: str, **options) -> AzureStorage:
    return AzureStorage(connection_string=server.connection_string(), azure_container=container, **options)


def copies(folder: Path, names: list[str], **options) -> list[FileCopy]:
    source = FileSystemStorage(location=folder)
    return [FileCopy(name=name, source=source, source_name=name, **options) for name in names]


def test_names_headers_metadata_and_tier_are_stored(azurite: Azurite, container: str, tmp_path: Path) -> None:
    """U6, A9"""
    write(tmp_path, {name: name.encode() for name in NAMES})
    storage = target(
        azurite,
        container,
        location="some/where",
        cache_control="max-age=5",
        object_parameters={"content_language": "de", "content_disposition": "inline", "content_encoding": "identity"},
        metadata={"Release": "7"},
        access_tier="Cool",
    )
    Destination(storage).copy_all(copies(tmp_path, NAMES))
    assert in_container(azurite, container) == {f"some/where/{name}": name.encode() for name in NAMES}
    blob = properties(azurite, container)["some/where/plain.css"]
    found = blob.content_settings
    assert (found.content_type, found.cache_control, blob.blob_tier) == ("text/css", "max-age=5", "Cool")
    assert (found.content_language, found.content_disposition, found.content_encoding) == ("de", "inline", "identity")
    assert blob.metadata["Release"] == "7"


def test_tags_are_stored_too(azurite: Azurite, container: str, tmp_path: Path) -> None:
    write(tmp_path, {"a.css": b"a"})
    Destination(target(azurite, container, tags={"release": "7"})).copy_all(copies(tmp_path, ["a.css"]))
    assert properties(azurite, container)["a.css"].tags == {"release": "7"}


def test_what_get_object_parameters_says_is_stored(azurite: Azurite, container: str, tmp_path: Path) -> None:
    class Parameters(AzureStorage):
        def get_object_parameters(self, name: str):
            return {"content_type": "text/x-special", "cache_control": "no-store"}

    write(tmp_path, {"a.css": b"a"})
    storage = Parameters(connection_string=azurite.connection_string(), azure_container=container)
    Destination(storage).copy_all(copies(tmp_path, ["a.css"], immutable=True))
    settings = properties(azurite, container)["a.css"].content_settings
    assert (settings.content_type, settings.cache_control) == ("text/x-special", "no-store")


def test_a_subclass_that_saves_in_its_own_way_does_so(azurite: Azurite, container: str, tmp_path: Path) -> None:
    class Shouting(AzureStorage):
        def _save(self, name: str, content):
            return super()._save(name, ContentFile(content.read().upper()))

    write(tmp_path, {"a.css": b"a", "b.css": b"b"})
    storage = Shouting(connection_string=azurite.connection_string(), azure_container=container)
    for _ in range(2):  # the second time there is a file already
        Destination(storage).copy_all(copies(tmp_path, ["a.css", "b.css"]))
    assert in_container(azurite, container) == {"a.css": b"A", "b.css": b"B"}


def test_a_header_that_cannot_be_sent_is_reported_with_its_place(azurite, container: str, tmp_path: Path) -> None:
    class Odd(AzureStorage):
        def get_object_parameters(self, name: str):
            return {"content_disposition": "attachment; filename=\u20ac.txt"}

    write(tmp_path, {"a.txt": b"a"})
    storage = Odd(connection_string=azurite.connection_string(), azure_container=container)
    with pytest.raises(TransferError, match=r"a\.txt: get_object_parameters\('a\.txt'\)"):
        Destination(storage).copy_all(copies(tmp_path, ["a.txt"]))


def test_a_router_and_memory_are_sources_and_destinations_too() -> None:
    source, goal = InMemoryStorage(), InMemoryStorage()
    source.save("a.txt", ContentFile(b"a"))
    outcomes = []
    for _ in range(2):
        Destination(goal).copy_all(
            [FileCopy(name="b.txt", source=source, source_name="a.txt")],
            succeeded=lambda outcome: outcomes.append(outcome.action),
        )
    assert outcomes == ["created", "unmodified"]
    with goal.open("b.txt") as file:
        assert file.read() == b"a"
