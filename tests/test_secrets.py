"""C7: no secret is ever shown. Secrets are planted, everything is made to print, and they are looked for."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import io
import json
import logging
import os
import pickle
import sys
import time
import traceback
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from azure.storage.blob import generate_container_sas
from django.core import checks
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings
from django.views.debug import ExceptionReporter
from pydantic import SecretStr

import storage_router
from storage_router.azure.client import Account
from storage_router.azure.storage import AzureStorage
from storage_router.azure.urls import DelegationKey, Grant, sign_with_delegation_key
from storage_router.exceptions import ConfigurationError
from tests.kit import warm
from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME, UnsignedTokenCredential

ROOT = Path(__file__).parent.parent
PLANTED = "PLANTED"
# Neither of these opens anything. The signature and the key carry the same text, so that any part of them is found.
KEY = base64.b64encode(PLANTED.encode() * 9 + b"!").decode()
SIGNATURE = base64.b64encode(PLANTED.encode() * 4 + b"!!!!").decode()
SAS = f"sv=2024-11-04&sr=c&sp=racwdl&se=2999-01-01T00%3A00%3A00Z&spr=https,http&sig={quote(SIGNATURE, safe='')}"
CONNECTION_STRING = (
    f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT_NAME};AccountKey={KEY};BlobEndpoint={{endpoint}};"
)
FOREIGN = f"{PLANTED}-of-another-package"

NEEDLES = (PLANTED, KEY[4:40], SIGNATURE[4:40], quote(SIGNATURE, safe="")[4:40])
STATIC = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}


def assert_clean(text: str, what: str = "") -> None:
    """Fail if any secret, or a good part of one, is in ``text``; without printing it."""
    found = [index for index, needle in enumerate(NEEDLES) if needle in text]
    assert not found, f"{what} shows secret number {found[0]}"


@pytest.fixture
def document(azurite):
    """A router with every kind of secret; the credentials are wrong, so that requests fail, too."""
    endpoint = azurite.account_url()
    return {
        "backends": {
            "key": {"type": "azure", "account_url": endpoint, "account_key": KEY, "azure_container": "media"},
            "sas": {"type": "azure", "account_url": endpoint, "sas_token": SAS, "azure_container": "media"},
            "string": {
                "type": "azure",
                "connection_string": CONNECTION_STRING.format(endpoint=endpoint),
                "azure_container": "media",
                "client_options": {"user_agent": "acme", "headers": {"X-Acme": FOREIGN}},
            },
            "other": {"type": "django", "backend": f"{__name__}.Other", "options": {"token": FOREIGN}},
        },
        "routes": [{"prefix": alias, "backend": alias} for alias in ("key", "sas", "string", "other")],
        "default": "key",
    }


@pytest.fixture
def planted(document):
    """``STORAGES`` with that router."""
    default = {"BACKEND": "storage_router.RouterStorage", "OPTIONS": document}
    alone = {"BACKEND": "storage_router.AzureStorage", "OPTIONS": {**document["backends"]["key"]}}
    del alone["OPTIONS"]["type"]
    with override_settings(STORAGES={"default": default, "staticfiles": STATIC, "alone": alone}):
        yield


class Other(AzureStorage):
    """A storage of another package, which nothing is known of."""

    def __init__(self, token: str) -> None:
        super().__init__(account_name="other", azure_container="other", credential="anonymous")


def everything_about(error: BaseException) -> str:
    """Return the traceback with all that it holds: causes, contexts, and the locals of our own frames."""
    text = "".join(traceback.format_exception(error))
    for link in (error, error.__cause__, error.__context__):
        if link is not None:
            text += f"{link!r} {link} {vars(link)!r}"
    return text


def test_the_needles_are_found_where_they_are():
    for secret in (KEY, SAS, CONNECTION_STRING, FOREIGN):
        with pytest.raises(AssertionError, match="shows secret number"):
            assert_clean(f"x {secret} y")


def test_no_repr_and_no_str_shows_a_secret(planted):
    router = storages["default"]
    shown = [router, router.configuration, router.configuration.document, router.table, router.backends]
    for alias in router.backends:
        storage = router.backends[alias]
        shown.append(storage)
        shown.append(router.configuration.document.backends[alias])
        if isinstance(storage, AzureStorage):
            shown += [
                storage.options,
                storage.options.authentication,
                {key: value for key, value in vars(storage).items() if key != "client_options"},
            ]
    for thing in shown:
        assert_clean(f"{thing!r} {thing!s}", type(thing).__name__)
    assert_clean(repr(dict(router.configuration.origins)))


def test_no_failing_request_shows_a_secret_in_errors_tracebacks_or_logs(planted, caplog):
    """Everything at DEBUG, the SDK and the HTTP client included."""
    router = storages["default"]
    with caplog.at_level(logging.DEBUG):
        for alias in ("key", "sas", "string"):
            for action in (
                lambda name: router.save(name, ContentFile(b"x")),
                lambda name: router.open(name).read(),
                lambda name: router.exists(name),
                lambda name: router.listdir(name.partition("/")[0]),
                lambda name: router.delete(name),
            ):
                with pytest.raises(PermissionError) as caught:
                    action(f"{alias}/x.txt")
                assert_clean(everything_about(caught.value), f"{alias}: {type(caught.value).__name__}")
    assert caplog.records
    assert_clean(
        "\n".join(f"{record.name} {record.getMessage()} {record.args!r}" for record in caplog.records), "the log"
    )


def test_no_url_shows_the_applications_own_sas(planted):
    """U3"""
    assert_clean(storages["default"].url("sas/x.txt"))


def error_report(name: str, action: str) -> str:
    """Return Django's error page for a request that fails, as text and as HTML: what administrators get.

    It prints the locals of every frame, the SDK's included, and all settings. This frame, the first, holds no secret.
    """
    router = storages["default"]
    try:
        if action == "save":
            router.save(name, ContentFile(b"x"))
        elif action == "copy":
            router.backends[name.partition("/")[0]].copy(name, "copied.txt")
        else:
            getattr(router, action)(name)
    except OSError:
        return report(sys.exc_info()[1])
    raise AssertionError("Nothing failed.")


def report(error: BaseException) -> str:
    """Return the page of an exception."""
    reporter = ExceptionReporter(None, type(error), error, error.__traceback__)
    return reporter.get_traceback_text() + reporter.get_traceback_html()


ACTIONS = ("save", "open", "exists", "size", "listdir", "delete", "copy")


@pytest.mark.parametrize("alias", ["key", "sas", "string"])
@pytest.mark.parametrize("fault", ["refused by the service", "no connection"])
def test_djangos_error_page_shows_no_secret(document, alias, fault):
    if fault == "no connection":
        nobody = "http://127.0.0.1:9/devstoreaccount1"
        for options in document["backends"].values():
            options |= {"account_url": nobody} if "account_url" in options else {}
        document["backends"]["string"]["connection_string"] = CONNECTION_STRING.format(endpoint=nobody)
        for name in ("key", "sas", "string"):
            document["backends"][name].setdefault("client_options", {})["retry_total"] = 0
    with override_settings(STORAGES=storage_router.storages(document)):
        for action in ACTIONS:
            assert_clean(error_report(f"{alias}/x.txt", action), f"the error page of {action}")


def test_the_error_page_of_a_copy_that_is_refused_shows_no_sas(azurite, container):
    """A copy names its source by a URL with the SAS."""
    AzureStorage(connection_string=azurite.connection_string(), azure_container=container).save(
        "a.txt", ContentFile(b"x")
    )
    sas = generate_container_sas(
        ACCOUNT_NAME,
        container,
        account_key=ACCOUNT_KEY,
        permission="r",
        expiry=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1),
    )
    signature = sas.partition("sig=")[2].partition("&")[0]
    with pytest.raises(PermissionError) as caught:
        AzureStorage(account_url=azurite.account_url(), azure_container=container, sas_token=sas).copy("a.txt", "b.txt")
    # Without this frame, which holds the SAS.
    error = caught.value.with_traceback(caught.value.__traceback__.tb_next)
    page = report(error)
    assert "x-ms-source-if-match" in page, "It shows no variables, so it proves nothing."
    for shown in (signature, unquote(signature)):
        assert shown not in page


def error_page_of_url(storage: AzureStorage, wrong: dict[str, object]) -> str:
    """Return Django's error page for wrong arguments of ``url()``; this frame, the first, holds no secret."""
    try:
        storage.url("x.pdf", **{"expire": 300, **wrong})
    except (TypeError, ValueError):
        return report(sys.exc_info()[1])
    raise AssertionError("Nothing failed.")


