"""C2: references to secrets in Azure Key Vault."""

from __future__ import annotations

import sys
import threading
from types import SimpleNamespace

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from pydantic import SecretStr

from storage_router import AzureStorage, factory
from storage_router.conf import key_vault
from storage_router.conf.key_vault import Reference
from storage_router.conf.loading import load
from storage_router.exceptions import ConfigurationError

from .conftest import VAULT

KEY = "a2V5LXBsYW50ZWQ="
REFERENCE = f"@Microsoft.KeyVault(SecretUri={VAULT}/secrets/media-key)"
VARIABLE = "STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY"
TOML = '[backends.media]\ntype = "azure"\naccount_name = "acmefiles"\nazure_container = "media"\n'


@pytest.fixture(autouse=True)
def _configured(world):
    world.write("storage_router.toml", TOML)
    world.vault.secrets = {"media-key": KEY}


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        (REFERENCE, Reference(vault_url=VAULT, name="media-key")),
        (f" {REFERENCE.lower()}\n".replace("media-key", "media-key/"), Reference(vault_url=VAULT, name="media-key")),
        (
            f"@Microsoft.KeyVault(SecretUri={VAULT}/secrets/media-key/0123abc)",
            Reference(vault_url=VAULT, name="media-key", version="0123abc"),
        ),
        (
            "@Microsoft.KeyVault(VaultName=acme;SecretName=media-key)",
            Reference(vault_url=VAULT, name="media-key"),
        ),
        (
            "@Microsoft.KeyVault(VaultName=acme; SecretName=media-key; SecretVersion=0123abc)",
            Reference(vault_url=VAULT, name="media-key", version="0123abc"),
        ),
        (
            "@Microsoft.KeyVault(SecretUri=https://acme.vault.usgovcloudapi.net/secrets/x)",
            Reference(vault_url="https://acme.vault.usgovcloudapi.net", name="x"),
        ),
    ],
)
def test_a_reference_is_written_as_app_service_has_it(world, text, reference):
    world.environ[VARIABLE] = text
    world.vault.secrets["x"] = KEY
    assert world.load().document.backends["media"].account_key == SecretStr(KEY)
    assert world.vault.asked == [reference]


@pytest.mark.parametrize("source", ["code", "setting", "environment", ".env", "secrets directory", "file", "url"])
def test_a_reference_may_be_in_any_source(world, source):
    table = {"backends": {"media": {"account_key": REFERENCE}}}
    if source == "code":
        world.config = table
    elif source == "setting":
        world.setting = table
    elif source == "environment":
        world.environ[VARIABLE] = REFERENCE
    elif source == ".env":
        world.write(".env", f"{VARIABLE}='{REFERENCE}'\n")
    elif source == "secrets directory":
        world.write(f"secrets/{VARIABLE}", REFERENCE)
        world.environ["STORAGE_ROUTER_SECRETS_DIR"] = "secrets"
    elif source == "file":
        world.write("storage_router.toml", f'{TOML}account_key = "{REFERENCE}"\n')
    else:
        world.environ["STORAGE_ROUTER__BACKENDS__MEDIA"] = f"azure://acmefiles/media?account_key={REFERENCE}"
    assert world.load().document.backends["media"].account_key == SecretStr(KEY)


