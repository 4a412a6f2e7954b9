"""C4, C5: common mistakes are recognised, and the message says what to write instead."""

from __future__ import annotations

import codecs

import pytest
from django.utils.functional import SimpleLazyObject

from storage_router.conf.problems import quoted

from .conftest import World

TOML = """
default = "media"

[backends.media]
type = "azure"
account_name = "acmefiles"
azure_container = "media"
"""
KEY = "a2V5LXBsYW50ZWQ="
PREFIX = "STORAGE_ROUTER__BACKENDS__MEDIA__"
MEDIA = {"type": "azure", "account_name": "acmefiles", "azure_container": "media"}


@pytest.fixture(autouse=True)
def _configured(world):
    world.write("storage_router.toml", TOML)


def give(world: World, source: str, name: str, text: str) -> str:
    """Give one variable through ``source``, and return its place."""
    if source == "environment":
        world.environ[name] = text
        return name
    if source == ".env":
        world.write(".env", f"{name}={text}\n")
        return f".env: {name}"
    world.write(f"secrets/{name}", text)
    world.environ["STORAGE_ROUTER_SECRETS_DIR"] = "secrets"
    return f"secrets/{name}"


# An empty variable where a key was meant


@pytest.mark.parametrize("source", ["environment", ".env", "secrets directory"])
@pytest.mark.parametrize(
    "option",
    ["ACCOUNT_KEY", "SAS_TOKEN", "CONNECTION_STRING", "TOKEN_CREDENTIAL", "CREDENTIAL", "CLIENT_ID"],
)
def test_an_empty_variable_where_a_key_was_meant_is_an_error(world, source, option):
    """Otherwise the backend would silently authenticate as ``credential = "default"``."""
    place = give(world, source, f"{PREFIX}{option}", "")
    problem = world.problem()
    assert (problem.id, problem.place) == ("storage_router.E003", place)
    assert problem.message == "the value is empty, and a key or credential is expected"


def test_an_empty_key_of_another_package_is_an_error_too(world):
    world.config = {"backends": {"s3": {"type": "django", "backend": "a.B"}}}
    world.environ["STORAGE_ROUTER__BACKENDS__S3__OPTIONS__SECRET_KEY"] = ""
    assert world.problem().place == "STORAGE_ROUTER__BACKENDS__S3__OPTIONS__SECRET_KEY"


@pytest.mark.parametrize("name", ["LOCATION", "CACHE_CONTROL", "CUSTOM_DOMAIN", "EXPIRATION_SECS"])
def test_any_other_empty_variable_is_one_that_is_not_set(world, name):
    """Compose files pass them on."""
    world.environ[f"{PREFIX}{name}"] = ""
    assert world.load().warnings == ()


@pytest.mark.parametrize("text", ["azure://acmefiles/media?account_key=", "azure://acmefiles/media?sas_token="])
def test_an_empty_key_in_a_backend_url_is_an_error(world, text):
    world.environ["STORAGE_ROUTER__BACKENDS__MEDIA"] = text
    assert world.problem().id == "storage_router.E003"


# Files in UTF-16


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".env", f"{PREFIX}ACCOUNT_KEY={KEY}\r\n"),
        ("storage_router.toml", TOML),
        (f"secrets/{PREFIX}ACCOUNT_KEY", KEY),
    ],
)
def test_a_file_in_utf16_is_an_error_that_says_so(world, encoding, name, text):
    """Windows PowerShell's ``>`` writes it."""
    path = world.write(name, "")
    path.write_bytes(text.encode(encoding))
    if name.startswith("secrets"):
        world.environ["STORAGE_ROUTER_SECRETS_DIR"] = "secrets"
    problem = world.problem()
    assert (problem.id, problem.place) == ("storage_router.E009", name)
    assert "UTF-16" in problem.message
    assert "Out-File -Encoding utf8" in problem.hint


