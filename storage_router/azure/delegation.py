"""User delegation keys: what an account signs URLs with when it has a token credential instead of a key.

All keys of a period begin and end at the same time, in every process: Azure derives a key from the identity and these
two times, so the workers of a site sign the same URL for the same blob, and what one worker's visitor has cached,
another's page asks for again.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .signing import DelegationKey

CLOCK_SKEW = 15 * 60
"""Seconds that a key starts in the past, because clocks differ."""

LONGEST_LIFE = 7 * 24 * 3600
"""Seconds from a key's start to its end, at most.
https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key"""

SHORT_PERIOD = 3600
LONG_PERIOD = 24 * 3600

PAUSE_AFTER_FAILURE = 60
"""Seconds until a renewal that failed is tried again, as long as the old key serves."""


@dataclass(frozen=True, kw_only=True)
class _Held:
    key: DelegationKey
    renewal: int


Fetch = Callable[[int, int], DelegationKey]
"""Asks the service for a key with this start and this expiry, in seconds since the epoch."""


class DelegationKeys:
    """The keys of one account."""

    def __init__(self) -> None:
        self._held: dict[int, _Held] = {}
        self._lock = threading.Lock()
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
        if stable_for > SHORT_PERIOD and until <= _start(moment, LONG_PERIOD) + LONGEST_LIFE:
            period = LONG_PERIOD
        # What no key reaches, a new one misses by less than an hour less than the old one: no reason to wait for it.
        needed = until if until <= _start(moment, period) + LONGEST_LIFE else moment
        held = self._held.get(period)
        if held is None or held.key.expiry < needed:
            attempts = self._attempts
            with self._lock:
                held = self._held.get(period)
                if held is None or held.key.expiry < needed:
                    if self._failure is not None and self._attempts != attempts:
                        # What this thread waited for has failed; one after the other, the threads of a server would
                        # wait for minutes.
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
        return held.key, held.renewal

    def after_fork(self) -> None:
        """In a forked child: the keys stay good, the lock may be held by a thread that is not here."""
        self._lock = threading.Lock()

    def _renew(self, fetch: Fetch, period: int, moment: float) -> _Held:
        start = _start(moment, period)
        try:
            key = fetch(start, start + LONGEST_LIFE)
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
