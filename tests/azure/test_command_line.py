"""What to type into Azure's command line: it reaches the account that is configured, and holds no key."""

from __future__ import annotations

import pytest

from storage_router.azure.command_line import command, create_container
from storage_router.azure.storage import AzureStorage
from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME

PLACEHOLDER = '"$AZURE_STORAGE_CONNECTION_STRING"'


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({"account_name": "acme"}, "--account-name acme"),
        ({"account_name": "acme", "azure_ssl": False}, "--account-name acme"),
        ({"account_name": "acme", "account_url": "https://files.acme.example"}, "--account-name acme"),
        ({"account_url": "http://127.0.0.1:10000/acme"}, f"--connection-string {PLACEHOLDER}"),
        ({"account_url": "https://azurite/acme"}, f"--connection-string {PLACEHOLDER}"),
        ({"account_name": "acme", "account_url": "http://azurite"}, f"--connection-string {PLACEHOLDER}"),
        (
            {"account_name": "acme", "account_url": "https://acme.blob.localhost:10000"},
            f"--connection-string {PLACEHOLDER}",
        ),
        (
            {"account_name": ACCOUNT_NAME, "account_url": "http://devstoreaccount1.blob.localhost"},
            f"--connection-string {PLACEHOLDER}",
        ),
    ],
)
def test_commands_reach_the_account_that_is_configured_and_hold_no_key(options, arguments):
    """C7, A10, and section 8: each failure says what to do."""
    found = AzureStorage(azure_container="media", account_key=ACCOUNT_KEY, **options).options
    assert command(found, "container", "set-permission") == f"az storage container set-permission {arguments}"


def test_the_command_that_creates_a_container_in_azure_uses_the_identity_of_whoever_runs_it():
    found = AzureStorage(azure_container="media", account_name="acme", credential="default").options
    assert create_container(found) == ("az storage container create --name media --auth-mode login --account-name acme")


def test_what_means_something_to_a_shell_is_quoted():
    found = AzureStorage(azure_container="$web", account_name="acme", credential="default").options
    assert create_container(found) == (
        "az storage container create --name '$web' --auth-mode login --account-name acme"
    )
