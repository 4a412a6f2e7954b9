"""Secrets from Azure Key Vault, an extra: only those are fetched that are settings and are needed (C2).

A secret is named like its setting, with dashes for underscores and two between the keys, because a vault knows letters,
digits and dashes only: ``storage-router--backends--media--account-key``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from storage_router.exceptions import Problem

from .backends import TYPES
from .merging import Layer, Merged
from .report import Location, problem, suggestion
from .variables import Variable, layer

SOURCE = "Key Vault"

PREFIX = "storage-router--"

_URL = re.compile(r"https://[^/\s?#@]+/?")


def read(url: str, others: Merged, credential: Any = None) -> Layer:
    """Return what the vault at ``url`` adds to ``others``.

    The names of all secrets are listed, which shows misspelt ones; fetched are those of options of the backends that
    the other sources configure, if no higher source gives them. ``credential`` defaults to azure-identity's
    DefaultAzureCredential.
    """
    if not _URL.fullmatch(url):
        # The SDK would try such a host again and again before it gives up.
        hint = "It is on the vault's overview page: https://<vault>.vault.azure.net."
        wrong = problem("E013", "STORAGE_ROUTER_KEY_VAULT_URL", "the value is not the URL of a vault", hint)
        return Layer(source=SOURCE, tree={}, place=lambda _: url, problems=[wrong])
    problems: list[Problem] = []
    try:
        source = _source(url, credential, lambda names: _needed(names, others, url, problems))
        variables = {_location(name): Variable(place=f"{url}: {name}", text=text) for name, text in source.items()}
    except ImportError:
        hint = "pip install 'django-storage-router[keyvault]'."
        problems.append(problem("E013", url, "the packages for Azure Key Vault are not installed", hint))
        variables = {}
    except Exception as error:  # noqa: BLE001 - the SDK's errors have no common base; the process must not start either way
        message = f"the vault cannot be read: {type(error).__name__}"
        hint = "Check the URL, the network, and that the identity has the role 'Key Vault Secrets User' on the vault."
        problems.append(problem("E013", url, message, hint))
        variables = {}
    found = layer(SOURCE, variables, lambda _: url)
    found.problems += problems
    return found


def _source(url: str, credential: Any, choose: Callable[[Collection[str]], Collection[str]]) -> dict[str, str]:
    from pydantic_settings import AzureKeyVaultSettingsSource, BaseSettings

    if credential is None:
        from azure.identity import DefaultAzureCredential

        credential = DefaultAzureCredential()

    class Chosen(AzureKeyVaultSettingsSource):
        """pydantic-settings' source fetches every secret of the vault as soon as somebody looks at its variables."""

        def _load_env_vars(self) -> Mapping[str, str | None]:
            variables = super()._load_env_vars()
            return {name: variables[name] for name in choose(list(variables))}

    values = Chosen(BaseSettings, url, credential, case_sensitive=False).env_vars
    return {name: text for name, text in values.items() if text is not None}


def _location(name: str) -> Location:
    keys = name.removeprefix(PREFIX).split("--")
    return tuple(key.replace("-", "_") for key in keys)


def _needed(names: Collection[str], others: Merged, url: str, problems: list[Problem]) -> list[str]:
    """Return the names to fetch; what looks like ours and is no setting becomes a problem."""
    needed = []
    backends = others.tree.get("backends")
    backends = backends if isinstance(backends, Mapping) else {}
    for name in sorted(names):
        if not name.startswith(PREFIX):
            continue
        location, place = _location(name), f"{url}: {name}"
        if location[0] != "backends" or len(location) < 3:
            hint = f"A vault holds single options of backends: {PREFIX}backends--media--account-key."
            problems.append(problem("E001", place, "the secret is not an option of a backend", hint))
            continue
        backend = backends.get(location[1])
        if not isinstance(backend, Mapping):
            # Other applications may keep theirs in the same vault.
            hint = suggestion(location[1], map(str, backends))
            problems.append(
                problem("W005", place, f"there is no backend {location[1]!r}; the secret was not fetched", hint)
            )
            continue
        kind = TYPES.get(str(backend.get("type")))
        if kind is not None and location[2] not in kind.model_fields:
            hint = suggestion(location[2], kind.model_fields)
            problems.append(problem("E001", place, f"there is no setting {location[2]!r}", hint))
            continue
        if not _given_higher(location, others):
            needed.append(name)
    return needed


def _given_higher(location: Location, others: Merged) -> bool:
    owner = others.owners.get(location)
    return owner is not None and owner.source != "file"
