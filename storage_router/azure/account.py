"""What all backends of one account and credential share: the credential, the connections, the user delegation key.

Nothing here imports the SDK before the first request.
"""

from __future__ import annotations

import collections
import datetime as dt
import os
import threading
import weakref
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from storage_router.conf.options import AzureOptions

from .credentials import credential
from .delegation import DelegationKeys
from .errors import ClientError, redact, translated
from .logs import keep_secrets_out_of_logs, quiet_log
from .signing import DelegationKey

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient

    from .connections import Connections

POOL_SIZE = 64
"""Idle connections kept per account. More may be open at a time; the surplus is closed after use."""

CONNECT_TIMEOUT = 5
"""Seconds for a connection to be made: what answers at all answers within one TCP retransmission or two."""


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
        key = _key(options)
        with self._lock:
            found = self._clients.get(key)
            if found is None:
                found = self._clients[key] = Client(self, options)
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


class Client:
    """The SDK's client of an account, for one set of the options that requests depend on. Get it with
    ``Account.client``."""

    def __init__(self, account: Account, options: AzureOptions) -> None:
        self.account = account
        self._options = options
        self._service: BlobServiceClient | None = None
        self._lock = threading.Lock()

    def service(self) -> BlobServiceClient:
        """Return the SDK's own object, the same for all threads."""
        service = self._service
        if service is None:
            with self._lock:
                service = self._service
                if service is None:
                    service = self._service = self._build()
        return service

    def delegation_key(
        self, until: float, *, stable_for: float = 0, now: float | None = None
    ) -> tuple[DelegationKey, int]:
        """Return a user delegation key of the account, as ``DelegationKeys.key`` does.

        Makes a request only where no key is at hand. Raises ``BlobError``.
        """
        return self.account.delegation_keys.key(self._fetch_delegation_key, until, stable_for=stable_for, now=now)

    def close(self) -> None:
        """Let go of the SDK's object, and close the transport that the application gave it."""
        with self._lock:
            service, self._service = self._service, None
        if service is not None:
            service.close()

    def _build(self) -> BlobServiceClient:
        from azure.storage.blob import BlobServiceClient

        from .retries import WAITS, BoundedRetry

        options, credential = self._options, self.account.credential
        given = options.client_options
        settings: dict[str, Any] = {}
        if options.api_version:
            settings["api_version"] = options.api_version
        if not options.log_requests:
            settings["logger"] = quiet_log()
        try:
            settings |= given | {"transport": transport(options, self.account.connections())}
            if "retry_policy" not in given:
                settings["retry_policy"] = BoundedRetry(
                    deadline_secs=options.timeout,
                    bounded_reads="read_timeout" not in given,
                    **{key: value for key, value in given.items() if key.startswith("retry_") or key in WAITS},
                )
            return BlobServiceClient(self.account.endpoint, credential=credential, **settings)
        except Exception as error:
            # The SDK checks little, and that in words of its own; of versions it lists those that it knows, one a line.
            names = ", ".join([*(["api_version"] if options.api_version else []), *sorted(given)])
            reason = redact(" ".join(str(error).split()))
            raise ClientError(f"azure-storage-blob refuses one of its options ({names}): {reason}") from error

    def _fetch_delegation_key(self, start: int, expiry: int) -> DelegationKey:
        times = (dt.datetime.fromtimestamp(seconds, dt.UTC) for seconds in (start, expiry))
        with translated(self._options, signs=True):
            key = self.service().get_user_delegation_key(*times)
        return DelegationKey(
            oid=str(key.signed_oid),
            tid=str(key.signed_tid),
            start=_seconds(key.signed_start),
            expiry=_seconds(key.signed_expiry),
            service=str(key.signed_service),
            version=str(key.signed_version),
            value=SecretStr(str(key.value)),
            delegated_user_tid=getattr(key, "signed_delegated_user_tid", None) or "",
        )

    def _forget(self) -> None:  # pragma: no cover - as above
        _abandoned.append(self._service)
        self._service = None
        self._lock = threading.Lock()


def transport(options: AzureOptions, connections: Connections) -> Any:
    """Return what carries the requests of ``options``: the ``HttpTransport`` that they bring, or one over
    ``connections``."""
    from azure.core.pipeline.transport import RequestsTransport

    from .transport import pooled_transport

    given = options.client_options
    limits = {"connection_timeout": min(options.timeout, CONNECT_TIMEOUT), "read_timeout": options.timeout}
    keep_secrets_out_of_logs()
    if given.get("transport") is not None:
        return given["transport"]
    if given.get("session") is not None:
        return RequestsTransport(**{**limits, **given})
    return pooled_transport(connections, {**limits, **given})


_lock = threading.Lock()
_accounts: weakref.WeakValueDictionary[Hashable, Account] = weakref.WeakValueDictionary()
_recent: collections.deque[Client] = collections.deque(maxlen=32)
"""Clients that outlive their storages: code that builds a storage for each use must not pay for all this each time."""

_abandoned: list[Any] = []


def _seconds(time: str | None) -> int:
    return int(dt.datetime.fromisoformat(str(time)).timestamp())


def _key(options: AzureOptions) -> Hashable:
    return options.api_version, options.timeout, options.log_requests, _frozen(options.client_options)


def _frozen(value: Any) -> Hashable:
    """Return something hashable that is equal only for values that certainly mean the same."""
    if isinstance(value, Mapping):
        return ("mapping", tuple(sorted((str(key), _frozen(item)) for key, item in value.items())))
    if isinstance(value, (list, tuple)):
        return ("sequence", tuple(_frozen(item) for item in value))
    if value is None or isinstance(value, (str, bytes, int, float)):
        return (type(value).__name__, value)
    # The client keeps the options, so the object lives, and its id is its own, as long as the key is in use.
    return ("object", id(value))


def _after_fork() -> None:  # pragma: no cover - as above
    global _lock
    _lock = threading.Lock()
    for account in list(_accounts.values()):
        account._forget()


os.register_at_fork(after_in_child=_after_fork)
