"""C4, C5: nothing is silently wrong, and everything that is wrong is told at once, each with its place and remedy."""

from __future__ import annotations

import pickle

import pytest

from storage_router.conf.django_backends import MemoryBackend
from storage_router.conf.document import RouterDocument
from storage_router.conf.layers import Origin
from storage_router.conf.loading import load
from storage_router.conf.problems import PROBLEMS, invalid, problem, suggestion
from storage_router.exceptions import ConfigurationError

AZURE = {"type": "azure", "account_name": "acmefiles", "azure_container": "media", "credential": "default"}
TOML = """
default = "media"

[backends.media]
type = "azure"
account_name = "acmefiles"
azure_container = "media"
credential = "default"

[backends.bulk]
type = "memory"

[[routes]]
prefix = "bulk/"
backend = "bulk"
"""


def test_a_variable_that_nobody_reads_is_told_with_the_setting_that_is_missing(world):
    """C4, C5: the misspelt variable is why the file was not read."""
    world.environ["STORAGE_ROUTER_CONFG"] = "production.toml"
    assert [str(found) for found in world.problems()] == [
        (
            "STORAGE_ROUTER__BACKENDS: 'backends' is missing (storage_router.E002)\n"
            f"    There is no storage_router.toml in {world.directory}, and STORAGE_ROUTER_CONFIG is not set. "
            "Write one, or give the backends in any other source."
        ),
        (
            "STORAGE_ROUTER_CONFG: the variable looks like a setting, and nothing reads it (storage_router.W002)\n"
            "    Did you mean 'STORAGE_ROUTER_CONFIG'?"
        ),
    ]


