"""C6 and section 8: ``manage.py check`` prints every problem with a stable id, each documented, each tested."""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path

import pytest
from django.conf import global_settings
from django.core import checks as django_checks
from django.core.files.storage import storages
from django.db import models
from django.test import override_settings
from django.test.utils import isolate_apps

import storage_router
from storage_router import checks, installed, telemetry
from storage_router.azure.storage import AzureStorage
from storage_router.conf import problems as conf_problems
from storage_router.delivery import checks as delivery
from storage_router.moving import checks as moving
from storage_router.uploads import checks as uploads
from tests.kit.azurite import ACCOUNT_KEY

ROOT = Path(__file__).parent.parent
MEMORY = {"type": "memory"}
SETTING = {"backends": {"media": MEMORY}, "default": "media"}
STATIC = {"BACKEND": "storage_router.StaticFilesStorage"}
PLAIN_STATIC = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# Made here, so that it stands in no file: the checks look at the siblings of the settings module, of which this is one.
PLANTED_KEY = base64.b64encode(b"planted" * 9 + b"!").decode()


def azure(**options) -> dict:
    return {
        "type": "azure",
        "account_name": "acmefiles",
        "azure_container": "media",
        "credential": "default",
        **options,
    }


def router(backends: dict, **document) -> dict:
    """``STORAGES["default"]``, written out."""
    document = {"default": next(iter(backends)), **document}
    return {"BACKEND": "storage_router.RouterStorage", "OPTIONS": {"backends": backends, **document}}


def alone(**options) -> dict:
    """An ``AzureStorage`` without a router."""
    options = {"account_name": "acmefiles", "azure_container": "media", "credential": "default", **options}
    return {"BACKEND": "storage_router.AzureStorage", "OPTIONS": options}


def found(default: dict | None = None, *, deploy: bool = False, staticfiles: dict = PLAIN_STATIC, **others) -> list:
    """What the checks say of these ``STORAGES``."""
    entries = {
        "default": default or {"BACKEND": "django.core.files.storage.InMemoryStorage"},
        "staticfiles": staticfiles,
    }
    with override_settings(STORAGES={**entries, **others}):
        run = checks.check_deployment if deploy else checks.check_configuration
        return run(None)


def ids(messages: list) -> list[str]:
    return [message.id.removeprefix("storage_router.") for message in messages]


def only(messages: list) -> django_checks.CheckMessage:
    [message] = messages
    return message


class TestIds:
    TABLES = (
        conf_problems.PROBLEMS,
        installed.PROBLEMS,
        checks.WARNINGS,
        *(table for room in (delivery, moving, uploads) for table in (room.PROBLEMS, room.WARNINGS)),
    )

    def test_no_id_is_used_twice(self):
        every = [short for table in self.TABLES for short in table]
        assert len(every) == len(set(every))

    def test_every_id_in_the_code_is_in_a_table(self):
        known = {short for table in self.TABLES for short in table}
        used = set()
        for path in (ROOT / "storage_router").rglob("*.py"):
            used |= set(re.findall(r'"([EW]\d{3})"', path.read_text(encoding="utf-8")))
        assert used == known

    def test_every_id_is_documented_with_what_to_do_and_no_other_is(self):
        document = (ROOT / "docs/checks.md").read_text(encoding="utf-8")
        sections = re.findall(r"^### ([EW]\d{3})\n\n(.+)$", document, re.MULTILINE)
        documented = dict(sections)
        table = {short: meaning for table in self.TABLES for short, meaning in table.items()}
        assert len(documented) == len(sections)
        assert documented.keys() == table.keys()
        for short, meaning in table.items():
            problem = f"{meaning[0].upper()}{meaning[1:]}. "
            assert documented[short].startswith(problem)
            assert len(documented[short]) > len(problem)


