"""C1, C5, C6, R7: from a configuration to storages, each built once."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from unittest import mock

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage

import storage_router
from storage_router import RouterStorage, factory
from storage_router.azure.storage import AzureStorage
from storage_router.exceptions import ConfigurationError
from storage_router.router.backends import Backends
from tests.kit import warm
from tests.router import storages as doubles

ROOT = Path(__file__).parent.parent
AZURE = {"type": "azure", "account_name": "acme", "account_key": "c2VjcmV0", "azure_container": "media"}


@pytest.fixture(autouse=True)
def nothing_else_configures(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STORAGE_ROUTER")}
    with mock.patch.dict(os.environ, kept, clear=True):
        yield


def backend(**options):
    """The storage that one backend's options make."""
    return Backends(factory.configure({"backends": {"one": options}, "default": "one"}))["one"]


def problems_of(config):
    with pytest.raises(ConfigurationError) as error:
        factory.configure(config)
    return [(problem.id.removeprefix("storage_router."), problem.place) for problem in error.value.problems]


def test_an_azure_backend_knows_its_alias_and_nothing_of_the_settings(settings_override):
    # C1
    settings_override("AZURE_LOCATION", "elsewhere")
    storage = backend(**AZURE)
    assert type(storage) is AzureStorage
    assert (storage.alias, storage.location, storage.azure_container) == ("one", "", "media")


@pytest.fixture
def settings_override():
    from django.test import override_settings

    active = []

    def override(name, value):
        change = override_settings(**{name: value})
        change.enable()
        active.append(change)

    yield override
    for change in active:
        change.disable()


def test_a_filesystem_backend_is_djangos_own_with_its_options(tmp_path):
    # C1
    options = {"file_permissions_mode": "640", "directory_permissions_mode": "750", "allow_overwrite": True}
    storage = backend(type="filesystem", location=str(tmp_path / "m"), base_url="/files", **options)
    assert type(storage) is FileSystemStorage
    assert storage.save("a/b.txt", ContentFile(b"x")) == storage.save("a/b.txt", ContentFile(b"y")) == "a/b.txt"
    assert (tmp_path / "m/a/b.txt").read_bytes() == b"y"
    assert (tmp_path / "m/a/b.txt").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "m/a").stat().st_mode & 0o777 == 0o750
    assert storage.url("a/b.txt") == "/files/a/b.txt"


def test_what_a_filesystem_backend_leaves_out_comes_from_djangos_settings(settings_override, tmp_path):
    # C1
    settings_override("MEDIA_ROOT", str(tmp_path / "root"))
    storage = backend(type="filesystem")
    assert storage.location == str(tmp_path / "root")
    assert storage.url("a") == "/media/a"


def test_a_memory_backend_is_djangos_own():
    # C1
    storage = backend(type="memory", base_url="/m/")
    assert type(storage) is InMemoryStorage
    assert storage.url("a") == "/m/a"


def test_any_other_storage_is_built_by_its_dotted_path(tmp_path):
    # C1
    options = {"location": str(tmp_path), "base_url": "/x/"}
    storage = backend(type="django", backend="django.core.files.storage.FileSystemStorage", options=options)
    assert storage.path("a") == str(tmp_path / "a")


def test_a_backend_is_built_at_its_first_use_and_once_for_all_threads():
    doubles.BUILT.clear()
    counted = {"type": "django", "backend": "tests.router.storages.Counted"}
    backends = Backends(factory.configure({"backends": {"one": counted, "two": counted}, "default": "one"}))
    assert list(backends) == ["one", "two"]
    assert len(backends) == 2
    assert doubles.BUILT == []
    barrier = threading.Barrier(8)
    found = []

    def use():
        barrier.wait()
        found.append(backends["one"])

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert [found[0]] == doubles.BUILT
    assert len(set(map(id, found))) == 1


def test_an_alias_that_nobody_configured_is_a_key_error():
    backends = Backends(factory.configure({"backends": {"one": "memory://"}, "default": "one"}))
    assert "other" not in backends
    with pytest.raises(KeyError, match="other"):
        backends["other"]


