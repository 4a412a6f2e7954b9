"""The accounts, their credentials and keys, and the clients that send their requests: what backends share.

All backends of one account and credential share the credential, the connections and the user delegation keys; those
with the same options for requests share a client, too. Nothing here imports azure-core before the first request, or
azure-identity (0.7 s) before the first use of a named credential.
"""

from __future__ import annotations

import collections
import copy
import datetime as dt
import logging
import time
import weakref
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, NamedTuple

from django.utils.module_loading import import_string
from pydantic import SecretStr

from storage_router.conf.azure.authentication import MAX_DELEGATION_SECS, WITH_CLIENT_ID, TokenCredential
from storage_router.conf.azure.options import AzureOptions
from storage_router.conf.azure.rules import is_asynchronous
from storage_router.forks import Lock, in_child

from .errors import CredentialError, translated
from .protocol import misunderstood, parsed
from .urls import DelegationKey, timestamp

if TYPE_CHECKING:
    from .pipeline import Sender
    from .transport import Pool

SCOPE = "https://storage.azure.com/.default"
"""What tokens are for. https://learn.microsoft.com/azure/storage/blobs/authorize-access-azure-active-directory"""

CLOCK_SKEW = 15 * 60
"""Seconds that a key starts in the past, because clocks differ."""

SHORT_PERIOD = 3600
LONG_PERIOD = 24 * 3600

PAUSE_AFTER_FAILURE = 60
"""Seconds until a renewal that failed is tried again, as long as the old key serves."""

_OF_REQUESTS = ("api_version", "timeout", "log_requests", "client_options")
"""Options that requests depend on. Those that an account depends on are in its key."""


class Account:
    """One storage account, seen with one credential. Get it with ``Account.of``."""

    def __init__(self, options: AzureOptions) -> None:
        self.endpoint: str = options.endpoint
        self.authentication = options.authentication
        self.delegation_keys = DelegationKeys()
        self.pools: dict[Hashable, Pool] = {}
        self._clients: weakref.WeakSet[Client] = weakref.WeakSet()
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"<Account {self.endpoint} ({self.authentication.kind})>"

    @classmethod
    def of(cls, options: AzureOptions) -> Account:
        """Return the account of ``options``: one object for one endpoint, name and way to authenticate."""
        key = (options.endpoint, options.resolved_account_name, options.authentication)
        with _lock:
            found = _accounts.get(key)
            if found is None:
                found = _accounts[key] = cls(options)
            return found

    def client(self, options: AzureOptions) -> Client:
        """Return the account's client for ``options``: the same object for options that mean the same requests."""
        with self._lock:
            found = next((client for client in self._clients if client.serves(options)), None)
            if found is None:
                found = Client(options, self)
                self._clients.add(found)
                _recent.append(found)
            return found


class Client:
    """Sends the requests of an account, for one set of the options that requests depend on. Get it with
    ``Account.client``."""

    def __init__(self, options: AzureOptions, account: Account) -> None:
        self._options = options
        self._account = account
        self._sender: Sender | None = None
        self._lock = Lock()

    def serves(self, options: AzureOptions) -> bool:
        """Return whether ``options`` mean the same requests as the client's own."""
        return all(getattr(options, name) == getattr(self._options, name) for name in _OF_REQUESTS)

    def sender(self) -> Sender:
        """Return what sends the requests, the same for all threads."""
        sender = self._sender
        if sender is None:
            with self._lock:
                sender = self._sender
                if sender is None:
                    from .pipeline import Sender

                    sender = Sender(self._options, transport(self._options, self._account.pools))
                    self._sender = sender
        return sender

    def delegation_key(
        self, until: float, *, stable_for: float = 0, now: float | None = None
    ) -> tuple[DelegationKey, int]:
        """Return a user delegation key of the account, as ``DelegationKeys.key`` does. Raises ``BlobError``."""
        keys = self._account.delegation_keys
        return keys.key(self._fetch_delegation_key, until, stable_for=stable_for, now=now)

    def _fetch_delegation_key(self, start: int, expiry: int) -> DelegationKey:
        """https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key"""
        times = f"<Start>{timestamp(start)}</Start><Expiry>{timestamp(expiry)}</Expiry>"
        with translated(self._options, signs=True):
            answer = self.sender().send(
                "POST",
                f"{self._options.endpoint}/",
                200,
                query={"restype": "service", "comp": "userdelegationkey", "timeout": self._options.timeout},
                content=f"<?xml version='1.0' encoding='utf-8'?><KeyInfo>{times}</KeyInfo>".encode(),
                headers={"Content-Type": "application/xml"},
            )
            found = {item.tag: item.text or "" for item in parsed(answer, "UserDelegationKey")}
            try:
                return DelegationKey(
                    oid=found["SignedOid"],
                    tid=found["SignedTid"],
                    start=_seconds(found["SignedStart"]),
                    expiry=_seconds(found["SignedExpiry"]),
                    service=found["SignedService"],
                    version=found["SignedVersion"],
                    value=SecretStr(found["Value"]),
                    delegated_user_tid=found.get("SignedDelegatedUserTid", ""),
                )
            except (KeyError, ValueError) as error:
                raise misunderstood(error) from None


