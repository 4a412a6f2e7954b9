"""Section 8: the command ``doctor``; its probes are tested in ``tests/test_doctor.py``."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient
from django.core.management import call_command
from django.db import models
from django.test import override_settings
from django.test.utils import isolate_apps

from storage_router import AzureStorage, installed
from storage_router.doctor import PROBES
from storage_router.management.output import NO_READER
from storage_router.provision.commands import origins

ROOT = Path(__file__).parent.parent.parent
SETTINGS = """
import storage_router
SECRET_KEY = "only for tests"
INSTALLED_APPS = ["storage_router"]
STORAGES = storage_router.storages({"default": "ram", "backends": {"ram": {"type": "memory"}}})
"""


@pytest.fixture
def router(azurite, container):
    """A router with one backend on Azurite that works, and one whose container is missing."""
    working = {
        "type": "azure",
        "connection_string": azurite.connection_string(),
        "azure_container": container,
        "expiration_secs": 300,
    }
    options = {
        "backends": {
            "media": working,
            "missing": {**working, "azure_container": "missing"},
            "ram": {"type": "memory"},
            "frozen": {"type": "memory"},
        },
        "routes": [
            {"prefix": "m/", "backend": "missing"},
            {"prefix": "r/", "backend": "ram"},
            {"prefix": "f/", "backend": "frozen", "read_only": True},
        ],
        "default": "media",
    }
    return {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}


def test_all_backends_are_examined_and_one_failure_fails_the_command(run, router):
    ran = run("doctor", default=router)
    assert ran.status == 1
    assert ran.text.splitlines()[0] == "backend\tprobe\tstatus\tmessage\thint"
    assert ran.text.splitlines()[-1] == "21 ok, 1 failed, 14 skipped"
    rows = ran.rows[:-1]
    assert {row[0] for row in rows} == {"media", "missing", "ram", "frozen"}
    assert {len(row) for row in rows} == {5}
    assert ["missing", "container", "failed"] in [row[:3] for row in rows]
    assert [row[:4] for row in rows if row[0] == "frozen"] == [
        ["frozen", "routes", "ok", "The routes lead to the 0 files of a sample."],
        ["frozen", "write", "skipped", "Not tried, because every route to this backend is read_only."],
        ["frozen", "read, list, delete", "skipped", "Not tried, because write was not tried."],
    ]
    assert "failed" not in {row[2] for row in rows if row[0] == "media"}


def test_the_routes_of_a_backend_that_cannot_be_written_are_not_called_right(run, tmp_path):
    (tmp_path / "file").touch()
    backend = {"type": "filesystem", "location": str(tmp_path / "file/below"), "base_url": "/media/"}
    options = {"backends": {"broken": backend}, "default": "broken"}
    ran = run("doctor", default={"BACKEND": "storage_router.RouterStorage", "OPTIONS": options})
    assert [row[:3] for row in ran.rows[:-1]] == [
        ["broken", "write", "failed"],
        ["broken", "read, list, delete, routes", "skipped"],
    ]


def test_one_backend_can_be_examined_alone(run, router):
    ran = run("doctor", "--backend", "ram", default=router)
    assert ran.status == 0
    assert [row[:3] for row in ran.rows] == [
        *(["ram", probe, "ok"] for probe in ("write", "read", "list", "delete", "routes")),
        ["5 ok"],
    ]


def test_probes_can_be_left_out(run, router):
    ran = run("doctor", "--backend", "media", "--skip", "write", "--skip", "clock", default=router)
    assert "media\tclock, write\tskipped\tLeft out, as asked.\t" in ran.text.splitlines()


def test_a_backend_that_is_not_there_is_an_error_with_the_nearest_name(run, router):
    ran = run("doctor", "--backend", "medja", default=router)
    assert (ran.status, ran.error) == (2, "There is no backend 'medja'. Did you mean 'media'?")


def test_a_terminal_gets_hints_below_their_findings_commands_in_one_line_and_a_sum(run, router):
    text = run("doctor", "--backend", "missing", default=router, terminal=True).text
    assert text.startswith("\nmissing\n  ok       connection: ")
    assert (
        "\n           Correct azure_container, or create it:\n           az storage container create --name missing "
        '--connection-string "$AZURE_STORAGE_CONNECTION_STRING"\n'
    ) in text
    assert max(len(line) for line in text.splitlines() if "az storage" not in line) <= 80
    assert text.splitlines()[-2:] == ["", "3 ok, 1 failed, 9 skipped"]


def test_a_service_that_is_down_is_not_reported_by_each_probe(run):
    backend = {"type": "azure", "account_url": "http://127.0.0.1:9/acme", "account_key": "QQ=="}
    options = {
        "backends": {"media": {**backend, "azure_container": "media"}},
        "default": "media",
        "uploads": {"policies": {"all": {"authorize": "tests.delivery.site.may_read"}}},
    }
    default = {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}
    ran = run("doctor", "--origin", "https://www.acme.example", default=default)
    probes = ", ".join(probe for probe in PROBES if probe != "connection")
    assert [row[:4] for row in ran.rows[1:]] == [
        ["media", probes, "skipped", "Not tried, because connection failed."],
        ["1 failed, 13 skipped"],
    ]


@pytest.mark.slow
@pytest.mark.parametrize("command", [["inventory"], ["uploads", "purge"]], ids=" ".join)
def test_other_commands_say_in_one_line_which_backend_failed_and_what_to_run(run, command):
    """Section 8"""
    backend = {"type": "azure", "account_url": "http://127.0.0.1:9/acme", "account_key": "QQ=="}
    options = {
        "backends": {"media": {**backend, "azure_container": "media"}},
        "default": "media",
        "uploads": {"policies": {"all": {"authorize": "tests.delivery.site.may_read"}}},
    }
    ran = run(*command, default={"BACKEND": "storage_router.RouterStorage", "OPTIONS": options})
    assert (ran.status, ran.text) == (2, "")
    assert ran.error.startswith("The connection to the service failed: ")
    assert ran.error.endswith(
        "[backend 'media', container 'media']. Run: manage.py storage_router doctor --backend media"
    )


def test_json_holds_findings_and_counts(run, router):
    ran = run("doctor", "--json", "--backend", "missing", "--origin", "https://www.acme.example", default=router)
    data = json.loads(ran.text)
    assert ran.status == 1
    assert data["counts"] == {"ok": 3, "failed": 1, "skipped": 8, "warning": 1}
    assert data["findings"][3]["probe"] == "container"
    everything_left_out = [f"--skip={probe}" for probe in PROBES]
    counts = json.loads(run("doctor", "--json", "--backend", "media", *everything_left_out, default=router).text)[
        "counts"
    ]
    assert counts == {"ok": 0, "warning": 0, "failed": 0, "skipped": len(PROBES) - 1}  # no uploads wait here
    assert set(data["findings"][0]) == {"backend", "probe", "status", "message", "hint"}


def test_an_azure_storage_of_its_own_is_examined_too(run, azurite, container):
    own = {
        "BACKEND": "storage_router.AzureStorage",
        "OPTIONS": {"connection_string": azurite.connection_string(), "azure_container": container},
    }
    small = {
        "BACKEND": "storage_router.RouterStorage",
        "OPTIONS": {"backends": {"ram": {"type": "memory"}}, "default": "ram"},
    }
    static = {"BACKEND": "storage_router.StaticFilesStorage", "OPTIONS": {"router": "one"}}
    assert {row[0] for row in run("doctor", default=own).rows[:-1]} == {"default"}
    both = run("doctor", default=own, one=small, two=small, files=static)
    assert {row[0] for row in both.rows[:-1]} == {"storages:default", "one:ram", "two:ram"}


@isolate_apps("tests")
def test_a_storage_that_a_model_field_builds_is_examined_too(run, azurite, container, monkeypatch):
    """Section 8"""
    plain = {"BACKEND": "django.core.files.storage.InMemoryStorage"}

    class Letter(models.Model):
        file = models.FileField(
            storage=AzureStorage(connection_string=azurite.connection_string(), azure_container=container)
        )

        class Meta:
            app_label = "tests"

    monkeypatch.setattr(installed.apps, "get_models", lambda: [Letter])
    ran = run("doctor", "--storage", "tests.Letter.file", default=plain)
    assert ran.status == 0
    assert ["tests.Letter.file", "container", "ok"] in [row[:3] for row in ran.rows]


class LeavingReader(io.StringIO):
    """A pipe whose reader goes after the finding on ``write``."""

    def write(self, text: str) -> int:
        if "\tread\t" in text:
            raise BrokenPipeError
        return super().write(text)


def test_a_reader_that_goes_ends_the_examination_and_leaves_no_file(router, azurite, container):
    """Section 8: the probe's file is removed in any case."""
    stream = LeavingReader()
    with override_settings(STORAGES={"default": router}), pytest.raises(SystemExit) as ended:
        call_command("storage_router", "doctor", "--backend", "media", stdout=stream)
    # While ``ended`` holds the traceback, and it the frames, nothing is cleaned up by chance.
    with BlobServiceClient.from_connection_string(azurite.connection_string()) as service:
        assert list(service.get_container_client(container).list_blobs()) == []
    assert ended.value.code == NO_READER
    assert "\twrite\tok\t" in stream.getvalue()


