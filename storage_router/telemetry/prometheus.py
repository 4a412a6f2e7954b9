"""Metrics for Prometheus, in the default registry of prometheus_client."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from storage_router.events import Event, Subscriber

_LABELS = ("operation", "alias", "route", "outcome")

_duration = Histogram("storage_router_operation_duration_seconds", "Duration of operations of storages", _LABELS)
_size = Counter("storage_router_operation_bytes", "Bytes of content that were stored or read", _LABELS)
_requests = Counter("storage_router_operation_requests", "Requests that operations made", _LABELS)
_retries = Counter("storage_router_operation_retries", "Requests that were tried again", _LABELS)


def subscriber(*, with_names: bool = False) -> Subscriber:  # noqa: ARG001 - a label with names would have no end
    """Return the subscriber. Names of files are never labels."""

    def record(event: Event) -> None:
        labels = (event.operation, event.alias or "", event.route or "", event.outcome)
        _duration.labels(*labels).observe(event.seconds)
        for counter, value in ((_size, event.size), (_requests, event.requests), (_retries, event.retries)):
            if value:
                counter.labels(*labels).inc(value)

    return record
