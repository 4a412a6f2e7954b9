"""F3, C5, C7: any configuration is accepted or refused with ``ConfigurationError``, and no secret is shown."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage_router import AzureStorage
from storage_router.conf.azure.options import AzureOptions
from storage_router.conf.loading import load
from storage_router.exceptions import ConfigurationError
from storage_router.router.backends import Backends
from storage_router.routing import RouteTable, find_problems
from tests.kit.examples import examples

from . import SOAK
from .hostile import CLASSICS

SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQ="
"""A key (base64) that no message may show."""

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from(CLASSICS),
    st.text(st.characters(), max_size=12),
    st.binary(max_size=8),
    st.sampled_from(
        ["5m", "7d", "64MiB", "azure://a/b", "memory://", "file:///x", "{}", "[]", '{"type": "azure"}', "://"]
    ),
)
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.text(max_size=6), st.sampled_from(sorted(AzureOptions.model_fields))), inner, max_size=3
        ),
    ),
    max_leaves=6,
)
_options = st.dictionaries(st.sampled_from(sorted(AzureOptions.model_fields)), _values, max_size=6)
_backends = st.dictionaries(
    st.sampled_from(["a", "b", "media", "A", "", "a-b", "é"]),
    st.one_of(
        _values,
        st.fixed_dictionaries({"type": st.sampled_from(["azure", "filesystem", "memory", "django", "s3", ""])}).flatmap(
            lambda typed: _options.map(lambda options: {**typed, **options})
        ),
        st.just({"type": "memory"}),
    ),
    max_size=3,
)
_routes = st.lists(
    st.one_of(
        _values,
        st.dictionaries(
            st.sampled_from(["prefix", "glob", "types", "backend", "strip_prefix", "read_only", "prefx"]),
            st.one_of(_values, st.sampled_from(["a", "b", "a/", "**/*.x", "video/*", ".psd"])),
            max_size=4,
        ),
    ),
    max_size=3,
)
_documents = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={"backends": st.one_of(_backends, _values), "routes": st.one_of(_routes, _values), "default": _values},
    ),
    st.dictionaries(st.text(max_size=8), _values, max_size=3),
)
_variables = st.dictionaries(
    st.builds(
        "STORAGE_ROUTER{}".format,
        st.sampled_from(
            [
                "__DEFAULT",
                "__BACKENDS",
                "__BACKENDS__A",
                "__BACKENDS__A__TYPE",
                "__BACKENDS__A__ACCOUNT_KEY",
                "__BACKENDS__A__EXPIRATION_SECS",
                "__BACKENDS__A__CLIENT_OPTIONS__READ_TIMEOUT",
                "__ROUTES",
                "__ROUTES__0__PREFIX",
                "__STATIC__PREFIX",
                "_CONFIG",
                "_SECRETS_DIR",
                "__",
                "____A",
                "_BACKENDS",
            ]
        ),
    ),
    st.one_of(
        st.sampled_from(CLASSICS), st.text(max_size=12), _values.map(lambda value: json.dumps(value, default=str))
    ),
    max_size=4,
)

fuzzed = settings(
    examples(150 * SOAK),
    derandomize=SOAK == 1,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def outcome(call: Any) -> Any:
    """Return what the call returns, or the ``ConfigurationError``; anything else is a failure."""
    try:
        return call()
    except ConfigurationError as caught:
        error = caught
    assert error.problems
    assert all(problem.place and problem.message for problem in error.problems)
    return error


@fuzzed
@given(document=_documents)
def test_a_fuzzers_document_is_accepted_or_refused(tmp_path: Path, document: Mapping[str, Any]) -> None:
    found = outcome(lambda: load(document, environ={}, directory=tmp_path))
    if not isinstance(found, ConfigurationError):
        # What was accepted can be built.
        assert all(problem.id == "storage_router.E003" for problem in Backends(found).check())


@fuzzed
@given(environ=_variables)
def test_fuzzed_variables_are_accepted_or_refused(tmp_path: Path, environ: Mapping[str, str]) -> None:
    # The system allows neither of these in a variable.
    environ = {name: value for name, value in environ.items() if "\0" not in value}
    outcome(lambda: load(environ=environ, directory=tmp_path))


@fuzzed
@given(options=_options)
def test_fuzzed_options_of_a_storage_are_accepted_or_refused(options: Mapping[str, Any]) -> None:
    base = {"account_name": "acmefiles", "azure_container": "media", "credential": "default"}
    outcome(lambda: AzureStorage(**options))
    outcome(lambda: AzureStorage(**{**base, **options}))


@fuzzed
@given(text=st.one_of(st.text(max_size=200), st.binary(max_size=100)), suffix=st.sampled_from(["toml", "json", "yaml"]))
def test_a_fuzzed_file_is_accepted_or_refused(tmp_path: Path, text: str | bytes, suffix: str) -> None:
    path = tmp_path / f"storage_router.{suffix}"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    outcome(lambda: load(environ={"STORAGE_ROUTER_CONFIG": str(path)}, directory=tmp_path / "none"))


@fuzzed
@given(
    field=st.sampled_from(["account_key", "sas_token", "connection_string"]),
    before=st.text(max_size=10),
    after=st.text(max_size=10),
    others=_options,
)
def test_no_error_shows_a_secret_wherever_it_stands(
    tmp_path: Path, field: str, before: str, after: str, others: Mapping[str, Any]
) -> None:
    secret = {
        "account_key": f"{before}{SECRET}{after}",
        "sas_token": f"sv=2024&{before}sig={SECRET}{after}",
        "connection_string": f"AccountName=a;{before}AccountKey={SECRET};{after}",
    }[field]
    options = {"type": "azure", "azure_container": "media", **others, field: secret}
    found = outcome(lambda: load({"backends": {"a": options}, "default": "a"}, environ={}, directory=tmp_path))
    shown = [repr(found), str(found)]
    if isinstance(found, BaseException):
        shown += traceback.format_exception(found)
    assert not any(SECRET in text for text in shown)


INJECTIONS = ("text/plain\r\nX-Injected: 1", "a\nb", "a\rb", "a\x00b", "text/html\r\n\r\n<script>")


@pytest.mark.parametrize("value", INJECTIONS, ids=ascii)
@pytest.mark.parametrize(
    "option", ["cache_control", "default_content_type", "custom_domain", "account_name", "location"]
)
def test_line_breaks_in_options_are_refused(option: str, value: str) -> None:
    """O3: header values with line breaks are found before the first request."""
    options = {"account_name": "acmefiles", "azure_container": "media", "credential": "default", option: value}
    with pytest.raises(ConfigurationError) as caught:
        AzureStorage(**options)
    assert option in str(caught.value)


@pytest.mark.parametrize("value", INJECTIONS, ids=ascii)
@pytest.mark.parametrize(
    "parameter", ["content_type", "content_encoding", "content_language", "content_disposition", "cache_control"]
)
def test_line_breaks_in_object_parameters_are_refused(parameter: str, value: str) -> None:
    options = {"account_name": "acmefiles", "azure_container": "media", "credential": "default"}
    with pytest.raises(ConfigurationError, match=parameter):
        AzureStorage(**options, object_parameters={parameter: value})


def seconds_to_load(path: Path) -> float:
    started = time.process_time()
    outcome(
        lambda: load(
            environ={"STORAGE_ROUTER_CONFIG": str(path)},
            directory=path.parent,
            validators=[
                lambda document, locate: find_problems(RouteTable(document.routes, None), document.backends, locate)
            ],
        )
    )
    return time.process_time() - started


def bomb(levels: int, kind: str) -> str:
    """YAML whose aliases expand to ten times as much with each level."""
    lines = ["backends:", "  a0: &a0 {type: memory}"]
    for level in range(1, levels):
        inside = ", ".join([f"*a{level - 1}"] * 10)
        value = f"[{inside}]" if kind == "list" else f"{{<<: [{inside}]}}"
        lines.append(f"  a{level}: &a{level} {{type: django, options: {{x: {value}}}}}")
    return "\n".join(lines)


@pytest.mark.parametrize("kind", ["list", "merge"])
def test_aliases_of_yaml_cost_no_more_than_the_file(tmp_path: Path, kind: str) -> None:
    """F8: a few hundred bytes."""
    path = tmp_path / "a.yaml"
    path.write_text(bomb(9, kind))
    with pytest.raises(ConfigurationError, match="with its aliases it has more than 100,000 values"):
        load(environ={"STORAGE_ROUTER_CONFIG": str(path)}, directory=tmp_path)
    assert seconds_to_load(path) < 5


def test_a_yaml_file_may_use_aliases_and_merge_keys(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "backends:\n  one: &one {type: azure, account_name: acme, azure_container: one}\n"
        "  two: {<<: *one, azure_container: two}\n"
    )
    document = load(environ={"STORAGE_ROUTER_CONFIG": str(path)}, directory=tmp_path).document
    assert [backend.azure_container for backend in document.backends.values()] == ["one", "two"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "document",
    [
        lambda count: {
            "routes": [{"glob": f"**/a*{number % 7}*/**/*{number}", "backend": "m"} for number in range(count)]
        },
        lambda count: {"routes": [{"glob": [f"**/*{number}*" for number in range(count)], "backend": "m"}]},
        lambda count: {"routes": [{"glob": 5, "prefx": "a", "backend": "m"} for _ in range(count)]},
        lambda count: {"routes": [{"prefix": f"{number}/", "backend": "m"} for number in range(count)]},
        lambda count: {"backends": {f"b{number}": {"type": "memory", "timeot": 5} for number in range(count)}},
        lambda count: {"backends": {f"b{number}": {"base_url": "/x/"} for number in range(count)}},
        lambda count: {
            "backends": {f"b{number}": {"type": "filesystem", "location": f"/srv/{number}"} for number in range(count)}
        },
        lambda count: {"routes": [{"prefix": f"{number}/", "backend": f"x{number}"} for number in range(count)]},
        lambda count: {
            "backends": {
                f"b{number}": {"type": "memory"} if number % 2 else {"base_url": "/x/"} for number in range(count)
            }
        },
    ],
    ids=[
        "globs",
        "one route",
        "wrong routes",
        "prefixes",
        "wrong backends",
        "no types",
        "backends",
        "wrong aliases",
        "every second type",
    ],
)
def test_four_times_the_entries_cost_four_times_the_time(tmp_path: Path, document: Callable[[int], dict]) -> None:
    """F8: quadratic time would be sixteen times as much; 4,000 globs took 115 s."""
    seconds = []
    for count in (300, 1200):
        path = tmp_path / f"{count}.json"
        path.write_text(json.dumps({"backends": {"m": "memory://"}, "default": "m", **document(count)}))
        seconds.append(min(seconds_to_load(path) for _ in range(2)))
    assert seconds[1] < 9 * seconds[0]
