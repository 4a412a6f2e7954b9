"""C1: the kinds of backend; C3: a whole backend in one string."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, PlainValidator, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from storage_router.conf.azure.options import AzureOptions
from storage_router.conf.backends import BACKEND_TYPES, parse_url, read_backend
from storage_router.conf.django_backends import DjangoBackend, FilesystemBackend, MemoryBackend
from storage_router.conf.units import guessed

ADAPTER: TypeAdapter[BaseModel] = TypeAdapter(Annotated[Any, PlainValidator(read_backend)])


def backend(**settings):
    return ADAPTER.validate_python(settings)


def message_of(**settings) -> str:
    with pytest.raises(ValidationError) as caught:
        backend(**settings)
    (error,) = caught.value.errors(include_input=False)
    return error["msg"]


def test_the_type_tells_the_kind():
    assert isinstance(backend(type="memory"), MemoryBackend)
    assert isinstance(backend(type="filesystem", location="/srv"), FilesystemBackend)
    assert isinstance(backend(type="django", backend="a.B"), DjangoBackend)
    azure = backend(type="azure", account_name="acmefiles", azure_container="media", credential="default")
    assert isinstance(azure, AzureOptions)
    assert {kind: one.model.type for kind, one in BACKEND_TYPES.items()} == {kind: kind for kind in BACKEND_TYPES}


def test_a_directory_has_the_options_of_djangos_storage():
    found = backend(
        type="filesystem",
        location=Path("/srv/media"),
        base_url="/media",
        file_permissions_mode="644",
        directory_permissions_mode="0o755",
        allow_overwrite=True,
    )
    assert found == FilesystemBackend(
        location="/srv/media",
        base_url="/media/",
        file_permissions_mode=0o644,
        directory_permissions_mode=0o755,
        allow_overwrite=True,
    )
    assert backend(type="filesystem").location is None
    assert backend(type="filesystem", file_permissions_mode=0o600).file_permissions_mode == 0o600


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"type": "filesystem", "location": ""}, "String should have at least 1 character"),
        ({"type": "filesystem", "base_url": "/media/?x"}, "the value is not a URL without user, query and fragment"),
        ({"type": "filesystem", "base_url": ""}, "the value is not a URL without user, query and fragment"),
        ({"type": "filesystem", "file_permissions_mode": "rw-r--r--"}, "'rw-r--r--' is not a file mode"),
        ({"type": "memory", "base_url": "media/"}, "'media/' is relative, so each page has another one"),
        ({"type": "memory", "base_url": "a b"}, "the value is not a URL without user, query and fragment"),
        ({"type": "django", "backend": "S3Storage"}, "'S3Storage' is not a dotted path"),
        (
            {"type": "django", "backend": "a.B", "options": "x=1"},
            "the value is not valid JSON: Expecting value (line 1, column 1)",
        ),
    ],
)
def test_an_illegal_value_is_refused(settings, message):
    assert message_of(**settings) == message


@pytest.mark.parametrize("number", [600, 644, 700, 755, 770, 777, 1777, 2755, 0o2775, -1])
def test_a_number_that_no_plain_mode_has_is_refused(number):
    """JSON has no octal numbers, and TOML's begin with 0o."""
    with pytest.raises(ValidationError) as caught:
        backend(type="filesystem", directory_permissions_mode=number)
    (error,) = caught.value.errors(include_input=False)
    assert error["msg"] == f"{number} is not a file mode"
    assert error["ctx"]["hint"].endswith("A number without quotes is decimal.")


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o644, 0o755, 0o777, "1777", "2775", "0o3777"])
def test_a_mode_is_an_octal_number_or_octal_digits(mode):
    expected = int(mode, 8) if isinstance(mode, str) else mode
    assert backend(type="filesystem", directory_permissions_mode=mode).directory_permissions_mode == expected