class TestErrors:
    def test_a_sound_configuration_has_nothing_to_say(self):
        assert found(router({"media": azure()}), staticfiles=STATIC) == []

    def test_storages_that_are_not_ours_are_none_of_our_business(self):
        assert found(other={"BACKEND": "nowhere.Storage"}, odd={}, broken="nonsense") == []
        assert found(s3={"BACKEND": "tests.router.unimportable.Storage"}) == []

    def test_every_problem_of_every_entry_is_reported_at_once_and_once(self):
        """C5"""
        messages = found(
            router({"media": azure(azure_container="Media", credntial="default")}, defalt="media"),
            staticfiles=STATIC,
            backup=alone(account_name="ACME"),
        )
        media = 'STORAGES["default"]["OPTIONS"]["backends"]["media"]'
        assert {str(message).partition("\n")[0] for message in messages} == {
            f"{media}[\"azure_container\"]: (storage_router.E003) 'Media' is not the name of a container",
            f"{media}[\"credntial\"]: (storage_router.E001) there is no setting 'credntial'",
            'STORAGES["default"]["OPTIONS"]["defalt"]: (storage_router.E001) there is no setting \'defalt\'',
            (
                "STORAGES['backup']: AzureStorage(account_name=…): (storage_router.E003) 'ACME' is not the name of a "
                "storage account"
            ),
        }
        assert len(messages) == 4
        assert "Did you mean 'credential'?" in {message.hint for message in messages}
        assert {message.level for message in messages} == {django_checks.ERROR}

    def test_of_two_routers_each_problem_says_whose_it_is_however_alike_they_are(self):
        """C5"""
        alike = {"media": azure(account_key=PLANTED_KEY), "idle": MEMORY}
        messages = found(router(alike), archive=router(alike, default="media", static={"prefix": "assets/"}))
        assert sorted((message.id.removeprefix("storage_router."), message.obj) for message in messages) == [
            (short, f'STORAGES["{alias}"]["OPTIONS"]["backends"]{key}')
            for short, key in [("W001", '["media"]["credential"]'), ("W003", '["idle"]')]
            for alias in ("archive", "default")
        ]
        misspelt = router({"media": MEMORY}, static={"prefx": "assets/"})
        assert only(found(router({"media": MEMORY}), archive=misspelt)).obj == (
            'STORAGES["archive"]["OPTIONS"]["static"]["prefx"]'
        )

    def test_a_misspelt_class_of_this_package_is_an_error(self):
        message = only(found({"BACKEND": "storage_router.RoutrStorage"}))
        assert str(message) == (
            "STORAGES['default']: (storage_router.E020) there is no 'storage_router.RoutrStorage'\n"
            "\tHINT: Did you mean 'storage_router.RouterStorage'?"
        )

    def test_static_files_without_a_router_are_an_error(self):
        message = only(found(staticfiles=STATIC))
        assert message.id == "storage_router.E021"
        assert message.obj == "STORAGES['staticfiles']"
        assert "RouterStorage" in message.msg

    @pytest.mark.parametrize(
        "given",
        [
            None,
            {"backends": {"other": MEMORY}},
            {"default": "media"},
            {"backends": SETTING["backends"]},
        ],
    )
    def test_a_setting_that_storages_did_not_see_is_an_error(self, given, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("STORAGE_ROUTER__BACKENDS__MEDIA__TYPE", "memory")
        monkeypatch.setenv("STORAGE_ROUTER__DEFAULT", "media")
        default = storage_router.storages(given)["default"]
        with override_settings(STORAGE_ROUTER=SETTING):
            message = next(message for message in found(default) if message.obj == "STORAGE_ROUTER")
        assert message.id == "storage_router.E022"
        assert message.msg.startswith("nothing reads this setting, or not all of it: storages() is called before")

    @pytest.mark.parametrize(
        "given",
        [SETTING, {**SETTING, "backends": {"media": "memory://?base_url=/m/"}}, {**SETTING, "routes": []}],
    )
    def test_a_setting_that_storages_was_given_is_none_whatever_code_puts_in_its_place(
        self, given, tmp_path, monkeypatch
    ):
        monkeypatch.chdir(tmp_path)
        default = storage_router.storages(given)["default"]
        with override_settings(STORAGE_ROUTER=SETTING):
            assert found(default) == []

    def test_what_is_no_setting_at_all_is_one_that_was_not_seen(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        default = storage_router.storages(SETTING)["default"]
        with override_settings(STORAGE_ROUTER="storage_router.toml"):
            assert ids(found(default)) == ["E022"]

    def test_a_written_out_router_reads_the_setting(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        setting = {"backends": {"media": MEMORY}, "default": "media"}
        with override_settings(STORAGE_ROUTER=setting):
            assert found({"BACKEND": "storage_router.RouterStorage"}) == []

    @isolate_apps("tests")
    def test_a_field_with_a_backend_that_its_router_does_not_have_is_an_error(self, monkeypatch):
        class Contract(models.Model):
            scan = models.FileField(storage=storage_router.backend("privat"))
            other = models.FileField(storage=storage_router.backend("private"))
            elsewhere = models.FileField(storage=storage_router.backend("private", router="documents"))

            class Meta:
                app_label = "tests"

        monkeypatch.setattr(installed.apps, "get_models", lambda: [Contract])
        message = only(found(router({"media": MEMORY, "private": MEMORY}, default="media")))
        assert str(message) == (
            "tests.Contract.scan: (storage_router.E023) storage_router.backend('privat'): STORAGES['default'] has no "
            "such backend\n\tHINT: Did you mean 'private'?"
        )

    @isolate_apps("tests")
    def test_a_field_with_another_packages_storage_out_of_a_router_is_an_error(self, monkeypatch):
        """C7"""
        entry = router({"media": azure(), "ram": MEMORY})
        with override_settings(STORAGES={"default": entry, "archive": entry}):
            backends, others = storages["default"].backends, storages["archive"].backends

            class Contract(models.Model):
                ours = models.FileField(storage=backends["media"])
                scan = models.FileField(storage=backends["ram"])
                other = models.FileField(storage=others["ram"])
                right = models.FileField(storage=storage_router.backend("ram"))

                class Meta:
                    app_label = "tests"

            monkeypatch.setattr(installed.apps, "get_models", lambda: [Contract])
            messages = [message for message in checks.check_configuration(None) if message.level == django_checks.ERROR]
        assert [str(message) for message in messages] == [
            f"tests.Contract.{field}: (storage_router.E024) InMemoryStorage is the backend 'ram', and migrations would "
            f"hold its options\n\tHINT: Write storage=storage_router.backend('ram'{rest})."
            for field, rest in (("scan", ""), ("other", ", router='archive'"))
        ]

    @isolate_apps("tests")
    def test_an_ordinary_field_does_not_hide_what_is_wrong_with_the_default_storage(self, monkeypatch):
        """C5, C6: looking at the field must not build the broken storage that is behind it."""

        class Document(models.Model):
            file = models.FileField()

            class Meta:
                app_label = "tests"

        monkeypatch.setattr(installed.apps, "get_models", lambda: [Document])
        broken = {"BACKEND": "storage_router.AzureStorage", "OPTIONS": {"account_nam": "x", "expiration_secs": "x"}}
        messages = found(broken, other={"BACKEND": "storage_router.AzurStorage"})
        default = "STORAGES['default']: AzureStorage"
        assert {str(message).partition("\n")[0] for message in messages} >= {
            f"{default}(account_nam=…): (storage_router.E001) there is no setting 'account_nam'",
            f"{default}(expiration_secs=…): (storage_router.E003) 'x' is not a duration",
            "STORAGES['other']: (storage_router.E020) there is no 'storage_router.AzurStorage'",
        }

    @pytest.mark.parametrize(
        ("given", "place", "message"),
        [
            (storage_router.storages, "STORAGES", "the value (function) is not a dict"),
            (
                {"default": storage_router.storages({"backends": {"media": MEMORY}})},
                "STORAGES['default']",
                "one entry holds a whole STORAGES",
            ),
        ],
    )
    def test_what_storages_returns_in_the_wrong_place_is_an_error(self, given, place, message):
        with override_settings(STORAGES=given):
            (problem,) = checks.found()
        assert (problem.id, problem.place, problem.message) == ("storage_router.E021", place, message)
        assert "STORAGES = storage_router.storages()" in problem.hint

    def test_an_option_that_static_files_do_not_have_is_an_error(self):
        message = only(found(router({"media": MEMORY}), staticfiles={**STATIC, "OPTIONS": {"prefx": "static/"}}))
        assert message.id == "storage_router.E021"
        assert "prefx" in message.msg

    def test_a_backend_that_cannot_be_imported_is_an_error(self):
        message = only(found(router({"bulk": {"type": "django", "backend": "nowhere.Storage"}})))
        assert message.id == "storage_router.E003"
        assert message.msg == "'nowhere.Storage' cannot be imported: No module named 'nowhere'"

    def test_a_backend_that_cannot_be_imported_hides_nothing(self):
        """C5: a module may raise anything while it is imported."""
        broken = {"type": "django", "backend": "tests.router.unimportable.Storage"}
        messages = found(router({"bulk": broken}), backup=alone(account_name="ACME"))
        assert [message.obj for message in messages] == [
            'STORAGES["default"]["OPTIONS"]["backends"]["bulk"]["backend"]',
            "STORAGES['backup']: AzureStorage(account_name=…)",
        ]
        assert messages[0].msg == (
            "'tests.router.unimportable.Storage' cannot be imported: "
            "Could not load the bindings of S3. No module named 'bindings'"
        )

    def test_whatever_a_subclass_raises_is_an_error_that_does_not_repeat_it(self, monkeypatch):
        """C5, C7"""

        class Files(AzureStorage):
            def __init__(self, **options):
                raise KeyError(options["account_key"])

        monkeypatch.setattr(sys.modules[__name__], "Files", Files, raising=False)
        entry = {"BACKEND": f"{__name__}.Files", "OPTIONS": {"account_key": PLANTED_KEY}}
        message = only(found(files=entry))
        assert str(message) == (
            "STORAGES['files']: (storage_router.E021) the class cannot be built: it raises KeyError"
        )

    def test_subclasses_are_checked_like_our_own(self, monkeypatch):
        class Router(storages.__class__):
            """Not a storage: names that lead elsewhere are left alone."""

        class Files(AzureStorage):
            azure_container = "X"

        monkeypatch.setattr(sys.modules[__name__], "Files", Files, raising=False)
        monkeypatch.setattr(sys.modules[__name__], "Router", Router, raising=False)
        messages = found(files={"BACKEND": f"{__name__}.Files"}, other={"BACKEND": f"{__name__}.Router"})
        assert {message.obj for message in messages} >= {"STORAGES['files']: Files.azure_container"}

    def test_warnings_of_the_configuration_are_warnings_here(self):
        """O1, R7"""
        key = {"account_key": ACCOUNT_KEY}
        messages = found(router({"media": azure(**key), "idle": MEMORY}), backup=alone(**key))
        assert sorted(ids(messages)) == ["W001", "W001", "W003"]
        assert {message.level for message in messages} == {django_checks.WARNING}
        assert "STORAGES['backup']: (storage_router.W001) it authenticates by account_key; not used: credential" in {
            str(message).partition("\n")[0] for message in messages
        }


class TestLeftovers:
    def test_settings_of_old_django_without_anything_in_their_place_are_an_error(self):
        """S1: the walk-through has them."""
        with override_settings(
            DEFAULT_FILE_STORAGE="storages.backends.azure_storage.AzureStorage",
            STATICFILES_STORAGE="acme.Static",
            STORAGES=global_settings.STORAGES,
        ):
            messages = checks.check_configuration(None)
        assert [(message.id, message.obj) for message in messages] == [
            ("storage_router.E025", "DEFAULT_FILE_STORAGE"),
            ("storage_router.E025", "STATICFILES_STORAGE"),
        ]
        hint = '{"default": {"BACKEND": "storage_router.AzureStorage"}, "staticfiles": {"BACKEND": "acme.Static"}}'
        assert {message.hint for message in messages} == {f"Remove it, and write instead: STORAGES = {hint}"}

    def test_a_setting_of_old_django_that_storages_replaces_is_left_alone(self):
        with override_settings(DEFAULT_FILE_STORAGE="acme.Media"):
            assert found(router({"media": MEMORY})) == []


class TestCollectstatic:
    """The first app of INSTALLED_APPS that has a command gives it."""

    def test_this_package_before_staticfiles_gives_collectstatic(self, monkeypatch):
        monkeypatch.setattr(checks, "get_commands", lambda: {"collectstatic": "storage_router"})
        assert found(router({"media": MEMORY}), staticfiles=STATIC) == []

    @pytest.mark.parametrize("manifest_storage", [{}, {"manifest_storage": None}])
    def test_hashed_names_over_a_container_are_looked_at_without_a_request(self, manifest_storage):
        """C6: Django's mixin reads its manifest when it is built, and here nobody answers."""
        options = {
            "account_url": "http://127.0.0.1:9/acmefiles",
            "account_key": PLANTED_KEY,
            "azure_container": "static",
        }
        entry = {"BACKEND": "tests.staticfiles.storages.ProjectsManifestStorage", "OPTIONS": options | manifest_storage}
        assert found(router({"media": MEMORY}), staticfiles=entry) == []
        entry["OPTIONS"]["expiration_secs"] = "x"
        message = only(found(router({"media": MEMORY}), staticfiles=entry))
        assert (message.id, message.obj) == (
            "storage_router.E003",
            "STORAGES['staticfiles']: ProjectsManifestStorage(expiration_secs=…)",
        )

    @pytest.mark.parametrize(
        "staticfiles",
        [
            STATIC,
            router({"media": MEMORY}),
            {"BACKEND": "storage_router.AzureStorage", "OPTIONS": {k: v for k, v in azure().items() if k != "type"}},
        ],
        ids=["through the router", "a router of its own", "a container of its own"],
    )
    def test_another_app_before_this_package_is_named(self, monkeypatch, staticfiles):
        monkeypatch.setattr(checks, "get_commands", lambda: {"collectstatic": "django.contrib.staticfiles"})
        message = only(found(router({"media": MEMORY}), staticfiles=staticfiles))
        assert (message.id, message.obj) == ("storage_router.W024", "INSTALLED_APPS")
        assert message.hint == "Put 'storage_router' before 'django.contrib.staticfiles'."

    def test_static_files_of_somebody_else_need_no_collectstatic_of_ours(self, monkeypatch):
        monkeypatch.setattr(checks, "get_commands", lambda: {"collectstatic": "django.contrib.staticfiles"})
        assert found(router({"media": MEMORY})) == []


class TestTelemetry:
    def test_a_subscriber_without_its_package_is_an_error(self, monkeypatch):
        monkeypatch.setattr(telemetry, "find_spec", lambda name: None if name == "prometheus_client" else object())
        subscribers = ["log", "opentelemetry", "prometheus"]
        message = only(found(router({"media": MEMORY}, telemetry={"subscribers": subscribers})))
        assert (message.id, message.obj) == (
            "storage_router.E070",
            'STORAGES["default"]["OPTIONS"]["telemetry"]["subscribers"][2]',
        )
        assert message.msg.endswith("the subscriber 'prometheus' needs a package that is not installed")
        assert message.hint == "Install prometheus-client, or remove the subscriber."


def test_the_checks_are_registered_by_the_app():
    registered = {
        check.__name__ for check in django_checks.registry.registry.get_checks(include_deployment_checks=True)
    }
    assert {"check_configuration", "check_deployment"} <= registered
