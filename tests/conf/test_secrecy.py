"""C7: planted secrets are found in nothing that is printed, logged or raised."""

from __future__ import annotations

import base64
import logging
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from storage_router.conf.azure.connection_string import ConnectionString
from storage_router.conf.azure.options import SECRETS, AzureOptions
from storage_router.conf.loading import load
from storage_router.conf.problems import validated
from storage_router.exceptions import ConfigurationError
from tests.kit.examples import examples

PLANTED = "UExBTlRFRC1TRUNSRVQ"
KEY = base64.b64encode(PLANTED.encode() * 4).decode()
GOOD = {
    "account_key": KEY,
    "sas_token": f"sv=2025-11-05&sr=c&sp=rl&sig={KEY}",
    "connection_string": f"AccountName=acmefiles;AccountKey={KEY}",
}


def everything_about(error: BaseException) -> str:
    """The texts of the error and of all that Python keeps with it, suppressed or not."""
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in seen:
            seen.append(one)
            waiting += [one.__cause__, one.__context__]
    texts = [str(one) + repr(one) + repr(one.args) for one in seen]
    texts += [repr(one.errors()) for one in seen if isinstance(one, ValidationError)]
    return "".join([*texts, *traceback.format_exception(error)])


@pytest.mark.parametrize("option", SECRETS)
def test_a_good_secret_is_in_no_representation(world, option):
    world.config = {
        "backends": {
            "media": {"type": "azure", "account_name": "acmefiles", "azure_container": "media", option: GOOD[option]},
            "s3": {"type": "django", "backend": "a.B", "options": {"secret_key": KEY}},
            "proxied": {
                "type": "azure",
                "account_name": "acmefiles",
                "azure_container": "media",
                "credential": "default",
                "client_options": {"proxies": {"https": f"http://user:{KEY}@proxy"}},
            },
        }
    }
    loaded = world.load()
    media = loaded.document.backends["media"]
    for thing in (loaded, loaded.document, media, media.authentication, vars(media), loaded.origins, media.endpoint):
        assert KEY not in f"{thing!r}{thing!s}"
        assert PLANTED not in f"{thing!r}{thing!s}"


def test_a_parsed_connection_string_shows_no_secret():
    parsed = ConnectionString(f"{GOOD['connection_string']};SharedAccessSignature={GOOD['sas_token']}")
    assert parsed.account_key == SecretStr(KEY)
    assert KEY not in f"{parsed!r}{parsed!s}"


BAD = {
    "account_key": f"{PLANTED}!",
    "sas_token": f"sp=r;{PLANTED}",
    "connection_string": f"AccountName=acmefiles;AccuntKey={PLANTED}",
}


@pytest.mark.parametrize("option", SECRETS)
def test_a_bad_secret_is_in_no_error(option):
    given = {"account_name": "acmefiles", "azure_container": "media", option: BAD[option]}
    with pytest.raises(ConfigurationError) as caught:
        validated(AzureOptions, given)
    assert PLANTED not in everything_about(caught.value)
    with pytest.raises(ValidationError) as raw:
        AzureOptions.model_validate(given)
    assert PLANTED not in str(raw.value) + repr(raw.value)


@pytest.mark.parametrize(
    "config",
    [
        *(
            {"backends": {"media": {"type": "azure", "azure_container": "media", name: text}}}
            for name, text in BAD.items()
        ),
        {"backends": {"media": {"type": "azure", "azure_container": "media", "acount_key": KEY}}},
        {
            "backends": {
                "media": {"type": "azure", "azure_container": KEY, "account_name": KEY, "credential": "default"}
            }
        },
        {
            "backends": {
                "media": {"type": "azure", "azure_container": "media", "account_key": [KEY], "sas_token": {KEY: 1}}
            }
        },
        {"backends": {"media": {"type": "azure", "azure_container": "media", "account_key": 1234567890}}},
        {"backends": {"media": {"type": "azure", "account_url": f"https://a.blob.core.windows.net?sig={KEY}"}}},
        {"backends": {"media": {"type": KEY}}},
        {"backends": {"media": {"type": "django", "backend": "x", "options": {"key": KEY}, "password": KEY}}},
        {"backends": {"media": f"azure://acme:{KEY}@x/media"}},
        {"backends": {"media": f"azure://acme/media?account_key={KEY}&{KEY}"}},
        {"backends": {"media": f"azure://acme/media?account_key={KEY}&timeout=x"}},
        {"backends": {"media": KEY}},
        {"backends": {"media": "memory://"}, "default": KEY},
        {"backends": {"media": "memory://"}, "routes": KEY},
        {"backends": {"media": "memory://"}, "routes": [{"backend": "media", "prefix": f"/{KEY}"}]},
    ],
)
def test_a_secret_in_a_wrong_configuration_is_in_nothing_that_is_raised_or_logged(world, caplog, config):
    caplog.set_level(logging.DEBUG)
    world.config = config
    with pytest.raises(ConfigurationError) as caught:
        world.load()
    told = everything_about(caught.value) + caplog.text
    assert KEY not in told
    assert PLANTED not in told
    assert "1234567890" not in told