@pytest.mark.parametrize(
    ("options", "place", "message", "hint"),
    [
        (
            {"backend": "no.such.Storage"},
            'OPTIONS["backends"]["bad"]["backend"]',
            "'no.such.Storage' cannot be imported: No module named 'no'",
            "Install the package that has it, or correct the dotted path.",
        ),
        (
            {"backend": "tests.router.storages.Missing"},
            'OPTIONS["backends"]["bad"]["backend"]',
            (
                "'tests.router.storages.Missing' cannot be imported: "
                'Module "tests.router.storages" does not define a "Missing" attribute/class'
            ),
            "Install the package that has it, or correct the dotted path.",
        ),
        (
            {"backend": "tests.router.unimportable.Storage"},
            'OPTIONS["backends"]["bad"]["backend"]',
            (
                "'tests.router.unimportable.Storage' cannot be imported: "
                "Could not load the bindings of S3. No module named 'bindings'"
            ),
            "Install the package that has it, or correct the dotted path.",
        ),
        (
            {"backend": "tests.router.storages.Choosy"},
            'OPTIONS["backends"]["bad"]["backend"]',
            "'tests.router.storages.Choosy' is not a Django storage",
            "Name a subclass of Storage.",
        ),
        (
            {"backend": "django.core.files.storage.FileSystemStorage", "options": {"lokation": "/x"}},
            'OPTIONS["backends"]["bad"]["backend"]',
            (
                "django.core.files.storage.FileSystemStorage refuses its options: "
                "FileSystemStorage.__init__() got an unexpected keyword argument 'lokation'"
            ),
            "See its documentation.",
        ),
        (
            {"backend": "tests.router.storages.Refusing", "options": {"password": "hunter2"}},
            'OPTIONS["backends"]["bad"]["backend"]',
            "tests.router.storages.Refusing refuses its options: it raises ImproperlyConfigured",
            "See its documentation.",
        ),
        (
            {"backend": "tests.router.storages.Refusing", "options": {"password": ["x", {"of": "hunter2"}]}},
            'OPTIONS["backends"]["bad"]["backend"]',
            "tests.router.storages.Refusing refuses its options: it raises ImproperlyConfigured",
            "See its documentation.",
        ),
    ],
)
def test_a_storage_that_cannot_be_built_is_a_problem_with_place_and_remedy(options, place, message, hint):
    """C5, C6, C7: found offline, by whoever starts the process; no value of an option is repeated."""
    bad = {"type": "django", **options}
    backends = Backends(factory.configure({"backends": {"good": "memory://", "bad": bad}, "default": "good"}))
    [problem] = backends.check()
    # From Python 3.13 on, the interpreter adds a suggestion of its own.
    said = problem.message.removesuffix(". Did you mean 'location'?")
    assert (problem.id, problem.place, said, problem.hint) == ("storage_router.E003", place, message, hint)
    assert "hunter2" not in str(problem)
    with pytest.raises(ConfigurationError) as error:
        backends["bad"]
    assert "hunter2" not in str(error.value)


def test_whatever_a_storage_raises_while_it_is_built_is_a_problem():
    # C5
    bad = {"type": "django", "backend": "tests.router.storages.BrokenStorage"}
    [problem] = Backends(factory.configure({"backends": {"bad": bad}, "default": "bad"})).check()
    assert problem.message == (
        "tests.router.storages.BrokenStorage refuses its options: it raises RuntimeError: no service here"
    )


def test_a_refusal_that_repeats_no_value_is_told_as_it_is():
    # C5
    refusing = {"type": "django", "backend": "tests.router.storages.Refusing", "options": {"password": "hunter2"}}
    backends = Backends(
        factory.configure(
            {
                "backends": {
                    "bad": {**refusing, "options": {"password": ["pw", True, {"x": "y"}], "region": "nowhere"}}
                },
                "default": "bad",
            }
        )
    )
    [problem] = backends.check()
    assert problem.message == "tests.router.storages.Refusing refuses its options: there is no such region"


@pytest.mark.parametrize(
    ("how", "secret"),
    [
        ("repr", "-----BEGIN-----\nhunter2hunter2\n-----END-----"),
        ("repr", "hun\\ter2'hunter"),
        ("repr", b"hunter2"),
        ("repr", "a-b-c"),
        ("repr", 8675309424),
        ("repr", {"of": [12.75]}),
        ("json", 'hunter2"hunter2'),
        ("json", {"key": "äöü"}),
        ("bytes", "hunter2É"),
        ("port", "sftp://user:hunter2/x@host/dir"),
    ],
)
def test_a_refusal_that_repeats_a_part_of_a_value_in_any_form_is_told_by_its_kind(how, secret):
    # C7
    quoting = {
        "type": "django",
        "backend": "tests.router.storages.Quoting",
        "options": {"secret": secret, "how": how},
    }
    [problem] = Backends(factory.configure({"backends": {"bad": quoting}, "default": "bad"})).check()
    assert problem.message == "tests.router.storages.Quoting refuses its options: it raises ValueError"


def test_a_sound_configuration_checks_out():
    backends = Backends(
        factory.configure(
            {
                "backends": {"one": AZURE, "two": "memory://"},
                "default": "one",
                "routes": [{"types": ".x", "backend": "two"}],
            }
        )
    )
    assert backends.check() == ()