WRONG_ARGUMENTS = {
    "a line break": {"parameters": {"content_disposition": 'attachment; filename="a\r\nb.pdf"'}},
    "an unknown parameter": {"parameters": {"content-type": "text/plain"}},
    "a parameter that is no text": {"parameters": {"content_type": 5}},
    "a parameter that cannot be compared": {"parameters": {"content_type": ["text/plain"]}},
    "a mode that is none": {"mode": "rz"},
    "a life that is too long": {"expire": 10**11},
    "a life that is no number": {"expire": "5m"},
}


@pytest.mark.parametrize("wrong", WRONG_ARGUMENTS.values(), ids=WRONG_ARGUMENTS)
def test_the_error_page_of_wrong_arguments_for_a_url_shows_no_account_key(wrong):
    page = error_page_of_url(AzureStorage(account_name="acme", account_key=KEY, azure_container="media"), wrong)
    assert "x.pdf" in page, "It shows no variables, so it proves nothing."
    assert_clean(page)


@pytest.mark.parametrize("wrong", WRONG_ARGUMENTS.values(), ids=WRONG_ARGUMENTS)
def test_the_error_page_of_wrong_arguments_for_a_url_shows_no_delegation_key(azurite_https, container_https, wrong):
    storage = AzureStorage(
        account_url=azurite_https.account_url(),
        azure_container=container_https,
        token_credential=UnsignedTokenCredential(),
        client_options={"connection_verify": str(azurite_https.certificate)},
    )
    # With a key at hand, as in a process that has signed before.
    key = Account.of(storage.options).client(storage.options).delegation_key(time.time())[0]
    page = error_page_of_url(storage, wrong)
    assert "x.pdf" in page, "It shows no variables, so it proves nothing."
    assert key.value.get_secret_value()[4:40] not in page