def test_an_env_file_of_other_people_may_have_any_encoding(world):
    world.write(".env", "").write_bytes(codecs.BOM_UTF16_LE + "DATABASE_URL=sqlite://".encode("utf-16-le"))
    assert world.load().warnings == ()


# Quotes and None


@pytest.mark.parametrize("source", ["environment", "secrets directory"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        (f"{PREFIX}ACCOUNT_NAME", '"acmefiles"'),
        (f"{PREFIX}ACCOUNT_KEY", f"'{KEY}'"),
        (f"{PREFIX}TIMEOUT", '"5"'),
        ("STORAGE_ROUTER__BACKENDS__MEDIA", '"memory://"'),
        (f"{PREFIX}CACHE_CONTROL", "\N{LEFT DOUBLE QUOTATION MARK}no-store\N{RIGHT DOUBLE QUOTATION MARK}"),
    ],
)
def test_quotes_that_were_left_around_a_value_are_named(world, source, name, text):
    """``docker --env-file`` keeps them."""
    place = give(world, source, name, text)
    problem = world.problem()
    assert (problem.id, problem.place, problem.message) == (
        "storage_router.E003",
        place,
        "the value has quotes around it",
    )
    assert "docker --env-file" in problem.hint


def test_quotes_around_routes_in_a_variable_are_named(world):
    world.environ["STORAGE_ROUTER__ROUTES"] = """'[{"prefix": "a/", "backend": "media"}]'"""
    assert world.problem().message == "the value has quotes around it"


def test_quotes_that_the_env_file_or_json_takes_off_are_no_mistake(world):
    world.write(".env", f'{PREFIX}CACHE_CONTROL="no-store"\n{PREFIX}METADATA__TEAM=\'"web"\'\n')
    media = world.load().document.backends["media"]
    assert (media.cache_control, media.metadata) == ("no-store", {"team": '"web"'})


@pytest.mark.parametrize("text", ["None", "NULL", "Null", " None "])
@pytest.mark.parametrize("name", [f"{PREFIX}EXPIRATION_SECS", f"{PREFIX}LOCATION", "STORAGE_ROUTER__DEFAULT"])
def test_none_for_null_is_named(world, name, text):
    world.environ[name] = text
    problem = world.problem()
    assert (problem.place, problem.message) == (name, f"{text.strip()!r} is taken for a string")
    assert problem.hint == "Write null to unset a setting, or remove the variable."


# JSON in a variable


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "STORAGE_ROUTER__ROUTES",
            '[\n  {"prefix": "a/" "backend": "media"}]',
            "the value is not valid JSON: Expecting ',' delimiter (line 2, column 19)",
        ),
        (
            "STORAGE_ROUTER__ROUTES",
            "[{'prefix': 'a/'}]",
            "the value is not valid JSON: Expecting property name enclosed in double quotes (line 1, column 3)",
        ),
        (
            "STORAGE_ROUTER__STATIC",
            '{"prefix": }',
            "the value is not valid JSON: Expecting value (line 1, column 12)",
        ),
        (
            f"{PREFIX}METADATA",
            '{"a": "b"',
            "the value is not valid JSON: Expecting ',' delimiter (line 1, column 10)",
        ),
        (
            "STORAGE_ROUTER__BACKENDS__MEDIA",
            '{"type": "memory"',
            "the value is not valid JSON: Expecting ',' delimiter (line 1, column 18)",
        ),
        (
            "STORAGE_ROUTER__ROUTES",
            '[{"prefix": "a/", "prefix": "b/", "backend": "media"}]',
            "a key is there twice in one object",
        ),
        (
            "STORAGE_ROUTER__BACKENDS__MEDIA",
            '{"type": "memory", "type": "azure"}',
            "a key is there twice in one object",
        ),
    ],
)
def test_json_that_is_not_valid_is_reported_with_line_and_column(world, name, text, message):
    world.environ[name] = text
    problem = world.problem()
    assert (problem.id, problem.place, problem.message) == ("storage_router.E003", name, message)


