"""What a URL costs."""

from __future__ import annotations

import base64
import binascii
import hashlib
import time

from contenders import CONTAINER, options, settings, storage
from measuring import Figures, timed

from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME

MANY = 50_000
FEW = 2_000
"""URLs of django-storages, which takes hundreds of microseconds for one."""


def distinct(contender: str, endpoint: str) -> Figures:
    """Sign the URLs of different names."""
    if contender == "floor":
        return _floor()
    made = storage(contender, endpoint, expiration_secs=3600)
    assert "sig=" in made.url("pictures/a.jpg")
    return timed(lambda index: made.url(f"pictures/2026/11/picture-{index}.jpg"), MANY if contender == "ours" else FEW)


def again(contender: str, endpoint: str) -> Figures:
    """Sign the URL of one name again and again."""
    made = storage(contender, endpoint, expiration_secs=3600)
    assert "sig=" in made.url("pictures/a.jpg")
    return timed(lambda _: made.url("pictures/2026/11/picture.jpg"), MANY if contender == "ours" else FEW)


def unsigned(contender: str, endpoint: str) -> Figures:
    """Make the public URLs of different names."""
    made = storage(contender, endpoint)
    assert made.url("pictures/a.jpg").endswith(f"/{CONTAINER}/pictures/a.jpg")
    return timed(lambda index: made.url(f"pictures/2026/11/picture-{index}.jpg"), MANY if contender == "ours" else FEW)


def delegated(contender: str, endpoint: str) -> Figures:
    """Sign the URLs of different names with a user delegation key that is at hand."""
    if contender == "floor":
        return _floor()
    from pydantic import SecretStr

    from storage_router.azure.client import Account
    from storage_router.azure.urls import BlobUrls, DelegationKey
    from storage_router.conf.azure.options import AzureOptions

    settings()
    now = int(time.time())
    key = DelegationKey(
        oid="o" * 36, tid="t" * 36, start=now - 900, expiry=now + 600_000, service="b", version="2022-11-02",
        value=SecretStr(ACCOUNT_KEY),
    )  # fmt: skip
    given = options(endpoint)
    del given["account_key"]
    validated = AzureOptions(**given, credential="default")
    account = Account.of(validated)
    account.delegation_keys.key = lambda *_, **__: (key, key.expiry)  # type: ignore[method-assign]
    urls = BlobUrls(validated)
    assert "skoid=" in urls.url("pictures/a.jpg", expire=3600)
    return timed(lambda index: urls.url(f"pictures/2026/11/picture-{index}.jpg", expire=3600), MANY)


def _floor() -> Figures:
    """Sign a string like the real one and put it into a URL, the key being prepared: what each URL costs at least."""
    block = base64.b64decode(ACCOUNT_KEY).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
    inner.update(f"r\n\n2026-11-20T12:00:00Z\n/blob/{ACCOUNT_NAME}/{CONTAINER}/".encode())
    tail = b"\n\n\nhttps\n2022-11-02\nb\n\n\n\n\n\n\n"
    base = f"https://{ACCOUNT_NAME}.blob.core.windows.net/{CONTAINER}/"
    query = "?se=2026-11-20T12%3A00%3A00Z&sp=r&spr=https&sv=2022-11-02&sr=b&sig="

    def operation(index: int) -> None:
        name = f"pictures/2026/11/picture-{index}.jpg"
        hashed, signed = inner.copy(), outer.copy()
        hashed.update(name.encode() + tail)
        signed.update(hashed.digest())
        signature = binascii.b2a_base64(signed.digest(), newline=False).decode()
        url = base + name + query + signature.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
        assert url

    return timed(operation, MANY)
