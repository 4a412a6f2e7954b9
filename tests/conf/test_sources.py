"""C2: the sources, highest first, pair by pair; what each of them reads, and the names by which messages call it."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pytest

from storage_router.conf.document import StaticOptions
from storage_router.conf.layers import Origin
from storage_router.conf.sources import SOURCES

from .conftest import World

TOML = """
default = "media"

[backends.media]
type = "azure"
account_name = "acmefiles"
azure_container = "media"
credential = "default"
"""
AZURE = {"type": "azure", "account_name": "acmefiles", "azure_container": "media", "credential": "default"}
OPTION = ("backends", "media", "cache_control")


def from_code(world: World, value: str) -> None:
    world.config = {"backends": {"media": {"cache_control": value}}}


def from_setting(world: World, value: str) -> None:
    world.setting = {"backends": {"media": {"cache_control": value}}}


def from_environment(world: World, value: str) -> None:
    world.environ["STORAGE_ROUTER__BACKENDS__MEDIA__CACHE_CONTROL"] = value


def from_env_file(world: World, value: str) -> None:
    world.write(".env", f"OTHER=1\nSTORAGE_ROUTER__BACKENDS__MEDIA__CACHE_CONTROL='{value}'\n")


def from_secrets(world: World, value: str) -> None:
    world.write("secrets/STORAGE_ROUTER__BACKENDS__MEDIA__CACHE_CONTROL", f"{value}\n")
    world.environ["STORAGE_ROUTER_SECRETS_DIR"] = "secrets"


def from_file(world: World, value: str) -> None:
    world.write("storage_router.toml", f'{TOML}cache_control = "{value}"\n')


GIVE = {
    "code": (from_code, 'OPTIONS["backends"]["media"]["cache_control"]'),
    "Django setting": (from_setting, 'STORAGE_ROUTER["backends"]["media"]["cache_control"]'),
    "environment": (from_environment, "STORAGE_ROUTER__BACKENDS__MEDIA__CACHE_CONTROL"),
    ".env": (from_env_file, ".env: STORAGE_ROUTER__BACKENDS__MEDIA__CACHE_CONTROL"),
    "secrets directory": (from_secrets, "secrets/STORAGE_ROUTER__BACKENDS__MEDIA__CACHE_CONTROL"),
    "file": (from_file, "storage_router.toml: backends.media.cache_control"),
}


def test_the_order_is_one_tuple():
    assert [name for name, _ in SOURCES] == list(GIVE)


@pytest.mark.parametrize(("higher", "lower"), list(itertools.combinations(GIVE, 2)))
def test_of_two_sources_the_higher_one_wins_key_by_key(world, higher, lower):
    world.write("storage_router.toml", TOML)
    for source in (higher, lower):
        GIVE[source][0](world, source)
    loaded = world.load()
    assert loaded.document.backends["media"].cache_control == higher
    assert loaded.origins[OPTION] == Origin(source=higher, place=GIVE[higher][1])
    # Key by key: what the higher source says nothing about is still there.
    assert loaded.document.backends["media"].account_name == "acmefiles"


@pytest.mark.parametrize("source", GIVE)
def test_every_source_wins_over_the_default(world, source):
    world.write("storage_router.toml", TOML)
    assert OPTION not in world.load().origins
    GIVE[source][0](world, source)
    loaded = world.load()
    assert loaded.document.backends["media"].cache_control == source
    assert loaded.origin(OPTION) == Origin(source=source, place=GIVE[source][1])


def test_lists_replace_what_is_below_them(world):
    world.write("storage_router.toml", TOML + '[[routes]]\nprefix = "a/"\nbackend = "media"\nread_only = true\n')
    world.environ["STORAGE_ROUTER__ROUTES"] = '[{"prefix": "b/", "backend": "media"}]'
    loaded = world.load()
    (route,) = loaded.document.routes
    assert (route.prefix, route.read_only) == (("b/",), False)
    assert loaded.origins["routes", 0, "prefix"] == Origin(
        source="environment", place="STORAGE_ROUTER__ROUTES ([0].prefix)"
    )
    assert ("routes", 0, "read_only") not in loaded.origins


def test_a_backend_of_another_type_drops_the_keys_of_the_lower_source(world):
    world.write("storage_router.toml", TOML)
    world.environ["STORAGE_ROUTER__BACKENDS__MEDIA__TYPE"] = "memory"
    loaded = world.load()
    assert loaded.document.backends["media"].type == "memory"
    assert {location for location in loaded.origins if len(location) == 3} == {("backends", "media", "type")}


def test_a_backend_of_the_same_type_keeps_them(world):
    world.write("storage_router.toml", TOML)
    world.environ["STORAGE_ROUTER__BACKENDS__MEDIA__TYPE"] = "azure"
    assert world.load().document.backends["media"].account_name == "acmefiles"


def test_keys_between_a_change_of_type_are_reported_where_they_are_given(world):
    world.write("storage_router.toml", TOML)
    world.write(".env", "STORAGE_ROUTER__BACKENDS__MEDIA__TYPE=memory")
    world.environ["STORAGE_ROUTER__BACKENDS__MEDIA__TIMEOUT"] = "5"
    problem = world.problem()
    assert (problem.id, problem.place) == ("storage_router.E001", "STORAGE_ROUTER__BACKENDS__MEDIA__TIMEOUT")


def test_variables_may_be_written_in_any_case(world):
    world.environ["storage_router__Backends__media__TYPE"] = "memory"
    loaded = world.load()
    assert loaded.origins["backends", "media", "type"].place == "storage_router__Backends__media__TYPE"


@pytest.mark.parametrize("source", ["environment", ".env"])
def test_variables_that_name_other_sources_may_be_written_in_any_case_too(world, source):
    """C4"""
    world.write("other.toml", TOML)
    if source == "environment":
        world.environ["storage_router_config"] = "other.toml"
    else:
        world.write(".env", "Storage_Router_Config=other.toml\n")
    assert world.load().origins["default",] == Origin(source="file", place="other.toml: default")


def test_an_empty_variable_is_one_that_is_not_set(world):
    world.write("storage_router.toml", TOML)
    world.environ |= {
        "STORAGE_ROUTER__BACKENDS__MEDIA__LOCATION": "",
        "STORAGE_ROUTER_CONFIG": "",
        "STORAGE_ROUTER__X": "",
    }
    assert world.load().document.backends["media"].location == ""


EVERY_KIND = """
default = "media"
routes = [{prefix = "a/", backend = "media"}]
static = {prefix = "assets/", manifest = "/srv/manifest.json"}
[backends.other]
type = "memory"
[backends.media]
type = "azure"
account_name = "acmefiles"
azure_container = "media"
expiration_secs = "5m"
timeout = 60
location = "files"
overwrite_files = true
metadata = {team = "web", source = "file"}
client_options = {retry_total = 5}
"""


@pytest.mark.parametrize(
    ("name", "read", "expected"),
    [
        ("DEFAULT", lambda document: document.default, None),
        ("ROUTES", lambda document: document.routes, ()),
        ("STATIC", lambda document: document.static, StaticOptions()),
        ("STATIC__PREFIX", lambda document: document.static.prefix, "static/"),
        ("BACKENDS__MEDIA__EXPIRATION_SECS", lambda document: document.backends["media"].expiration_secs, None),
        ("BACKENDS__MEDIA__TIMEOUT", lambda document: document.backends["media"].timeout, 20),
        ("BACKENDS__MEDIA__LOCATION", lambda document: document.backends["media"].location, ""),
        ("BACKENDS__MEDIA__OVERWRITE_FILES", lambda document: document.backends["media"].overwrite_files, False),
        ("BACKENDS__MEDIA__METADATA", lambda document: document.backends["media"].metadata, {}),
        ("BACKENDS__MEDIA__CLIENT_OPTIONS", lambda document: document.backends["media"].client_options, {}),
    ],
)
def test_null_takes_away_what_a_lower_source_gives(world, name, read, expected):
    world.write("storage_router.toml", EVERY_KIND)
    assert read(world.load().document) != expected
    world.environ[f"STORAGE_ROUTER__{name}"] = "null"
    assert read(world.load().document) == expected


def test_none_in_code_does_the_same_and_may_have_nothing_to_take_away(world):
    world.write("storage_router.toml", TOML)
    world.config = {"routes": None, "static": None, "backends": {"media": {"timeout": None, "tags": None}}}
    document = world.load().document
    assert (document.routes, document.backends["media"].timeout, document.backends["media"].tags) == ((), 20, {})


def test_below_the_options_of_others_null_is_a_value(world):
    world.config = {
        "backends": {
            "s3": {"type": "django", "backend": "a.B", "options": {"default_acl": None}},
            "media": {**AZURE, "client_options": {"proxies": None}},
        }
    }
    backends = world.load().document.backends
    assert backends["s3"].options == {"default_acl": None}
    assert backends["media"].client_options == {"proxies": None}


def test_a_higher_source_may_give_again_what_null_took_away(world):
    world.write("storage_router.toml", TOML)
    world.write(".env", "STORAGE_ROUTER__BACKENDS__MEDIA=null\nSTORAGE_ROUTER__DEFAULT=null\n")
    world.environ |= {"STORAGE_ROUTER__BACKENDS__MEDIA__TYPE": "memory", "STORAGE_ROUTER__DEFAULT": "media"}
    loaded = world.load()
    assert (loaded.document.default, loaded.document.backends["media"].type) == ("media", "memory")


@pytest.mark.parametrize(
    ("name", "short", "message", "hint"),
    [
        ("DEFAUT", "E001", "there is no setting 'defaut'", "Did you mean 'default'?"),
        ("STATIC__PREFX", "E001", "there is no setting 'prefx'", "Did you mean 'prefix'?"),
        ("BACKENDS__MEDIA__TIMEOT", "E001", "there is no setting 'timeot'", "Did you mean 'timeout'?"),
        (
            "BACKENDS__MEDA",
            "E003",
            "the value is not a table of keys and values",
            "A backend has a 'type' and its options.",
        ),
        (
            "BACKENDS__MEDIA__AZURE_CONTAINER",
            "E002",
            "'azure_container' is missing",
            "Add it there, or set the variable STORAGE_ROUTER__BACKENDS__MEDIA__AZURE_CONTAINER.",
        ),
        ("BACKENDS", "E002", "'backends' is missing", "Add it there."),
    ],
)
def test_null_is_an_error_where_there_is_no_such_key_and_where_nothing_is_left(world, name, short, message, hint):
    """C4"""
    world.write("storage_router.toml", TOML)
    world.environ[f"STORAGE_ROUTER__{name}"] = "null"
    problem = world.problem()
    assert (problem.id, problem.place) == (f"storage_router.{short}", f"STORAGE_ROUTER__{name}")
    assert (problem.message, problem.hint) == (message, hint)


DEEP = "[" * 100_000
NOT_JSON = "the value is not valid JSON: it nests too deeply, or has a number that is too long"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("ROUTES", DEEP, NOT_JSON),
        ("BACKENDS__MEDIA__TAGS", '{"a":' * 100_000, NOT_JSON),
        ("BACKENDS__OTHER", '{"a":' * 100_000, NOT_JSON),
        ("STATIC", '{"a":' * 100_000, NOT_JSON),
    ],
)
def test_json_that_nests_too_deeply_is_a_problem(world, name, text, message):
    """F3"""
    world.write("storage_router.toml", TOML)
    world.environ[f"STORAGE_ROUTER__{name}"] = text
    problem = world.problem()
    assert (problem.place, problem.message) == (f"STORAGE_ROUTER__{name}", message)


def test_code_that_nests_too_deeply_or_contains_itself_is_a_problem(world):
    """F3"""
    itself: dict = {}
    itself |= {"one": itself, "two": [itself]}
    deep: list = []
    for _ in range(500):
        deep = [deep]
    world.config = {"routes": deep, "backends": {"media": {**AZURE, "client_options": itself}}}
    assert str(world.problem()) == (
        "OPTIONS: the configuration nests too deeply, or contains itself (storage_router.E003)"
    )


def test_tables_and_values_without_a_type_are_read_from_variables(world):
    prefix = "STORAGE_ROUTER__BACKENDS__"
    world.write("storage_router.toml", TOML)
    world.environ |= {
        f"{prefix}MEDIA__CLIENT_OPTIONS__RETRY_TOTAL": "5",
        f"{prefix}MEDIA__OBJECT_PARAMETERS": '{"content_language": "de"}',
        f"{prefix}MEDIA__METADATA__NUMBER": "5",
        f"{prefix}S3__TYPE": "django",
        f"{prefix}S3__BACKEND": "storages.backends.s3.S3Storage",
        f"{prefix}S3__OPTIONS__QUERYSTRING_AUTH": "false",
        f"{prefix}S3__OPTIONS__BUCKET_NAME": "acme",
        "STORAGE_ROUTER__STATIC": '{"prefix": "assets/"}',
    }
    document = world.load().document
    assert document.backends["media"].client_options == {"retry_total": 5}
    assert document.backends["media"].object_parameters == {"content_language": "de"}
    assert document.backends["media"].metadata == {"number": "5"}
    assert document.backends["s3"].options == {"querystring_auth": False, "bucket_name": "acme"}
    assert document.static.prefix == "assets/"


@pytest.mark.parametrize("secret", ["[a", "{a", "5"])
def test_a_secret_is_no_json(world, secret):
    world.environ |= {"STORAGE_ROUTER__BACKENDS__MEDIA": "memory://", "STORAGE_ROUTER__ACCEL_SECRET": secret}
    assert world.load().document.accel_secret.get_secret_value() == secret


@pytest.mark.parametrize(
    "name", ["ROUTES", "STATIC", "DEFAULT", "BACKENDS", "BACKENDS__MEDIA", "BACKENDS__MEDIA__TAGS"]
)
def test_a_variable_of_blanks_is_a_problem_and_no_other_exception(world, name):
    """F3"""
    world.write("storage_router.toml", TOML)
    world.environ[f"STORAGE_ROUTER__{name}"] = " "
    assert world.problems(validators=[])[0].place == f"STORAGE_ROUTER__{name}"


def test_each_list_may_be_written_as_json_in_a_variable(world):
    world.config = {"backends": {"ram": {"type": "memory"}}, "default": "ram"}
    world.environ["STORAGE_ROUTER__TELEMETRY__SUBSCRIBERS"] = '["log", "prometheus"]'
    world.environ["STORAGE_ROUTER__STATIC__COMPRESS"] = '["gzip"]'
    document = world.load().document
    assert (document.telemetry.subscribers, document.static.compress) == (("log", "prometheus"), ("gzip",))
    world.environ["STORAGE_ROUTER__STATIC__COMPRESS"] = '["gzip"'
    assert world.problem().message == "the value is not valid JSON: Expecting ',' delimiter (line 1, column 8)"


def test_all_backends_fit_in_one_variable(world):
    world.environ["STORAGE_ROUTER__BACKENDS"] = '{"media": {"type": "memory"}, "other": "memory://"}'
    assert sorted(world.load().document.backends) == ["media", "other"]


def test_a_setting_given_whole_and_in_part_is_an_error(world):
    """C3"""
    world.write("storage_router.toml", TOML)
    world.environ |= {
        "STORAGE_ROUTER__BACKENDS__MEDIA__TAGS": '{"a": "b"}',
        "STORAGE_ROUTER__BACKENDS__MEDIA__TAGS__C": "d",
    }
    problem = world.problem()
    assert (problem.id, problem.place) == ("storage_router.E010", "STORAGE_ROUTER__BACKENDS__MEDIA__TAGS__C")
    assert problem.message == (
        "backends.media.tags is given whole by STORAGE_ROUTER__BACKENDS__MEDIA__TAGS and in part here"
    )


def test_the_configuration_of_code_has_the_name_it_was_given_by(world):
    world.config = {"backends": {"media": {"type": "memory", "x": 1}}}
    assert world.problem(given_as="config").place == 'config["backends"]["media"]["x"]'


@pytest.mark.parametrize("source", ["config", "setting"])
def test_code_gives_a_dict(world, source):
    world.environ["STORAGE_ROUTER__BACKENDS__MEDIA"] = "memory://"
    setattr(world, source, "storage_router.toml")
    problem = world.problem()
    assert problem.id == "storage_router.E003"
    assert problem.message == "the value (str) is not a configuration"


def test_loading_while_settings_are_imported_asks_no_setting():
    """C6: ``storages()`` runs in settings.py, where there are no settings yet."""
    script = (
        "import sys\n"
        "from storage_router.conf.loading import load\n"
        "load({'backends': {'a': 'memory://'}}, environ={}, directory='/nonexistent')\n"
        "load({'backends': {'a': 'azure://acmefiles/a-b?credential=default'}}, environ={}, directory='/nonexistent')\n"
        "print([name for name in sys.modules if name.startswith(('azure', 'pydantic_settings'))])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env={})
    assert (done.stdout, done.stderr) == ("[]\n", "")
