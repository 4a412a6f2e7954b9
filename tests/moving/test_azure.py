"""M1, M3 with two accounts of one Azurite: claims, copies on the server, and what a copy takes along."""

from __future__ import annotations

import datetime as dt
import secrets
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.storage.blob import BlobClient, BlobServiceClient, ContainerSasPermissions, generate_container_sas
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage

from storage_router import AzureStorage
from storage_router.files import FileSettings, file_store
from storage_router.moving import backfill
from storage_router.moving.backfill import Files
from storage_router.moving.storage import MovingStorage
from tests.kit.azurite import ACCOUNT_KEY, Azurite
from tests.kit.faults import Answer
from tests.kit.proxy import FaultProxy

ACCOUNTS = ("oldaccount", "newaccount")

pytestmark = pytest.mark.azurite


@pytest.fixture(scope="module")
def server():
    with Azurite(accounts=dict.fromkeys(ACCOUNTS, ACCOUNT_KEY)) as azurite:
        yield azurite


@pytest.fixture
def sides(server):
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
            sides[1].copy_from(name, self, name, version=self.stat(name))
            return stat

    moving.old = Copying(
        account_url=sides[0].account_url, account_key=ACCOUNT_KEY, azure_container=sides[0].azure_container
    )
    assert moving.save("a.txt", ContentFile(b"one")) == "a.txt"
    assert [side.listdir("")[1] for side in sides] == [["a.txt"], ["a.txt"]]


def test_a_copy_takes_along_what_is_stored_with_a_file(sides):
    old, new = sides
    settings = FileSettings(
        content_type="text/css",
        cache_control="max-age=5",
        metadata={"owner": "me"},
        tags={"project": "a b", "state": "final"},
        access_tier="Cool",
    )
    stat = old.create("a.css", ContentFile(b"a{}"), settings)
    moving = MovingStorage(old, new, phase="mirror")
    assert settled(moving) == {"a.css": "copied"}
    copy = new.stat("a.css")
    assert (copy.content_type, copy.cache_control, copy.metadata, copy.access_tier, copy.save_id) == (
        "text/css",
        "max-age=5",
        {"owner": "me"},
        "Cool",
        stat.save_id,
    )
    assert new.tags_of("a.css") == {"project": "a b", "state": "final"}
    assert [backfill.differs(pair) for pair in Files(storage=moving).compared()] == [False]


def settled(moving, pairs=None) -> dict[str, object]:
    """Return what becomes of each name of a comparison."""
    files = Files(storage=moving)
    copies = backfill.Copies(files)
    outcomes = [one for pair in pairs or files.compared() for one in copies.settle(pair)]
    return {name: outcome for name, outcome, _ in [*outcomes, *copies.looked_at(rest=True)]}


def test_a_file_is_copied_with_one_request_and_one_listing_looks_at_all_sources_afterwards(sides, server):
    """The listing before says what is known of each; the one afterwards says which were changed meanwhile."""
    for number in range(3):
        sides[0].save(f"{number}.txt", ContentFile(b"one"))
    with FaultProxy(server) as proxy:
        moving = MovingStorage(*(behind(proxy, side) for side in sides), phase="mirror")
        pairs = list(Files(storage=moving).compared())
        before = len(proxy.requests)
        assert settled(moving, pairs) == dict.fromkeys(["0.txt", "1.txt", "2.txt"], "copied")
        # With a signature, the service looks at the source itself.
        ours = [request.operation for request in proxy.requests[before:] if "sig" not in request.query]
        assert ours == ["Copy Blob"] * 3 + ["List Blobs"]


def behind(proxy: FaultProxy, side: AzureStorage) -> AzureStorage:
    url = proxy.account_url(side.account_url.rpartition("/")[2])
    return AzureStorage(account_url=url, account_key=ACCOUNT_KEY, azure_container=side.azure_container)


def test_the_link_that_a_copy_shows_is_for_reading_one_file_for_minutes(sides):
    """T7: whoever may read the copy sees where it came from."""
    old, new = sides
    old.save("a.txt", ContentFile(b"one"))
    new.copy_from("a.txt", old, "a.txt")
    key = {"account_name": ACCOUNTS[1], "account_key": ACCOUNT_KEY}
    with BlobClient(new.account_url, new.azure_container, "a.txt", credential=key) as blob:
        shown = urlsplit(blob.get_blob_properties().copy.source)
    query = {key: value for key, [value] in parse_qs(shown.query).items()}
    assert (query["sr"], query["sp"]) == ("b", "r")
    ends = dt.datetime.fromisoformat(query["se"])
    assert ends < dt.datetime.now(dt.UTC) + dt.timedelta(minutes=6)