# A missing or misplaced level in a name


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("STORAGE_ROUTER__BACKENDS_MEDIA__LOCATION", f"{PREFIX}LOCATION"),
        ("STORAGE_ROUTER__BACKEND_MEDIA__LOCATION", f"{PREFIX}LOCATION"),
        ("STORAGE_ROUTER__MEDIA__LOCATION", f"{PREFIX}LOCATION"),
        ("STORAGE_ROUTER__STATIC_PREFIX", "STORAGE_ROUTER__STATIC__PREFIX"),
        (f"{PREFIX}CACHE__CONTROL", f"{PREFIX}CACHE_CONTROL"),
        ("STORAGE_ROUTER__CONFIG", "the variable STORAGE_ROUTER_CONFIG"),
        ("STORAGE_ROUTER__SECRETS_DIR", "the variable STORAGE_ROUTER_SECRETS_DIR"),
    ],
)
def test_a_variable_with_a_level_missing_is_told_the_right_one(world, name, meant):
    world.environ[name] = "files"
    problem = world.problem()
    assert (problem.id, problem.place) == ("storage_router.E001", name)
    assert f"Did you mean {meant}?" in problem.hint


def test_a_variable_with_an_underscore_too_many_is_told_the_right_one(world):
    world.environ["STORAGE_ROUTER__BACKENDS___MEDIA__LOCATION"] = "files"
    problem = world.problems()[0]
    assert problem.message == "'_media' cannot be an alias"
    assert problem.hint == f"Did you mean {PREFIX}LOCATION?"


def test_a_variable_that_is_there_in_capitals_and_in_small_letters_is_an_error(world):
    """Which of the two counts would be up to their order in the environment."""
    world.environ |= {f"{PREFIX}LOCATION": "a", f"{PREFIX}LOCATION".lower(): "b"}
    problem = world.problem()
    assert (problem.id, problem.place) == ("storage_router.E010", f"{PREFIX}LOCATION".lower())
    assert problem.message == f"the variable gives the setting that {PREFIX}LOCATION gives, too"


@pytest.mark.parametrize("alias", ["Media", "my__media", "1"])
def test_what_cannot_be_an_alias_is_told_what_can(world, alias):
    world.config = {"backends": {alias: {"type": "memory"}}}
    problem = world.problem()
    assert problem.message == f"{alias!r} cannot be an alias"
    assert problem.hint.startswith("Aliases are made of lower-case letters")


@pytest.mark.parametrize(
    ("backends", "place", "message", "hint"),
    [
        (
            [{"type": "memory"}],
            '["backends"]',
            "the value (list) is not valid: it should be a table of keys and values",
            "Write [backends.media] for each",
        ),
        (
            {"files": {"BACKEND": "storages.backends.s3.S3Storage"}},
            '["backends"]["files"]["type"]',
            "'type' is missing",
            "A storage class is type = 'django', with its path as 'backend' and its OPTIONS as 'options'.",
        ),
        (
            {"files": {"type": None}},
            '["backends"]["files"]["type"]',
            "'type' is missing",
            "Allowed: azure, django, filesystem, memory.",
        ),
        ({1: {"type": "memory"}}, '["backends"][1]', "the key is not a string", "Put it in quotes."),
    ],
)
def test_backends_in_a_form_of_their_own_are_told_the_right_one(world, backends, place, message, hint):
    """As ``STORAGES`` has them, or as ``[[routes]]`` are written."""
    world.write("storage_router.toml", "")
    world.config = {"backends": backends}
    problem = world.problem()
    assert (problem.place, problem.message) == (f"OPTIONS{place}", message)
    assert problem.hint.startswith(hint)


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        (5, "5 is not valid: it should be a valid string"),
        # Which prefix of several is stripped depends on their order, and a set has another one in each process.
        ({"a/", "a/b/"}, "the value (set) is not valid: it should be a valid string"),
    ],
)
def test_a_matcher_is_a_string_or_a_list(world, prefix, message):
    world.config = {"routes": [{"prefix": prefix, "backend": "media"}]}
    problem = world.problem()
    assert (problem.place, problem.message) == ('OPTIONS["routes"][0]["prefix"][0]', message)


