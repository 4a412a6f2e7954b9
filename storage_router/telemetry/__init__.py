"""Subscribers to the events of storages: OpenTelemetry, Prometheus, a log line. Each loads its library at its start."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec

from storage_router.events import subscribe

PACKAGES = {"opentelemetry": "opentelemetry-api", "prometheus": "prometheus-client"}
"""The subscribers that need a package, and its name. ``log`` needs none."""

_MODULES = {"opentelemetry": "opentelemetry", "prometheus": "prometheus_client"}

_active: dict[str, Callable[[], None]] = {}


def start(names: Iterable[str], *, with_names: bool = False) -> None:
    """Start the subscribers ``names``, once for a process. With ``with_names`` their records hold names of files.

    Raises ``ImportError`` where the library of one is not installed.
    """
    for name in names:
        if name not in _active:
            module = import_module(f"{__name__}.{name}")
            _active[name] = subscribe(module.subscriber(with_names=with_names))


def missing(names: Iterable[str]) -> list[str]:
    """Return the subscribers among ``names`` whose package is not installed."""
    return [name for name in names if name in _MODULES and find_spec(_MODULES[name]) is None]


def stop() -> None:
    """End all subscribers that ``start`` has started."""
    while _active:
        _, unsubscribe = _active.popitem()
        unsubscribe()
