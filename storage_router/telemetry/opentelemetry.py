"""A span and measurements of OpenTelemetry for each operation.

Each request that an operation makes is a span inside the operation's. Attributes are those of OpenTelemetry's
conventions where there are any (``error.type``, ``http.*``, ``az.service_request_id``); the others begin with
``storage_router.``. https://opentelemetry.io/docs/specs/semconv/
"""

from __future__ import annotations

from typing import Any

from opentelemetry import metrics, trace

from storage_router.events import Event, Subscriber


def subscriber(*, with_names: bool = False) -> Subscriber:
    """Return the subscriber; it uses the global providers of traces and metrics."""
    tracer = trace.get_tracer("storage_router")
    meter = metrics.get_meter("storage_router")
    duration = meter.create_histogram("storage_router.operation.duration", "s", "Duration of operations of storages")
    size = meter.create_counter("storage_router.operation.size", "By", "Bytes of content that were stored or read")
    retries = meter.create_counter("storage_router.operation.retries", "{retry}", "Requests that were tried again")

    def record(event: Event) -> None:
        labels: dict[str, Any] = {"storage_router.operation": event.operation, "storage_router.outcome": event.outcome}
        for key, value in (("alias", event.alias), ("route", event.route)):
            if value is not None:
                labels[f"storage_router.{key}"] = value
        if event.error is not None:
            labels["error.type"] = type(event.error).__qualname__
        attributes = labels | {
            "storage_router.size": event.size,
            "storage_router.requests": event.requests,
            "storage_router.retries": event.retries,
        }
        if event.request_id:
            attributes["az.service_request_id"] = event.request_id
        if with_names and event.name is not None:
            attributes["file.path"] = event.name
        start = int(event.started * 1e9)
        kind = trace.SpanKind.CLIENT
        span = tracer.start_span(f"storage_router.{event.operation}", attributes=attributes, start_time=start)
        if event.error is not None:
            span.set_status(trace.Status(trace.StatusCode.ERROR, event.outcome))
        inside = trace.set_span_in_context(span)
        for attempt in event.attempts:
            begin = int(attempt.started * 1e9)
            request: dict[str, Any] = {"http.request.method": attempt.method}
            if attempt.status is not None:
                request["http.response.status_code"] = attempt.status
            if attempt.request_id:
                request["az.service_request_id"] = attempt.request_id
            if attempt.is_retry:
                request["http.request.resend_count"] = 1
            sent = tracer.start_span(attempt.method, inside, kind, attributes=request, start_time=begin)
            sent.end(end_time=begin + int(attempt.seconds * 1e9))
        span.end(end_time=start + int(event.seconds * 1e9))
        duration.record(event.seconds, labels)
        if event.size:
            size.add(event.size, labels)
        if event.retries:
            retries.add(event.retries, labels)

    return record
