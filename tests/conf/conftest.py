"""What the tests of sources share: an empty working directory and a way to give values through every source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import override_settings

from storage_router.conf.loading import Configuration, load
from storage_router.exceptions import ConfigurationError, Problem

VAULT = "https://acme.vault.azure.net"


class FakeVault:
    """A vault client behind pydantic-settings' own source; ``asked`` holds the names of what was fetched."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.disabled: set[str] = set()
        self.asked: list[str] = []
        self.failure: Exception | None = None

    def __call__(self, vault_url: str, credential: object) -> FakeVault:
        assert vault_url == VAULT
        return self

    def list_properties_of_secrets(self) -> Iterator[SimpleNamespace]:
        if self.failure is not None:
            raise self.failure
        for name in self.secrets:
            yield SimpleNamespace(name=name, enabled=name not in self.disabled)

    def get_secret(self, name: str) -> SimpleNamespace:
        self.asked.append(name)
        return SimpleNamespace(name=name, value=self.secrets[name])


class World:
    """The surroundings of one process: files in ``directory``, variables in ``environ``, code, settings and a vault."""

    def __init__(self, directory: Path, vault: FakeVault) -> None:
        self.directory = directory
        self.environ: dict[str, str] = {}
        self.config: dict[str, Any] | None = None
        self.setting: Any = None
        self.vault = vault

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def use_vault(self, **secrets: str) -> None:
        self.environ["STORAGE_ROUTER_KEY_VAULT_URL"] = VAULT
        self.vault.secrets |= {name.replace("_", "-"): text for name, text in secrets.items()}

    def load(self, **options: Any) -> Configuration:
        with override_settings(**({} if self.setting is None else {"STORAGE_ROUTER": self.setting})):
            return load(
                self.config, environ=self.environ, directory=self.directory, vault_credential=object(), **options
            )

    def problems(self, **options: Any) -> list[Problem]:
        with pytest.raises(ConfigurationError) as caught:
            self.load(**options)
        return list(caught.value.problems)

    def problem(self, **options: Any) -> Problem:
        (problem,) = self.problems(**options)
        return problem


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> FakeVault:
    fake = FakeVault()
    monkeypatch.setattr("azure.keyvault.secrets.SecretClient", fake)
    return fake


@pytest.fixture
def world(tmp_path: Path, vault: FakeVault) -> World:
    return World(tmp_path, vault)
