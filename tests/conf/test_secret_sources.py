"""C2: ``.env`` and secrets directories."""

from __future__ import annotations

import sys

import pytest

MEDIA = '[backends.media]\ntype = "azure"\naccount_name = "acmefiles"\nazure_container = "media"\n'
KEY = "a2V5LXBsYW50ZWQ="


@pytest.fixture(autouse=True)
def _configured(world):
    world.write("storage_router.toml", MEDIA)


def key_of(world) -> str:
    return world.load().document.backends["media"].account_key.get_secret_value()


# .env


def test_the_env_file_may_lie_elsewhere(world):
    world.write("conf/production.env", f"export STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY={KEY}\n")
    world.environ["STORAGE_ROUTER_ENV_FILE"] = "conf/production.env"
    assert key_of(world) == KEY
    assert world.load().origins["backends", "media", "account_key"].place == (
        "conf/production.env: STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY"
    )


def test_an_env_file_that_was_named_and_is_not_there_is_an_error(world):
    """C4"""
    world.environ |= {"STORAGE_ROUTER_ENV_FILE": "none.env", "STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY": KEY}
    problem = world.problem()
    assert (problem.id, problem.place, problem.message) == (
        "storage_router.E009",
        "none.env",
        "the file that STORAGE_ROUTER_ENV_FILE names cannot be read: No such file or directory",
    )


def test_a_line_that_cannot_be_parsed_is_an_error_that_does_not_quote_it(world):
    world.write(".env", f"A=1\nSTORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY='{KEY}\n")
    problem = world.problems()[0]
    assert (problem.id, problem.place) == ("storage_router.E009", ".env: STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY")
    assert problem.message == "the line cannot be parsed"
    assert KEY not in str(problem)


def test_a_file_with_settings_that_is_not_utf8_is_an_error(world):
    (world.directory / ".env").write_bytes(b"STORAGE_ROUTER__BACKENDS__MEDIA__LOCATION=b\xfccher\n")
    problem = world.problem()
    assert (problem.id, problem.place) == ("storage_router.E009", ".env")
    assert (problem.message, problem.hint) == ("the file is not UTF-8", "Save it as UTF-8.")


def test_a_byte_order_mark_does_not_hide_the_first_variable(world):
    """C4"""
    path = world.directory / ".env"
    path.write_text(f"STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY={KEY}\n", encoding="utf-8-sig")
    assert key_of(world) == KEY


def test_a_directory_of_that_name_is_no_env_file_unless_it_is_named(world):
    """It may be a virtual environment."""
    world.write(".env/pyvenv.cfg", "")
    world.environ["STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY"] = KEY
    assert key_of(world) == KEY
    world.environ["STORAGE_ROUTER_ENV_FILE"] = ".env"
    problem = world.problem()
    assert (problem.place, problem.message) == (
        ".env",
        "the file that STORAGE_ROUTER_ENV_FILE names cannot be read: Is a directory",
    )


def test_an_env_file_of_other_people_costs_no_import(world, monkeypatch):
    world.write(".env", "DATABASE_URL=sqlite://\n")
    world.environ["STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY"] = KEY
    monkeypatch.setitem(sys.modules, "pydantic_settings", None)
    assert key_of(world) == KEY


# Secrets directory


@pytest.mark.parametrize(
    "name",
    [
        "STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY",
        "storage_router__backends__media__account_key",
        "storage_router/backends/media/account_key",
        "storage_router/backends__media/account_key",
        "backends/media/account_key",
        "backends__media__account_key",
    ],
)
def test_secrets_are_files_flat_or_nested(world, name):
    world.write(f"run/secrets/{name}", f"{KEY}\n")
    world.write("run/secrets/database_password", "x")
    world.environ["STORAGE_ROUTER_SECRETS_DIR"] = str(world.directory / "run/secrets")
    loaded = world.load()
    assert loaded.document.backends["media"].account_key.get_secret_value() == KEY
    assert loaded.origins["backends", "media", "account_key"].place == f"{world.directory}/run/secrets/{name}"
    assert loaded.warnings == ()


def test_the_links_of_kubernetes_are_followed(world):
    """Kubernetes mounts ``key -> ..data/key`` and ``..data -> ..2026_11_20``, to swap all secrets at once."""
    name = "STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY"
    world.write(f"secrets/..2026_11_20/{name}", KEY)
    secrets = world.directory / "secrets"
    (secrets / "..data").symlink_to("..2026_11_20")
    (secrets / name).symlink_to(f"..data/{name}")
    world.environ["STORAGE_ROUTER_SECRETS_DIR"] = "secrets"
    assert world.load().origins["backends", "media", "account_key"].place == f"secrets/{name}"


def test_kubernetes_links_to_hidden_directories_are_followed_once(world):
    """Kubernetes mounts ``key -> ..data/key`` and ``..data -> ..2026_11_20``, to swap all secrets at once."""
    world.write("secrets/..2026_11_20/backends/media/account_key", KEY)
    secrets = world.directory / "secrets"
    (secrets / "..data").symlink_to("..2026_11_20")
    (secrets / "backends").symlink_to("..data/backends")
    world.environ["STORAGE_ROUTER_SECRETS_DIR"] = "secrets"
    assert world.load().origins["backends", "media", "account_key"].place == "secrets/backends/media/account_key"