def test_only_what_wins_is_fetched_and_each_secret_once(world):
    world.write("storage_router.toml", f'{TOML}account_key = "{REFERENCE}-lower"\n'.replace(")-lower", "-lower)"))
    world.environ[VARIABLE] = REFERENCE
    world.config = {
        "backends": {
            "other": {"type": "azure", "account_name": "x" * 3, "azure_container": "abc", "account_key": REFERENCE},
            "s3": {"type": "django", "backend": "a.B", "options": {"secret_key": REFERENCE, "auth": {"b": REFERENCE}}},
        }
    }
    document = world.load().document
    assert document.backends["other"].account_key == SecretStr(KEY)
    assert document.backends["s3"].options == {"secret_key": KEY, "auth": {"b": KEY}}
    assert world.vault.asked == [Reference(vault_url=VAULT, name="media-key")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@Microsoft.KeyVault(SecretUri=)", "the Key Vault reference is not well-formed"),
        ("@Microsoft.KeyVault()", "the Key Vault reference is not well-formed"),
        ("@Microsoft.KeyVault(media-key", "the Key Vault reference is not well-formed"),
        ("@Microsoft.KeyVault(VaultName=acme)", "the Key Vault reference is not well-formed"),
        ("@Microsoft.KeyVault(VaultName=evil.example/;SecretName=a)", "the Key Vault reference is not well-formed"),
        (
            "@Microsoft.KeyVault(SecretUri=http://acme.vault.azure.net/secrets/a)",
            "the Key Vault reference is not well-formed",
        ),
        (
            "@Microsoft.KeyVault(SecretUri=https://acme.vault.azure.net.evil.example/secrets/a)",
            "the Key Vault reference is not well-formed",
        ),
        (
            "@Microsoft.KeyVault(SecretUri=https://evil.example/secrets/a)",
            "the Key Vault reference is not well-formed",
        ),
        (
            "@Microsoft.KeyVault(SecretUri=https://[::1/secrets/a)",
            "the Key Vault reference is not well-formed",
        ),
        (
            f"@Microsoft.KeyVault(SecretUri={VAULT}:8443/secrets/a)",
            "the Key Vault reference is not well-formed",
        ),
        (
            f"@Microsoft.KeyVault(SecretUri={VAULT}/keys/a)",
            "the Key Vault reference is not well-formed",
        ),
    ],
)
def test_a_token_goes_to_vaults_only_and_a_malformed_reference_is_one_problem(world, text, message):
    world.environ[VARIABLE] = text
    problem = world.problem()
    assert (problem.id, problem.place, problem.message) == ("storage_router.E003", VARIABLE, message)
    assert world.vault.asked == []


def test_a_reference_is_for_secrets(world):
    """What it stands for could be shown."""
    world.environ[VARIABLE] = KEY
    world.environ["STORAGE_ROUTER__BACKENDS__MEDIA__CACHE_CONTROL"] = REFERENCE
    problem = world.problem()
    assert problem.message == "'cache_control' is not a secret, and a Key Vault reference is given"
    assert world.vault.asked == []


@pytest.mark.parametrize(
    ("error", "end", "hint"),
    [
        (ClientAuthenticationError("c2VjcmV0"), "ClientAuthenticationError", "az login"),
        (ResourceNotFoundError("c2VjcmV0"), "ResourceNotFoundError", "vault"),
        (OSError("c2VjcmV0"), "OSError", "network"),
    ],
)
def test_a_failure_is_a_problem_at_the_place_of_the_reference_without_the_errors_text(world, error, end, hint):
    """C7"""

    def fail(_):
        raise error

    world.environ[VARIABLE] = REFERENCE
    problem = world.problem(fetch=fail)
    assert (problem.id, problem.place) == ("storage_router.E013", VARIABLE)
    assert problem.message == f"the secret 'media-key' of {VAULT} cannot be read: {end}"
    assert hint in problem.hint
    assert "c2VjcmV0" not in str(problem)


def test_a_refusal_of_the_vault_names_the_role(world):
    def fail(_):
        error = HttpResponseError("no")
        error.status_code = 403
        raise error

    world.environ[VARIABLE] = REFERENCE
    problem = world.problem(fetch=fail)
    assert problem.message.endswith("HttpResponseError (status 403)")
    assert "Key Vault Secrets User" in problem.hint


def test_a_vault_that_does_not_answer_is_a_problem_in_time(world, monkeypatch):
    monkeypatch.setattr(key_vault, "TIMEOUT", 0.1)
    ended = threading.Event()
    world.environ[VARIABLE] = REFERENCE
    problem = world.problem(fetch=lambda _: ended.wait(30))
    ended.set()
    assert problem.message == f"the secret 'media-key' of {VAULT} cannot be read: TimeoutError"


