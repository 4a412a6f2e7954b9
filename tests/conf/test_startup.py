"""C6: a bad configuration stops every process, but ``manage.py check`` and ``storage_router`` print it instead."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import ManagementUtility
from django.utils.functional import empty

import storage_router
from storage_router.conf.startup import management_command, reports_problems_itself
from storage_router.exceptions import ConfigurationError

BAD = {"backends": {"media": {"type": "memory"}}, "default": "meda"}


class _Asked(Exception):
    """Carries what the code under test said from inside Django's command line."""


@pytest.fixture
def said_by(monkeypatch):
    """A function that runs Django's command line with some arguments and returns what was said inside it."""

    def ask(self: ManagementUtility, name: str) -> None:
        raise _Asked(management_command(), reports_problems_itself())

    monkeypatch.setattr(ManagementUtility, "fetch_command", ask)

    def run(*arguments: str) -> tuple[str, bool]:
        with pytest.raises(_Asked) as caught:
            ManagementUtility(["manage.py", *arguments]).execute()
        return caught.value.args

    return run


@pytest.mark.parametrize("arguments", [["check"], ["check", "--deploy"], ["storage_router", "doctor"]])
def test_the_commands_that_print_problems_are_known_by_their_name(said_by, arguments):
    assert said_by(*arguments) == (arguments[0], True)


@pytest.mark.parametrize("command", ["migrate", "collectstatic", "shell"])
def test_every_other_command_gets_the_exception(said_by, command):
    assert said_by(command) == (command, False)


def test_a_process_that_is_no_management_command_gets_the_exception(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["worker.py", "check"])
    assert management_command() is None
    assert not reports_problems_itself()


def test_a_command_that_imports_bad_settings_ends_with_the_report(tmp_path, monkeypatch):
    (tmp_path / "bad_settings.py").write_text(f"import storage_router\nSTORAGES = storage_router.storages({BAD!r})\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "bad_settings")
    monkeypatch.setattr(settings, "_wrapped", empty)
    with pytest.raises(SystemExit, match=r"there is no backend 'meda' \(storage_router\.E004\)") as caught:
        ManagementUtility(["manage.py", "shell"]).execute()
    assert isinstance(caught.value.__cause__, ConfigurationError)


def test_a_command_that_asks_for_a_bad_configuration_later_gets_the_exception(monkeypatch):
    """As a project's own test does below ``manage.py test``."""
    monkeypatch.setattr(ManagementUtility, "fetch_command", lambda self, name: storage_router.storages(BAD))
    with pytest.raises(ConfigurationError, match="there is no backend 'meda'"):
        ManagementUtility(["manage.py", "test"]).execute()


def test_the_command_line_without_a_command_shows_its_help(monkeypatch):
    def stop(self: ManagementUtility) -> None:
        raise _Asked(management_command())

    monkeypatch.setattr(ManagementUtility, "autocomplete", stop)
    with pytest.raises(_Asked) as caught:
        ManagementUtility(["manage.py"]).execute()
    assert caught.value.args == ("help",)


def test_a_server_does_not_even_load_djangos_commands_to_find_out():
    code = (
        "import sys; from storage_router.conf.startup import reports_problems_itself as reports;"
        "assert not reports(); assert 'django.core.management' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