@pytest.mark.parametrize("name", ["STATIC__COMPRESS", "TELEMETRY__SUBSCRIBERS"])
def test_a_list_without_brackets_is_told_how_one_is_written(world, name):
    world.environ[f"STORAGE_ROUTER__{name}"] = "gzip"
    problem = world.problem()
    assert problem.message == "'gzip' is not valid: it should be a list"
    assert problem.hint == """A list has brackets; in a variable it is JSON: '["one", "two"]'."""


def test_a_lazy_object_is_an_error_with_its_place(world):
    world.config = {
        "backends": {"media": {"location": SimpleLazyObject(lambda: "a"), "timeout": SimpleLazyObject(str)}}
    }
    assert [problem.message for problem in world.problems()] == [
        "the value (SimpleLazyObject) is not valid: it should be a valid string",
        "the value is not a duration",
    ]


@pytest.mark.parametrize("option", ["ACCOUNT_NAME", "LOCATION", "TYPE", "ACCOUNT_KEY"])
def test_a_variable_without_the_alias_is_told_where_it_goes(world, option):
    world.environ[f"STORAGE_ROUTER__BACKENDS__{option}"] = KEY
    problem = world.problem()
    assert problem.place == f"STORAGE_ROUTER__BACKENDS__{option}"
    assert problem.message == "the value is not a backend URL"
    assert problem.hint == f"Did you mean {PREFIX}{option}?"
    assert KEY not in str(problem)


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ('[media]\ntype = "memory"\n', "media", "Did you mean storage_router.toml: backends.media.type?"),
        ('[backend.media]\ntype = "memory"\n', "backend", "Did you mean 'backends'?"),
        (
            '[backends_media]\ntype = "memory"\n',
            "backends_media",
            "Did you mean storage_router.toml: backends.media.type",
        ),
        ('[backends]\ntype = "memory"\n', "backends.type", "Did you mean storage_router.toml: backends.media.type"),
        ('[routers]\nprefix = "a"\n[backends.media]\ntype = "memory"\n', "routers", "Did you mean 'routes'?"),
    ],
)
def test_a_table_of_the_file_in_the_wrong_place_is_told_the_right_one(world, text, place, hint):
    world.write("storage_router.toml", text)
    problem = next(one for one in world.problems() if one.place == f"storage_router.toml: {place}")
    assert problem.id in ("storage_router.E001", "storage_router.E003")
    assert problem.hint.startswith(hint)


# Backend URLs


@pytest.mark.parametrize(
    "text",
    [
        "azure://acmefiles/media?sas_token=sv=2025-11-05&sr=c&sp=rl&sig=c2VjcmV0",
        "azure://acmefiles/media?sv=2025-11-05&sr=c&sp=rl&sig=c2VjcmV0",
        "azure://acmefiles/media?timeout=5&sas_token=?sp=rl&sig=c2VjcmV0",
        "azure:///media?connection_string=BlobEndpoint=https://a.example;SharedAccessSignature=sp=r&sig=c2VjcmV0",
    ],
)
def test_an_unescaped_ampersand_in_a_backend_url_is_one_problem_that_names_the_cause(world, text):
    world.environ["STORAGE_ROUTER__BACKENDS__MEDIA"] = text
    problem = world.problem()
    assert problem.message.endswith("they are parts of a SAS whose '&' are not escaped")
    assert "'%26'" in problem.hint
    assert "c2VjcmV0" not in str(problem)


