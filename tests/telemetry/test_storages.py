"""V1: the operations of storages on Azurite, as events."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from django.core.files.base import ContentFile, File

from storage_router import AzureStorage, RouterStorage, events
from storage_router.conf.document import TelemetryOptions
from tests.kit.faults import Answer, Reset

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def heard():
    found = []
    unsubscribe = events.subscribe(found.append)
    yield found
    unsubscribe()


@pytest.fixture
def storage(proxy, container):
    return AzureStorage(connection_string=proxy.connection_string(), azure_container=container)


@pytest.fixture
def router(proxy, container):
    backend = {"type": "azure", "connection_string": proxy.connection_string(), "azure_container": container}
    routes = [{"prefix": "private/", "backend": "media", "strip_prefix": True}]
    backends = {"media": backend, "memory": {"type": "memory"}}
    return RouterStorage(backends=backends, routes=routes, default="memory")


def told(event):
    return event.operation, event.outcome, event.requests


def test_each_operation_of_a_container_is_one_event(storage, heard):
    name = storage.save("a/b.txt", ContentFile(b"0123456789"))
    storage.exists(name)
    storage.size(name)
    storage.stat(name)
    storage.get_modified_time(name)
    storage.get_created_time(name)
    storage.open(name).close()
    storage.listdir("a")
    list(storage.walk())
    with storage.read(name) as reading:
        list(reading.chunks)
    storage.copy(name, "c.txt")
    storage.move("c.txt", "d.txt")
    storage.create("e.txt", ContentFile(b"12"))
    storage.replace("e.txt", ContentFile(b"1"))
    storage.delete(name)
    assert [told(event) for event in heard] == [
        ("save", "ok", 1),
        ("exists", "ok", 1),
        ("size", "ok", 1),
        ("stat", "ok", 1),
        ("get_modified_time", "ok", 1),
        ("get_created_time", "ok", 1),
        ("open", "ok", 1),
        ("listdir", "ok", 1),
        ("walk", "ok", 1),
        ("read", "ok", 1),
        ("copy", "ok", 2),
        ("move", "ok", 3),
        ("create", "ok", 1),
        ("replace", "ok", 1),
        ("delete", "ok", 1),
    ]
    sizes = {event.operation: event.size for event in heard}
    assert (sizes["save"], sizes["open"], sizes["read"], sizes["replace"], sizes["delete"]) == (10, 10, 10, 1, 0)
    assert all(event.seconds > 0 and event.request_id and event.name for event in heard if event.operation != "walk")


def test_names_and_urls_are_no_operations(storage, router, heard):
    storage.url("a.txt")
    storage.get_valid_name("a b.txt")
    router.url("private/a.txt")
    router.explain("private/a.txt")
    assert heard == []


def test_a_router_adds_alias_and_route(router, heard):
    router.save("private/a.txt", ContentFile(b"1"))
    router.save("b.txt", ContentFile(b"1"))
    assert [(event.operation, event.alias, event.route, event.name, event.requests) for event in heard] == [
        ("save", "media", 'prefix "private/"', "private/a.txt", 1),
        ("save", "memory", "default", "b.txt", 0),
    ]


def test_a_walk_through_a_router_has_the_alias_of_the_backend_that_is_asked(router, heard):
    list(router.walk("private"))
    assert [(event.operation, event.alias) for event in heard] == [("walk", "media")]


def test_a_missing_file_and_a_taken_name_have_outcomes_of_their_own(storage, heard):
    with pytest.raises(FileNotFoundError):
        storage.open("missing.txt")
    storage.create("a.txt", ContentFile(b"1"))
    with pytest.raises(FileExistsError):
        storage.create("a.txt", ContentFile(b"2"))
    assert [(event.operation, event.outcome) for event in heard] == [
        ("open", "not_found"),
        ("create", "ok"),
        ("create", "conflict"),
    ]
    assert heard[0].request_id
    assert heard[2].attempts[0].status == 409


def test_each_attempt_is_a_request_of_the_operation(storage, proxy, heard):
    proxy.fail("Put Blob", Answer(503))
    proxy.fail("Put Blob", Reset())
    storage.save("a.txt", ContentFile(b"1"))
    [event] = heard
    assert [(one.method, one.status, one.is_retry) for one in event.attempts] == [
        ("PUT", 503, False),
        ("PUT", None, True),
        ("PUT", 201, True),
    ]
    assert (event.requests, event.retries) == (3, 2)


def test_the_threads_of_an_upload_work_for_its_operation(storage, heard):
    storage.save("large.bin", File(io.BytesIO(bytes(9 * 2**20))))
    [event] = heard
    # A look, three blocks, a commit.
    assert (event.operation, event.requests, event.size) == ("save", 5, 9 * 2**20)


def test_what_an_open_file_reads_later_is_a_reading_of_its_own(router, heard):
    router.save("private/large.bin", File(io.BytesIO(bytes(9 * 2**20))))
    heard.clear()
    with router.open("private/large.bin") as file:
        assert len(file.read()) == 9 * 2**20
    assert heard[0].operation == "open"
    assert {(one.operation, one.alias, one.route) for one in heard[1:]} == {("read", "media", 'prefix "private/"')}
    assert sum(one.size for one in heard) == 9 * 2**20


def test_a_file_that_is_written_is_saved_when_it_is_closed(router, heard):
    with router.open("private/new.txt", "w") as file:
        file.write("one")
    assert [(one.operation, one.route) for one in heard] == [
        ("open", 'prefix "private/"'),
        ("save", 'prefix "private/"'),
    ]


def test_a_listing_that_is_left_early_is_told_of(storage, heard):
    for number in range(3):
        storage.save(f"{number}.txt", ContentFile(b"1"))
    heard.clear()
    entries = storage.walk()
    next(entries)
    storage.exists("0.txt")
    entries.close()
    assert [told(event) for event in heard] == [("exists", "ok", 1), ("walk", "ok", 1)]


def test_a_trace_of_an_upload_shows_alias_route_request_and_retry(proxy, container, tmp_path):
    (tmp_path / "project.py").write_text(
        textwrap.dedent(
            f"""
            import storage_router
            SECRET_KEY = "only for tests"
            INSTALLED_APPS = ["storage_router"]
            STORAGES = storage_router.storages({{
                "backends": {{"media": {{
                    "type": "azure",
                    "connection_string": "{proxy.connection_string()}",
                    "azure_container": "{container}",
                }}}},
                "routes": [{{"prefix": "private/", "backend": "media"}}],
                "telemetry": {{"subscribers": ["opentelemetry"]}},
            }})
            """
        )
    )
    (tmp_path / "upload.py").write_text(
        textwrap.dedent(
            """
            import os
            import django
            from opentelemetry import trace
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

            provider = TracerProvider()
            file = open("spans.json", "w")
            exporter = ConsoleSpanExporter(out=file, formatter=lambda span: span.to_json(None) + "\\n")
            provider.add_span_processor(SimpleSpanProcessor(exporter))
            trace.set_tracer_provider(provider)
            os.environ["DJANGO_SETTINGS_MODULE"] = "project"
            django.setup()

            from django.core.files.base import ContentFile
            from django.core.files.storage import default_storage

            with trace.get_tracer("site").start_as_current_span("view"):
                default_storage.save("private/cv.txt", ContentFile(b"1234"))
            """
        )
    )
    proxy.fail("Put Blob", Answer(503))
    subprocess.run([sys.executable, "upload.py"], cwd=tmp_path, env=_environment(), check=True, timeout=300)
    spans = [json.loads(line) for line in (tmp_path / "spans.json").read_text().splitlines()]
    first, second, whole, view = spans
    assert [span["name"] for span in spans] == ["PUT", "PUT", "storage_router.save", "view"]
    assert whole["attributes"] == {
        "storage_router.operation": "save",
        "storage_router.outcome": "ok",
        "storage_router.alias": "media",
        "storage_router.route": 'prefix "private/"',
        "storage_router.size": 4,
        "storage_router.requests": 2,
        "storage_router.retries": 1,
        "az.service_request_id": second["attributes"]["az.service_request_id"],
    }
    assert whole["parent_id"] == view["context"]["span_id"]
    assert {first["parent_id"], second["parent_id"]} == {whole["context"]["span_id"]}
    assert first["attributes"]["http.response.status_code"] == 503
    assert second["attributes"]["http.request.resend_count"] == 1


def test_a_subscriber_is_a_name_that_is_known():
    with pytest.raises(ValueError, match="'log', 'opentelemetry' or 'prometheus'"):
        TelemetryOptions(subscribers=["statsd"])


def _environment():
    return {**os.environ, "PYTHONPATH": str(ROOT)}
