"""U1, U2: the package's own signer makes what the SDK makes."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any
from urllib.parse import parse_qs, quote

import pytest
from azure.storage.blob import BlobSasPermissions, UserDelegationKey, generate_blob_sas
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from storage_router.azure.container import FileSettings, Write
from storage_router.azure.urls import (
    OVERRIDES,
    PERMISSIONS,
    DelegationKey,
    Grant,
    ordered,
    overrides,
    sign_with_account_key,
    sign_with_delegation_key,
)
from tests.kit.azurite import ACCOUNT_NAME, Azurite

from .backends import blobs_for, options_for
from .transferring import fetch

KEY = base64.b64encode(bytes(range(64))).decode()

keys = st.binary(min_size=1, max_size=80).map(lambda key: base64.b64encode(key).decode())
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)
headers = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20).map(str.strip)
times = st.integers(1_600_000_000, 4_000_000_000)
parameters = st.dictionaries(st.sampled_from(sorted(OVERRIDES.keys() - {"content_type"})), headers)
# Older releases of the SDK do not know that a key can be for a user of another tenant.
knows_delegated = "signed_delegated_user_tid" in UserDelegationKey.__annotations__
delegated_tenants = ["", "77777777-0000-0000-0000-000000000000"] if knows_delegated else [""]
permissions = st.text(PERMISSIONS, min_size=1, max_size=4)


def in_seconds(time: str) -> int:
    return int(dt.datetime.fromisoformat(time).timestamp())


def sdk_version() -> str:
    query = generate_blob_sas("acmefiles", "media", "x", account_key=KEY, permission="r", expiry="2026-01-01")
    return parse_qs(query)["sv"][0]


def sdk_key(key: DelegationKey) -> UserDelegationKey:
    made: Any = UserDelegationKey()
    made.signed_oid, made.signed_tid, made.signed_service, made.signed_version = (
        key.oid,
        key.tid,
        key.service,
        key.version,
    )
    made.signed_start, made.signed_expiry = (
        dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for seconds in (key.start, key.expiry)
    )
    made.value = key.value.get_secret_value()
    made.signed_delegated_user_tid = key.delegated_user_tid or None
    return made


@given(keys, names, times, permissions, parameters, st.booleans())
def test_a_url_signed_with_the_account_key_is_the_one_that_the_sdk_signs(
    key: str, name: str, expiry: int, permission: str, given: dict[str, str], https_only: bool
) -> None:
    # U1
    grant = Grant(
        account_name="acmefiles",
        container="media",
        expiry=expiry,
        permission=ordered(permission),
        headers=overrides(given),
        https_only=https_only,
        version=sdk_version(),
    )
    sign = sign_with_account_key(grant, SecretStr(key))
    expected = generate_blob_sas(
        "acmefiles",
        "media",
        name,
        account_key=key,
        permission=BlobSasPermissions.from_string(permission),
        expiry=dt.datetime.fromtimestamp(expiry, dt.UTC),
        protocol="https" if https_only else None,
        **given,
    )
    assert parse_qs(sign(name)) == parse_qs(expected)


@given(keys, names, times, permissions, parameters, st.sampled_from(delegated_tenants))
def test_a_url_signed_with_a_delegation_key_is_the_one_that_the_sdk_signs(
    value: str, name: str, expiry: int, permission: str, given: dict[str, str], delegated: str
) -> None:
    # U2
    key = DelegationKey(
        oid="11111111-2222-3333-4444-555555555555",
        tid="66666666-7777-8888-9999-000000000000",
        start=expiry - 86400,
        expiry=expiry + 86400,
        service="b",
        version="2026-04-06",
        value=SecretStr(value),
        delegated_user_tid=delegated,
    )
    grant = Grant(
        account_name="acmefiles",
        container="media",
        expiry=expiry,
        permission=ordered(permission),
        headers=overrides(given),
        version=sdk_version(),
    )
    sign = sign_with_delegation_key(grant, key)
    expected = generate_blob_sas(
        "acmefiles",
        "media",
        name,
        user_delegation_key=sdk_key(key),
        permission=BlobSasPermissions.from_string(permission),
        expiry=dt.datetime.fromtimestamp(expiry, dt.UTC),
        protocol="https",
        **given,
    )
    assert parse_qs(sign(name)) == parse_qs(expected)


OLDER = {
    # What older releases of azure-storage-blob sign for the inputs of the test below: each signs for one version only.
    "2019-12-12": ("bIQEYZ6ycJOVwOkq+lFr0Xnu81FZg1oTfIJEWlGhkKs=", "OF1bQA8HqDXU8rtwwCxAIoJJXFTeUJRJtRqweZ/W3dw="),
    "2020-06-12": ("jVobJY3gsFzLQ90XMUxC1pLeMRgSVLA9hRMaEfxEBsM=", "HeMDt7fMlFeV4+neS9/aT4MiNPjFNXafyk3tkYioWLc="),
    "2021-08-06": ("RtQEoo9RMh3glDI9/yZJSmOCuf+AFStvJBIs5zCqDw8=", "6ObQ9dJaby+FE1Ft1kFShke/4l7341umeB2/w2WEFIY="),
    "2023-11-03": ("v8XhIPhltoqAHjfmMdTtPfBZ7lhNLeeZBqIBXyMpMJk=", "C4OY3rXQNHvByy05R7O6TNLOMJZY+2/IZcnTWVP5ZF4="),
    "2025-05-05": ("nByuSHQ++dp9wDngf1ybHku/dk2yeJSzfLLOubinQCA=", "peu1FN7b8kx0k5+fzcgTMFfwlOPQ/NRvQdlPVj1vE9A="),
    "2026-02-06": ("LNgIzPBXjANfdQiFnwPnjWwIMEhi4j80ys9yGgCjiLk=", "lpVvmY2PYoNWyGQfXstDfnZEBhBtmTfhjQirPkMbZOM="),
}


@pytest.mark.parametrize("version", OLDER)
def test_older_versions_are_signed_as_the_sdk_of_their_time_signs_them(version: str) -> None:
    # U1, U2: the strings to sign before 2020-02-10, 2020-12-06, 2025-07-05 and 2026-04-06
    key = DelegationKey(
        oid="11111111-2222-3333-4444-555555555555",
        tid="66666666-7777-8888-9999-000000000000",
        start=in_seconds("2026-11-20T11:45:00Z"),
        expiry=in_seconds("2026-11-27T11:45:00Z"),
        service="b",
        version="2022-11-02",
        value=SecretStr(KEY),
    )
    grant = Grant(
        account_name="acmefiles",
        container="media",
        expiry=in_seconds("2026-11-20T12:05:00Z"),
        headers={
            "rscc": "max-age=300",
            # The SDKs of their time signed what no header can hold.
            "rscd": 'attachment; filename="ö.txt"',
            "rsct": "text/plain; charset=utf-8",
        },
        version=version,
    )
    signers = (sign_with_account_key(grant, SecretStr(KEY)), sign_with_delegation_key(grant, key))
    signatures = tuple(parse_qs(sign("a b/%#?+ö.txt"))["sig"][0] for sign in signers)
    assert signatures == OLDER[version]


@pytest.mark.parametrize("version", ["2018-11-09", *OLDER, "2022-11-02", "2026-04-06", "2026-06-06"])
def test_the_service_takes_what_is_signed_for_each_version(
    azurite_https: Azurite, container_https: str, version: str
) -> None:
    # U1, U2
    options = options_for(azurite_https, container_https)
    blobs = blobs_for(options)
    blobs.create("a b/ö.txt", b"content", FileSettings(), Write(overwrite=True))
    expiry = int(dt.datetime.now(dt.UTC).timestamp()) + 300
    grant = Grant(
        account_name=ACCOUNT_NAME,
        container=container_https,
        expiry=expiry,
        version=version,
        headers=overrides({"content_type": "text/x-override"}),
    )
    key = blobs.client.delegation_key(expiry)[0]
    for sign in (
        sign_with_account_key(grant, SecretStr(azurite_https.accounts[ACCOUNT_NAME])),
        sign_with_delegation_key(grant, key),
    ):
        url = f"{options.endpoint}/{container_https}/{quote('a b/ö.txt')}?{sign('a b/ö.txt')}"
        answer = fetch(url, azurite_https)
        assert answer.body == b"content"
        assert answer.headers["Content-Type"] == "text/x-override"


@given(permissions)
def test_the_letters_of_a_mode_are_put_into_azures_order(permission: str) -> None:
    # U1
    assert ordered(permission) == str(BlobSasPermissions.from_string(permission))


@pytest.mark.parametrize("permission", ["", "rb", "R", "r w"])
def test_a_mode_that_is_no_permission_is_refused(permission: str) -> None:
    # U1
    with pytest.raises(ValueError, match="A signed URL's mode is made of the letters 'racwdxytmei'"):
        ordered(permission)


def test_an_unknown_parameter_is_refused_by_name() -> None:
    # U1
    with pytest.raises(TypeError, match=r"takes the parameters cache_control, .*, content_type; not 'snapshot'"):
        overrides({"snapshot": "x"})


def test_a_parameter_that_is_no_text_is_refused() -> None:
    # U1
    with pytest.raises(TypeError, match=r"takes a string for the parameter 'content_type', not bytes"):
        overrides({"content_type": b"text/plain"})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match=r"^url\(\) takes parameters as a dict, not str\.$"):
        overrides("attachment")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["a\nb", "a\r\nX-Evil: 1", "\x7f", "\x00", " a", "a ", 'filename="计划.xlsx"', "é"])
def test_what_cannot_travel_in_a_header_is_refused_before_anything_is_signed(value: str) -> None:
    # U1, U7, F3
    with pytest.raises(ValueError, match=r"content_disposition cannot be sent as a header.*filename\*=UTF-8''"):
        overrides({"content_disposition": value})


def test_a_content_type_is_one() -> None:
    # U7
    assert overrides({"content_type": "text/plain; charset=utf-8"}) == {"rsct": "text/plain; charset=utf-8"}
    with pytest.raises(ValueError, match="'nonsense' is not a content type"):
        overrides({"content_type": "nonsense"})


def test_a_delegation_key_does_not_show_its_value() -> None:
    # C7
    key = DelegationKey(oid="o", tid="t", start=0, expiry=1, service="b", version="v", value=SecretStr("c2VjcmV0"))
    assert "c2VjcmV0" not in repr(key)
