"""Token credentials, and the user delegation keys that they can get.

Credentials come by name from azure-identity (0.7 s, imported at the first use of a named one), or from the
configuration. All accounts share one instance for each distinct configuration.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from django.utils.module_loading import import_string

from storage_router.conf.azure.authentication import MAX_DELEGATION_SECS, WITH_CLIENT_ID, TokenCredential
from storage_router.conf.azure.rules import is_asynchronous
from storage_router.forks import Lock, in_child

from .errors import CredentialError
from .urls import DelegationKey

SCOPE = "https://storage.azure.com/.default"
"""What tokens are for. https://learn.microsoft.com/azure/storage/blobs/authorize-access-azure-active-directory"""

CLOCK_SKEW = 15 * 60
"""Seconds that a key starts in the past, because clocks differ."""

SHORT_PERIOD = 3600
LONG_PERIOD = 24 * 3600

PAUSE_AFTER_FAILURE = 60
"""Seconds until a renewal that failed is tried again, as long as the old key serves."""

_building = Lock()
_shared: dict[Hashable, tuple[Any, Any]] = {}
"""Credentials, each with its source: the id of an object is its own only as long as it lives."""


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


@in_child
def _forget() -> None:  # pragma: no cover - runs in forked children, which the tests do not measure
    # The parent's credentials hold locks and connections.
    _shared.clear()
