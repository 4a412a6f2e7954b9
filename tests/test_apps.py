"""C6: a process with an invalid configuration does not start; ``manage.py check`` reports the same problems."""

from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path

import pytest
from django.apps import apps
from django.test import override_settings

from storage_router.exceptions import ConfigurationError
from tests.kit import warm
from tests.kit.azurite import ACCOUNT_KEY

ROOT = Path(__file__).parent.parent
STATIC = {"BACKEND": "storage_router.StaticFilesStorage"}
MANAGE = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
SETTINGS = """
import storage_router
SECRET_KEY = "only for tests"
INSTALLED_APPS = ["storage_router"]
STORAGES = %s
"""
READ = "storage_router.storages()"
WRITTEN = (
    '{"default": {"BACKEND": "storage_router.RouterStorage"}, '
    '"staticfiles": {"BACKEND": "storage_router.StaticFilesStorage"}}'
)
BAD = """
default = "media"
[backends.media]
type = "azure"
account_name = "ACME"
azure_container = "media"
credntial = "default"
"""
GOOD = """
default = "ram"
[backends.ram]
type = "memory"
"""


def router(backends: dict, **document) -> dict:
    options = {"backends": backends, **document}
    return {"default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options}, "staticfiles": STATIC}


@pytest.fixture
def ready():
    """The app's ``ready()``, as Django calls it at the end of ``django.setup()``."""
    return apps.get_app_config("storage_router").ready


class TestReady:
    def test_a_bad_configuration_raises_with_every_problem(self, ready):
        with (
            override_settings(STORAGES=router({"ram": {"type": "memry"}}, defualt="x")),
            pytest.raises(ConfigurationError) as caught,
        ):
            ready()
        assert {problem.id for problem in caught.value.problems} == {"storage_router.E003", "storage_router.E001"}

    def test_warnings_are_told_with_the_errors_unless_they_are_silenced(self, ready, monkeypatch):
        monkeypatch.setenv("STORAGE_ROUTER_CONFG", "production.toml")
        storages = router({"ram": {"type": "memry"}})
        with override_settings(STORAGES=storages), pytest.raises(ConfigurationError) as caught:
            ready()
        assert [problem.id for problem in caught.value.problems] == ["storage_router.E003", "storage_router.W002"]
        silenced = override_settings(STORAGES=storages, SILENCED_SYSTEM_CHECKS=["storage_router.W002"])
        with silenced, pytest.raises(ConfigurationError) as caught:
            ready()
        assert [problem.id for problem in caught.value.problems] == ["storage_router.E003"]

    def test_a_silenced_error_stops_the_process_all_the_same(self, ready):
        silenced = override_settings(
            STORAGES=router({"ram": {"type": "memry"}}), SILENCED_SYSTEM_CHECKS=["storage_router.E003"]
        )
        with silenced, pytest.raises(ConfigurationError, match="there is no type 'memry'"):
            ready()

    def test_a_good_configuration_starts_in_silence(self, ready, caplog):
        with override_settings(STORAGES=router({"ram": {"type": "memory"}}, default="ram")):
            ready()
        assert caplog.records == []

    def test_warnings_are_logged_because_no_server_shows_checks(self, ready, caplog):
        idle = {"ram": {"type": "memory"}, "idle": {"type": "memory"}}
        with (
            override_settings(STORAGES=router(idle, default="ram")),
            caplog.at_level(logging.WARNING, "storage_router"),
        ):
            ready()
        [record] = caplog.records
        assert "no name leads to the backend 'idle' (storage_router.W003)" in record.getMessage()

    def test_a_silenced_warning_is_silent_here_too(self, ready, caplog):
        idle = {"ram": {"type": "memory"}, "idle": {"type": "memory"}}
        with override_settings(STORAGES=router(idle, default="ram"), SILENCED_SYSTEM_CHECKS=["storage_router.W003"]):
            ready()
        assert caplog.records == []


@pytest.fixture
def manage(tmp_path):
    """Run ``manage.py`` of a project in a process of its own. ``storages`` is the text of the setting."""

    def run(
        *arguments: str, storages: str = READ, toml: str = BAD, settings: str = ""
    ) -> subprocess.CompletedProcess[str]:
        (tmp_path / "manage.py").write_text(MANAGE)
        (tmp_path / "settings.py").write_text(SETTINGS % storages + settings)
        (tmp_path / "storage_router.toml").write_text(toml)
        return warm.run("manage.py", *arguments, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)})

    return run


