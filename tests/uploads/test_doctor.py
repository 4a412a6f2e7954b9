"""T12, T23: what doctor says of direct uploads."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from azure.storage.blob import BlobServiceClient, CorsRule
from django.core.management import call_command
from django.test import override_settings

from .conftest import azure

ORIGIN = "https://www.acme.example"


@pytest.fixture
def examined(uploads, azurite, capsys):
    """Run doctor and return its findings for the quarantine's backend, as (probe, status, message)."""

    def run(*origins: str, **settings):
        headers = ["content-type", "x-ms-blob-type"]
        rules = [CorsRule([one], ["PUT"], allowed_headers=headers, max_age_in_seconds=3600) for one in origins]
        with BlobServiceClient.from_connection_string(azurite.connection_string()) as service:
            service.set_service_properties(cors=rules)
        with override_settings(**settings), contextlib.suppress(SystemExit):
            call_command("storage_router", "doctor", "--backend=waiting", f"--origin={ORIGIN}", "--json")
        found = json.loads(capsys.readouterr().out)["findings"]
        return [(one["probe"], one["status"], f"{one['message']} {one['hint']}") for one in found]

    return run


def of_uploads(findings):
    return [(status, message) for probe, status, message in findings if probe == "uploads"]


def test_all_is_well(uploads, examined):
    uploads.upload()
    host = uploads.azurite.account_url().rpartition("/")[0]
    cors, policy, waiting = of_uploads(examined(ORIGIN, SECURE_CSP={"connect-src": ["'self'", host]}))
    assert cors == ("ok", f"Uploads can be sent to the service by pages of {ORIGIN}. ")
    assert policy == ("ok", f"The Content-Security-Policy allows connections to {host}. ")
    assert waiting == ("ok", "1 uploads with 1033 bytes wait in the quarantine. ")


@pytest.mark.parametrize(
    ("origins", "message"),
    [([], "Uploads cannot be sent to the service by pages of"), (["*"], "Pages of all sites may send files")],
)
def test_cors_that_is_missing_or_lets_all_sites_in_fails(examined, origins, message):
    status, text = of_uploads(examined(*origins))[0]
    assert status == "failed"
    assert message in text
    assert "--methods PUT" in text
    assert f"--origins {ORIGIN} --allowed-headers content-type x-ms-blob-type" in text


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"connect-src": ["'self'"]}, "keeps browsers from the service"),
        ({"default-src": ["'self'"]}, "keeps browsers from the service"),
        ({"connect-src": ["https://*.blob.core.windows.net"]}, "allows connections to all hosts"),
    ],
)
def test_a_policy_without_the_account_or_with_all_fails(examined, policy, message):
    status, text = of_uploads(examined(ORIGIN, SECURE_CSP=policy))[1]
    assert status == "failed"
    assert message in text


def test_old_uploads_are_a_warning(uploads, examined):
    uploads.upload()
    # Names begin with the time of the upload.
    name = uploads.left[0]
    old = f"quarantine/{int(time.time()) - 4 * 86400}-{name.rpartition('-')[2]}"
    uploads.waiting.move(name, old)
    status, text = of_uploads(examined(ORIGIN))[2]
    assert status == "warning"
    assert f"1 are older than 3 days, {old!r} for example. The account has no lifecycle rule" in text
    assert "manage.py storage_router uploads purge" in text


def test_a_public_quarantine_fails(uploads, azurite, examined):
    """T12"""
    public = azurite.create_container(public_access="blob")
    uploads.use(quarantine=azure(azurite, public))
    [(status, message)] = [(status, message) for probe, status, message in examined(ORIGIN) if probe == "public"]
    assert status == "failed"
    assert "can read it" in message


def test_a_backend_without_a_quarantine_is_not_asked(uploads, capsys):
    with contextlib.suppress(SystemExit):
        call_command("storage_router", "doctor", "--backend=media", "--json")
    assert "uploads" not in {one["probe"] for one in json.loads(capsys.readouterr().out)["findings"]}