@pytest.mark.parametrize(
    ("option", "more"),
    [
        ("account_key", ""),
        ("sas_token", ""),
        ("connection_string", ""),
        ("connection_string", 'account_url = "https://acmefiles.blob.core.windows.net"\n'),
    ],
)
def test_without_fetching_a_configuration_with_references_is_valid(world, option, more):
    """C2: ``config``, ``schema``, ``routes`` and ``explain`` resolve none."""
    world.write("storage_router.toml", f'{TOML}{more}{option} = "{REFERENCE}"\n')
    media = world.load(fetch=None).document.backends["media"]
    assert (media.authentication.option, media.endpoint) == (option, "https://acmefiles.blob.core.windows.net")
    assert world.vault.asked == []


def test_what_a_secret_holds_is_validated_as_any_other(world):
    world.vault.secrets["media-key"] = "no!"
    world.environ[VARIABLE] = REFERENCE
    problem = world.problem()
    assert (problem.place, problem.message) == (VARIABLE, "the key is not base64")


def test_the_vault_is_an_extra(world, monkeypatch):
    monkeypatch.setitem(sys.modules, "azure.keyvault.secrets", None)
    world.environ[VARIABLE] = REFERENCE
    problem = world.problem(fetch=key_vault.fetch)
    assert problem.message == "the packages for Azure Key Vault are not installed"
    assert "django-storage-router[keyvault]" in problem.hint


def test_the_vault_is_opened_with_the_default_credential(world, monkeypatch):
    from azure.identity import DefaultAzureCredential

    opened = []

    class Client:
        def __init__(self, vault_url, credential, **options):
            opened.append((vault_url, type(credential)))

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def get_secret(self, name, version):
            return SimpleNamespace(value={("media-key", None): KEY}[name, version])

    monkeypatch.setattr("azure.keyvault.secrets.SecretClient", Client)
    world.environ[VARIABLE] = REFERENCE
    loaded = load(environ=world.environ, directory=world.directory)
    assert loaded.document.backends["media"].account_key == SecretStr(KEY)
    assert opened == [(VAULT, DefaultAzureCredential)]


def test_the_former_variable_is_an_error_that_prints_the_references_to_write(world):
    world.environ["STORAGE_ROUTER_KEY_VAULT_URL"] = f"{VAULT}/"
    problem = world.problem()
    assert (problem.id, problem.place) == ("storage_router.E001", "STORAGE_ROUTER_KEY_VAULT_URL")
    assert (
        f"{VARIABLE}=@Microsoft.KeyVault(SecretUri={VAULT}/secrets/storage-router--backends--media--account-key)"
        in problem.hint
    )


@pytest.mark.parametrize("option", ["account_key", "sas_token", "connection_string"])
def test_a_storage_of_its_own_resolves_no_reference(option):
    with pytest.raises(ConfigurationError) as caught:
        AzureStorage(account_name="acmefiles", azure_container="media", **{option: REFERENCE})
    (problem,) = caught.value.problems
    assert problem.message == "the value is an unresolved Key Vault reference"


@pytest.mark.parametrize(
    ("arguments", "resolves"),
    [
        (["manage.py", "storage_router", "config"], False),
        (["manage.py", "storage_router", "routes", "--json"], False),
        (["manage.py", "storage_router", "explain", "a"], False),
        (["manage.py", "storage_router", "schema"], False),
        (["manage.py", "storage_router", "doctor"], True),
        (["manage.py", "check"], True),
        (["gunicorn", "config"], True),
    ],
)
def test_commands_that_show_the_configuration_resolve_none(monkeypatch, tmp_path, arguments, resolves):
    """C2"""
    asked = []

    def fetch(reference):
        asked.append(reference)
        return KEY

    monkeypatch.setattr(key_vault, "fetch", fetch)
    monkeypatch.setattr(sys, "argv", arguments)
    media = {"type": "azure", "account_name": "acmefiles", "azure_container": "media", "account_key": REFERENCE}
    factory.configure({"backends": {"media": media}, "default": "media"})
    assert bool(asked) is resolves