@pytest.mark.parametrize("option", ["credential", "client_id"])
@pytest.mark.parametrize("value", ["Abc8Q~0123456789012345678901234567890123", 8675309424])
def test_a_client_secret_in_the_wrong_option_is_not_shown_however_short_it_is(world, option, value):
    world.config = {
        "backends": {"media": {"type": "azure", "account_name": "acmefiles", "azure_container": "media", option: value}}
    }
    told = [problem for problem in world.problems() if option in problem.place]
    assert [problem.message for problem in told] in (
        ["the value is not one of the allowed values"],
        ["the value is not a client id"],
        ["the value (int) is not the name of a credential"],
        ["the value is not valid: it should be a valid string"],
    )
    assert str(value) not in "\n".join(map(str, told))


def test_the_credentials_there_are_and_the_nearest_one_are_told_all_the_same(world):
    media = {"type": "azure", "account_name": "acmefiles", "azure_container": "media"}
    world.config = {"backends": {"media": {**media, "credential": "manged_identity"}}}
    assert world.problem().hint == "Did you mean 'managed_identity'?"
    world.config = {"backends": {"media": {**media, "credential": "Abc8Q~01234567890"}}}
    assert world.problem().hint == (
        "Allowed: anonymous, azure_cli, default, environment, managed_identity, workload_identity."
    )


@pytest.mark.parametrize(
    "variable", ["BACKENDS__MEDIA__ACOUNT_KEY", "BACKENDS__MEDIA__ACCOUNT_KEY", "BACKENDS__MEDIA", "ROUTES", "X"]
)
def test_a_secret_in_a_wrong_variable_is_in_no_error(world, variable):
    world.write("storage_router.toml", '[backends.media]\ntype = "azure"\nazure_container = "media"\n')
    world.environ[f"STORAGE_ROUTER__{variable}"] = f"{KEY}!"
    world.write(".env", f"STORAGE_ROUTER__BACKENDS__MEDIA__SAS_TOKEN={KEY}\n")
    with pytest.raises(ConfigurationError) as caught:
        world.load()
    assert KEY not in everything_about(caught.value)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(KEY),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "type", "x y", ""]), inner, max_size=3)
    ),
    max_leaves=5,
)
_OPTIONS = st.dictionaries(
    st.sampled_from([*AzureOptions.model_fields, "type", "backend", "options", "prefix"]), _VALUES
)
_BACKENDS = _OPTIONS | st.builds(lambda rest: {"type": "azure", **rest}, _OPTIONS) | _VALUES


@examples(150)
@given(
    backends=st.dictionaries(st.sampled_from(["media", "a", "B", ""]), _BACKENDS, max_size=2) | _VALUES,
    routes=st.lists(st.dictionaries(st.sampled_from(["backend", "prefix", "glob", "types", "x"]), _VALUES)) | _VALUES,
    default=_VALUES,
)
def test_any_configuration_loads_or_is_refused_without_showing_a_secret(backends, routes, default):
    """F3, C7: no input makes an exception other than ``ConfigurationError``."""
    told = ""
    try:
        load({"backends": backends, "routes": routes, "default": default}, environ={}, directory="/nonexistent")
    except ConfigurationError as error:
        told = everything_about(error)
    assert KEY not in told