@pytest.mark.parametrize("broken", [f"{KEY[:41]}!", f"{KEY}é"], ids=["length", "letter"])
def test_the_error_page_of_a_key_that_is_not_base64_does_not_show_it(broken):
    """What Azure, or a proxy before it, gives as a user delegation key is not checked before it is used."""
    key = DelegationKey(oid="o", tid="t", start=0, expiry=1, service="b", version="v", value=SecretStr(broken))
    grant = Grant(account_name="acme", container="media", expiry=1)
    with pytest.raises(ValueError) as caught:
        sign_with_delegation_key(grant, key)
    # Without this frame, which holds the key.
    assert_clean(report(caught.value.with_traceback(caught.value.__traceback__.tb_next)))


def variables(error: BaseException | None) -> str:
    """Return the variables of the package's own frames, as error reports show them: the callers' are theirs."""
    package = str(Path(storage_router.__file__).parent)
    shown = []
    while error is not None:
        frames = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), capture_locals=True)
        shown += [str(frame.locals) for frame in frames if frame.filename.startswith(package)]
        error = error.__cause__ or error.__context__
    return "".join(shown)


def misspelt():
    class Files(AzureStorage):
        account_key = KEY
        azure_contanier = "media"

    Files()


def assigned():
    storage = AzureStorage(account_name="acme", azure_container="media", credential="default")
    storage.account_key, storage.azure_container = KEY, "Wrong"
    storage.url("x.txt")


