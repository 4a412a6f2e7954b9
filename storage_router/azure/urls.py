"""The URL of a blob, public or signed. No SDK, and no request but the one for a user delegation key.

A shared access signature (SAS) is a documented string and one HMAC;
https://learn.microsoft.com/rest/api/storageservices/create-service-sas and
https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas say what the string holds. Everything
but the blob's name is the same for many blobs, so it is prepared once, and then name after name is signed.
"""

import binascii
import datetime as dt
import hashlib
import math
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from pydantic import SecretStr
from pydantic_core import PydanticCustomError

from storage_router.conf.azure.authentication import MAX_DELEGATION_SECS
from storage_router.conf.azure.options import AzureOptions
from storage_router.conf.azure.rules import LONGEST_EXPIRY, header, media_type
from storage_router.exceptions import BlobError, SigningError
from storage_router.names import blob_name, clean_name, file_of, quoted
from storage_router.records import Record

if TYPE_CHECKING:
    from .client import Client

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

Signer = Callable[[str], str]
"""Takes a blob's name, unquoted, and returns the query string of its URL."""

LONGEST_DEFAULT_WINDOW = 3600
"""Seconds that signed URLs stay the same, at most, unless ``url_window_secs`` says otherwise."""

REMEMBERED_URLS = 4096
"""Signed URLs kept per window; a page shows the same pictures again and again."""

CREATES_BLOCKS = "2026-04-06"
"""The version of the API from which on the permission to create covers blocks.
https://learn.microsoft.com/rest/api/storageservices/version-2026-04-06"""