def with_sas(storage: AzureStorage, account: str, permission: str) -> AzureStorage:
    expiry = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    token = generate_container_sas(
        account,
        storage.azure_container,
        ACCOUNT_KEY,
        permission=ContainerSasPermissions.from_string(permission),
        expiry=expiry,
    )
    return AzureStorage(account_url=storage.account_url, sas_token=token, azure_container=storage.azure_container)


def test_a_storage_with_a_sas_is_copied_through_here_and_its_sas_stays_its_own(sides):
    old, new = sides
    old.create("a.txt", ContentFile(b"one"), FileSettings(tags={"state": "final"}))
    new.copy_from("a.txt", with_sas(old, ACCOUNTS[0], "rlt"), "a.txt")
    key = {"account_name": ACCOUNTS[1], "account_key": ACCOUNT_KEY}
    with BlobClient(new.account_url, new.azure_container, "a.txt", credential=key) as blob:
        assert blob.get_blob_properties().copy.source is None
    with new.open("a.txt") as file:
        assert file.read() == b"one"
    assert new.tags_of("a.txt") == {"state": "final"}


def test_a_file_whose_tags_may_not_be_read_is_copied_without_them(sides, caplog):
    """Roles such as Storage Blob Data Contributor do not include tags."""
    old, new = sides
    old.create("a.txt", ContentFile(b"one"), FileSettings(tags={"state": "final"}, metadata={"owner": "me"}))
    new.copy_from("a.txt", with_sas(old, ACCOUNTS[0], "rl"), "a.txt")
    assert new.stat("a.txt").metadata == {"owner": "me"}
    assert new.tags_of("a.txt") == {}
    assert "a.txt was copied without its tags" in caplog.text


def test_a_file_whose_tags_may_not_be_written_is_copied_without_them(sides, server, caplog):
    """Azurite asks for no permission to write tags, so a proxy refuses the first copy as Azure does."""
    old, new = sides
    old.create("a.txt", ContentFile(b"one"), FileSettings(tags={"state": "final"}))
    with FaultProxy(server) as proxy:
        source, target = (behind(proxy, side) for side in sides)
        proxy.fail("Copy Blob*", Answer(403, "AuthorizationPermissionMismatch"))
        target.copy_from("a.txt", source, "a.txt")
        assert new.tags_of("a.txt") == {}
        assert "a.txt was copied without its tags" in caplog.text
        proxy.fail("Copy Blob*", Answer(403, "AuthorizationPermissionMismatch"), times=2)
        with pytest.raises(PermissionError):
            target.copy_from("b.txt", source, "a.txt")


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
    outcomes = list(settled(moving, pairs).values())
    assert outcomes.count("deleted") == 1
    assert outcomes.count("changed") == changes
    left = [pair.name for pair in Files(storage=moving, directory="m").compared() if backfill.differs(pair)]
    assert left == (["m/03.txt"] if changes else [])


def test_what_the_service_cannot_copy_is_streamed(sides, monkeypatch):
    """Azurite answers Put Block From URL with success and stages an empty block."""
    monkeypatch.setattr("storage_router.azure.container.COPIED_AT_ONCE", 1000)
    old, new = sides
    old.create("a.bin", ContentFile(b"x" * 5000), FileSettings(tags={"state": "final"}))
    new.copy_from("a.bin", old, "a.bin")
    with new.open("a.bin") as file:
        assert file.read() == b"x" * 5000
    assert new.tags_of("a.bin") == {"state": "final"}
    assert new.stat("a.bin").save_id == old.stat("a.bin").save_id


@pytest.mark.parametrize("to_route_that_moves", [False, True])
def test_a_file_of_a_disk_gets_the_headers_of_a_new_one(sides, tmp_path, to_route_that_moves):
    """A disk keeps no media type; without one, browsers would store pictures instead of showing them."""
    FileSystemStorage(str(tmp_path)).save("a.png", ContentFile(b"png"))
    old, new = sides
    new.cache_control = "max-age=5"
    target = MovingStorage(old, new, phase="settle") if to_route_that_moves else new
    target.copy_from("a.png", file_store(FileSystemStorage(str(tmp_path))), "a.png")
    stat = new.stat("a.png")
    assert (stat.content_type, stat.cache_control) == ("image/png", "max-age=5")