@pytest.mark.parametrize("kind", [AzureStorage, storage_router.RouterStorage])
def test_a_storage_whose_options_were_refused_can_be_shown(kind):
    """Python 3.11 ends a report of variables at the first error of a repr."""
    assert repr(kind.__new__(kind)) == f"<{kind.__name__}, not configured>"


WRONG = {"type": "azure", "account_name": "acme", "account_key": KEY, "azure_container": "Wrong"}


@pytest.mark.parametrize(
    "build",
    [
        lambda: AzureStorage(azure_container="Wrong"),
        lambda: AzureStorage(azure_container="Wrong", account_key=KEY),
        misspelt,
        assigned,
        lambda: storage_router.RouterStorage(backends={"media": WRONG}, default="media"),
    ],
    ids=["a setting", "an argument", "a class attribute", "an assignment", "a router"],
)
@override_settings(AZURE_ACCOUNT_NAME="acme", AZURE_ACCOUNT_KEY=KEY)
def test_no_variable_of_a_bad_configuration_shows_a_secret(build):
    """F7: what is caught at the start, too, is shown with the variables of its frames by Django and Sentry."""
    with pytest.raises(ConfigurationError) as caught:
        build()
    assert_clean(variables(caught.value))
    assert_clean(everything_about(caught.value))


BAD_OPTIONS = {
    "a key that is not base64": {"account_name": "acme", "account_key": f"{KEY}???"},
    "a key that is too short": {"account_name": "acme", "account_key": PLANTED * 2},
    "a key of the wrong type": {"account_name": "acme", "account_key": [KEY]},
    "a sas that is none": {"account_name": "acme", "sas_token": f"{PLANTED}&{SIGNATURE}"},
    "a sas that has expired": {"account_name": "acme", "sas_token": SAS.replace("2999", "1999")},
    "a connection string without an account": {"connection_string": f"AccountKey={KEY}"},
    "a connection string with a strange part": {"connection_string": f"AccountName=acme;{PLANTED};AccountKey={KEY}"},
    "a key in the wrong option": {"account_name": KEY, "credential": KEY, "azure_container": KEY},
    "a connection string in the wrong option": {"account_url": CONNECTION_STRING, "credential": "default"},
    "a sas in a url": {"account_url": f"https://acme.blob.core.windows.net/?{SAS}", "credential": "default"},
    "a sas in a domain": {"account_name": "acme", "credential": "default", "custom_domain": f"https://cdn.acme/?{SAS}"},
    "a secret as a key": {"account_name": "acme", "credential": "default", KEY: 1},
    "a secret in a table": {"account_name": "acme", "credential": "default", "client_options": FOREIGN},
    "a secret in an unknown option": {"account_name": "acme", "account_kye": KEY},
}


@pytest.mark.parametrize("options", BAD_OPTIONS.values(), ids=BAD_OPTIONS)
def test_no_bad_configuration_shows_a_secret(options, caplog):
    with caplog.at_level(logging.DEBUG), pytest.raises(ConfigurationError) as caught:
        AzureStorage(**{"azure_container": "media", **options})
    text = everything_about(caught.value)
    if KEY not in options:
        assert_clean(text)
    assert_clean(caplog.text)
    document = {"backends": {"media": {"type": "azure", "azure_container": "media", **options}}, "default": "media"}
    default = {"BACKEND": "storage_router.RouterStorage", "OPTIONS": document}
    with override_settings(STORAGES={"default": default, "staticfiles": STATIC}):
        messages = checks.run_checks(tags=["storage_router"], include_deployment_checks=True)
    assert messages
    if KEY not in options:
        assert_clean("\n".join(map(str, messages)), "check")