def test_without_a_file_the_directory_that_was_looked_in_is_told(tmp_path, monkeypatch):
    """C5: servers and timers have working directories of their own."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        load(environ={})
    (found,) = caught.value.problems
    assert found.hint.startswith(
        f"There is no storage_router.toml in {tmp_path}, and STORAGE_ROUTER_CONFIG is not set."
    )


def test_a_file_that_was_named_in_the_env_file_and_has_no_backends_is_the_place(world):
    world.write(".env", "STORAGE_ROUTER_CONFIG=production.toml\n")
    world.write("production.toml", 'default = "media"\n')
    found = world.problem()
    assert (found.place, found.hint) == ("production.toml: backends", "Add it there.")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "STORAGE_ROUTER__ROUTES",
            '{"prefix"}',
            "the value is not valid JSON: Expecting ':' delimiter (line 1, column 10)",
        ),
        ("STORAGE_ROUTER__ROUTES", '{"prefix": "a/"}', "the routes are not a list"),
        ("STORAGE_ROUTER__ROUTES", "a/", "the routes are not a list"),
        ("STORAGE_ROUTER__ROUTES__0__PREFIX", "a/", "the routes are not a list"),
    ],
)
def test_routes_in_a_variable_that_are_no_list_are_told_how_to_write_one(world, name, value, message):
    """C5"""
    world.config = {"backends": {"media": "memory://"}, "default": "media"}
    world.environ[name] = value
    problem = world.problem()
    assert (problem.place, problem.message) == (name, message)
    assert "double quotes" in problem.hint or """'[{"prefix": "private/", "backend": "private"}]'""" in problem.hint


@pytest.mark.parametrize("prefix", ["../static/", "/static/", "a\nb"])
def test_a_prefix_of_static_files_that_no_name_can_have_is_an_error(world, prefix):
    world.config = {"backends": {"media": "memory://"}, "default": "media", "static": {"prefix": prefix}}
    problem = world.problem()
    assert (problem.id, problem.place) == ("storage_router.E003", 'OPTIONS["static"]["prefix"]')
    assert problem.message.endswith("is not a prefix of names")


def test_the_manifest_may_be_a_path(world):
    world.config = {
        "backends": {"media": "memory://"},
        "default": "media",
        "static": {"manifest": world.directory / "staticfiles.json"},
    }
    assert world.load().document.static.manifest == f"{world.directory}/staticfiles.json"


def test_static_files_may_have_no_prefix(world):
    world.config = {"backends": {"media": "memory://"}, "default": "media", "static": {"prefix": ""}}
    assert world.load().document.static.prefix == ""


def test_five_mistakes_in_five_places_are_reported_in_one_go(world):
    """C5: across sources and models; the text is what an operator reads."""
    world.write("storage_router.toml", TOML.replace("account_name", "acount_name"))
    world.write(".env", "STORAGE_ROUTER__BACKENDS__BULK__TYPE=memry\n")
    world.environ["STORAGE_ROUTER__BACKENDS__MEDIA__TIMEOUT"] = "never"
    world.environ["STORAGE_ROUTER__BACKEND__MEDIA__TIMEOUT"] = "5"
    world.config = {"static": {"prefix": "/x"}}
    assert [str(found) for found in world.problems()] == [
        (
            "STORAGE_ROUTER__BACKENDS__MEDIA__TIMEOUT: 'never' is not a duration (storage_router.E003)\n"
            "    Write seconds as a number, or a string such as '90s', '5m' or '7d'."
        ),
        (
            "storage_router.toml: backends.media.acount_name: there is no setting 'acount_name' (storage_router.E001)\n"
            "    Did you mean 'account_name'?"
        ),
        (
            ".env: STORAGE_ROUTER__BACKENDS__BULK__TYPE: there is no type 'memry' (storage_router.E003)\n"
            "    Did you mean 'memory'?"
        ),
        (
            'OPTIONS["static"]["prefix"]: \'/x\' is not a prefix of names (storage_router.E003)\n'
            "    For example 'private/'; without a leading slash, empty, '.' or '..' segments."
        ),
        (
            "STORAGE_ROUTER__BACKEND__MEDIA__TIMEOUT: there is no setting 'backend' (storage_router.E001)\n"
            "    Did you mean 'backends'?"
        ),
    ]


@pytest.mark.parametrize(
    ("variables", "place", "message", "hint"),
    [
        (
            {"STORAGE_ROUTER__BACKENDS__MEDIA__EXPIRATION_SEC": "5"},
            "STORAGE_ROUTER__BACKENDS__MEDIA__EXPIRATION_SEC",
            "there is no setting 'expiration_sec'",
            "Did you mean 'expiration_secs'?",
        ),
        (
            {"STORAGE_ROUTER__DEFAUT": "media"},
            "STORAGE_ROUTER__DEFAUT",
            "there is no setting 'defaut'",
            "Did you mean 'default'?",
        ),
        (
            {f"STORAGE_ROUTER__XYZ__{letter}": "1" for letter in "ABCD"},
            "STORAGE_ROUTER__XYZ__A",
            "there is no setting 'xyz'",
            f"Allowed: {', '.join(sorted(RouterDocument.model_fields))}.",
        ),
        (
            {"STORAGE_ROUTER__STATIC__PREFX": "x/"},
            "STORAGE_ROUTER__STATIC__PREFX",
            "there is no setting 'prefx'",
            "Did you mean 'prefix'?",
        ),
        (
            {"STORAGE_ROUTER__ROUTES": '[{"backend": "bulk", "prefx": "x/"}]'},
            "STORAGE_ROUTER__ROUTES ([0].prefx)",
            "there is no setting 'prefx'",
            "Did you mean 'prefix'?",
        ),
    ],
)
def test_a_variable_that_matches_no_setting_is_an_error_with_the_nearest_name(world, variables, place, message, hint):
    """C4"""
    world.write("storage_router.toml", TOML)
    world.environ |= variables
    found = world.problem()
    assert (found.id, found.place, found.message, found.hint) == ("storage_router.E001", place, message, hint)


def test_a_variable_with_a_misspelt_alias_is_an_error_with_the_nearest_alias(world):
    """C4"""
    world.write("storage_router.toml", TOML)
    world.environ["STORAGE_ROUTER__BACKENDS__MEDDIA__ACCOUNT_KEY"] = "x"
    found = world.problem()
    assert (found.place, found.message) == ("STORAGE_ROUTER__BACKENDS__MEDDIA__TYPE", "'type' is missing")
    assert found.hint.startswith("Did you mean the backend 'media'?")


def test_a_key_of_the_file_that_matches_no_setting_is_an_error(world):
    """C4"""
    world.write("storage_router.toml", TOML + 'bakend = "x"\n')
    found = world.problem()
    assert (found.place, found.hint) == ("storage_router.toml: routes[0].bakend", "Did you mean 'backend'?")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("STORAGE_ROUTER_BACKENDS__MEDIA__TIMEOUT", "Did you mean 'STORAGE_ROUTER__BACKENDS__MEDIA__TIMEOUT'?"),
        ("STORAGE_ROUTER_BACKENDS_MEDIA_TIMEOUT", "Did you mean 'STORAGE_ROUTER__BACKENDS__MEDIA__TIMEOUT'?"),
        ("STORAGE_ROUTER_MY_MEDIA__ACCOUNT_KEY", "Did you mean 'STORAGE_ROUTER__BACKENDS__MY_MEDIA__ACCOUNT_KEY'?"),
        ("STORAGE_ROUTER_UPLOADS__QUARANTINE", "Did you mean 'STORAGE_ROUTER__UPLOADS__QUARANTINE'?"),
        ("STORAGE_ROUTER_BASE_URL", "Did you mean 'STORAGE_ROUTER__BASE_URL'?"),
        ("STORAGE_ROUTER_DEFAULT", "Did you mean 'STORAGE_ROUTER__DEFAULT'?"),
        ("STORAGE_ROUTER_CONFG", "Did you mean 'STORAGE_ROUTER_CONFIG'?"),
        (
            "STORAGE_ROUTER_DEBUGGING_OF_ALL_FILES",
            (
                "Settings begin with STORAGE_ROUTER__ (two underscores). Others are STORAGE_ROUTER_CONFIG, "
                "STORAGE_ROUTER_ENV_FILE, STORAGE_ROUTER_SECRETS_DIR."
            ),
        ),
    ],
)
def test_a_variable_with_a_single_underscore_is_a_warning(world, name, hint):
    """C4"""
    world.write("storage_router.toml", TOML)
    world.environ[name] = "5"
    (warning,) = world.load().warnings
    assert (warning.id, warning.place, warning.hint) == ("storage_router.W002", name, hint)
    assert warning.is_warning


def test_other_variables_are_nobodys_business(world):
    world.write("storage_router.toml", TOML)
    world.environ |= {"STORAGE": "x", "STORAGE_ROUTERS": "x", "MY_STORAGE_ROUTER__X": "x", "storage": "x"}
    assert world.load().warnings == ()


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ('type = "azur"', ("E003", "type", "there is no type 'azur'", "Did you mean 'azure'?")),
        ('tpye = "azure"', ("E002", "type", "'type' is missing", "Allowed: azure, django, filesystem, memory.")),
        ("timeout = 5", ("E002", "type", "'type' is missing", "Allowed: azure, django, filesystem, memory.")),
    ],
)
def test_a_type_that_is_misspelt_or_missing_is_one_problem(world, first, expected):
    """C5: the other keys are checked once the type is known."""
    world.write("storage_router.toml", f'default = "m"\n[backends.m]\n{first}\nacount_name = "x"\n')
    found = world.problem()
    assert (found.id[-4:], found.place.rpartition(".")[2], found.message, found.hint) == expected


def test_single_keys_over_the_string_of_a_lower_source_are_an_error_that_names_both(world):
    """C3"""
    world.write("storage_router.toml", 'backends.media = "memory://"\n')
    world.config = {"backends": {"media": {"base_url": "/x/"}}}
    found = world.problem()
    assert (found.id, found.place) == ("storage_router.E010", "storage_router.toml: backends.media")
    assert found.message == (
        "the backend 'media' is described by one string here and by single keys in "
        'OPTIONS["backends"]["media"]["base_url"]'
    )
    assert found.hint == "Keep one of the two. A string from a higher source replaces everything below it."


@pytest.mark.parametrize("lower", ["file", "secrets directory", ".env"])
def test_a_string_replaces_the_table_of_a_lower_source(world, lower):
    """C3: a developer's ``memory://`` needs no change of the file."""
    world.write("storage_router.toml", TOML)
    if lower == ".env":
        world.write(".env", "STORAGE_ROUTER__BACKENDS__MEDIA__TIMEOUT=5\n")
    elif lower == "secrets directory":
        world.write("secrets/STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY", "a2V5")
        world.environ["STORAGE_ROUTER_SECRETS_DIR"] = "secrets"
    world.environ["STORAGE_ROUTER__BACKENDS__MEDIA"] = "memory://?base_url=/m/"
    loaded = world.load()
    assert loaded.document.backends["media"] == MemoryBackend(base_url="/m/")
    assert {
        location[2] for location in loaded.origins if location[:2] == ("backends", "media") and len(location) > 2
    } == {"type", "base_url"}


