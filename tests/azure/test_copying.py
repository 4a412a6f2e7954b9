"""Copies on the server: all that is stored comes along, and what Azure does later is waited for."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest

from storage_router.azure.container import Blobs, FileSettings, Write
from storage_router.azure.storage import AzureStorage
from storage_router.exceptions import BlobChangedError, BlobError, BlobExistsError, BlobNotFoundError
from tests.kit.azurite import Azurite

from .backends import blobs_for, options_for, sdk_blob
from .counting import Requests

FULL = FileSettings(
    content_type="text/css",
    content_language="de",
    cache_control="max-age=1",
    metadata={"owner": "acme"},
    tags={"project": "x"},
    access_tier="Cool",
)


@pytest.fixture
def requests() -> Requests:
    return Requests()


@pytest.fixture
def blobs(azurite: Azurite, container: str, requests: Requests) -> Blobs:
    return blobs_for(options_for(azurite, container, client_options=requests.client_options()))


@pytest.fixture
def later(azurite: Azurite, container: str) -> Any:
    """A container whose copies are told to be pending: Azurite itself always copies at once."""

    class Later:
        statuses: list[str] = []  # noqa: RUF012 - one list per fixture
        headers: dict[str, str] = {}  # noqa: RUF012 - one dict per fixture
        asked: list[str] = []  # noqa: RUF012 - one list per fixture

        def note(self, response: Any) -> None:
            request, answer = response.http_request, response.http_response
            self.asked.append(f"{request.method} {request.url.partition('comp=')[2][:4]}".strip())
            if "x-ms-copy-status" in answer.headers and self.statuses:
                answer.headers["x-ms-copy-status"] = self.statuses.pop(0)
                answer.headers.update(self.headers)

    later: Any = Later()
    later.blobs = blobs_for(
        options_for(azurite, container, client_options={"raw_response_hook": later.note, "retry_total": 0})
    )
    later.blobs.create("a.txt", b"content", FileSettings())
    later.asked.clear()
    return later


def copy(blobs: Blobs, source: str, target: str, **changed: Any) -> None:
    options = blobs.options.model_copy(update=changed)
    AzureStorage.from_options(options, alias="media").copy(source, target)


def test_all_that_is_stored_comes_along(blobs: Blobs, requests: Requests) -> None:
    blobs.create("a b/ö;%.css", b"content", FULL)
    requests.taken()
    copy(blobs, "a b/ö;%.css", "b.css")
    assert requests.taken() == ["HEAD blob", "GET tags", "PUT blob"]
    body, found = blobs.read("b.css", 0, 10)
    assert body == b"content"
    assert found is not None
    assert (found.content_type, found.content_language, found.cache_control) == ("text/css", "de", "max-age=1")
    assert found.metadata == {"owner": "acme"}
    assert blobs.head("b.css").access_tier == "Cool"
    assert sdk_blob(blobs, "b.css").get_blob_tags() == {"project": "x"}


def test_a_plain_blob_takes_two_requests(blobs: Blobs, requests: Requests) -> None:
    blobs.create("a.txt", b"content", FileSettings())
    requests.taken()
    copy(blobs, "a.txt", "b.txt")
    assert requests.taken() == ["HEAD blob", "PUT blob"]


def test_a_taken_name_is_an_error_unless_it_may_be_overwritten(blobs: Blobs) -> None:
    blobs.create("a.txt", b"first", FileSettings(metadata={"owner": "acme"}))
    blobs.create("b.txt", b"second", FileSettings())
    with pytest.raises(BlobExistsError) as caught:
        copy(blobs, "a.txt", "b.txt")
    assert caught.value.blob == "b.txt"
    assert blobs.read("b.txt", 0, 10)[0] == b"second"
    copy(blobs, "a.txt", "b.txt", overwrite_files=True)
    assert blobs.read("b.txt", 0, 10)[0] == b"first"
    assert blobs.head("b.txt").metadata == {"owner": "acme"}


def test_a_missing_source_is_named(blobs: Blobs) -> None:
    with pytest.raises(BlobNotFoundError) as caught:
        copy(blobs, "a.txt", "b.txt")
    assert caught.value.blob == "a.txt"


def test_a_source_that_changes_in_between_is_an_error(azurite: Azurite, container: str) -> None:
    other = blobs_for(options_for(azurite, container))

    def interfere(request: Any) -> None:
        if "x-ms-copy-source" in request.http_request.headers:
            other.create("a.txt", b"other content", FileSettings(), Write(overwrite=True))

    blobs = blobs_for(options_for(azurite, container, client_options={"raw_request_hook": interfere}))
    other.create("a.txt", b"content", FileSettings())
    with pytest.raises(BlobChangedError):
        copy(blobs, "a.txt", "b.txt")


def test_a_copy_in_the_background_is_waited_for(later: Any) -> None:
    later.statuses += ["pending", "pending", "pending"]
    copy(later.blobs, "a.txt", "b.txt")
    assert later.asked == ["HEAD", "PUT", "HEAD", "HEAD", "HEAD"]


def test_a_copy_that_fails_leaves_nothing(later: Any) -> None:
    later.statuses += ["pending", "failed"]
    later.headers["x-ms-copy-status-description"] = "500 InternalError"
    with pytest.raises(BlobError, match="Azure did not complete the copy: 500 InternalError") as caught:
        copy(later.blobs, "a.txt", "b.txt")
    assert (caught.value.alias, caught.value.blob) == ("media", "b.txt")
    with pytest.raises(BlobNotFoundError):
        later.blobs.head("b.txt")


def test_a_copy_that_hangs_is_taken_back(later: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(sleep=lambda _: None, monotonic=itertools.count().__next__)
    monkeypatch.setattr("storage_router.azure.container.time", clock)
    later.statuses += ["pending"] * 50
    with pytest.raises(BlobError):
        copy(later.blobs, "a.txt", "b.txt")
    # Azurite knows no pending copy to abort, and says so; Azure would.
    assert later.asked[-1].startswith("PUT copy")


def test_a_copy_that_was_overwritten_meanwhile_was_complete(later: Any) -> None:
    later.statuses += ["pending", "pending"]
    later.headers["x-ms-copy-id"] = "the id of the first answer"

    copy(later.blobs, "a.txt", "b.txt")
    assert later.blobs.head("b.txt").size == 7
