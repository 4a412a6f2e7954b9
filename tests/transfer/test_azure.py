"""Copying to a container: the direct way and the SDK's store the same; the direct one is only taken where it may."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage

from storage_router import AzureStorage
from storage_router.exceptions import TransferError
from storage_router.transfer import Destination, FileCopy
from storage_router.transfer.direct import GIVE_UP_AFTER, direct_writer
from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME, AccessToken, Azurite, UnsignedTokenCredential
from tests.kit.faults import Answer, Reset
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


def test_both_ways_store_the_same(azurite: Azurite, tmp_path: Path) -> None:
    """U6, A9: names, bytes, headers, metadata, tier."""
    write(tmp_path, {name: name.encode() for name in NAMES})
    stored = {}
    for direct in (True, False):
        container = azurite.create_container()
        storage = target(
            azurite,
            container,
            location="some/where",
            cache_control="max-age=5",
            object_parameters={
                "content_language": "de",
                "content_disposition": "inline",
                "content_encoding": "identity",
            },
            metadata={"Release": "7"},
            access_tier="Cool",
        )
        Destination(storage, direct=direct).copy_all(copies(tmp_path, NAMES))
        assert in_container(azurite, container) == {f"some/where/{name}": name.encode() for name in NAMES}
        stored[direct] = {
            name: (dict(blob.content_settings), dict(blob.metadata), blob.blob_tier)
            for name, blob in properties(azurite, container).items()
        }
    assert stored[True] == stored[False]
    settings, metadata, tier = stored[True]["some/where/plain.css"]
    assert (settings["content_type"], settings["cache_control"], tier) == ("text/css", "max-age=5", "Cool")
    assert metadata == {"Release": "7"}


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


@pytest.mark.parametrize("kind", ["account key", "SAS", "token"])
def test_every_credential_that_can_write_goes_the_direct_way(
    kind: str, azurite_https, container_https, tmp_path
) -> None:
    """O2"""
    with FaultProxy(azurite_https) as proxy:
        sas = generate_container_sas(
            ACCOUNT_NAME,
            container_https,
            account_key=ACCOUNT_KEY,
            permission=ContainerSasPermissions(read=True, write=True, list=True),
            expiry="2099-01-01T00:00:00Z",
        )
        given = {
            "account key": {"account_name": ACCOUNT_NAME, "account_key": ACCOUNT_KEY},
            "SAS": {"sas_token": sas},
            "token": {"token_credential": UnsignedTokenCredential()},
        }[kind]
        storage = AzureStorage(
            account_url=proxy.account_url(),
            azure_container=container_https,
            client_options={"connection_verify": str(proxy.certificate)},
            **given,
        )
        write(tmp_path, dict.fromkeys(NAMES, b"x"))
        Destination(storage).copy_all(copies(tmp_path, NAMES))
        sent = [request for request in proxy.requests if request.operation == "Put Blob"]
        assert len(sent) == len(NAMES)
        # The SDK says who it is.
        assert {request.head.get("user-agent") for request in sent} == {None}
        assert in_container(azurite_https, container_https) == dict.fromkeys(NAMES, b"x")


def test_a_token_that_is_not_to_be_had_for_a_moment_is_asked_for_again(
    azurite_https, container_https, tmp_path
) -> None:
    """F1, A10"""

    class Unsteady(UnsignedTokenCredential):
        failures = 1

        def get_token(self, *scopes: str, **options: Any) -> AccessToken:
            if self.failures:
                self.failures -= 1
                raise ServiceRequestError("the identity endpoint is restarting")
            return super().get_token(*scopes, **options)

    storage = AzureStorage(
        account_url=azurite_https.account_url(),
        azure_container=container_https,
        client_options={"connection_verify": str(azurite_https.certificate)},
        token_credential=(credential := Unsteady()),
    )
    assert list(storage.walk()) == []
    credential.failures = 1
    write(tmp_path, dict.fromkeys(NAMES, b"x"))
    Destination(storage).copy_all(copies(tmp_path, NAMES))
    assert credential.failures == 0
    assert in_container(azurite_https, container_https) == dict.fromkeys(NAMES, b"x")


@pytest.mark.parametrize(
    "options",
    [
        {"client_options": {"retry_total": 0}},
        {"client_options": {"connection_verify": False}},
        {"credential": "anonymous"},
    ],
)
def test_what_only_the_sdk_can_do_is_left_to_it(options: dict) -> None:
    base = {} if "credential" in options else {"account_key": ACCOUNT_KEY}
    storage = AzureStorage(account_name="acme", azure_container="static", **base, **options)
    assert direct_writer(storage.options) is None


def test_a_proxy_of_the_network_is_left_to_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    storage = AzureStorage(account_name="acme", account_key=ACCOUNT_KEY, azure_container="static")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.acme.example:3128")
    monkeypatch.setenv("NO_PROXY", "")
    assert direct_writer(storage.options) is None
    monkeypatch.setenv("NO_PROXY", ".core.windows.net")
    assert direct_writer(storage.options) is not None


def test_where_the_direct_way_leads_nowhere_it_is_given_up(proxy: FaultProxy, container: str, tmp_path: Path) -> None:
    names = [f"{index}.css" for index in range(20)]
    write(tmp_path, dict.fromkeys(names, b"x"))
    # As if the account refused what is signed with its key: only the SDK's requests pass.
    for name in names:
        proxy.fail("Put Blob", Answer(403, "AuthorizationFailure"), blob=f"*/{name}")
    Destination(target(proxy, container), threads=1).copy_all(copies(tmp_path, names[:GIVE_UP_AFTER]))
    assert proxy.count("Put Blob") == 2 * GIVE_UP_AFTER
    proxy.heal()
    proxy.forget()
    destination = Destination(target(proxy, container), threads=1)
    proxy.fail("Put Blob", Reset(), times=1)
    destination.copy_all(copies(tmp_path, names))
    assert proxy.count("Put Blob") == 20 - GIVE_UP_AFTER + 1
    assert len(in_container(proxy, container)) == 20


def test_a_header_that_cannot_be_sent_directly_is_left_to_the_sdk(azurite, container: str, tmp_path: Path) -> None:
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
            succeeded=lambda outcome: outcomes.append((outcome.action, outcome.size)),
        )
    assert outcomes == [("created", 1), ("unmodified", 1)]
    with goal.open("b.txt") as file:
        assert file.read() == b"a"
