"""References to secrets in Azure Key Vault, in the form of App Service and Functions (C2).

``@Microsoft.KeyVault(SecretUri=https://acme.vault.azure.net/secrets/media-key)`` as the value of a secret, whichever
source it is from. https://learn.microsoft.com/azure/app-service/app-service-key-vault-references
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from pydantic_core import PydanticCustomError

from storage_router.exceptions import Problem

from .azure.options import SECRETS
from .layers import Merged
from .problems import Location, invalid, problem

TIMEOUT = 10.0
"""Seconds in which all references of a configuration must be resolved."""

# The token of the identity goes to no other host.
_URI = re.compile(
    r"https://(?P<host>[0-9a-z-]{1,127}\.vault\.(?:azure\.net|azure\.cn|usgovcloudapi\.net))(?::443)?"
    r"/secrets/(?P<name>[0-9a-z-]{1,127})(?:/(?P<version>[0-9a-z-]{1,127})?)?",
    re.IGNORECASE | re.ASCII,
)

_REFERENCE = re.compile(r"\s*@Microsoft\.KeyVault\((?P<arguments>.*)\)\s*", re.IGNORECASE | re.DOTALL)
_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
_FORMS = (
    "The forms are @Microsoft.KeyVault(SecretUri=https://<vault>.vault.azure.net/secrets/<name>) and "
    "@Microsoft.KeyVault(VaultName=<vault>;SecretName=<name>)."
)

# Tables of options of other packages may hold secrets under any name.
_MAY_BE_REFERENCES = frozenset((*SECRETS, "accel_secret", "options", "client_options"))

# What stands for a secret where references are not resolved: no command shows it.
_PLACEHOLDERS = {"account_key": "cGxhY2Vob2xkZXI=", "sas_token": "sv=2025-11-05&sp=r&sr=c&sig=placeholder"}


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One secret of one vault. Without a version the newest is meant."""

    vault_url: str
    name: str
    version: str | None = None

    @classmethod
    def parse(cls, text: str) -> Reference | None:
        """Read a reference; None for any other string. Raises an error for one that is not well-formed."""
        found = _REFERENCE.fullmatch(text)
        if found is None:
            if text.lstrip().lower().startswith("@microsoft.keyvault"):
                raise invalid("the Key Vault reference is not well-formed", _FORMS)
            return None
        pairs = (pair.partition("=") for pair in found["arguments"].split(";") if pair.strip())
        given = {key.strip().lower(): value.strip() for key, _, value in pairs}
        if given.keys() == {"secreturi"}:
            if (uri := _URI.fullmatch(given["secreturi"])) is None:
                raise invalid("the SecretUri of the Key Vault reference is not the address of a secret", _FORMS)
            return cls(vault_url=f"https://{uri['host'].lower()}", name=uri["name"], version=uri["version"])
        if {"vaultname", "secretname"} <= given.keys() <= {"vaultname", "secretname", "secretversion"}:
            vault, name, version = given["vaultname"], given["secretname"], given.get("secretversion")
            if all(_NAME.fullmatch(part) for part in (vault, name, version or "x")):
                return cls(vault_url=f"https://{vault}.vault.azure.net", name=name, version=version or None)
        raise invalid("the Key Vault reference is not well-formed", _FORMS)


def resolve(merged: Merged, fetch: Callable[[Reference], str] | None) -> None:
    """Replace the references in ``merged`` by their secrets, each fetched once; without ``fetch`` by placeholders.

    What fails becomes a problem at the reference's place.
    """
    wanted: list[tuple[Location, dict[str, Any], Reference]] = []
    for location, table, text in _strings(merged.tree, ()):
        try:
            reference = Reference.parse(text)
            if reference is not None and not _MAY_BE_REFERENCES.intersection(location[:1] + location[2:3]):
                hint = f"Write its value itself. References are for {', '.join(sorted(_MAY_BE_REFERENCES))}."
                raise invalid(f"{location[-1]!r} is not a secret, and a Key Vault reference is given", hint)
        except PydanticCustomError as error:
            merged.problems.append(
                problem("E003", merged.place(location), error.message(), (error.context or {}).get("hint", ""))
            )
            continue
        if reference is not None:
            wanted.append((location, table, reference))
    results = _fetched({reference for _, _, reference in wanted}, fetch) if fetch is not None else {}
    for location, table, reference in wanted:
        secret = results.get(reference)
        if isinstance(secret, Exception):
            merged.problems.append(_failure(merged.place(location), reference, secret))
        table[str(location[-1])] = secret if isinstance(secret, str) else _placeholder(location, table)


def _strings(value: Any, location: Location) -> Iterator[tuple[Location, dict[str, Any], str]]:
    """Yield location, table and text of each string that could be a reference."""
    for key, item in list(value.items()) if isinstance(value, dict) else ():
        if isinstance(item, dict):
            yield from _strings(item, (*location, key))
        text = item.get_secret_value() if isinstance(item, SecretStr) else item
        if isinstance(text, str) and "@microsoft.keyvault" in text.lower():
            yield (*location, key), value, text


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
    what = f"the secret {reference.name!r} of {reference.vault_url}"
    if isinstance(error, ImportError):
        hint = "pip install 'django-storage-router[keyvault]'."
        return problem("E013", place, "the packages for Azure Key Vault are not installed", hint)
    if isinstance(error, TimeoutError):
        message, hint = f"{what} did not come within {TIMEOUT:.0f} seconds", "Check the vault's name and the network."
        return problem("E013", place, message, hint)
    status = getattr(error, "status_code", None)
    hints = {
        403: "Give the identity the role 'Key Vault Secrets User' on the vault, and check the vault's firewall.",
        404: "Check the names of the vault and of the secret.",
    }
    hint = hints.get(status or 0, "Check the vault's name, the network, and that an identity is signed in (az login).")
    message = f"{what} cannot be read: {type(error).__name__}" + (f" (status {status})" if status else "")
    return problem("E013", place, message, hint)


def former_variable(url: str, merged: Merged) -> Problem:
    """Return the problem of the variable that the first edition read: the references that take its place."""
    backends = merged.tree.get("backends")
    aliases = [
        str(alias)
        for alias, backend in (backends.items() if isinstance(backends, Mapping) else ())
        if isinstance(backend, Mapping) and backend.get("type") == "azure"
    ]
    lines = [
        f"STORAGE_ROUTER__BACKENDS__{alias.upper()}__ACCOUNT_KEY=@Microsoft.KeyVault(SecretUri={url.rstrip('/')}"
        f"/secrets/storage-router--backends--{alias.replace('_', '-')}--account-key)"
        for alias in aliases or ["media"]
    ]
    hint = "Remove it, and write a reference where the secret is needed:"
    return problem(
        "E001",
        "STORAGE_ROUTER_KEY_VAULT_URL",
        "Key Vault is not a source any more; secrets are given as references",
        "\n    ".join((hint, *lines)),
    )