def transport(options: AzureOptions, pools: dict[Hashable, Pool]) -> Any:
    """Return what carries the requests of ``options``: the transport or session of its client options, or one over
    ``pools``."""
    from azure.core.pipeline.transport import RequestsTransport

    from .transport import CONNECT_TIMEOUT, Transport

    given = options.client_options
    if given.get("transport") is not None:
        return given["transport"]
    limits = {"connection_timeout": min(options.timeout, CONNECT_TIMEOUT), "read_timeout": options.timeout}
    if given.get("session") is not None:
        return RequestsTransport(**{**limits, **given})
    return Transport(pools, **{**limits, **given})


def _seconds(time: str) -> int:
    return int(dt.datetime.fromisoformat(time).timestamp())


def credential(authentication: TokenCredential) -> Any:
    """Return the token credential for ``authentication``, the same object every time: azure-identity caches tokens per
    instance.

    Raises ``CredentialError`` if it cannot be built.
    """
    source = authentication.source
    if _gives_tokens(source):
        return source
    key: Hashable = (authentication.name, authentication.client_id, source if isinstance(source, str) else id(source))
    found = _shared.get(key)
    if found is None:
        with _building:
            found = _shared.get(key)
            if found is None:
                found = _shared[key] = (_build(authentication), source)
    return found[0]


def _build(authentication: TokenCredential) -> Any:
    source = authentication.source
    if source is None:
        return _named(str(authentication.name), authentication.client_id)
    if isinstance(source, str):
        try:
            source = import_string(source.replace(":", "."))
        except ImportError as error:
            raise CredentialError(f"token_credential {source!r} cannot be imported: {error}") from error
    if not _gives_tokens(source) and callable(source):
        source = source()
    if not _gives_tokens(source):
        raise CredentialError(
            f"What token_credential gives ({type(source).__name__}) has no get_token(). Give a credential of "
            "azure.identity, a callable that returns one, or a dotted path to either."
        )
    if is_asynchronous(source):
        raise CredentialError(
            f"What token_credential gives ({type(source).__name__}) is asynchronous, and storages are not. Give the "
            "credential of the same name of azure.identity, not of azure.identity.aio."
        )
    return source


def _gives_tokens(source: Any) -> bool:
    # A class has the method, too, but is a callable that returns a credential.
    return hasattr(source, "get_token") and not isinstance(source, type)


def _named(name: str, client_id: str | None) -> Any:
    from azure import identity

    kinds: dict[str, Callable[..., Any]] = {
        "default": identity.DefaultAzureCredential,
        "managed_identity": identity.ManagedIdentityCredential,
        "workload_identity": identity.WorkloadIdentityCredential,
        "environment": identity.EnvironmentCredential,
        "azure_cli": identity.AzureCliCredential,
    }
    options: dict[str, Any] = {} if name == "azure_cli" else {"logger": quiet_log()}
    if client_id and name in WITH_CLIENT_ID:
        options["managed_identity_client_id" if name == "default" else "client_id"] = client_id
    try:
        return kinds[name](**options)
    except ValueError as error:
        raise CredentialError(f"credential = {name!r} cannot be used here: {error}") from error


def quiet_log() -> logging.LoggerAdapter[logging.Logger]:
    """Return azure-core's log of requests, at DEBUG instead of INFO. Older releases cannot be told the level."""
    return _Quiet(logging.getLogger("azure.core.pipeline.policies.http_logging_policy"))


