"""Shared access signatures for one blob: a documented string and one HMAC.

https://learn.microsoft.com/rest/api/storageservices/create-service-sas and
https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas say what the string holds. Everything
but the blob's name is the same for many blobs, so it is prepared once, and then name after name is signed.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

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


@dataclass(frozen=True, kw_only=True)
class DelegationKey:
    """A user delegation key, as the service gave it. ``start`` and ``expiry`` are seconds since the epoch."""

    oid: str
    tid: str
    start: int
    expiry: int
    service: str
    version: str
    value: str = field(repr=False)
    delegated_user_tid: str = ""


Signer = Callable[[str], str]
"""Takes a blob's name, unquoted, and returns the query string of its URL."""


def ordered(permission: str) -> str:
    """Return the letters of ``permission`` in Azure's order. Raises ``ValueError`` for letters that are none."""
    if not permission or not set(permission) <= set(PERMISSIONS):
        raise ValueError(
            f"A signed URL's mode is made of the letters {PERMISSIONS!r}, such as 'r' or 'cw': {permission!r}"
        )
    return "".join(letter for letter in PERMISSIONS if letter in permission)


def overrides(parameters: Mapping[str, str] | None) -> dict[str, str]:
    """Return ``parameters`` as query parameters.

    Raises ``TypeError`` for unknown names and values that are no text, ``ValueError`` for control characters.
    """
    given = dict(parameters or {})
    unknown = [key for key in given if key not in OVERRIDES]
    if unknown:
        raise TypeError(f"url() takes the parameters {', '.join(OVERRIDES)}; not {', '.join(map(repr, unknown))}.")
    for key, value in given.items():
        if not isinstance(value, str):
            raise TypeError(f"url() takes text for the parameter {key!r}, not {type(value).__name__}.")
        # A line break would be a line of its own in what is signed.
        if any(character < " " or character == "\x7f" for character in value):
            raise ValueError(f"The parameter {key!r} of url() may not hold control characters: {value!r}")
    return {OVERRIDES[key]: given[key] for key in OVERRIDES if given.get(key)}


def timestamp(seconds: int) -> str:
    """Return seconds since the epoch as Azure writes times."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sign_with_account_key(
    *,
    account_name: str,
    account_key: str,
    container: str,
    expiry: int,
    permission: str = "r",
    parameters: Mapping[str, str] | None = None,
    https_only: bool = True,
    version: str = SIGNED_VERSION,
) -> Signer:
    """Return what signs URLs of ``container`` with the account's key (base64). ``expiry``: seconds since the epoch."""
    query = _query(expiry, permission, parameters, https_only, version)
    # The empty lines: a stored access policy, and the addresses that may use the URL.
    lines = ["", "", query.get("spr", ""), version, *_resource(version), *_headers(query)]
    return _signer(account_key, account_name, container, query, lines)


def sign_with_delegation_key(
    *,
    account_name: str,
    key: DelegationKey,
    container: str,
    expiry: int,
    permission: str = "r",
    parameters: Mapping[str, str] | None = None,
    https_only: bool = True,
    version: str = SIGNED_VERSION,
) -> Signer:
    """Return what signs URLs of ``container`` with a user delegation key. ``expiry``: seconds since the epoch."""
    query = _query(expiry, permission, parameters, https_only, version)
    signed_key = {
        "skoid": key.oid,
        "sktid": key.tid,
        "skt": timestamp(key.start),
        "ske": timestamp(key.expiry),
        "sks": key.service,
        "skv": key.version,
    }
    lines = list(signed_key.values())
    if version >= "2020-02-10":
        lines += ["", "", ""]  # authorized object, unauthorized object, correlation id: of Data Lake
    if version >= "2025-07-05":
        lines += [key.delegated_user_tid, ""]  # and the delegated user's object id
        if key.delegated_user_tid:
            signed_key["skdutid"] = key.delegated_user_tid
    lines += ["", query.get("spr", ""), version, *_resource(version)]
    if version >= "2026-04-06":
        lines += ["", ""]  # request headers and query parameters that a request must have
    return _signer(key.value, account_name, container, query | signed_key, [*lines, *_headers(query)])


def _query(
    expiry: int, permission: str, parameters: Mapping[str, str] | None, https_only: bool, version: str
) -> dict[str, str]:
    query = {"se": timestamp(expiry), "sp": ordered(permission)}
    if https_only:
        query["spr"] = "https"
    return query | {"sv": version, "sr": "b"} | overrides(parameters)


def _resource(version: str) -> list[str]:
    """Return the lines for the kind of resource, the snapshot and, since 2020-12-06, the encryption scope."""
    return ["b", "", ""] if version >= "2020-12-06" else ["b", ""]


def _headers(query: Mapping[str, str]) -> list[str]:
    return [query.get(parameter, "") for parameter in OVERRIDES.values()]


def _signer(key: str, account_name: str, container: str, query: Mapping[str, str], lines: list[str]) -> Signer:
    """Return what signs: the permission, no start, the expiry, the blob, ``lines``."""
    before = f"{query['sp']}\n\n{query['se']}\n/blob/{account_name}/{container}/".encode()
    after_name = "\n".join(["", *lines]).encode()
    start = urlencode(query, quote_via=quote, safe="") + "&sig="
    # HMAC keeps two hashes that have eaten the key already; copying them is half the price of starting anew for each
    # name.
    block = base64.b64decode(key)
    block = hashlib.sha256(block).digest() if len(block) > 64 else block
    block = block.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + before)
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
    copy_inner, copy_outer, encode = inner.copy, outer.copy, binascii.b2a_base64

    def sign(name: str) -> str:
        hashed = copy_inner()
        hashed.update(name.encode() + after_name)
        signed = copy_outer()
        signed.update(hashed.digest())
        text = encode(signed.digest(), newline=False).decode()
        return start + text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")

    return sign