def test_a_string_replaces_a_string_of_another_source_whole_as_the_hint_says(world):
    world.write("storage_router.toml", 'default = "media"\nbackends.media = "azure://acme/media?timeout=5"\n')
    world.environ["STORAGE_ROUTER__BACKENDS__MEDIA"] = "azure://other/media"
    media = world.load().document.backends["media"]
    assert (media.account_name, media.timeout) == ("other", 20)


def test_a_string_and_a_variable_for_one_of_its_keys_are_an_error_that_names_both(world):
    """C3"""
    world.environ |= {
        "STORAGE_ROUTER__BACKENDS__MEDIA": "memory://",
        "STORAGE_ROUTER__BACKENDS__MEDIA__BASE_URL": "/media/",
    }
    found = world.problem()
    assert (found.id, found.place) == ("storage_router.E010", "STORAGE_ROUTER__BACKENDS__MEDIA__BASE_URL")
    assert found.message == "backends.media is given whole by STORAGE_ROUTER__BACKENDS__MEDIA and in part here"


def test_a_string_replaces_a_string_of_a_lower_source(world):
    """C3"""
    world.write("storage_router.toml", 'backends.media = "azure://acmefiles/media?credential=default&timeout=5"\n')
    world.environ["STORAGE_ROUTER__BACKENDS__MEDIA"] = "azure://other/files?credential=azure_cli"
    loaded = world.load()
    backend = loaded.document.backends["media"]
    assert (backend.account_name, backend.timeout) == ("other", 20)
    assert loaded.origin(("backends", "media", "azure_container")) == Origin(
        source="environment", place="STORAGE_ROUTER__BACKENDS__MEDIA (azure_container)"
    )


