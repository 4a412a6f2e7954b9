"""V1: one event for each operation, and what subscribers make of it."""

from __future__ import annotations

import logging

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from storage_router import events, telemetry
from storage_router.events import Attempt, operation
from storage_router.exceptions import BlobNotFoundError


@pytest.fixture
def heard():
    found = []
    unsubscribe = events.subscribe(found.append)
    yield found
    unsubscribe()


def work(*, fails=None, file="private/cv.pdf"):
    with operation("save", alias="media", route="prefix private/", file=file) as event:
        if event is not None:
            event.size += 10
        if (current := events.current()) is not None:
            current.sent(Attempt(method="PUT", started=1.0, seconds=0.1, status=503, request_id="one"))
            current.sent(Attempt(method="PUT", started=2.0, seconds=0.2, status=201, request_id="two", is_retry=True))
        if fails is not None:
            raise fails


def test_an_operation_is_one_event_with_its_requests(heard):
    work()
    [event] = heard
    assert (event.operation, event.alias, event.route, event.outcome) == ("save", "media", "prefix private/", "ok")
    assert (event.size, event.requests, event.retries, event.request_id) == (10, 2, 1, "two")
    assert event.seconds > 0


def test_an_operation_inside_another_is_part_of_it(heard):
    with operation("save", route="prefix a/"), operation("save", alias="media") as inner:
        inner.size += 3
    assert [(event.alias, event.route, event.size) for event in heard] == [("media", "prefix a/", 3)]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (BlobNotFoundError("no"), "not_found"),
        (FileExistsError("no"), "conflict"),
        (PermissionError("no"), "refused"),
        (TimeoutError("no"), "timeout"),
        (ConnectionError("no"), "error"),
        (KeyboardInterrupt(), "error"),
    ],
)
def test_the_outcome_is_that_of_the_error(heard, error, outcome):
    with pytest.raises(type(error)):
        work(fails=error)
    assert [event.outcome for event in heard] == [outcome]


def test_a_subscriber_that_fails_ends_no_operation(heard, caplog):
    def fails(event):
        raise RuntimeError("down")

    unsubscribe = events.subscribe(fails)
    work()
    unsubscribe()
    assert len(heard) == 1
    assert "A subscriber to events of storages failed." in caplog.text


def test_without_subscribers_there_is_no_event():
    with operation("save") as event:
        assert event is None
        assert events.current() is None


@pytest.mark.parametrize("with_names", [False, True])
def test_the_log_line_names_files_only_where_it_was_asked_to(caplog, with_names):
    caplog.set_level(logging.INFO, "storage_router.operations")
    telemetry.start(["log"], with_names=with_names)
    try:
        work()
    finally:
        telemetry.stop()
    [record] = caplog.records
    assert "operation=save alias=media route=prefix private/ outcome=ok" in record.getMessage()
    assert "requests=2 retries=1 request_id=two" in record.getMessage()
    assert record.storage_alias == "media"
    assert ("cv.pdf" in record.getMessage()) is with_names


def test_a_trace_shows_alias_route_requests_and_retries(monkeypatch):
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    meters = MeterProvider([reader])
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    monkeypatch.setattr(metrics, "get_meter", meters.get_meter)
    telemetry.start(["opentelemetry"])
    try:
        work()
        with pytest.raises(BlobNotFoundError):
            work(fails=BlobNotFoundError("no"))
    finally:
        telemetry.stop()
    first, second, whole, *_, failed = exporter.get_finished_spans()
    assert (whole.name, whole.attributes["storage_router.alias"]) == ("storage_router.save", "media")
    assert whole.attributes["storage_router.route"] == "prefix private/"
    assert whole.attributes["storage_router.retries"] == 1
    assert "file.path" not in whole.attributes
    assert {one.parent.span_id for one in (first, second)} == {whole.context.span_id}
    assert second.attributes["http.response.status_code"] == 201
    assert failed.attributes["error.type"] == "BlobNotFoundError"
    names = {
        metric.name
        for resource in reader.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert {"storage_router.operation.duration", "storage_router.operation.retries"} <= names


def test_prometheus_counts_without_names():
    from prometheus_client import REGISTRY, generate_latest

    telemetry.start(["prometheus"], with_names=True)
    try:
        work()
    finally:
        telemetry.stop()
    text = generate_latest(REGISTRY).decode()
    assert 'storage_router_operation_retries_total{alias="media",operation="save",outcome="ok"' in text
    assert "cv.pdf" not in text