@pytest.mark.parametrize(
    ("arguments", "unbuffered"),
    [(["routes"], ""), (["routes"], "1"), (["doctor"], "1"), (["doctor", "--json"], "")],
    ids=str,
)
def test_a_pipe_without_a_reader_ends_a_command_quietly(arguments, unbuffered, tmp_path):
    (tmp_path / "settings.py").write_text(SETTINGS)
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "django", "storage_router", *arguments],
            cwd=tmp_path,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "settings",
                "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT))),
                "PYTHONUNBUFFERED": unbuffered,
            },
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    assert (ran.stderr, ran.returncode) == ("", NO_READER)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"CSRF_TRUSTED_ORIGINS": ["https://*.acme.example", "https://acme.example"]}, ["https://acme.example"]),
        ({"ALLOWED_HOSTS": ["*", ".acme.example", "www.acme.example"]}, ["https://www.acme.example"]),
        (
            {"CSRF_TRUSTED_ORIGINS": ["https://acme.example/"], "ALLOWED_HOSTS": ["acme.example", "b.example"]},
            ["https://acme.example", "https://b.example"],
        ),
        ({"ALLOWED_HOSTS": []}, []),
    ],
)
def test_the_sites_origins_are_read_from_the_settings(settings, expected):
    with override_settings(**{"ALLOWED_HOSTS": [], "CSRF_TRUSTED_ORIGINS": [], **settings}):
        assert origins(None) == expected


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("https://www.acme.example/", "https://www.acme.example"),
        ("HTTPS://WWW.acme.example", "https://www.acme.example"),
        ("https://www.acme.example:443", "https://www.acme.example"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
        ("capacitor://localhost", "capacitor://localhost"),
    ],
)
def test_an_origin_is_sent_as_browsers_do(run, router, given, asked):
    ran = run("doctor", "--backend", "media", "--origin", given, default=router)
    [cors] = [line.split("\t") for line in ran.text.splitlines() if "\tcors\t" in line]
    assert f" by pages of {asked}: HTTP 403" in cors[3]


@pytest.mark.parametrize(
    "given", ["example.com", "localhost:8000", "https://example.com/shop/", "https://*.example.com", "//"]
)
def test_what_no_browser_sends_as_an_origin_is_refused_with_what_to_write(run, router, given):
    ran = run("doctor", "--origin", given, default=router)
    message = "is not an origin. Write the scheme and the host of the site: https://www.example.com."
    assert (ran.status, ran.text, ran.error) == (2, "", f"--origin {given} {message}")