def test_problems_of_the_routes_are_reported_together():
    """C5: in the second pass, each with its place."""
    config = {
        "backends": {"one": {**AZURE, "azure_container": "No"}},
        "routes": [
            {"prefix": "a", "backend": "one"},
            {"prefix": "a/b", "backend": "one"},
            {"prefix": "a", "backend": "one"},
            {"backend": "one"},
            {"glob": "x[", "backend": "one"},
        ],
        "defualt": "one",
    }
    assert sorted(problems_of(config)) == [
        ("E001", 'OPTIONS["defualt"]'),
        ("E003", 'OPTIONS["backends"]["one"]["azure_container"]'),
        ("E003", 'OPTIONS["routes"][4]["glob"][0]'),
    ]
    assert sorted(
        problems_of({"backends": {"one": AZURE}, "routes": [*config["routes"][:4], {"glob": "x", "backend": "one"}]})
    ) == [
        ("E005", 'OPTIONS["routes"][1] (prefix "a/b")'),
        ("E006", 'OPTIONS["routes"][2] (prefix "a")'),
        ("E007", 'OPTIONS["routes"][3] (everything)'),
    ]


def warnings_of(**backends):
    routes = [{"prefix": alias, "backend": alias} for alias in backends]
    found = factory.configure({"backends": backends, "routes": routes}).warnings
    return [(problem.id, problem.place, problem.message) for problem in found]


OTHER_ACCOUNT = {**AZURE, "account_name": "other"}


@pytest.mark.parametrize(
    ("one", "two", "what"),
    [
        (AZURE, AZURE, "container"),
        (AZURE, {**AZURE, "location": "a/b"}, "container"),
        ({**AZURE, "location": "a/"}, {**AZURE, "location": "a/b", "expiration_secs": 60}, "container"),
        (AZURE, {**AZURE, "azure_ssl": False}, "container"),
        (AZURE, {**AZURE, "account_url": "https://Acme.blob.core.windows.net:443/"}, "container"),
        (
            {**AZURE, "account_url": "http://127.0.0.1:10000/acme"},
            {**AZURE, "account_url": "https://127.0.0.1:10000/acme"},
            "container",
        ),
        ({"type": "filesystem", "location": "/srv/m"}, {"type": "filesystem", "location": "/srv/m/x/"}, "directory"),
        ({"type": "filesystem"}, {"type": "filesystem"}, "directory"),
    ],
)
def test_two_backends_that_see_the_same_files_are_a_warning(one, two, what):
    """R7: the same container and overlapping location."""
    message = f"the backends 'one' and 'two' are on the same {what}, and their locations overlap"
    found = warnings_of(one=one, two=two)
    assert [(identity, message) for identity, _, message in found] == [("storage_router.W004", message)]
    assert 'OPTIONS["backends"]["two"]' in found[0][1]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (AZURE, OTHER_ACCOUNT),
        (AZURE, {**AZURE, "azure_container": "other"}),
        (
            {**AZURE, "account_url": "http://127.0.0.1:10000/acme"},
            {**AZURE, "account_url": "http://127.0.0.1:10001/acme"},
        ),
        (
            {**AZURE, "account_url": "http://127.0.0.1:10000/acme"},
            {**OTHER_ACCOUNT, "account_url": "http://127.0.0.1:10000/other"},
        ),
        ({**AZURE, "location": "a"}, {**AZURE, "location": "ab"}),
        ({"type": "filesystem", "location": "/srv/m"}, {"type": "filesystem", "location": "/srv/media"}),
        ({"type": "filesystem", "location": "/srv/m"}, {"type": "filesystem"}),
        ({"type": "memory"}, {"type": "memory"}),
        ({"type": "filesystem", "location": "/media"}, AZURE),
    ],
)
def test_two_backends_that_share_no_file_are_none(one, two):
    # R7
    assert warnings_of(one=one, two=two) == []


def test_a_backend_that_no_route_reaches_is_a_warning_where_it_is_written():
    # R7
    config = factory.configure({"backends": {"one": "memory://", "spare": "memory://"}, "default": "one"})
    assert [(problem.id, problem.place) for problem in config.warnings] == [
        ("storage_router.W003", 'OPTIONS["backends"]["spare"]')
    ]


def test_storages_returns_the_whole_setting():
    # Section 1
    found = storage_router.storages({"backends": {"one": "memory://"}, "default": "one"})
    assert list(found) == ["default", "staticfiles"]
    assert found["staticfiles"] == {"BACKEND": "storage_router.StaticFilesStorage"}
    assert found["default"]["BACKEND"] == "storage_router.RouterStorage"
    router = RouterStorage(**found["default"]["OPTIONS"])
    assert router.explain("a").alias == "one"


