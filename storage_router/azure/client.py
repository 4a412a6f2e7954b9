"""The accounts, and the clients that send their requests: what backends share.

All backends of one account and credential share the credential, the connections and the user delegation keys; those
with the same options for requests share a client, too. Nothing here imports azure-core before the first request.
"""

from __future__ import annotations

import collections
import datetime as dt
import weakref
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from storage_router.conf.azure.options import AzureOptions
from storage_router.forks import Lock, in_child

from .credentials import DelegationKeys
from .errors import translated
from .protocol import misunderstood, parsed
from .urls import DelegationKey, timestamp

if TYPE_CHECKING:
    from .pipeline import Sender
    from .transport import Pool

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


_lock = Lock()
_accounts: weakref.WeakValueDictionary[Hashable, Account] = weakref.WeakValueDictionary()
_recent: collections.deque[Client] = collections.deque(maxlen=32)
"""Clients that outlive their storages: code that builds a storage for each use must not pay for a connection each
time."""

_abandoned: list[Any] = []


@in_child
def _leave_to_parent() -> None:  # pragma: no cover - runs in forked children, which the tests do not measure
    """Start without connections, and leave the parent's alone, unclosed."""
    for account in list(_accounts.values()):
        _abandoned.append(account.pools)
        account.pools = {}
        for client in list(account._clients):
            _abandoned.append(client._sender)
            client._sender = None
