"""The SDK's clients of an account: one for each set of the options that requests depend on.

Nothing here imports the SDK before the first request.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from storage_router.conf.azure.options import AzureOptions

from .delegation import DelegationKeys
from .errors import ClientError, redact, translated
from .logs import keep_secrets_out_of_logs, quiet_log
from .signing import DelegationKey

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient

    from .connections import Connections

CONNECT_TIMEOUT = 5
"""Seconds for a connection to be made: what answers at all answers within one TCP retransmission or two."""

_abandoned: list[Any] = []


class Client:
    """The SDK's client of an account, for one set of the options that requests depend on. Get it with
    ``Account.client``."""

    def __init__(
        self,
        options: AzureOptions,
        *,
        credential: Callable[[], Any],
        connections: Callable[[], Connections],
        delegation_keys: DelegationKeys,
    ) -> None:
        self._options = options
        self._credential = credential
        self._connections = connections
        self._delegation_keys = delegation_keys
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
        return self._delegation_keys.key(self._fetch_delegation_key, until, stable_for=stable_for, now=now)

    def close(self) -> None:
        """Let go of the SDK's object, and close the transport that the application gave it."""
        with self._lock:
            service, self._service = self._service, None
        if service is not None:
            service.close()

    def _build(self) -> BlobServiceClient:
        from azure.storage.blob import BlobServiceClient

        from .retries import WAITS, BoundedRetry

        options, credential = self._options, self._credential()
        given = options.client_options
        settings: dict[str, Any] = {}
        if options.api_version:
            settings["api_version"] = options.api_version
        if not options.log_requests:
            settings["logger"] = quiet_log()
        try:
            settings |= given | {"transport": transport(options, self._connections())}
            if "retry_policy" not in given:
                settings["retry_policy"] = BoundedRetry(
                    deadline_secs=options.timeout,
                    bounded_reads="read_timeout" not in given,
                    **{key: value for key, value in given.items() if key.startswith("retry_") or key in WAITS},
                )
            return BlobServiceClient(options.endpoint, credential=credential, **settings)
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


def _seconds(time: str | None) -> int:
    return int(dt.datetime.fromisoformat(str(time)).timestamp())


def same_requests(options: AzureOptions) -> Hashable:
    """Return what is equal for options that mean the same requests of one account."""
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