@pytest.mark.parametrize("give", ["environ", "file", "code"])
def test_what_is_wrong_in_a_string_is_reported_at_the_string(world, give):
    """C3, C5"""
    text = "azure://acmefiles/media?credential=default&timout=5"
    place = {
        "environ": "STORAGE_ROUTER__BACKENDS__MEDIA (timout)",
        "file": "storage_router.toml: backends.media.timout",
        "code": 'OPTIONS["backends"]["media"]["timout"]',
    }[give]
    if give == "environ":
        world.environ["STORAGE_ROUTER__BACKENDS__MEDIA"] = text
    elif give == "file":
        world.write("storage_router.toml", f'backends.media = "{text}"\n')
    else:
        world.config = {"backends": {"media": text}}
    found = world.problem()
    assert (found.place, found.hint) == (place, "Did you mean 'timeout'?")


def test_a_string_that_cannot_be_read_is_one_problem_and_its_alias_is_still_known(world):
    world.environ |= {"STORAGE_ROUTER__BACKENDS__MEDIA": "s3://bucket", "STORAGE_ROUTER__DEFAULT": "media"}
    found = world.problem()
    assert (found.id, found.place) == ("storage_router.E003", "STORAGE_ROUTER__BACKENDS__MEDIA")
    assert found.message == "the value is not a backend URL"


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        (
            'default = "media"',
            "backends.media.default",
            "It is a key of the document itself: storage_router.toml: default.",
        ),
        (
            '[static]\ndefault = "media"',
            "static.default",
            "It is a key of the document itself: storage_router.toml: default.",
        ),
        ('[[routes]]\nbackend = "media"\nbackens = "media"', "routes[0].backens", "Did you mean 'backend'?"),
    ],
)
def test_a_key_of_the_document_that_toml_puts_into_a_table_is_told_where_to_go(world, text, place, hint):
    """C4, C5"""
    world.write("storage_router.toml", f'[backends.media]\ntype = "memory"\n{text}\n')
    found = world.problem()
    assert (found.id, found.place, found.hint) == ("storage_router.E001", f"storage_router.toml: {place}", hint)


