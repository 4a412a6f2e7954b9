"""C6: a bad configuration stops every process, but ``manage.py check`` and ``storage_router`` print it instead."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.core.management import ManagementUtility

from storage_router.conf.startup import management_command, reports_problems_itself


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