class BlobUrls:
    """The URLs of one container's blobs. Safe across threads."""

    def __init__(self, options: AzureOptions, *, alias: str | None = None) -> None:
        self._options = options
        self._alias = alias
        self._client: Client | None = None
        self._container: str = options.azure_container
        self.api = f"{options.endpoint}/{self._container}/"
        """Where the API knows the container, whatever ``custom_domain`` is."""

        self._public = _public_base(options)
        self._sas = ""
        given = options.authentication
        if given.kind == "sas" and options.sas_token_in_urls:
            self._sas = "?" + given.sas_token.get_secret_value().lstrip("?")
        self._windows: dict[tuple[object, ...], _Window] = {}

    def public_url(self, blob_name: str) -> str:
        """Return the unsigned URL, at the custom domain if there is one."""
        return self._public + quoted(blob_name)

    def url(
        self,
        name: str,
        *,
        prefix: str = "",
        expire: float | dt.timedelta | None = None,
        parameters: Mapping[str, str | None] | None = None,
        permission: str = "r",
        now: float | None = None,
    ) -> str:
        """Return the URL of a file's blob: ``name`` below ``prefix``, a location with its slash.

        Without ``expire`` (seconds, or a timedelta) it is the public one. With it, the URL is signed: good for
        ``permission``, for ``expire`` seconds at least and one window longer at most, or, with a user delegation key,
        until that key's end, seven days at most. ``parameters`` are response headers: content_type,
        content_disposition, content_encoding, content_language, cache_control. ``now`` is for tests.

        Raises ``InvalidNameError``, ``SigningError`` if the credential cannot sign, ``TypeError`` and ``ValueError``
        for wrong arguments (a life of more than seven days from a token credential is one), and ``BlobError`` if the
        service refuses a user delegation key.
        """
        # Checked even where they do nothing.
        headers = overrides(parameters) if parameters else None
        if expire is None or self._sas:
            return f"{self._public}{quoted(blob_name(prefix, name))}{self._sas}"
        if type(expire) is not int:
            expire = seconds_of(expire)
        if type(name) is not str:
            # A name is remembered for the value that it has now.
            name = clean_name(name)
        kind = (prefix, expire, permission, tuple(headers.items()) if headers else None)
        moment = time.time() if now is None else now
        try:
            window = self._windows.get(kind)
            if window is None or not window.start < moment <= window.end:
                blob = blob_name(prefix, name)
                window = self._windows[kind] = self._window(blob, expire, headers or {}, permission, moment)
                if len(self._windows) > REMEMBERED_URLS:
                    self._windows = {kind: window}
            # By the name as it was given: a name that is known is not checked again.
            found = window.urls.get(name)
            if found is None:
                blob = blob_name(prefix, name)
                found = f"{self._public}{quoted(blob)}?{window.sign(blob)}"
                if len(window.urls) >= REMEMBERED_URLS:
                    window.urls.clear()
                window.urls[name] = found
            return found
        except BaseException as error:
            # Whatever interrupts signing leaves no key and no signature in the variables of its frames.
            traceback.clear_frames(error.__traceback__)
            raise

    def _window(
        self,
        blob_name: str,
        expire: float,
        headers: Mapping[str, str],
        permission: str,
        now: float,
    ) -> "_Window":
        """Return the window that ``now`` lies in: the time in which the URL's end, and so the URL, stays the same.

        ``blob_name`` is for errors.
        """
        options = self._options
        self._require_life(expire)
        length = options.url_window_secs
        if length is None:
            length = min(int(expire) // 4, LONGEST_DEFAULT_WINDOW)
        length = max(int(length), 1)  # times in URLs are whole seconds
        expiry = math.ceil((now + expire) / length) * length
        start, end = expiry - expire - length, expiry - expire
        grant = self._grant(self._public, expiry, permission, headers)
        signer, renewal = self._signer(grant, blob_name, now, stable_for=length)
        return _Window(start=start, end=min(end, renewal), sign=signer, urls={})

    def sign(
        self,
        blob_name: str,
        seconds: float,
        parameters: Mapping[str, str | None] | None = None,
        *,
        custom_domain: bool = False,
    ) -> str:
        """Return a URL for reading the blob that ends after ``seconds``, without a window: at the service itself, or at
        the custom domain. Raises as ``url`` does."""
        self._require_life(seconds)
        base = self._public if custom_domain else self.api
        return self._link(base, blob_name, seconds, "r", headers=overrides(parameters))

    def ticket(self, blob_name: str, seconds: float) -> str:
        """Return a URL for creating the blob, at once or in blocks, that ends after ``seconds``.

        On Azure it cannot overwrite what is there. Emulators, and versions of the API before ``CREATES_BLOCKS``, need
        the permission to write for blocks.
        """
        version = self._options.api_version or SIGNED_VERSION
        if self._options.api_version is None and urlsplit(self.api).netloc.endswith(".core.windows.net"):
            version = CREATES_BLOCKS
        permission = "c" if version >= CREATES_BLOCKS else "cw"
        return self._link(self.api, blob_name, seconds, permission, version=version)

    def _link(
        self,
        base: str,
        blob_name: str,
        seconds: float,
        permission: str,
        *,
        headers: Mapping[str, str] = {},
        version: str | None = None,
    ) -> str:
        now = time.time()
        try:
            grant = self._grant(base, math.ceil(now + seconds), permission, headers, version)
            signer, _ = self._signer(grant, blob_name, now)
            return f"{base}{quoted(blob_name)}?{signer(blob_name)}"
        except BaseException as error:
            traceback.clear_frames(error.__traceback__)
            raise

    def _require_life(self, expire: float) -> None:
        by_identity = self._options.authentication.kind == "token"
        longest = MAX_DELEGATION_SECS if by_identity else LONGEST_EXPIRY
        if not 0 < expire <= longest:
            signer = " signed by an identity" if by_identity else ""
            raise ValueError(f"A signed URL lives longer than 0 and at most {longest} seconds{signer}, not {expire!r}.")

    def _grant(
        self, base: str, expiry: int, permission: str, headers: Mapping[str, str], version: str | None = None
    ) -> "Grant":
        return Grant(
            account_name=self._options.resolved_account_name,
            container=self._container,
            expiry=expiry,
            permission=ordered(permission),
            headers=headers,
            https_only=base.startswith("https:") and self.api.startswith("https:"),
            version=version or self._options.api_version or SIGNED_VERSION,
        )

    def _signer(self, grant: "Grant", blob_name: str, now: float, *, stable_for: float = 0) -> tuple[Signer, float]:
        """Return what signs names for ``grant``, and when its key is to be renewed. ``blob_name`` is for errors."""
        options, given = self._options, self._options.authentication
        if given.kind == "account_key":
            return sign_with_account_key(grant, given.account_key), math.inf
        if given.kind != "token":
            raise SigningError(
                f"The container {self._container!r} has "
                + ("only a SAS" if given.kind == "sas" else "no credential")
                + ", which cannot sign URLs. Give account_key or a token credential, or remove expiration_secs and "
                "expire" + (" and set sas_token_in_urls." if given.kind == "sas" else ".")
            )
        if self._client is None:
            from .client import Account

            self._client = Account.of(options).client(options)
        try:
            delegation, renewal = self._client.delegation_key(grant.expiry, stable_for=stable_for, now=now)
        except BlobError as error:
            # The key is the account's, which knows of neither.
            error.alias, error.container = self._alias, self._container
            error.blob, error.filename = str(blob_name), file_of(blob_name)
            raise
        grant = Grant(**{**vars(grant), "expiry": min(grant.expiry, delegation.expiry)})
        return sign_with_delegation_key(grant, delegation), renewal


def seconds_of(expire: float | dt.timedelta) -> float:
    """Return how long a URL lives, in seconds. Raises ``TypeError`` for what is neither a number nor a timedelta."""
    if isinstance(expire, dt.timedelta):
        return expire.total_seconds()
    if isinstance(expire, int | float):
        return expire
    raise TypeError(f"url() takes expire in seconds or as a timedelta, not {type(expire).__name__}.")


class _Window(Record):
    """From after ``start`` until ``end`` (seconds since the epoch) every blob has one URL."""

    start: float
    end: float
    sign: Signer
    urls: dict[str, str]


def _public_base(options: AzureOptions) -> str:
    """Return what a blob's URL begins with, with a trailing slash."""
    container = options.azure_container
    if not options.custom_domain:
        return f"{options.endpoint}/{container}/"
    kept = options.container_in_url
    if kept is None:
        # The static website's container is the root of its own host.
        kept = container != "$web"
    domain = options.custom_domain.rstrip("/")
    if "://" not in domain:
        endpoint = urlsplit(options.endpoint)
        if kept and "/" not in domain and endpoint.path == f"/{options.resolved_account_name}":
            # An emulator's account is in the path: another host of the same emulator has it there, too.
            domain += endpoint.path
        domain = f"{endpoint.scheme}://{domain}"
    return f"{domain}/{container}/" if kept else f"{domain}/"


class DelegationKey(Record):
    """A user delegation key, as the service gave it. ``start`` and ``expiry`` are seconds since the epoch."""

    oid: str
    tid: str
    start: int
    expiry: int
    service: str
    version: str
    value: SecretStr
    delegated_user_tid: str = ""


class Grant(Record):
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
