"""C9: JSON Schemas for editors, generated from the models."""

from __future__ import annotations

import json
import re
import tomllib
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from storage_router.conf import schema
from storage_router.conf.azure.options import SECRETS, AzureOptions
from storage_router.conf.backends import BACKEND_TYPES
from storage_router.conf.loading import load
from storage_router.conf.problems import validated
from storage_router.conf.routes import RouteOptions
from storage_router.exceptions import ConfigurationError

ROOT = Path(__file__).parent.parent.parent
DOCUMENT = schema.document_schema()
OPTIONS = schema.azure_storage_schema()

TOML = """
default = "media"
routes = [{prefix = "a/", backend = "media", types = ["video/*", ".psd"]}]

[static]
prefix = "static/"

[backends]
text = "azure://acmefiles/media?credential=default"

[backends.media]
type = "azure"
account_name = "acmefiles"
azure_container = "media"
credential = "default"
expiration_secs = "5m"
max_memory_size = "64MiB"
object_parameters = {content_language = "de"}

[backends.files]
type = "filesystem"
location = "/srv/media"
file_permissions_mode = 0o644

[backends.s3]
type = "django"
backend = "storages.backends.s3.S3Storage"
options = {bucket_name = "acme"}
"""


def messages(instance: object) -> list[str]:
    return [error.message for error in Draft202012Validator(DOCUMENT).iter_errors(instance)]


def test_the_schemas_in_the_repository_are_what_the_models_say():
    assert schema.stale(ROOT / "schemas") == []


def test_a_schema_that_is_missing_or_differs_is_stale(tmp_path):
    assert schema.stale(tmp_path) == ["storage_router.schema.json", "azure_storage.schema.json"]
    schema.write(tmp_path)
    assert schema.stale(tmp_path) == []
    (tmp_path / "azure_storage.schema.json").write_text("{}")
    assert schema.stale(tmp_path) == ["azure_storage.schema.json"]


@pytest.mark.parametrize("built", [DOCUMENT, OPTIONS])
def test_the_schemas_are_schemas_with_an_id(built):
    Draft202012Validator.check_schema(built)
    assert built["$id"].startswith("urn:django-storage-router:schema:")
    assert built["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_a_document_that_loads_is_valid():
    document = tomllib.loads(TOML)
    load(document, environ={}, directory="/nonexistent")
    assert messages(document) == []
    assert messages(document | {"$schema": "schemas/storage_router.schema.json"}) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("default =", "defualt ="),
        ('account_name = "acmefiles"', 'acount_name = "acmefiles"'),
        ('"5m"', '"soon"'),
        ('"64MiB"', '"64 parsecs"'),
        ('type = "azure"', 'type = "azur"'),
        ('azure_container = "media"', ""),
        ('azure_container = "media"', 'azure_container = "Media"'),
        ('credential = "default"', 'credential = "magic"'),
        ("content_language", "content_langage"),
        ("[backends.s3]", '[backends."my-s3"]'),
        ("azure://", "azur://"),
        ('backend = "media", types', "types"),
        ('prefix = "a/"', 'prefix = "/a/"'),
        ('prefix = "a/"', 'prefix = ["a/", "a/../b/"]'),
        ('"video/*"', '"video/"'),
        ('".psd"', '"psd"'),
    ],
)
def test_what_an_editor_can_see_is_marked(old, new):
    assert old in TOML
    assert messages(tomllib.loads(TOML.replace(old, new, 1)))


@pytest.mark.parametrize("matcher", ["prefix", "types"])
@given(st.text(st.sampled_from("ab.:/\\* \x00\x85ö-"), min_size=1, max_size=8))
def test_an_editor_marks_what_a_route_refuses_and_nothing_else(matcher, text):
    route = {"backend": "media", matcher: text}
    try:
        RouteOptions.model_validate(route)
    except ValidationError as error:
        # The table of media types is not in the schema.
        expected = int("by the package's table" not in str(error))
    else:
        expected = 0
    for one in (route, {"backend": "media", matcher: [text]}):
        assert len(messages({"backends": {"media": "memory://"}, "routes": [one]})) == expected


AZURE = {"type": "azure", "account_name": "acmefiles", "azure_container": "media", "credential": "default"}


@pytest.mark.parametrize(
    ("option", "good", "bad"),
    [
        ("timeout", [1, 20, 86_400], [-1, 0, 86_401]),
        ("expiration_secs", [1, 604_800], [-1, 0, 10**10 + 1]),
        ("url_window_secs", [0, 10**10], [-1, 10**10 + 1]),
        ("max_memory_size", [1, 2**40], [-1, 0]),
        ("upload_max_conn", [1, 64], [0, 65]),
        ("file_permissions_mode", [0, 0o644, 0o777], [-1, 0o1000]),
    ],
)
def test_an_editor_marks_the_numbers_that_the_model_refuses_and_no_others(option, good, bad):
    backend = AZURE if option in AzureOptions.model_fields else {"type": "filesystem"}
    for value in (*good, *bad):
        document = {"backends": {"media": {**backend, option: value}}, "default": "media"}
        assert bool(messages(document)) == (value in bad), value
        with nullcontext() if value in good else pytest.raises(ConfigurationError):
            load(document, environ={}, directory="/nonexistent")


def settings_of(built: dict) -> list[tuple[str, str, dict]]:
    parts = {built["title"]: built} | built.get("$defs", {})
    return [(part, name, setting) for part, body in parts.items() for name, setting in body["properties"].items()]


@pytest.mark.parametrize(("part", "name", "setting"), [*settings_of(DOCUMENT), *settings_of(OPTIONS)])
def test_every_setting_is_described_and_its_examples_are_valid(part, name, setting):
    assert setting["description"].endswith(".")
    definitions = {"$defs": DOCUMENT["$defs"]}
    for example in setting.get("examples", ()):
        Draft202012Validator(setting | definitions).validate(example)


@pytest.mark.parametrize("name", AzureOptions.model_fields)
def test_every_example_of_an_option_is_taken_by_the_model(name):
    base = {"account_name": "acmefiles", "azure_container": "media", "credential": "default"}
    if name in SECRETS or name == "account_url":
        base = {"azure_container": "media"} | ({} if name in SECRETS else {"sas_token": "sig=x"})
    for example in OPTIONS["properties"][name].get("examples", ()):
        if name in ("account_key", "sas_token"):
            assert re.search(r"<|\.\.\.", example), "an example of a secret is no secret"
        else:
            validated(AzureOptions, base | {name: example})


def test_secrets_are_write_only():
    for options in (OPTIONS, DOCUMENT["$defs"]["AzureOptions"]):
        assert [name for name, setting in options["properties"].items() if setting.get("writeOnly")] == [
            "account_key",
            "sas_token",
            "connection_string",
        ]


def test_backends_are_told_apart_by_their_type():
    models, _ = DOCUMENT["properties"]["backends"]["additionalProperties"]["anyOf"]
    assert models["discriminator"]["propertyName"] == "type"
    assert set(models["discriminator"]["mapping"]) == set(BACKEND_TYPES)


def test_the_files_are_json_that_people_can_read():
    for name in schema.SCHEMAS:
        text = (ROOT / "schemas" / name).read_text(encoding="utf-8")
        assert json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n" == text
