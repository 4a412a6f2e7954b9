"""M1, M3 with two accounts of one Azurite: claims, copies on the server, and what a copy takes along."""

from __future__ import annotations

import datetime as dt
import secrets

import pytest
from django.core.files.base import ContentFile

from storage_router import AzureStorage
from storage_router.files import FileSettings
from storage_router.moving import backfill
from storage_router.moving.backfill import Files
from storage_router.moving.storage import MovingStorage
from tests.kit.azurite import ACCOUNT_KEY, Azurite

ACCOUNTS = ("oldaccount", "newaccount")

pytestmark = pytest.mark.azurite


@pytest.fixture(scope="module")
def server():
    with Azurite(accounts=dict.fromkeys(ACCOUNTS, ACCOUNT_KEY)) as azurite:
        yield azurite


@pytest.fixture
def sides(server):
    from azure.storage.blob import BlobServiceClient

    name = f"c{secrets.token_hex(8)}"
    for account in ACCOUNTS:
        with BlobServiceClient(server.account_url(account), credential=ACCOUNT_KEY) as service:
            service.create_container(name)
    return [
        AzureStorage(account_url=server.account_url(account), account_key=ACCOUNT_KEY, azure_container=name)
        for account in ACCOUNTS
    ]


@pytest.mark.parametrize("phase", ["mirror", "switch", "settle"])
def test_a_save_is_known_on_both_accounts_as_the_same(sides, phase):
    moving = MovingStorage(*sides, phase=phase)
    name = moving.save("a.txt", ContentFile(b"one"))
    old, new = (side.stat(name) for side in sides)
    assert old.save_id == new.save_id is not None
    assert old.content_type == new.content_type == "text/plain"
    assert moving.stat(name).metadata == {}


def test_a_claim_that_the_backfill_has_copied_is_the_saves_own(sides):
    """The copy carries the marker, so the save does not take it for another file."""
    moving = MovingStorage(*sides, phase="mirror")

    class Copying(AzureStorage):
        def create(self, name, content, settings=None, *, save_id=None):
            stat = super().create(name, content, settings, save_id=save_id)
            sides[1].copy_from(name, self, name, if_source_match=stat.etag)
            return stat

    moving.old = Copying(
        account_url=sides[0].account_url, account_key=ACCOUNT_KEY, azure_container=sides[0].azure_container
    )
    assert moving.save("a.txt", ContentFile(b"one")) == "a.txt"
    assert [side.listdir("")[1] for side in sides] == [["a.txt"], ["a.txt"]]


def test_a_copy_takes_along_what_is_stored_with_a_file_and_shows_no_secret(sides):
    old, new = sides
    settings = FileSettings(
        content_type="text/css", cache_control="max-age=5", metadata={"owner": "me"}, access_tier="Cool"
    )
    stat = old.create("a.css", ContentFile(b"a{}"), settings)
    moving = MovingStorage(old, new, phase="mirror")
    [pair] = Files(storage=moving).compared()
    assert backfill.settle(moving, pair) == "copied"
    copy = new.stat("a.css")
    assert (copy.content_type, copy.cache_control, copy.metadata, copy.access_tier, copy.save_id) == (
        "text/css",
        "max-age=5",
        {"owner": "me"},
        "Cool",
        stat.save_id,
    )
    assert [backfill.differs(pair) for pair in Files(storage=moving).compared()] == [False]


def test_a_storage_with_a_sas_is_copied_through_here_and_its_sas_stays_its_own(sides, server):
    old, new = sides
    from azure.storage.blob import BlobClient, generate_container_sas

    old.save("a.txt", ContentFile(b"one"))
    expiry = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    token = generate_container_sas(ACCOUNTS[0], old.azure_container, ACCOUNT_KEY, permission="rl", expiry=expiry)
    reader = AzureStorage(account_url=old.account_url, sas_token=token, azure_container=old.azure_container)
    new.copy_from("a.txt", reader, "a.txt")
    key = {"account_name": ACCOUNTS[1], "account_key": ACCOUNT_KEY}
    with BlobClient(new.account_url, new.azure_container, "a.txt", credential=key) as blob:
        assert blob.get_blob_properties().copy.source is None
    with new.open("a.txt") as file:
        assert file.read() == b"one"


@pytest.mark.parametrize("changes", [False, True])
def test_a_range_is_copied_and_a_file_that_changed_meanwhile_is_left_for_the_next_comparison(sides, changes):
    old, new = sides
    for number in range(12):
        old.save(f"m/{number:02}.txt", ContentFile(b"x" * number))
    new.save("m/zombie.txt", ContentFile(b"deleted on old"))
    moving = MovingStorage(old, new, phase="mirror")
    pairs = [pair for pair in Files(storage=moving, directory="m").compared() if backfill.differs(pair)]
    assert len(pairs) == 13
    if changes:
        old.replace("m/03.txt", ContentFile(b"new content"))
    outcomes = [backfill.settle(moving, pair) for pair in pairs]
    assert outcomes.count("deleted") == 1
    assert outcomes.count("changed") == changes
    left = [pair.name for pair in Files(storage=moving, directory="m").compared() if backfill.differs(pair)]
    assert left == (["m/03.txt"] if changes else [])


def test_what_the_service_cannot_copy_is_streamed(sides, monkeypatch):
    """Azurite answers Put Block From URL with success and stages an empty block."""
    monkeypatch.setattr("storage_router.azure.container.COPIED_AT_ONCE", 1000)
    old, new = sides
    old.save("a.bin", ContentFile(b"x" * 5000))
    new.copy_from("a.bin", old, "a.bin")
    with new.open("a.bin") as file:
        assert file.read() == b"x" * 5000
    assert new.stat("a.bin").save_id == old.stat("a.bin").save_id