class _Quiet(logging.LoggerAdapter[logging.Logger]):
    def log(self, level: int, msg: object, *args: Any, **options: Any) -> None:
        super().log(logging.DEBUG if level == logging.INFO else level, msg, *args, **options)

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's name
        return super().isEnabledFor(logging.DEBUG if level == logging.INFO else level)


class _Held(NamedTuple):
    key: DelegationKey
    renewal: int


Fetch = Callable[[int, int], DelegationKey]
"""Asks the service for a key with this start and this expiry, in seconds since the epoch."""


class DelegationKeys:
    """The user delegation keys of one account, which sign URLs where the credential gives tokens.

    All keys of a period begin and end at the same time, in every process: Azure derives a key from the identity and
    these two times, so the workers of a site sign the same URL for the same blob, and browsers can use what they have
    cached.
    """

    def __init__(self) -> None:
        self._held: dict[int, _Held] = {}
        self._lock = Lock()
        self._attempts = 0
        self._failure: Exception | None = None

    def key(
        self, fetch: Fetch, until: float, *, stable_for: float = 0, now: float | None = None
    ) -> tuple[DelegationKey, int]:
        """Return a key and the time at which to ask for the next one. ``fetch`` is called where none is at hand.

        The key is good until ``until``, or as near to it as Azure allows. It stays the same for an hour, or, if URLs
        shall stay the same for longer than that, for a day, as far as ``until`` lets it.
        """
        moment = time.time() if now is None else now
        period = SHORT_PERIOD
        if stable_for > SHORT_PERIOD and until <= _start(moment, LONG_PERIOD) + MAX_DELEGATION_SECS:
            period = LONG_PERIOD
        # If ``until`` is beyond any key's lifetime, a new key gets at most one hour closer: keep the current one.
        needed = until if until <= _start(moment, period) + MAX_DELEGATION_SECS else moment
        held = self._held.get(period)
        if held is None or held.key.expiry < needed:
            attempts = self._attempts
            with self._lock:
                held = self._held.get(period)
                if held is None or held.key.expiry < needed:
                    if self._failure is not None and self._attempts != attempts:
                        # The request that this thread waited for has failed. If each thread of a server tried again,
                        # one after the other, the last one would wait for minutes.
                        raise copy.copy(self._failure) from self._failure
                    held = self._renew(fetch, period, moment)
        elif moment >= held.renewal and self._lock.acquire(blocking=False):
            # One thread renews, the others go on with a key that has days to live.
            try:
                held = self._held[period]
                if moment >= held.renewal:
                    held = self._renew(fetch, period, moment)
            except Exception:  # noqa: BLE001 - the old key serves; if it did not, the branch above would have raised
                held = self._held[period] = _Held(key=held.key, renewal=int(moment) + PAUSE_AFTER_FAILURE)
            finally:
                self._lock.release()
        return held

    def _renew(self, fetch: Fetch, period: int, moment: float) -> _Held:
        start = _start(moment, period)
        try:
            key = fetch(start, start + MAX_DELEGATION_SECS)
            self._failure = None
        except Exception as error:
            self._failure = error
            raise
        finally:
            self._attempts += 1
        held = self._held[period] = _Held(key=key, renewal=start + CLOCK_SKEW + period)
        return held


def _start(moment: float, period: int) -> int:
    return int(moment // period) * period - CLOCK_SKEW


_lock = Lock()
_accounts: weakref.WeakValueDictionary[Hashable, Account] = weakref.WeakValueDictionary()
_recent: collections.deque[Client] = collections.deque(maxlen=32)
"""Clients that outlive their storages: code that builds a storage for each use must not pay for a connection each
time."""

_building = Lock()
_shared: dict[Hashable, tuple[Any, Any]] = {}
"""Credentials, each with its source: the id of an object is its own only as long as it lives."""

_abandoned: list[Any] = []


@in_child
def _leave_to_parent() -> None:  # pragma: no cover - runs in forked children, which the tests do not measure
    """Start without connections, and leave the parent's alone, unclosed; its credentials hold locks and connections."""
    _shared.clear()
    for account in list(_accounts.values()):
        _abandoned.append(account.pools)
        account.pools = {}
        for client in list(account._clients):
            _abandoned.append(client._sender)
            client._sender = None