@pytest.mark.parametrize("storages", [READ, WRITTEN], ids=["storages()", "written out"])
class TestProcesses:
    def test_check_prints_every_problem_and_no_traceback(self, manage, storages):
        ran = manage("check", storages=storages)
        assert ran.returncode == 1
        assert "Traceback" not in ran.stderr
        assert (
            "storage_router.toml: backends.media.account_name: (storage_router.E003) 'ACME' is not the name of a "
            "storage account\n\tHINT: An account's name has 3 to 24 characters" in ran.stderr
        )
        assert (
            "storage_router.toml: backends.media.credntial: (storage_router.E001) there is no setting 'credntial'"
            in ran.stderr
        )
        assert "System check identified 2 issues (0 silenced)." in ran.stderr

    def test_our_own_command_prints_them_too(self, manage, storages):
        ran = manage("storage_router", "routes", storages=storages)
        assert ran.returncode == 2
        assert "Traceback" not in ran.stderr
        assert ran.stderr.startswith("CommandError: invalid configuration (2 problems):\n")

    def test_every_other_command_stops_with_all_of_them(self, manage, storages):
        ran = manage("migrate", storages=storages)
        assert ran.returncode == 1
        assert ran.stdout == ""
        assert "invalid configuration (2 problems):\n" in ran.stderr
        assert "(storage_router.E003)" in ran.stderr
        assert "(storage_router.E001)" in ran.stderr

    def test_a_good_configuration_starts(self, manage, storages):
        ran = manage("shell", "-c", "print('started')", storages=storages, toml=GOOD)
        assert (ran.returncode, ran.stdout.splitlines()[-1:]) == (0, ["started"])


ASKS = """
from django.core.files.storage import storages
from django.db import models
import storage_router

class Document(models.Model):
    id = models.BigAutoField(primary_key=True)
    file = models.FileField(storage=lambda: storages["default"])
    scan = models.FileField(storage=storage_router.RouterStorage())

    class Meta:
        app_label = "shelf"
"""


@pytest.mark.parametrize("storages", [READ, WRITTEN], ids=["storages()", "written out"])
class TestModelsThatAskForTheStorage:
    """C6: models are imported before any check runs."""

    @pytest.fixture
    def shelf(self, manage, tmp_path):
        (tmp_path / "shelf").mkdir()
        (tmp_path / "shelf/__init__.py").touch()
        (tmp_path / "shelf/models.py").write_text(ASKS)
        return lambda *arguments, **given: manage(*arguments, settings="INSTALLED_APPS += ['shelf']\n", **given)

    def test_check_prints_every_problem_once_and_no_traceback(self, shelf, storages):
        ran = shelf("check", storages=storages)
        assert ran.returncode == 1
        assert "Traceback" not in ran.stderr
        assert (
            "storage_router.toml: backends.media.credntial: (storage_router.E001) there is no setting 'credntial'"
            in ran.stderr
        )
        assert "System check identified 2 issues (0 silenced)." in ran.stderr

    def test_our_own_command_does(self, shelf, storages):
        ran = shelf("storage_router", "config", storages=storages)
        assert ran.returncode == 2
        assert ran.stderr.startswith("CommandError: invalid configuration (2 problems):\n")

    def test_every_other_command_stops(self, shelf, storages):
        ran = shelf("migrate", storages=storages)
        assert ran.returncode == 1
        assert "invalid configuration (2 problems):\n" in ran.stderr


