"""Locks and state that a forked child process must not take over from its parent.

A lock may be held by a thread that the child does not have. All locks of the package are ``Lock`` and ``RLock`` of
this module, and one hook makes them new in a child. Without ``fork`` (Windows) there is nothing to do.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar


class Lock:
    """A ``threading.Lock`` that is new, and free, in a forked child."""

    _kind: ClassVar[Callable[[], Any]] = threading.Lock

    def __init__(self) -> None:
        self.renew()
        _locks.add(self)

    def renew(self) -> None:
        """Forget who holds the lock."""
        self._lock = type(self)._kind()

    def acquire(self, blocking: bool = True) -> bool:
        """Take the lock; return False if it is held and ``blocking`` is False."""
        acquired: bool = self._lock.acquire(blocking)
        return acquired

    def release(self) -> None:
        """Give the lock back."""
        # A child that was forked inside ``with lock`` leaves the block with a lock that it never took.
        with suppress(RuntimeError):
            self._lock.release()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class RLock(Lock):
    """A ``threading.RLock`` that is new, and free, in a forked child."""

    _kind = threading.RLock


_locks: weakref.WeakSet[Lock] = weakref.WeakSet()
_callbacks: list[Callable[[], None]] = []


def in_child(callback: Callable[[], None]) -> Callable[[], None]:
    """Call ``callback`` in each forked child, after the locks are new. Usable as a decorator."""
    _callbacks.append(callback)
    return callback


def _renew() -> None:  # pragma: no cover - runs in forked children, which the tests do not measure
    for lock in list(_locks):
        lock.renew()
    for callback in _callbacks:
        callback()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
