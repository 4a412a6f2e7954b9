"""What the tests of sources share: an empty working directory and a way to give values through every source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from storage_router.conf.key_vault import Reference
from storage_router.conf.loading import Configuration, load
from storage_router.exceptions import ConfigurationError, Problem

VAULT = "https://acme.vault.azure.net"


class FakeVault:
    """A stand-in for Key Vault, of which there is no emulator; ``asked`` holds what was fetched."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.asked: list[Reference] = []

    def __call__(self, reference: Reference) -> str:
        self.asked.append(reference)
        return self.secrets[reference.name]


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

    def load(self, **options: Any) -> Configuration:
        with override_settings(**({} if self.setting is None else {"STORAGE_ROUTER": self.setting})):
            return load(self.config, environ=self.environ, directory=self.directory, **{"fetch": self.vault, **options})

    def problems(self, **options: Any) -> list[Problem]:
        with pytest.raises(ConfigurationError) as caught:
            self.load(**options)
        return list(caught.value.problems)

    def problem(self, **options: Any) -> Problem:
        (problem,) = self.problems(**options)
        return problem


@pytest.fixture
def vault() -> FakeVault:
    return FakeVault()


@pytest.fixture
def world(tmp_path: Path, vault: FakeVault) -> World:
    return World(tmp_path, vault)