def test_an_alias_or_a_tag_may_be_called_like_a_key_of_the_document(world):
    world.config = {"backends": {"static": {}, "media": {**AZURE, "tags": {"default": 5}}}, "default": "media"}
    assert not [found for found in world.problems() if "key of the document" in found.hint]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("storage_router.toml", '[backends.media]\ntype = "memory"\n[routes]\nbackend = "media"'),
        ("storage_router.json", '{"backends": {"media": "memory://"}, "routes": {"backend": "media"}}'),
    ],
)
def test_routes_in_a_file_that_are_no_list_are_told_how_a_file_has_them(world, name, text):
    """C5"""
    world.write(name, text)
    world.environ["STORAGE_ROUTER_CONFIG"] = name
    found = world.problem()
    assert (found.place, found.message) == (f"{name}: routes", "the routes are not a list")
    assert found.hint.startswith("Write [[routes]] for each, or all at once")


@pytest.mark.parametrize("whole", [False, True], ids=["single keys", "one string"])
def test_a_variable_with_one_underscore_too_few_is_told_the_right_one(world, whole):
    """C4, C7: its value is a key."""
    world.write("storage_router.toml", 'default = "bulk"\nbackends.bulk = "memory://"' if whole else TOML)
    alias = "BULK" if whole else "MEDIA"
    world.environ[f"STORAGE_ROUTER__BACKENDS__{alias}_ACCOUNT_KEY"] = "c2VjcmV0"
    found = world.problem()
    assert (found.id, found.place) == ("storage_router.E003", f"STORAGE_ROUTER__BACKENDS__{alias}_ACCOUNT_KEY")
    assert found.message == "the value is not a backend URL"
    assert found.hint == f"Did you mean STORAGE_ROUTER__BACKENDS__{alias}__ACCOUNT_KEY?"
    assert "c2VjcmV0" not in str(found)


def test_of_two_aliases_the_longer_one_is_meant(world):
    world.config = {"backends": {"media": "memory://", "media_cold": "memory://"}, "default": "media"}
    world.environ["STORAGE_ROUTER__BACKENDS__MEDIA_COLD_LOCATION"] = "files"
    assert world.problem().hint == "Did you mean STORAGE_ROUTER__BACKENDS__MEDIA_COLD__LOCATION?"


def test_an_alias_that_only_begins_like_another_is_told_the_form_of_a_url(world):
    world.config = {"backends": {"media": "memory://", "media_old": "old"}, "default": "media"}
    assert world.problem().hint.startswith("For example azure://")


@pytest.mark.parametrize(
    ("config", "place", "message", "hint"),
    [
        (
            {"backends": {"media": {"type": "azure", "account_name": "acmefiles", "credential": "default"}}},
            'OPTIONS["backends"]["media"]["azure_container"]',
            "'azure_container' is missing",
            "Add it there, or set the variable STORAGE_ROUTER__BACKENDS__MEDIA__AZURE_CONTAINER.",
        ),
        (
            {"backends": {"media": {}}},
            'OPTIONS["backends"]["media"]["type"]',
            "'type' is missing",
            "Allowed: azure, django, filesystem, memory.",
        ),
        (
            {"backends": {"media": "memory://"}, "routes": [{"prefix": "a/"}]},
            'OPTIONS["routes"][0]["backend"]',
            "'backend' is missing",
            "Add it there.",
        ),
        (
            {"routes": []},
            'OPTIONS["backends"]',
            "'backends' is missing",
            "Add it there.",
        ),
    ],
)
def test_what_is_missing_is_named_where_it_would_be(world, config, place, message, hint):
    """C5"""
    world.config = config
    world.write("storage_router.toml", "routes = []\n")
    found = world.problem()
    assert (found.id, found.place, found.message, found.hint) == ("storage_router.E002", place, message, hint)


@pytest.mark.parametrize(
    "config",
    [
        {"backends": 5},
        {"backends": ["media"]},
        {"backends": {"media": 5}},
        {"backends": {"media": ["memory"]}},
        {"backends": {"media": "memory://"}, "routes": 5},
        {"backends": {"media": "memory://"}, "routes": {"a": 1}},
        {"backends": {"media": "memory://"}, "routes": [5]},
        {"backends": {"media": "memory://"}, "static": 5},
        {"backends": {"media": "memory://"}, "default": 5},
        {"backends": {"media": {"type": ["azure"]}}},
        {"backends": {5: "memory://"}},
    ],
)
def test_a_value_of_another_kind_is_an_error_and_no_other_exception(world, config):
    """F3"""
    world.config = config
    assert all(
        one.id in ("storage_router.E003", "storage_router.E002") for one in world.problems(validators=[_nothing])
    )


