"""O3: what a shared access signature says about itself is checked offline."""

from __future__ import annotations

import datetime as dt

import pytest
from pydantic import SecretStr
from pydantic_core import PydanticCustomError

from storage_router.conf.azure.authentication import SharedAccess, sas_token

SIGNED = "sv=2025-11-05&sr=c&sig=abc%3D"


def in_hours(hours: float, form: str) -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)).strftime(form)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.0000000Z"])
def test_an_expired_sas_is_refused_in_every_form_of_the_time(form):
    sas_token(SecretStr(f"{SIGNED}&sp=r&se={in_hours(48, form)}"))
    with pytest.raises(PydanticCustomError, match="the SAS expired at"):
        sas_token(SecretStr(f"{SIGNED}&sp=r&se={in_hours(-48, form)}"))


def test_an_expiry_may_be_percent_encoded_as_the_portal_writes_it():
    access = SharedAccess.parse(f"{SIGNED}&se=2031-01-31T12%3A30%3A00Z")
    assert access.expires == dt.datetime(2031, 1, 31, 12, 30, tzinfo=dt.UTC)


def test_a_leading_question_mark_and_white_space_are_dropped():
    assert sas_token(SecretStr(f" ?{SIGNED} \n")).get_secret_value() == SIGNED


@pytest.mark.parametrize(
    ("permissions", "is_read_only"), [("r", True), ("rl", True), ("l", False), ("rw", False), ("racwdl", False)]
)
def test_a_sas_is_read_only_if_it_allows_no_more_than_reading_and_listing(permissions, is_read_only):
    assert SharedAccess.parse(f"{SIGNED}&sp={permissions}").is_read_only is is_read_only


def test_a_stored_access_policy_does_not_tell_its_permissions():
    access = SharedAccess.parse(f"{SIGNED}&si=policy")
    assert (access.permissions, access.expires, access.is_read_only) == (None, None, False)


def test_https_only_is_read():
    assert SharedAccess.parse(f"{SIGNED}&spr=https").https_only
    assert not SharedAccess.parse(f"{SIGNED}&spr=https,http").https_only


@pytest.mark.parametrize("address", ["https://acme.blob.core.windows.net/media", "HTTP://x/a=b", "acme.example/media"])
def test_a_whole_url_is_refused_and_not_repeated(address):
    """C7, O3: the portal has a field 'Blob SAS URL' beside that of the token."""
    with pytest.raises(PydanticCustomError) as caught:
        sas_token(SecretStr(f" {address}?{SIGNED} "))
    assert caught.value.type == "E003"
    assert caught.value.message() == "the value is a URL, not a shared access signature alone"
    assert caught.value.context is not None
    assert caught.value.context["hint"] == "Give what follows the '?'."


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("", "the value is not a shared access signature"),
        ("sv=1&sp=r", "the value is not a shared access signature"),
        ("sv=1&sp=r&sig=", "the value is not a shared access signature"),
        ("sv=1&sig=a b", "the value is not a shared access signature"),
        ("sv=1&sp=r&sig=a+b/c=", "the signature of the SAS is encoded twice, or not at all"),
        ("sv=1&sp=r&sig=a%252Bb%252Fc%253D", "the signature of the SAS is encoded twice, or not at all"),
        ("ss=qt&srt=co&sig=a", "the SAS is not for all blobs of a container"),
        ("ss=b&srt=sc&sig=a", "the SAS is not for all blobs of a container"),
        ("sr=b&sig=a", "the SAS is not for all blobs of a container"),
        ("sig=a&se=tomorrow", r"the expiry \(se\) of the SAS is not a time"),
    ],
)
def test_what_is_no_sas_for_a_container_is_refused(token, message):
    with pytest.raises(PydanticCustomError, match=message):
        sas_token(SecretStr(token))
