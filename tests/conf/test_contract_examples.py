"""C1 to C3: the examples that the promise of this package gives are configurations, word for word."""

from __future__ import annotations

import datetime as dt

import pytest

from storage_router.conf.azure.authentication import TokenCredential
from storage_router.conf.loading import load
from storage_router.factory import configure
from storage_router.routing import RouteTable

TOML = """
# storage_router.toml
default = "media"                     # where names go that no route claims; without it they are an error

[backends.media]
type = "azure"
account_name = "acmefiles"
azure_container = "media"
credential = "default"                # azure-identity's DefaultAzureCredential, no secret in sight

[backends.private]
type = "azure"
account_name = "acmeprivate"
azure_container = "private"
credential = "managed_identity"
expiration_secs = 300                 # every URL is signed and short-lived

[backends.static]
type = "azure"
account_name = "acmecdn"
azure_container = "static"
custom_domain = "cdn.acme.example"
cache_control = "public,max-age=31536000,immutable"

[[routes]]
prefix = "static/"
backend = "static"
strip_prefix = true

[[routes]]
prefix = "private/"
backend = "private"

[[routes]]
types = ["video/*", ".psd"]
backend = "bulk"
"""
BULK = "azure://acmebulk/bulk"


@pytest.fixture
def sample(tmp_path, monkeypatch):
    (tmp_path / "storage_router.toml").write_text(TOML)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STORAGE_ROUTER__BACKENDS__BULK", BULK)


@pytest.mark.usefixtures("sample")
def test_the_example_loads_without_a_warning_and_routes_as_it_reads():
    configuration = configure()
    assert configuration.warnings == ()
    document = configuration.document
    table = RouteTable(document.routes, document.default)
    routed = {
        "static/admin/base.css": ("static", "admin/base.css"),
        "private/contract.mp4": ("private", "private/contract.mp4"),
        "privateer/ship.jpg": ("media", "privateer/ship.jpg"),
        "talks/one.MP4": ("bulk", "talks/one.MP4"),
        "design/logo.psd": ("bulk", "design/logo.psd"),
    }
    assert {name: (table.match(name).alias, table.match(name).name) for name in routed} == routed
    assert {alias: backend.authentication for alias, backend in document.backends.items()} == {
        "media": TokenCredential(name="default"),
        "private": TokenCredential(name="managed_identity"),
        # Neither says how: an identity, so that collectstatic can write to the one and links of the other be signed.
        "static": TokenCredential(name="default"),
        "bulk": TokenCredential(name="default"),
    }
    assert document.backends["private"].expiration_secs == 300


@pytest.mark.usefixtures("sample")
def test_a_variable_and_code_change_one_key_of_the_example(monkeypatch):
    monkeypatch.setenv("STORAGE_ROUTER__BACKENDS__PRIVATE__EXPIRATION_SECS", "10m")
    configuration = configure({"backends": {"static": {"custom_domain": "static.acme.example"}}})
    private, static = (configuration.document.backends[alias] for alias in ("private", "static"))
    assert (private.expiration_secs, private.account_name, private.credential) == (
        dt.timedelta(minutes=10).total_seconds(),
        "acmeprivate",
        "managed_identity",
    )
    assert (static.custom_domain, static.azure_container) == ("static.acme.example", "static")
    assert configuration.origin(("backends", "private", "expiration_secs")).source == "environment"
    assert configuration.origin(("backends", "private", "account_name")).source == "file"
    assert configuration.origin(("backends", "static", "custom_domain")).source == "code"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "azure://acmefiles/media?expiration_secs=300",
            {"type": "azure", "account_name": "acmefiles", "azure_container": "media", "expiration_secs": 300},
        ),
        ("file:///srv/media?base_url=/media/", {"type": "filesystem", "location": "/srv/media", "base_url": "/media/"}),
        ("memory://", {"type": "memory"}),
    ],
)
def test_each_form_of_a_whole_backend_in_one_variable_is_a_backend(text, expected, tmp_path):
    environ = {"STORAGE_ROUTER__BACKENDS__MEDIA": text, "STORAGE_ROUTER__DEFAULT": "media"}
    backend = load(environ=environ, directory=tmp_path).document.backends["media"]
    assert {name: getattr(backend, name) for name in expected} == expected