def _nothing(document, locate):
    return []


def test_unused_authentication_is_a_warning_that_names_it(world):
    """O1"""
    world.write("storage_router.toml", TOML)
    world.environ["STORAGE_ROUTER__BACKENDS__MEDIA__ACCOUNT_KEY"] = "a2V5"
    (warning,) = world.load().warnings
    assert str(warning) == (
        "storage_router.toml: backends.media.credential: media authenticates by account_key; not used: credential "
        "(storage_router.W001)\n    Remove them. First wins: connection_string, account_key, token_credential, "
        "credential, sas_token."
    )


def test_the_unused_part_of_a_connection_string_is_a_warning_at_the_option(world):
    """O1"""
    world.write("storage_router.toml", TOML.replace('credential = "default"\n', ""))
    variable = "STORAGE_ROUTER__BACKENDS__MEDIA__CONNECTION_STRING"
    world.environ[variable] = "AccountName=acmefiles;AccountKey=a2V5;SharedAccessSignature=sv=1&sig=abc"
    (warning,) = world.load().warnings
    assert (warning.place, warning.message) == (
        variable,
        "media authenticates by connection_string; not used: connection_string.SharedAccessSignature",
    )


def test_what_is_wrong_between_the_parts_is_reported_once_each_part_is_valid(world):
    """C5: two passes."""
    seen = []

    def validator(document, locate):
        seen.append(document)
        yield problem("E006", locate(("routes", 1)), "it is a duplicate")

    world.config = {
        "backends": {"media": {"type": "memory", "x": 1}, "bulk": "memory://"},
        "routes": [{"prefix": "../", "backend": "bulk"}, {"prefix": "b/", "backend": "media"}],
        "default": "nowhere",
    }
    assert [one.id[-4:] for one in world.problems(validators=[validator])] == ["E001", "E003"]
    world.config["backends"]["media"].pop("x")
    world.config["routes"][0]["prefix"] = "a/"
    assert [one.id[-4:] for one in world.problems(validators=[validator])] == ["E004"]
    assert seen == []
    world.config["default"] = "bulk"
    assert [one.id[-4:] for one in world.problems(validators=[validator])] == ["E006"]


def test_warnings_of_validators_do_not_stop_the_process(world):
    world.config = {"backends": {"media": "memory://"}}

    def validator(document, locate):
        return [problem("W003", locate(("backends", "media")), "no route reaches it")]

    assert [one.id for one in world.load(validators=[validator]).warnings] == ["storage_router.W003"]


def test_a_configuration_can_be_pickled(world):
    world.config = {
        "backends": {
            "media": {"type": "azure", "account_name": "acmefiles", "azure_container": "media", "account_key": "a2V5"}
        }
    }
    loaded = world.load()
    again = pickle.loads(pickle.dumps(loaded))
    assert (again.document, again.origins) == (loaded.document, loaded.origins)


def test_the_configuration_of_code_is_not_changed_by_loading(world):
    config = {"backends": {"media": {"type": "memory"}, "other": "memory://"}}
    world.config = config
    world.environ["STORAGE_ROUTER__BACKENDS__MEDIA__BASE_URL"] = "/media/"
    world.load()
    assert config == {"backends": {"media": {"type": "memory"}, "other": "memory://"}}


def test_every_id_is_in_the_table():
    """Issue 4: stable ids, each unique."""
    for unknown in (lambda short: problem(short, "", ""), lambda short: invalid("", id=short)):
        with pytest.raises(AssertionError):
            unknown("E999")
    assert all(short[0] in "EW" and len(short) == 4 and meaning for short, meaning in PROBLEMS.items())
    assert problem("W001", "", "").is_warning


def test_a_suggestion_compares_without_case_and_lists_all_where_none_is_near():
    assert suggestion("HOT", ["Hot", "Cool"]) == "Did you mean 'Hot'?"
    assert suggestion("xyz", ["b", "a"]) == "Allowed: a, b."
    assert suggestion("xyz", []) == ""