def test_foreign_options_are_not_shown():
    """C7: nobody here knows which of them are secret."""
    found = backend(type="django", backend="a.B", options={"secret_key": "c2VjcmV0"})
    assert found.options == {"secret_key": "c2VjcmV0"}
    assert "c2VjcmV0" not in repr(found)


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (
            "azure://acmefiles/media?expiration_secs=300",
            {"type": "azure", "account_name": "acmefiles", "azure_container": "media", "expiration_secs": "300"},
        ),
        (
            "azure://acmefiles/media/sites/a%20b/",
            {"type": "azure", "account_name": "acmefiles", "azure_container": "media", "location": "sites/a b"},
        ),
        (
            "azure:///$web?connection_string=AccountName=a;AccountKey=b+c/d==",
            {
                "type": "azure",
                "azure_container": "$web",
                "connection_string": "AccountName=a;AccountKey=b+c/d==",
            },
        ),
        (
            "AZURE://devstoreaccount1/media?account_url=http://127.0.0.1:10000/devstoreaccount1&sas_token=sp%3Dr%26sig=a%2Bb",
            {
                "type": "azure",
                "account_name": "devstoreaccount1",
                "azure_container": "media",
                "account_url": "http://127.0.0.1:10000/devstoreaccount1",
                "sas_token": "sp=r&sig=a+b",
            },
        ),
        (
            "file:///srv/media?base_url=/media/",
            {"type": "filesystem", "location": "/srv/media", "base_url": "/media/"},
        ),
        ("file:///srv/my%20media", {"type": "filesystem", "location": "/srv/my media"}),
        ("file:///C:/media", {"type": "filesystem", "location": "C:/media"}),
        ("file://", {"type": "filesystem"}),
        ("memory://", {"type": "memory"}),
        (" memory://?base_url=/media/ ", {"type": "memory", "base_url": "/media/"}),
        ('{"type": "memory"}', {"type": "memory"}),
    ],
)
def test_a_url_describes_a_whole_backend(text, settings):
    """C3"""
    assert parse_url(text) == settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the value is not a backend URL"),
        ("media", "the value is not a backend URL"),
        ("s3://bucket", "the value is not a backend URL"),
        ("django://acme.Storage", "the value is not a backend URL"),
        ("azure://acmefiles:key@acme/media", "the URL has '@' before the account"),
        ("azure://acmefiles/media?location", "an option in the URL does not have the form 'name=value'"),
        ("azure://acmefiles/media?timeout=1&timeout=2", "the URL gives an option twice"),
        ("azure://acmefiles/media/a?location=b", "the URL gives an option twice"),
        ("azure://acmefiles/media?type=memory", "the URL gives an option twice"),
        ("file://srv/media", "the URL has no absolute path"),
        ("memory://media", "the URL takes nothing between '://' and '?'"),
        ('{"type": ', "the value is not valid JSON: Expecting value (line 1, column 9)"),
        ("{}]", "the value is not valid JSON: Extra data (line 1, column 3)"),
    ],
)
def test_a_string_that_is_not_a_backend_url_is_refused(text, message):
    """C3"""
    with pytest.raises(PydanticCustomError) as caught:
        parse_url(text)
    assert caught.value.message() == message


def test_a_misspelt_scheme_is_answered_with_the_forms():
    with pytest.raises(PydanticCustomError) as caught:
        parse_url("azur://acmefiles/media")
    assert (caught.value.context or {})["hint"].startswith("For example azure://acmefiles/media")


@given(st.text(), st.sampled_from(["", "azure://", "file://", "memory://", "django://", "{", "azure://a/b?"]))
def test_any_string_is_read_or_refused_without_being_quoted(text, start):
    """F3 and C7"""
    secret = "c2VjcmV0LXBsYW50ZWQ"
    shown = ""
    try:
        parse_url(f"{start}{text}{secret}")
    except PydanticCustomError as error:
        shown = f"{error}{error.context}"
    assert secret not in shown


def test_a_string_that_is_not_json_stays_a_string():
    assert [guessed(text) for text in ("1.5", "-x", "[a", "true", "True", "", "007", "1e5", "-Infinity")] == [
        1.5,
        "-x",
        "[a",
        True,
        "True",
        "",
        "007",
        "1e5",
        "-Infinity",
    ]
