"""V2: probes of backends, the readiness view, and the check for django-health-check."""

from __future__ import annotations

import asyncio
import threading

import pytest
from django.core.files.storage import InMemoryStorage
from django.test import RequestFactory, override_settings

from storage_router import events, health
from tests.kit.faults import Stall


def storages(backends, **document):
    options = {"backends": backends, "default": next(iter(backends)), **document}
    return override_settings(
        STORAGES={
            "default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options},
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        }
    )


def azure(server, container, **options):
    return {
        "type": "azure",
        "connection_string": server.connection_string(),
        "azure_container": container,
        **options,
    }


@pytest.fixture
def requests():
    found = []
    unsubscribe = events.subscribe(found.append)
    yield lambda: [attempt.method for event in found for attempt in event.attempts]
    unsubscribe()


@pytest.fixture
def ready():
    return lambda: health.readiness(RequestFactory().get("/ready/"))


def test_a_reading_probe_is_one_request_and_a_writing_one_two(azurite, container, requests):
    with storages({"media": azure(azurite, container)}):
        read = health.probe("media")
        assert (read.ok, requests()) == (True, ["HEAD"])
        write = health.probe("media", "write")
        assert (write.ok, requests()[1:]) == (True, ["PUT", "DELETE"])
        assert list(health.backends()["media"].walk()) == []
    assert str(read) == f"media: ok ({read.seconds:.3f} s)"


def test_a_tenant_that_only_the_callers_thread_knows_is_the_one_that_is_asked(monkeypatch, tmp_path):
    """As with django-tenants, whose current tenant is that of the thread's connection."""
    known = threading.local()
    monkeypatch.setitem(globals(), "tenant_of_this_thread", lambda: getattr(known, "tenant", None))
    files = {"type": "filesystem", "location": f"{tmp_path}/{{tenant}}", "base_url": "/{tenant}/"}
    options = {
        "backends": {"files": files},
        "default": "files",
        "tenancy": {"current": f"{__name__}.tenant_of_this_thread"},
    }
    with override_settings(STORAGES={"default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}}):
        assert health.probe_all() == []
        known.tenant = "acme"
        assert [(found.alias, found.ok) for found in health.probe_all("write")] == [("files", True)]
        assert (tmp_path / "acme").exists()
        assert health.readiness(RequestFactory().get("/")).status_code == 200


def test_a_missing_container_is_an_error(azurite):
    with storages({"media": azure(azurite, "nosuchcontainer")}):
        found = health.probe("media")
    assert not found.ok
    assert "nosuchcontainer" in str(found.error)


def test_a_wrong_key_is_an_error(azurite, container):
    wrong = azurite.connection_string().replace("Eby8", "Abc8")
    with storages({"media": azure(azurite, container) | {"connection_string": wrong}}):
        found = health.probe("media")
    assert isinstance(found.error, PermissionError)


@pytest.mark.parametrize("mode", ["read", "write"])
def test_directories_and_memory_are_probed_too(tmp_path, mode):
    backends = {"disk": {"type": "filesystem", "location": str(tmp_path)}, "ram": {"type": "memory"}}
    with storages(backends):
        assert [one.ok for one in health.probe_all(mode)] == [True, True]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_directory_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "media").write_text("a file in its place")
    with storages({"disk": {"type": "filesystem", "location": str(tmp_path / "media")}}):
        assert not health.probe("disk", "write").ok


def test_an_unknown_alias_is_a_mistake_of_the_caller():
    with storages({"ram": {"type": "memory"}}), pytest.raises(KeyError):
        health.probe("rom")


def test_the_view_says_yes_or_no_and_no_more(azurite, container, ready):
    with storages({"media": azure(azurite, container), "ram": {"type": "memory"}}):
        answer = ready()
        assert (answer.status_code, answer.content) == (200, b"ok")
        assert "no-store" in answer["Cache-Control"]
    with storages({"media": azure(azurite, "nosuchcontainer"), "ram": {"type": "memory"}}):
        answer = ready()
    assert (answer.status_code, answer.content) == (503, b"unavailable")
    assert health.readiness.login_required is False


def test_a_service_that_does_not_answer_is_unavailable(proxy, container, ready):
    proxy.fail("*", Stall(), times=1000)
    with storages({"media": azure(proxy, container, timeout=1)}):
        assert ready().status_code == 503


class Together(InMemoryStorage):
    """A storage that answers as soon as four of them are asked at the same time."""

    asked = threading.Barrier(4)

    def size(self, name):
        self.asked.wait(60)
        return super().size(name)


def test_backends_that_take_their_time_are_waited_for_once(ready):
    together = {"type": "django", "backend": "tests.test_health.Together"}
    with storages({f"media{number}": together for number in range(4)}):
        assert ready().status_code == 200


def test_the_check_for_django_health_check_names_the_backend_and_no_secret(azurite, container):
    async def results():
        return [await health.BackendHealth(alias).get_result() for alias in ("media", "gone")]

    backends = {"media": azure(azurite, container), "gone": azure(azurite, "nosuchcontainer", location="x")}
    with storages(backends):
        good, bad = asyncio.run(results())
    assert good.error is None
    assert str(bad.error) == "Unavailable: The backend 'gone' cannot be used."
    assert "alias='gone'" in repr(health.BackendHealth("gone"))