def test_a_secret_of_kubernetes_may_be_mounted_at_the_backend(world):
    """The secret's keys are options then; its versions, and what editors leave, are none."""
    world.write("secrets/backends/media/..2026_11_20/account_key", KEY)
    media = world.directory / "secrets/backends/media"
    (media / "..data").symlink_to("..2026_11_20")
    (media / "account_key").symlink_to("..data/account_key")
    world.write("secrets/backends/media/.account_key.swp", "x")
    world.write("secrets/backends/.DS_Store", "x")
    world.environ["STORAGE_ROUTER_SECRETS_DIR"] = "secrets"
    loaded = world.load()
    assert loaded.origins["backends", "media", "account_key"].place == "secrets/backends/media/account_key"
    assert loaded.warnings == ()


def test_a_misspelt_secret_is_an_error_with_the_nearest_name(world):
    """C4"""
    world.write("secrets/STORAGE_ROUTER__BACKENDS__MEDIA__ACOUNT_KEY", KEY)
    world.environ["STORAGE_ROUTER_SECRETS_DIR"] = "secrets"
    first = world.problems()[0]
    assert (first.id, first.place) == ("storage_router.E001", "secrets/STORAGE_ROUTER__BACKENDS__MEDIA__ACOUNT_KEY")
    assert first.hint == "Did you mean 'account_key'?"


def test_an_empty_secret_is_one_that_is_not_set(world):
    world.write("secrets/STORAGE_ROUTER__BACKENDS__MEDIA__CACHE_CONTROL", "\n")
    world.environ |= {"STORAGE_ROUTER_SECRETS_DIR": "secrets", "STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY": KEY}
    assert world.load().document.backends["media"].cache_control is None


def test_a_secrets_directory_without_a_secret_for_us_is_a_warning(world):
    world.write("secrets/database_password", "x")
    world.environ |= {"STORAGE_ROUTER_SECRETS_DIR": "secrets", "STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY": KEY}
    (warning,) = world.load().warnings
    assert (warning.id, warning.place) == ("storage_router.W006", "secrets")


def test_a_secrets_directory_that_was_named_and_is_not_there_is_an_error(world):
    """C4"""
    world.environ |= {"STORAGE_ROUTER_SECRETS_DIR": "secrets", "STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY": KEY}
    problem = world.problem()
    assert (problem.id, problem.place) == ("storage_router.E009", "secrets")
    assert (
        problem.message
        == "the directory that STORAGE_ROUTER_SECRETS_DIR names cannot be read: No such file or directory"
    )


def test_a_file_is_no_secrets_directory(world):
    world.write("secrets", KEY)
    world.environ |= {"STORAGE_ROUTER_SECRETS_DIR": "secrets", "STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY": KEY}
    assert (
        world.problem().message == "the directory that STORAGE_ROUTER_SECRETS_DIR names cannot be read: Not a directory"
    )


@pytest.fixture
def secrets(world):
    """The secrets directory, with a key in it."""
    world.write("secrets/STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY", KEY)
    world.environ["STORAGE_ROUTER_SECRETS_DIR"] = "secrets"
    return world.directory / "secrets"


def test_other_peoples_secrets_are_not_opened(world, secrets):
    (secrets / "keystore.p12").write_bytes(b"\x30\x82\xff\xfe\x00")
    (secrets / "gone").symlink_to("nowhere")
    (secrets / "tls").mkdir()
    (secrets / "tls/itself").symlink_to("../tls")
    with (secrets / "large").open("wb") as large:
        large.truncate(2**30)
    assert world.load().warnings == ()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda file: file.write_bytes(b"\xff"), "the file is not UTF-8"),
        (lambda file: file.symlink_to("nowhere"), "the file cannot be read: No such file or directory"),
    ],
    ids=["not UTF-8", "unreadable"],
)
def test_a_secret_that_cannot_be_read_is_an_error_that_names_the_file(world, secrets, make, message):
    make(secrets / "STORAGE_ROUTER__BACKENDS__MEDIA__CACHE_CONTROL")
    problem = world.problem()
    assert (problem.id, problem.place) == (
        "storage_router.E009",
        "secrets/STORAGE_ROUTER__BACKENDS__MEDIA__CACHE_CONTROL",
    )
    assert problem.message == message


def test_a_byte_order_mark_is_no_part_of_a_secret(world, secrets):
    (secrets / "STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY").write_text(KEY, encoding="utf-8-sig")
    assert key_of(world) == KEY


def test_a_setting_in_two_files_is_an_error(world, secrets):
    (secrets / "backends/media").mkdir(parents=True)
    (secrets / "backends/media/account_key").write_text("b3RoZXI=")
    problem = world.problem()
    assert (problem.id, problem.place) == ("storage_router.E010", "secrets/backends/media/account_key")
    assert problem.message == (
        "the file gives the setting that secrets/STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY gives, too"
    )
