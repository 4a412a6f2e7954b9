"""References to secrets in Azure Key Vault, in the form of App Service and Functions (C2).

``@Microsoft.KeyVault(SecretUri=https://acme.vault.azure.net/secrets/media-key)`` as the value of a secret, whichever
source it is from. https://learn.microsoft.com/azure/app-service/app-service-key-vault-references
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from storage_router.exceptions import Problem

from .azure.options import SECRETS
from .layers import Merged
from .problems import Invalid, Location, invalid, problem, reported

TIMEOUT = 10.0
"""Seconds in which all references of a configuration must be resolved."""

# The token of the identity goes to no other host.
_REFERENCE = re.compile(
    r"""\s*@Microsoft\.KeyVault\(\s*(?:
        SecretUri=https://(?P<host>[0-9a-z-]{1,127}\.vault\.(?:azure\.net|azure\.cn|usgovcloudapi\.net))(?::443)?
        /secrets/(?P<name>[0-9a-z-]{1,127})(?:/(?P<version>[0-9a-z-]{1,127})?)?
        |
        VaultName=(?P<vault>[0-9a-z-]{1,127});\s*SecretName=(?P<secret>[0-9a-z-]{1,127})
        (?:;\s*SecretVersion=(?P<number>[0-9a-z-]{1,127}))?
    )\s*\)\s*""",
    re.IGNORECASE | re.ASCII | re.VERBOSE,
)
_FORMS = (
    "The forms are @Microsoft.KeyVault(SecretUri=https://<vault>.vault.azure.net/secrets/<name>) and "
    "@Microsoft.KeyVault(VaultName=<vault>;SecretName=<name>)."
)

# Tables of options of other packages may hold secrets under any name.
_MAY_BE_REFERENCES = frozenset((*SECRETS, "accel_secret", "options", "client_options"))

# What stands for a secret where references are not resolved: no command shows it.
_PLACEHOLDERS = {"account_key": "cGxhY2Vob2xkZXI=", "sas_token": "sv=2025-11-05&sp=r&sr=c&sig=placeholder"}


class Reference(NamedTuple):
    """One secret of one vault. Without a version the newest is meant."""

    vault_url: str
    name: str
    version: str | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference. Raises an error for one that is not well-formed, or leads to another host."""
        if (found := _REFERENCE.fullmatch(text)) is None:
            raise invalid("the Key Vault reference is not well-formed", _FORMS)
        host = (found["host"] or f"{found['vault']}.vault.azure.net").lower()
        name, version = found["name"] or found["secret"], found["version"] or found["number"]
        return cls(vault_url=f"https://{host}", name=name, version=version)


def resolve(merged: Merged, fetch: Callable[[Reference], str] | None) -> None:
    """Replace the references in ``merged`` by their secrets, each fetched once; without ``fetch`` by placeholders.

    What fails becomes a problem at the reference's place.
    """
    wanted: list[tuple[Location, dict[str, Any], Reference]] = []
    for location, table, text in merged.key_vault_references():
        try:
            if not _MAY_BE_REFERENCES.intersection(location[:1] + location[2:3]):
                hint = f"Write its value itself. References are for {', '.join(sorted(_MAY_BE_REFERENCES))}."
                raise invalid(f"{location[-1]!r} is not a secret, and a Key Vault reference is given", hint)
            wanted.append((location, table, Reference.parse(text)))
        except Invalid as error:
            merged.problems.append(reported(error, merged.place(location)))
    results = _fetched({reference for _, _, reference in wanted}, fetch) if fetch is not None else {}
    for location, table, reference in wanted:
        secret = results.get(reference)
        if isinstance(secret, Exception):
            merged.problems.append(_failure(merged.place(location), reference, secret))
        table[str(location[-1])] = secret if isinstance(secret, str) else _placeholder(location, table)


def _placeholder(location: Location, table: Mapping[str, Any]) -> Any:
    if location[-1] != "connection_string" or len(location) != 3:
        return _PLACEHOLDERS.get(str(location[-1]), "placeholder")
    if table.get("account_url"):
        return f"BlobEndpoint={table['account_url']};SharedAccessSignature={_PLACEHOLDERS['sas_token']}"
    return f"AccountName={table.get('account_name') or 'unknown'};AccountKey={_PLACEHOLDERS['account_key']}"


def _fetched(references: set[Reference], fetch: Callable[[Reference], str]) -> dict[Reference, str | Exception]:
    """Fetch all references at the same time, within ``TIMEOUT``."""
    results: dict[Reference, str | Exception] = {}

    def run(reference: Reference) -> None:
        try:
            results[reference] = fetch(reference)
        except Exception as error:  # noqa: BLE001 - each becomes a problem
            results[reference] = error

    # A daemon: a credential that waits for ever must not keep the process.
    threads = [threading.Thread(target=run, args=(one,), daemon=True) for one in references]
    deadline = time.monotonic() + TIMEOUT
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    return {one: results.get(one, TimeoutError()) for one in references}


def fetch(reference: Reference) -> str:
    """Return the value of a secret, with ``DefaultAzureCredential``."""
    from azure.identity import DefaultAzureCredential
    from azure.keyvault.secrets import SecretClient

    with SecretClient(reference.vault_url, DefaultAzureCredential(), retry_total=2, read_timeout=TIMEOUT) as client:
        return client.get_secret(reference.name, reference.version).value or ""


def _failure(place: str, reference: Reference, error: Exception) -> Problem:
    if isinstance(error, ImportError):
        hint = "pip install 'django-storage-router[keyvault]'."
        return problem("E013", place, "the packages for Azure Key Vault are not installed", hint)
    # The error's own text may hold the secret.
    status = getattr(error, "status_code", None)
    what = type(error).__name__ + (f" (status {status})" if status else "")
    hint = (
        "Check the names of the vault and of the secret, the network and the vault's firewall, that an identity is "
        f"signed in (az login) and has the role 'Key Vault Secrets User'. The limit is {TIMEOUT:.0f} seconds."
    )
    message = f"the secret {reference.name!r} of {reference.vault_url} cannot be read: {what}"
    return problem("E013", place, message, hint)


def former_variable(url: str, merged: Merged) -> Problem:
    """Return the problem of the variable that the first edition read: the references that take its place."""
    backends = merged.tree.get("backends")
    lines = [
        f"STORAGE_ROUTER__BACKENDS__{alias.upper()}__ACCOUNT_KEY=@Microsoft.KeyVault(SecretUri={url.rstrip('/')}"
        f"/secrets/storage-router--backends--{alias.replace('_', '-')}--account-key)"
        for alias in (map(str, backends) if isinstance(backends, Mapping) else ["media"])
    ]
    message = "Key Vault is not a source any more; secrets are given as references"
    hint = "\n    ".join(("Remove it, and write a reference where the secret is needed:", *lines))
    return problem("E001", "STORAGE_ROUTER_KEY_VAULT_URL", message, hint)