def test_a_router_in_a_field_alone_is_reported_too(manage, tmp_path):
    """C6"""
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf/__init__.py").touch()
    (tmp_path / "shelf/models.py").write_text(ASKS.replace("RouterStorage()", "RouterStorage(default='nowhere')"))
    ran = manage("check", toml=GOOD, settings="INSTALLED_APPS += ['shelf']\n")
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert "OPTIONS[\"default\"]: (storage_router.E004) there is no backend 'nowhere'" in ran.stderr
    assert "System check identified 1 issue (0 silenced)." in ran.stderr


def test_check_itself_says_nothing_of_errors_that_are_silenced(manage):
    """It is Django's command; docs/checks.md says so."""
    silenced = 'SILENCED_SYSTEM_CHECKS = ["storage_router.E001", "storage_router.E003"]\n'
    ran = manage("check", settings=silenced)
    assert (ran.returncode, ran.stdout) == (0, "System check identified no issues (2 silenced).\n")
    assert manage("migrate", settings=silenced).returncode == 1


REPORT = """invalid configuration (2 problems):
storage_router.toml: backends.media.account_name: 'ACME' is not the name of a storage account (storage_router.E003)
    An account's name has 3 to 24 characters, lower-case letters and digits only; a URL goes to account_url.
storage_router.toml: backends.media.credntial: there is no setting 'credntial' (storage_router.E001)
    Did you mean 'credential'?
"""


@pytest.mark.parametrize("storages", [READ, WRITTEN], ids=["storages()", "written out"])
@pytest.mark.parametrize(
    "command",
    [
        ["runserver", "--noreload", "127.0.0.1:0"],
        ["shell", "-c", "print('started')"],
        ["help"],
        ["collectstatic", "--noinput"],
        ["no_such_command"],
    ],
    ids=" ".join,
)
def test_no_command_starts_and_the_report_is_the_last_thing_on_the_screen(manage, command, storages):
    """C6"""
    ran = manage(*command, storages=storages)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.endswith(REPORT)
    assert ran.stderr.count("Traceback") == 1


PRIVATE = """
from django.db import models
from storage_router import AzureStorage

class PrivateStorage(AzureStorage):
    azure_container = "private"
    expiration_secs = 300

    def __init__(self, **options):
        super().__init__(**options)
        self.location = f"{self.location}/{self.azure_container}".strip("/")

class Letter(models.Model):
    id = models.BigAutoField(primary_key=True)
    file = models.FileField(storage=PrivateStorage())
    scan = models.FileField(storage=PrivateStorage())

    class Meta:
        app_label = "shelf"
"""
EMULATOR = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=" + ACCOUNT_KEY + ";"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;"
)