@pytest.mark.parametrize(
    "text",
    [
        f"azure://acme/media?account_key={KEY}&x=1",
        f"azure://acme:{KEY}@media",
        f"azure://acme/media?account_key={KEY[:-3]}",
        f"azuer://acme/media?account_key={KEY}",
        f"django://?token={FOREIGN}",
        f"{{'account_key': '{KEY}'",
    ],
)
def test_no_bad_text_for_a_whole_backend_shows_a_secret(text, monkeypatch):
    """C3"""
    monkeypatch.setenv("STORAGE_ROUTER__BACKENDS__MEDIA", text)
    default = {"BACKEND": "storage_router.RouterStorage"}
    with override_settings(STORAGES={"default": default, "staticfiles": STATIC}):
        messages = checks.run_checks(tags=["storage_router"])
    assert messages
    assert_clean("\n".join(map(str, messages)), "check")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("storage_router.toml", f"[backends.media]\naccount_key = {KEY}\n"),
        ("storage_router.yaml", f"backends:\n  media:\n    account_key: {KEY}\n   broken: [{PLANTED}\n"),
        ("storage_router.json", f'{{"backends": {{"media": {{"account_key": {KEY}}}}}}}'),
    ],
)
def test_no_file_that_cannot_be_parsed_shows_a_secret(name, text, tmp_path, monkeypatch):
    (tmp_path / name).write_text(text)
    monkeypatch.setenv("STORAGE_ROUTER_CONFIG", str(tmp_path / name))
    default = {"BACKEND": "storage_router.RouterStorage"}
    with override_settings(STORAGES={"default": default, "staticfiles": STATIC}):
        messages = checks.run_checks(tags=["storage_router"])
    assert messages
    assert_clean("\n".join(map(str, messages)), "check")


def test_a_traceback_at_start_shows_no_secret(tmp_path):
    """C6: what gunicorn's log holds; nothing is caught or formatted by us."""
    (tmp_path / "storage_router.json").write_text(
        json.dumps({"backends": {"media": {"type": "azure", "account_name": "acme", "account_key": KEY + "?"}}})
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "STORAGE_ROUTER_CONFIG": "storage_router.json"}
    ran = warm.run("-c", "import storage_router; storage_router.RouterStorage()", cwd=tmp_path, env=environment)
    assert ran.returncode == 1
    assert "storage_router.json: backends.media.account_key" in ran.stderr
    assert_clean(ran.stderr, "the traceback")


@pytest.mark.parametrize("as_json", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
@pytest.mark.parametrize(
    "arguments",
    [["routes"], ["config"], ["config", "--all"], ["explain", "sas/x", "key/../x"], ["doctor"]],
    ids=" ".join,
)
def test_no_command_prints_a_secret(planted, arguments, as_json, terminal, caplog):
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    with caplog.at_level(logging.DEBUG), contextlib.suppress(SystemExit, CommandError):
        call_command("storage_router", *arguments, *as_json, stdout=stream, stderr=stream)
    assert stream.getvalue()
    assert_clean(stream.getvalue(), " ".join(arguments))
    assert_clean(caplog.text, "the log")


def test_what_stands_for_a_storage_in_a_migration_shows_no_secret(planted):
    router = storages["default"]
    for storage in (router, storages["alone"], *router.backends.values()):
        assert_clean(repr(storage.deconstruct()), type(storage).__name__)


def test_a_storage_of_djangos_storages_is_pickled_by_name(planted):
    for storage in (storages["default"], storages["alone"]):
        assert_clean(pickle.dumps(storage).decode("latin-1"), type(storage).__name__)


def test_azurites_own_key_works_and_is_shown_nowhere(azurite, container, caplog):
    """The same with a credential that is accepted: signed URLs hold a signature, never the key."""
    with caplog.at_level(logging.DEBUG):
        storage = AzureStorage(
            connection_string=azurite.connection_string(), azure_container=container, expiration_secs=300
        )
        name = storage.save("a.txt", ContentFile(b"x"))
        url = storage.url(name)
        storage.open(name).read()
    assert ACCOUNT_KEY not in url + caplog.text + repr(storage) + repr(vars(storage))
