"""What to type into Azure's command line about the account of a storage."""

from __future__ import annotations

import shlex
from urllib.parse import urlsplit

from storage_router.conf.azure.endpoint import EMULATOR_ACCOUNT
from storage_router.conf.azure.options import AzureOptions


def create_container(options: AzureOptions) -> str:
    """Return the command that creates the container of ``options``, private."""
    return command(options, "container", "create", "--name", options.azure_container)


def command(options: AzureOptions, *words: str) -> str:
    """Return the ``az storage`` command of ``words``, quoted for a shell, for the account of ``options``.

    ``--account-name`` always means the account in Azure. Others, an emulator above all, are reached by a connection
    string; that holds a key, so it stays in the variable where the command line looks for it:
    https://learn.microsoft.com/cli/azure/azure-cli-configuration#cli-configuration-values-and-environment-variables
    """
    line = shlex.join(("az", "storage", *words))
    if not is_azures(options):
        return f'{line} --connection-string "$AZURE_STORAGE_CONNECTION_STRING"'
    login = "--auth-mode login " if words[:2] == ("container", "create") else ""
    return f"{line} {login}--account-name {options.resolved_account_name}"


def is_azures(options: AzureOptions) -> bool:
    """Return whether the account is in Azure.

    Azure's own endpoints have the account in the host, and neither a path nor a port; http is for emulators.
    """
    endpoint = urlsplit(options.endpoint)
    return (
        options.resolved_account_name != EMULATOR_ACCOUNT
        and not endpoint.path
        and endpoint.port is None
        and (endpoint.scheme == "https" or ".blob." in endpoint.netloc)
    )
