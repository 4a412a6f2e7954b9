"""Section 8: the samples of ``docs/commands.md`` are what the commands print."""

from __future__ import annotations

import re
import shlex

import pytest

from storage_router.doctor import PROBES
from tests.docs.pages import ROOT, blocks, commands
from tests.kit.azurite import ACCOUNT_KEY


def azure(account: str, container: str, **options) -> dict:
    return {
        "type": "azure",
        "account_name": account,
        "azure_container": container,
        "credential": "default",
        **options,
    }


# The configuration that the page shows in its table of routes.
DOCUMENT = {
    "backends": {
        "media": azure("acmefiles", "media"),
        "static": azure("acmecdn", "static"),
        "private": azure("acmeprivate", "private", expiration_secs=300),
        "bulk": azure("acmefiles", "bulk"),
    },
    "routes": [
        {"prefix": "static/", "backend": "static", "strip_prefix": True},
        {"prefix": "private/", "backend": "private"},
        {"types": ["video/*", ".psd"], "backend": "bulk"},
    ],
    "default": "media",
}
COLUMNS = "80"


def sample(subcommand: str) -> tuple[list[str], list[str]]:
    """The arguments of the page's sample, and the lines that it shows."""
    [block] = [
        block
        for block in blocks("console", pages=[ROOT / "docs/commands.md"])
        if f"storage_router {subcommand}" in block.text
    ]
    [command] = commands(block)
    return shlex.split(command)[3:], block.text.splitlines()[1:]


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


@pytest.mark.parametrize("subcommand", ["routes", "explain"])
def test_the_tables_are_those_of_a_terminal(run, monkeypatch, subcommand):
    monkeypatch.setenv("COLUMNS", COLUMNS)
    arguments, shown = sample(subcommand)
    router = {"BACKEND": "storage_router.RouterStorage", "OPTIONS": DOCUMENT}
    assert lines(run(*arguments, "--no-color", terminal=True, default=router).text) == shown


def test_the_schemas_are_those_of_the_package(run):
    arguments, shown = sample("schema")
    assert lines(run(*arguments).text) == shown


def test_the_examination_has_every_probe_and_the_sum_of_them(run, azurite_https):
    """What only Azure says stands in the page as it does there: the account, the server, the owner of the token."""
    arguments, shown = sample("doctor")
    private = {
        "type": "azure",
        "account_url": azurite_https.account_url(),
        "azure_container": "private",
        "token_credential": "tests.kit.azurite.UnsignedTokenCredential",
        "client_options": {"connection_verify": str(azurite_https.certificate)},
    }
    router = {
        "BACKEND": "storage_router.RouterStorage",
        "OPTIONS": {"backends": {"private": private}, "default": "private"},
    }
    printed = lines(run(*arguments, "--no-color", terminal=True, default=router).text)
    finding = re.compile(r"  (?:ok|warning|failed|skipped) +([a-z, ]+): ")
    assert [match[0] for match in map(finding.match, printed) if match] == [
        match[0] for match in map(finding.match, shown) if match
    ]
    assert printed[-5:] == shown[-5:]
    probes = [match[1] for match in map(finding.match, shown) if match]
    assert sorted(", ".join(probes).split(", ")) == sorted(set(PROBES) - {"uploads"})


def test_the_settings_come_from_the_sources_that_are_shown(run, monkeypatch, tmp_path):
    """C8. The directory of secrets is the test's own, and named as the page does."""
    arguments, shown = sample("config")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", COLUMNS)
    monkeypatch.setenv("STORAGE_ROUTER__BACKENDS__PRIVATE__ACCOUNT_NAME", "acmeprivate")
    monkeypatch.setenv("STORAGE_ROUTER_SECRETS_DIR", "s")
    (tmp_path / "s").mkdir()
    (tmp_path / "s/STORAGE_ROUTER__BACKENDS__PRIVATE__ACCOUNT_KEY").write_text(ACCOUNT_KEY)
    (tmp_path / "storage_router.toml").write_text(
        'default = "private"\n[backends.private]\ntype = "azure"\nazure_container = "private"\n'
    )
    router = {"BACKEND": "storage_router.RouterStorage"}
    printed = run(*arguments, "--no-color", terminal=True, default=router).text
    assert [line.replace(" s/", " /run/secrets/") for line in lines(printed)] == shown
