"""C1, C5: the document, its routes, and the aliases in it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from storage_router.conf.document import RouterDocument, StaticOptions
from storage_router.conf.routes import RouteOptions

MEMORY = {"type": "memory"}


def errors(**settings) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        RouterDocument.model_validate(settings)
    return {".".join(map(str, error["loc"])): error["msg"] for error in caught.value.errors(include_input=False)}


def test_the_smallest_document_is_one_backend():
    document = RouterDocument.model_validate({"backends": {"media": MEMORY}})
    assert (document.routes, document.default, document.static) == ((), None, StaticOptions())
    assert document.static.prefix == "static/"


def test_a_matcher_is_one_value_or_a_list():
    """R3"""
    route = RouteOptions(backend="a", prefix="x/", types=["video/*", ".psd"], glob="[ab]*.txt")
    assert (route.prefix, route.types, route.glob) == (("x/",), ("video/*", ".psd"), ("[ab]*.txt",))
    assert RouteOptions(backend="a", prefix='["x/", "y/"]').prefix == ("x/", "y/")
    assert (RouteOptions(backend="a").prefix, RouteOptions(backend="a").strip_prefix) == ((), False)


@pytest.mark.parametrize(
    ("matcher", "value", "message"),
    [
        ("prefix", "", "the prefix is empty"),
        ("prefix", "/private", "'/private' is not a prefix of names"),
        ("prefix", "private/*", "'private/*' is a pattern, and a prefix is none"),
        ("prefix", ["a", "../b"], "'../b' is not a prefix of names"),
        ("prefix", [], "the list is empty, so nothing can match"),
        ("glob", "", "'' is not a glob: names are relative and have no empty, '.' or '..' segments"),
        ("glob", "/a", "'/a' is not a glob: names are relative and have no empty, '.' or '..' segments"),
        ("glob", "a//b", "'a//b' is not a glob: names are relative and have no empty, '.' or '..' segments"),
        ("glob", "a/../b", "'a/../b' is not a glob: names are relative and have no empty, '.' or '..' segments"),
        ("glob", "./b", "'./b' is not a glob: names are relative and have no empty, '.' or '..' segments"),
        ("glob", "a/[b", "'a/[b' is not a glob: the bracket [ is never closed: write [[] for a bracket itself"),
        (
            "glob",
            ["x", "a***"],
            "'a***' is not a glob: there are * (inside a segment) and ** (across segments), no longer runs of stars",
        ),
        ("types", ["video/foo", ".x"], "no file has the media type 'video/foo' by the package's table"),
        ("types", ".jpg,.png", "'.jpg,.png' is neither an extension nor a media type"),
        ("types", "psd", "'psd' is neither an extension nor a media type"),
        ("types", "*.psd", "'*.psd' is neither an extension nor a media type"),
        ("types", "video/", "'video/' is neither an extension nor a media type"),
        ("types", [], "the list is empty, so nothing can match"),
    ],
)
def test_a_matcher_that_can_match_nothing_is_refused(matcher, value, message):
    found = errors(backends={"a": MEMORY}, routes=[{"backend": "a", matcher: value}])
    assert list(found.values()) == [message]
    assert next(iter(found)).startswith(f"routes.0.{matcher}")


@pytest.mark.parametrize("value", [".psd", ".tar.gz", "video/*", "image/svg+xml", "VIDEO/*", ".PSD"])
def test_types_are_extensions_and_media_types(value):
    """R3"""
    assert RouteOptions(backend="a", types=value).types == (value,)


def test_an_alias_that_no_backend_has_is_found_in_routes_and_default(world):
    """R7, C5: once everything is valid by itself."""
    world.config = {
        "backends": {"media": MEMORY},
        "routes": [{"backend": "media"}, {"backend": "medai", "prefix": "a"}],
        "default": "private",
    }
    assert [(one.id[-4:], one.place, one.message, one.hint) for one in world.problems()] == [
        ("E004", 'OPTIONS["default"]', "there is no backend 'private'", "Allowed: media."),
        ("E004", 'OPTIONS["routes"][1]["backend"]', "there is no backend 'medai'", "Did you mean 'media'?"),
    ]


def test_a_document_needs_a_backend():
    assert errors(backends={}) == {"backends": "Dictionary should have at least 1 item after validation, not 0"}
    assert errors() == {"backends": "Field required"}


@pytest.mark.parametrize("alias", ["Media", "my-media", "1a", "_a", "a__b", "a_", "", "médias", "a\n"])
def test_an_alias_can_be_part_of_a_variables_name(alias):
    assert errors(backends={alias: MEMORY})[f"backends.{alias}.[key]"].endswith("cannot be an alias")


def test_an_alias_in_capitals_is_reported_once(world):
    world.config = {"backends": {"My-Media": "memory://"}, "default": "my_media"}
    found = world.problem()
    assert found.message == "'My-Media' cannot be an alias"
    assert found.hint.startswith("Aliases are made of lower-case letters, digits and single underscores")


@pytest.mark.parametrize("alias", ["a", "media", "my_media", "s3", "a_1"])
def test_an_alias_has_lower_case_letters_digits_and_single_underscores(alias):
    assert alias in RouterDocument.model_validate({"backends": {alias: MEMORY}}).backends


def test_a_backend_without_a_type_and_nearly_the_alias_of_another_is_a_misspelt_alias(world):
    """C4"""
    world.config = {"backends": {"media": MEMORY, "meda": {"base_url": "/x/"}, "other": {"base_url": "/x/"}}}
    assert [(one.place, one.message, one.hint.partition(" add ")[0]) for one in world.problems()] == [
        ('OPTIONS["backends"]["meda"]["type"]', "'type' is missing", "Did you mean the backend 'media'? Otherwise"),
        ('OPTIONS["backends"]["other"]["type"]', "'type' is missing", "Allowed: azure, django, filesystem, memory."),
    ]


@pytest.mark.parametrize("wrong", [5, "x", [1], None])
def test_whatever_is_no_table_is_refused(wrong):
    """F3"""
    assert errors(backends=wrong)
    assert errors(backends={"a": wrong})
    assert errors(backends={"a": MEMORY}, routes=[wrong])
    with pytest.raises(ValidationError):
        RouterDocument.model_validate(wrong)


def test_an_empty_secret_of_nginx_is_an_error(world):
    """A request that did not pass through nginx has no header, which is as empty."""
    world.config = {"backends": {"media": {"type": "memory"}}, "accel_secret": ""}
    problem = world.problem()
    assert (problem.place, problem.message) == ('OPTIONS["accel_secret"]', "the value is empty")
