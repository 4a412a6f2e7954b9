"""What all backends of one account and credential share: the credential, the connections, the user delegation key.

Nothing here imports the SDK before the first request.
"""

from __future__ import annotations

import collections
import os
import threading
import weakref
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from storage_router.conf.azure.options import AzureOptions

from .clients import Client, same_requests
from .credentials import credential
from .delegation import DelegationKeys

if TYPE_CHECKING:
    from .connections import Connections

POOL_SIZE = 64
"""Idle connections kept per account. More may be open at a time; the surplus is closed after use."""


class Account:
    """One storage account, seen with one credential. Get it with ``Account.of``."""

    def __init__(self, options: AzureOptions) -> None:
        self.endpoint: str = options.endpoint
        self.authentication = options.authentication
        self.delegation_keys = DelegationKeys()
        self._connections: Connections | None = None
        self._clients: weakref.WeakValueDictionary[Hashable, Client] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Account {self.endpoint} ({self.authentication.kind})>"

    @classmethod
    def of(cls, options: AzureOptions) -> Account:
        """Return the account that ``options`` mean: one object for one endpoint, name and way to authenticate."""
        key = (options.endpoint, options.resolved_account_name, options.authentication)
        with _lock:
            found = _accounts.get(key)
            if found is None:
                found = _accounts[key] = cls(options)
            return found

    @property
    def credential(self) -> Any:
        """What the SDK's clients take as ``credential``. Raises ``CredentialError`` if it cannot be built."""
        from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential

        given = self.authentication
        if given.kind == "account_key":
            return AzureNamedKeyCredential(given.account_name, given.account_key.get_secret_value())
        if given.kind == "token":
            return credential(given)
        if given.kind == "sas":
            return AzureSasCredential(given.sas_token.get_secret_value())
        return None

    def client(self, options: AzureOptions) -> Client:
        """Return the account's client for ``options``: the same object for options that mean the same requests."""
        key = same_requests(options)
        with self._lock:
            found = self._clients.get(key)
            if found is None:
                found = self._clients[key] = Client(
                    options,
                    credential=lambda: self.credential,
                    connections=self.connections,
                    delegation_keys=self.delegation_keys,
                )
                _recent.append(found)
            return found

    def connections(self) -> Connections:
        """Return the connections that all clients share, unless the application gives one its own transport."""
        from .connections import Connections

        with self._lock:
            if self._connections is None:
                self._connections = Connections(POOL_SIZE)
            return self._connections

    def close(self) -> None:
        """Close the connections. The next request opens new ones."""
        with self._lock:
            clients = list(self._clients.values())
            connections, self._connections = self._connections, None
        for client in clients:
            client.close()
        if connections is not None:
            connections.close()

    def _forget(self) -> None:  # pragma: no cover - runs in forked children, which the tests do not measure
        """In a forked child: leave the parent's connections alone, unclosed, and start without any."""
        self.delegation_keys.after_fork()
        _abandoned.append(self._connections)
        self._connections = None
        for client in list(self._clients.values()):
            client._forget()
        self._lock = threading.Lock()


_lock = threading.Lock()
_accounts: weakref.WeakValueDictionary[Hashable, Account] = weakref.WeakValueDictionary()
_recent: collections.deque[Client] = collections.deque(maxlen=32)
"""Clients that outlive their storages: code that builds a storage for each use must not pay for all this each time."""

_abandoned: list[Any] = []


def _after_fork() -> None:  # pragma: no cover - as above
    global _lock
    _lock = threading.Lock()
    for account in list(_accounts.values()):
        account._forget()


os.register_at_fork(after_in_child=_after_fork)