class TestAStorageThatAModelBuildsAtImport:
    """C6; the first step of a move from django-storages is ``manage.py check``."""

    PROBLEM = "shelf.Letter.file: PrivateStorage: settings.AZURE_SSL: "

    @pytest.fixture
    def shelf(self, manage, tmp_path):
        (tmp_path / "shelf").mkdir()
        (tmp_path / "shelf/__init__.py").touch()
        (tmp_path / "shelf/models.py").write_text(PRIVATE)

        def run(*arguments, apps=("storage_router", "shelf"), **azure):
            azure = {"CONNECTION_STRING": EMULATOR, **azure}
            settings = "".join(f"AZURE_{name} = {value!r}\n" for name, value in azure.items())
            return manage(*arguments, storages="{}", settings=f"INSTALLED_APPS = {list(apps)}\n{settings}")

        return run

    def test_check_reports_it_once_with_the_class_and_no_traceback(self, shelf):
        ran = shelf("check", SSL=True)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert "Traceback" not in ran.stderr
        assert f"{self.PROBLEM}(storage_router.E008) " in ran.stderr
        assert "System check identified 1 issue (0 silenced)." in ran.stderr

    @pytest.mark.parametrize(
        ("azure", "text"),
        [
            ({"EXPIRATION": 1, "LOCATION": ["a"]}, "PrivateStorage: settings.AZURE_LOCATION: (storage_router.E003) "),
            ({"CONNECTION_STRING": "nonsense"}, "PrivateStorage: settings.AZURE_CONNECTION_STRING: (storage_router.E"),
            (
                {"TOKEN_CREDENTIAL": "no.such.thing", "CLIENT_OPTIONS": 5},
                "PrivateStorage: settings.AZURE_CLIENT_OPTIONS: ",
            ),
        ],
    )
    def test_so_are_other_invalid_settings(self, shelf, azure, text):
        ran = shelf("check", **azure)
        assert ran.returncode == 1
        assert "Traceback" not in ran.stderr
        assert text in ran.stderr

    def test_check_reports_it_without_the_app_too(self, shelf):
        ran = shelf("check", apps=["shelf"], SSL=True)
        assert ran.returncode == 1
        assert "Traceback" not in ran.stderr
        assert "PrivateStorage: settings.AZURE_SSL: (storage_router.E008) " in ran.stderr

    def test_our_own_command_reports_it(self, shelf):
        ran = shelf("storage_router", "config", SSL=True)
        assert ran.returncode == 2
        assert ran.stderr.startswith(f"CommandError: invalid configuration (1 problem):\n{self.PROBLEM}")

    def test_every_other_command_stops(self, shelf):
        ran = shelf("migrate", SSL=True)
        assert ran.returncode == 1
        assert "\nstorage_router.exceptions.ConfigurationError: invalid configuration (1 problem):\n" in ran.stderr

    def test_a_valid_one_passes_and_the_commands_show_it(self, shelf):
        assert shelf("check").returncode == 0
        ran = shelf("storage_router", "config")
        assert (ran.returncode, ran.stderr) == (0, "")
        assert "azure_container\tprivate\tPrivateStorage.azure_container\n" in ran.stdout


class TestWithoutTheApp:
    """C6: ``check`` runs, and none of the checks of an app that is not installed."""

    def test_the_first_use_raises(self, manage):
        code = "from django.core.files.storage import default_storage as s; s.exists('a')"
        ran = manage("shell", "-c", code, settings="INSTALLED_APPS = []\n")
        assert ran.returncode == 1
        assert ran.stderr.endswith(REPORT)

    def test_check_prints_what_storages_found(self, manage):
        ran = manage("check", settings="INSTALLED_APPS = []\n")
        assert ran.returncode == 1
        assert "Traceback" not in ran.stderr
        assert (
            "storage_router.toml: backends.media.credntial: (storage_router.E001) there is no setting 'credntial'"
            in ran.stderr
        )
        assert "System check identified 2 issues (0 silenced)." in ran.stderr

    def test_a_good_configuration_passes(self, manage):
        assert manage("check", settings="INSTALLED_APPS = []\n", toml=GOOD).returncode == 0


def test_a_setting_that_storages_cannot_see_stops_the_process(manage):
    """C2: nothing that was configured is left out in silence."""
    setting = 'STORAGE_ROUTER = {"backends": {"other": {"type": "memory"}}, "default": "other"}\n'
    ran = manage("migrate", toml=GOOD, settings=setting)
    assert ran.returncode == 1
    assert "STORAGE_ROUTER: nothing reads this setting" in ran.stderr
    assert "(storage_router.E022)" in ran.stderr
    assert "Pass it: STORAGES = storage_router.storages(STORAGE_ROUTER)." in ran.stderr


def test_starting_and_checking_load_nothing_of_the_azure_sdk(manage):
    """Section 1."""
    toml = BAD.replace("credntial", "credential").replace("ACME", "acme")
    code = "import sys; print([name for name in sys.modules if name.split('.')[0] == 'azure'])"
    ran = manage("shell", "-c", code, toml=toml)
    assert ran.stdout.splitlines()[-1] == "[]"
