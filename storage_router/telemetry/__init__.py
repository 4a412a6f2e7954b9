"""Subscribers to the events of storages: OpenTelemetry, Prometheus, a log line. Each loads its library at its start."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module

from storage_router.events import subscribe

SUBSCRIBERS = ("log", "opentelemetry", "prometheus")
"""The names that ``telemetry.subscribers`` may hold; each is a module of this package."""

_active: dict[str, Callable[[], None]] = {}


def start(names: Iterable[str], *, with_names: bool = False) -> None:
    """Start the subscribers ``names``, once for a process. With ``with_names`` their records hold names of files.

    Raises ``ImportError`` where the library of one is not installed.
    """
    for name in names:
        if name not in _active:
            module = import_module(f"{__name__}.{name}")
            _active[name] = subscribe(module.subscriber(with_names=with_names))


def stop() -> None:
    """End all subscribers that ``start`` has started."""
    while _active:
        _, unsubscribe = _active.popitem()
        unsubscribe()