def test_an_invalid_configuration_is_raised_where_the_router_is_built_and_not_by_storages():
    """C6: Django ignores ``ImproperlyConfigured`` in settings."""
    options = storage_router.storages({"bakends": {}})["default"]["OPTIONS"]
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r'storages\(config=…\)\["bakends"\].*\n.*Did you mean .backends.'):
            RouterStorage(**options)


def test_a_router_takes_a_configuration_or_its_parts():
    configuration = factory.configure({"backends": {"one": "memory://"}, "default": "one"})
    assert RouterStorage(configuration=configuration).configuration is configuration
    with pytest.raises(
        TypeError, match=r"^RouterStorage takes a configuration or its parts, not both: default, routes$"
    ):
        RouterStorage(configuration=configuration, routes=[], default="one")


def test_a_router_without_options_reads_the_other_sources(monkeypatch, tmp_path, settings_override):
    # C2
    (tmp_path / "storage_router.toml").write_text('default = "one"\n[backends.one]\ntype = "memory"\n')
    assert list(RouterStorage().backends) == ["one"]
    settings_override(
        "STORAGE_ROUTER", {"backends": {"two": {"type": "memory", "base_url": "/two/"}}, "default": "two"}
    )
    router = RouterStorage()
    assert (list(router.backends), router.url("a")) == (["one", "two"], "/two/a")
    assert RouterStorage(default="one").explain("a").alias == "one"


SETTINGS = """
import storage_router
SECRET_KEY = "x"
INSTALLED_APPS = {apps}
DATABASES = {{}}
STORAGES = storage_router.storages({{"bakends": {{"one": "memory://"}}}})
"""


def start(tmp_path, *arguments):
    """Run Python in a project with a misspelt key in its configuration."""
    (tmp_path / "bad_settings.py").write_text(SETTINGS.format(apps=["storage_router"]))
    environment = {
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        "DJANGO_SETTINGS_MODULE": "bad_settings",
        "PATH": os.environ["PATH"],
    }
    return warm.run(*arguments, cwd=tmp_path, env=environment)


def test_a_bad_configuration_lets_no_process_start(tmp_path):
    """C6"""
    found = start(tmp_path, "-c", "import django; django.setup(); print('started')")
    assert found.returncode == 1
    assert "storage_router.exceptions.ConfigurationError: invalid configuration (" in found.stderr
    assert "Did you mean 'backends'?" in found.stderr
    assert found.stdout == ""


def test_check_prints_the_problems_of_a_bad_configuration(tmp_path):
    """C6"""
    found = start(tmp_path, "-m", "django", "check")
    assert found.returncode == 1
    assert "storage_router.E001" in found.stderr
    assert "Did you mean 'backends'?" in found.stderr
    assert "Traceback" not in found.stderr


def test_loading_and_url_import_nothing_of_the_azure_sdk(tmp_path):
    """Section 1: importing, building the storages and 1,000 URLs load no module of the SDK, and make no request."""
    code = """
    import sys
    import django
    from django.conf import settings
    settings.configure(SECRET_KEY="x", USE_TZ=True)
    django.setup()
    import storage_router
    azure = {"type": "azure", "account_name": "acme", "account_key": "c2VjcmV0", "expiration_secs": 300}
    config = {
        "backends": {alias: {**azure, "azure_container": alias} for alias in ("media", "private", "static")},
        "routes": [{"prefix": "static/", "backend": "static"}, {"prefix": "private/", "backend": "private"}],
        "default": "media",
    }
    entry = storage_router.storages(config)["default"]
    router = storage_router.RouterStorage(**entry["OPTIONS"])
    assert router.backends.check() == ()
    urls = {router.url(f"{place}/{number}.jpg") for place in ("static", "private", "a", "b") for number in range(250)}
    assert len(urls) == 1000
    heavy = ("azure", "msal", "pydantic_settings", "requests")
    print([name for name in sys.modules if name.partition(".")[0] in heavy])
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    found = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert found.stderr == ""
    assert found.stdout == "[]\n"


@pytest.mark.parametrize(
    "entry",
    [
        lambda config: storage_router.storages(config)["default"],
        lambda config: {"BACKEND": "storage_router.RouterStorage", "OPTIONS": config},
    ],
)
def test_a_router_without_arguments_is_the_projects_router(settings_override, entry):
    """R9: other packages build a router from its dotted path."""
    config = {"backends": {"one": {"type": "memory", "base_url": "/of-the-project/"}}, "default": "one"}
    settings_override("STORAGES", {"default": entry(config)})
    assert RouterStorage().url("a") == "/of-the-project/a"