# Credentials


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DefaultAzureCredential", "default"),
        ("ManagedIdentityCredential", "managed_identity"),
        ("WorkloadIdentityCredential", "workload_identity"),
        ("EnvironmentCredential", "environment"),
        ("AzureCliCredential", "azure_cli"),
    ],
)
def test_the_class_of_a_credential_is_told_its_name(world, name, meant):
    world.environ[f"{PREFIX}CREDENTIAL"] = name
    problem = world.problem()
    assert problem.message == f"{name!r} is the name of a class, not of a credential"
    assert problem.hint == f"Write {meant!r}."


# Sources that are missing


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("STORAGE_ROUTER_SECRETS_DIR", "none"),
        ("STORAGE_ROUTER_CONFIG", "none.toml"),
        ("STORAGE_ROUTER_ENV_FILE", "none.env"),
    ],
)
def test_what_was_named_and_is_missing_comes_with_the_variable_that_named_it(world, variable, value):
    world.environ[variable] = value
    problem = world.problem()
    assert (problem.id, problem.place) == ("storage_router.E009", value)
    assert variable in problem.message


def test_a_source_that_cannot_be_read_ends_the_report(world):
    """Anything else could be due to what is missing."""
    world.environ |= {"STORAGE_ROUTER_SECRETS_DIR": "none", f"{PREFIX}TIMEOT": "5"}
    assert world.problem().id == "storage_router.E009"


def test_a_command_that_needs_no_secret_runs_where_none_is_mounted(world):
    """``docker build``: the variable is set to nothing for one command, also over ``.env``."""
    world.write(".env", "STORAGE_ROUTER_SECRETS_DIR=/nowhere\n")
    assert world.problem().id == "storage_router.E009"
    world.environ["STORAGE_ROUTER_SECRETS_DIR"] = ""
    assert world.load().document.default == "media"


def test_of_several_secrets_directories_the_first_that_has_a_setting_wins(world):
    """Separated as in PATH."""
    import os

    world.write(f"one/{PREFIX}ACCOUNT_KEY", KEY)
    world.write(f"two/{PREFIX}ACCOUNT_KEY", "b3RoZXI=")
    world.write(f"two/{PREFIX}LOCATION", "files")
    world.environ["STORAGE_ROUTER_SECRETS_DIR"] = os.pathsep.join(["one", "two"])
    media = world.load().document.backends["media"]
    assert (media.account_key.get_secret_value(), media.location) == (KEY, "files")


# Secrets in the wrong place


@pytest.mark.parametrize(
    "secret",
    [
        "Abc8Q~0123456789.abcdefghij",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a"[:38],
        "eyJhbGciOiJIUzI1NiJ9",
        "sv=2025&sp=r&sig=abc",
        "AKIAIOSFODNN7EXAMPLE",
        "d41d8cd98f00b204e9800998ecf8427e",
        "hunter2:password",
        "https://user:pw@host",
    ],
)
@pytest.mark.parametrize(
    "option", ["account_name", "azure_container", "location", "timeout", "access_tier", "api_version", "cache_control"]
)
def test_a_value_that_looks_like_a_token_is_not_quoted(world, secret, option):
    """C7"""
    assert quoted(secret) == "the value"
    world.config = {"backends": {"media": {**MEDIA, option: f"{secret}\n"}}, "default": secret}
    assert secret not in "\n".join(map(str, world.problems()))


@pytest.mark.parametrize(
    "value", ["medai", "a//b", "my-media-2025", "hot", "sites/acme/../x", "application/x", "5 parsecs", "2025-13-01"]
)
def test_any_other_short_value_is_quoted(value):
    assert quoted(value) == repr(value)


@pytest.mark.parametrize("url", ["https://user:hunter2@files.example/", "//user@files.example/", "http://:pw@x/"])
@pytest.mark.parametrize("kind", ["filesystem", "memory"])
def test_a_password_in_the_base_url_is_refused(world, url, kind):
    world.config = {"backends": {"local": {"type": kind, "base_url": url}}}
    problem = world.problem()
    assert problem.message == "the value is not a URL without user, query and fragment"
    assert "hunter2" not in str(problem)
