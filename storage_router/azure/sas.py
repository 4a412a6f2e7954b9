"""Shared access signatures for one blob: a documented string and one HMAC.

https://learn.microsoft.com/rest/api/storageservices/create-service-sas and
https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas say what the string holds. Everything
but the blob's name is the same for many blobs, so it is prepared once, and then name after name is signed.
"""

from __future__ import annotations

import binascii
import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from pydantic import SecretStr
from pydantic_core import PydanticCustomError

from storage_router.conf.azure.rules import header, media_type

SIGNED_VERSION = "2022-11-02"
"""The REST version whose rules a URL follows unless ``api_version`` says otherwise. Reading or writing one blob needs
nothing newer, and what runs elsewhere than in Azure's own clouds knows it, too."""

PERMISSIONS = "racwdxytmei"
"""Permissions of a blob's SAS, in the order in which Azure wants them."""

OVERRIDES = {
    "cache_control": "rscc",
    "content_disposition": "rscd",
    "content_encoding": "rsce",
    "content_language": "rscl",
    "content_type": "rsct",
}
"""Response headers that a SAS can set, as ``url(parameters=…)`` names them, in the order of the string to sign."""


class DelegationKey(NamedTuple):
    """A user delegation key, as the service gave it. ``start`` and ``expiry`` are seconds since the epoch."""

    oid: str
    tid: str
    start: int
    expiry: int
    service: str
    version: str
    value: SecretStr
    delegated_user_tid: str = ""


class Grant(NamedTuple):
    """What the URLs of a container's blobs allow.

    ``expiry`` is seconds since the epoch; ``permission`` is ``ordered``, and ``headers`` are ``overrides``, before
    there is a key: pages of errors show the variables of every frame.
    """

    account_name: str
    container: str
    expiry: int
    permission: str = "r"
    headers: Mapping[str, str] = {}
    https_only: bool = True
    version: str = SIGNED_VERSION


Signer = Callable[[str], str]
"""Takes a blob's name, unquoted, and returns the query string of its URL."""


def ordered(permission: str) -> str:
    """Return the letters of ``permission`` in Azure's order. Raises ``ValueError`` for letters that are none."""
    if not permission or not set(permission) <= set(PERMISSIONS):
        raise ValueError(
            f"A signed URL's mode is made of the letters {PERMISSIONS!r}, such as 'r' or 'cw': {permission!r}"
        )
    return "".join(letter for letter in PERMISSIONS if letter in permission)


def overrides(parameters: Mapping[str, str | None] | None) -> dict[str, str]:
    """Return ``parameters`` as query parameters; what is None or empty is unset.

    Raises ``TypeError`` for unknown names and values that are not strings, ``ValueError`` for what cannot be a header.
    """
    if parameters and not isinstance(parameters, Mapping):
        raise TypeError(f"url() takes parameters as a dict, not {type(parameters).__name__}.")
    unknown = [key for key in parameters or {} if key not in OVERRIDES]
    if unknown:
        raise TypeError(f"url() takes the parameters {', '.join(OVERRIDES)}; not {', '.join(map(repr, unknown))}.")
    given = {key: value for key, value in (parameters or {}).items() if value is not None}
    for key, value in given.items():
        if not isinstance(value, str):
            raise TypeError(f"url() takes a string for the parameter {key!r}, not {type(value).__name__}.")
        if value:
            try:
                (media_type if key == "content_type" else header)(value, f"url(): {key}")
            except PydanticCustomError as error:
                raise ValueError(f"{error.message()}: {value!r}. {(error.context or {}).get('hint', '')}") from None
    return {OVERRIDES[key]: given[key] for key in OVERRIDES if given.get(key)}


def timestamp(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sign_with_account_key(grant: Grant, account_key: SecretStr) -> Signer:
    """Return what signs URLs with the account's key (base64)."""
    # The empty lines: a stored access policy, and the addresses that may use the URL.
    return _signer(grant, account_key, before_protocol=["", ""])


def sign_with_delegation_key(grant: Grant, key: DelegationKey) -> Signer:
    """Return what signs URLs with a user delegation key. The caller sees to it that the grant ends with the key."""
    signed_key = {
        "skoid": key.oid,
        "sktid": key.tid,
        "skt": timestamp(key.start),
        "ske": timestamp(key.expiry),
        "sks": key.service,
        "skv": key.version,
    }
    lines = list(signed_key.values())
    if grant.version >= "2020-02-10":
        lines += ["", "", ""]  # authorized object, unauthorized object, correlation id: of Data Lake
    if grant.version >= "2025-07-05":
        lines += [key.delegated_user_tid, ""]  # and the delegated user's object id
        if key.delegated_user_tid:
            signed_key["skdutid"] = key.delegated_user_tid
    lines.append("")  # the addresses that may use the URL
    # Request headers and query parameters that a request must have.
    required = ["", ""] if grant.version >= "2026-04-06" else []
    return _signer(grant, key.value, before_protocol=lines, before_headers=required, signed_key=signed_key)


def _signer(
    grant: Grant,
    key: SecretStr,
    *,
    before_protocol: Sequence[str],
    before_headers: Sequence[str] = (),
    signed_key: Mapping[str, str] | None = None,
) -> Signer:
    """Return what signs with ``key`` (base64): what all strings to sign have, and between it what only one kind has."""
    headers = grant.headers
    query = {"se": timestamp(grant.expiry), "sp": grant.permission}
    if grant.https_only:
        query["spr"] = "https"
    query |= {"sv": grant.version, "sr": "b", **headers, **(signed_key or {})}
    # The permission, no start, the expiry and the blob.
    before_name = f"{query['sp']}\n\n{query['se']}\n/blob/{grant.account_name}/{grant.container}/".encode()
    # The kind of resource, the snapshot and, since 2020-12-06, the encryption scope.
    resource = ["b", "", ""] if grant.version >= "2020-12-06" else ["b", ""]
    lines = [*before_protocol, query.get("spr", ""), grant.version, *resource, *before_headers]
    after_name = "\n".join(["", *lines, *(headers.get(parameter, "") for parameter in OVERRIDES.values())]).encode()
    start = urlencode(query, quote_via=quote, safe="") + "&sig="
    inner, outer = _keyed(key)
    inner.update(before_name)
    copy_inner, copy_outer, encode = inner.copy, outer.copy, binascii.b2a_base64

    def sign(name: str) -> str:
        hashed = copy_inner()
        hashed.update(name.encode() + after_name)
        signed = copy_outer()
        signed.update(hashed.digest())
        text = encode(signed.digest(), newline=False).decode()
        return start + text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")

    return sign


def _keyed(key: SecretStr) -> tuple[Any, Any]:
    """Return the two hashes of HMAC-SHA256, which have eaten the key already: copying them is half the price of
    starting anew for each name."""
    # Decoded by what has no frame of its own in Python, so that none holds the text of a key that is not base64.
    block = binascii.a2b_base64(key.get_secret_value())
    block = hashlib.sha256(block).digest() if len(block) > 64 else block
    block = block.ljust(64, b"\0")
    return hashlib.sha256(bytes(byte ^ 0x36 for byte in block)), hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
