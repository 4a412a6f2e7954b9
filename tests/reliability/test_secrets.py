"""C7: keys, SAS and tokens in no line of any log at any level, and in no error or chain of errors."""

from __future__ import annotations

import datetime as dt
import logging
import time
import traceback
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from django.core.files.base import ContentFile
from django.views.debug import ExceptionReporter

from storage_router import AzureStorage
from storage_router.azure.client import Account
from storage_router.exceptions import BlobError
from tests.kit.azurite import ACCOUNT_KEY, ACCOUNT_NAME, Azurite, UnsignedTokenCredential
from tests.kit.faults import DONE_BUT_FAILED, SERVER_ERROR, Answer, Cut, Fault, RejectToken, Reset, Stall
from tests.kit.proxy import FaultProxy

from .conftest import Folder
from .operations import OPERATIONS

SIGNATURE = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U%3D"

FAULTS: tuple[Fault, ...] = (
    Reset("request"),
    Reset("answer"),
    Reset("answer body"),
    Cut(),
    Cut(sealed=True),
    Stall("answer"),
    SERVER_ERROR,
    DONE_BUT_FAILED,
    Answer(403, "AuthenticationFailed"),
    Answer(404, "ContainerNotFound"),
    Answer(409, "BlobAlreadyExists"),
    Answer(412, "ConditionNotMet"),
    Answer(301, "Moved"),
)


class Everything(logging.Handler):
    """Keeps every record of every logger as a formatter would print it, its arguments included."""

    def __init__(self) -> None:
        super().__init__(level=0)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += [self.format(record), repr(record.args), repr(record.__dict__)]


@pytest.fixture
def log() -> Iterator[list[str]]:
    """Every logger at its lowest level, as somebody sets it who hunts a fault in production."""
    handler = Everything()
    root = logging.getLogger()
    before = root.level
    levels = {
        name: logger.level for name, logger in root.manager.loggerDict.items() if isinstance(logger, logging.Logger)
    }
    root.addHandler(handler)
    root.setLevel(1)
    for name in ("azure", "urllib3", "msal"):
        logging.getLogger(name).setLevel(1)
    yield handler.lines
    root.removeHandler(handler)
    root.setLevel(before)
    for name in ("azure", "urllib3", "msal"):
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))


def chain(error: BaseException) -> list[str]:
    """Return all that a handler, a page of Django's or a tasks queue may show of an error."""
    seen: list[str] = ["".join(traceback.format_exception(error))]
    pending: list[Any] = [error]
    done: set[int] = set()
    while pending:
        current = pending.pop()
        if not isinstance(current, BaseException) or id(current) in done:
            continue
        done.add(id(current))
        seen += [str(current), repr(current), repr(current.args), repr(vars(current))]
        pending += [current.__cause__, current.__context__, *current.args]
    return seen


def forms(secret: str) -> set[str]:
    """Return the ways in which a secret may be written."""
    return {secret, quote(secret, safe=""), unquote(secret), quote(unquote(secret), safe="")}


class Patience:
    """A hook that lets requests give up soon, those only that will never be answered."""

    def __init__(self) -> None:
        self.fault: Fault | None = None

    def __call__(self, request: Any) -> None:
        if isinstance(self.fault, Stall):
            request.context.options["read_timeout"] = 0.1


def use(folder: Folder, storage: AzureStorage, patience: Patience) -> list[str]:
    """Do everything under every fault, and return what the errors show."""
    shown: list[str] = [repr(storage), repr(storage.options), str(storage.options)]
    for operation in OPERATIONS:
        if operation.name not in {"save-small", "append", "read-small", "delete", "listdir", "copy"}:
            continue
        for fault in FAULTS:
            folder.proxy.heal()
            folder.proxy.fail("*", fault, times=100)
            patience.fault = fault
            try:
                operation.run(storage)
            except (BlobError, FileNotFoundError) as error:
                shown += chain(error)
    folder.proxy.heal()
    patience.fault = None
    with folder.proxy.down():
        try:
            storage.size("a")
        except BlobError as error:
            shown += chain(error)
    assert len(shown) > 100
    return shown


@pytest.fixture
def patience() -> Patience:
    return Patience()


@pytest.fixture
def hurried(quick_retries: None, patience: Patience) -> dict[str, Any]:
    """Client options for errors that come soon, with every log of the SDK switched on."""
    return {"raw_request_hook": patience, "retry_total": 1, "logging_enable": True}


def test_an_account_key_appears_nowhere(
    folder: Folder, log: list[str], hurried: dict[str, Any], patience: Patience
) -> None:
    shown = use(folder, folder.storage(client_options=hurried, log_requests=True), patience)
    assert len(log) > 100
    for form in forms(ACCOUNT_KEY):
        assert not [line for line in [*log, *shown] if form in line]


def test_a_sas_appears_nowhere(folder: Folder, log: list[str], hurried: dict[str, Any], patience: Patience) -> None:
    sas = generate_container_sas(
        ACCOUNT_NAME,
        folder.container,
        ACCOUNT_KEY,
        permission=ContainerSasPermissions(read=True, write=True, delete=True, list=True, create=True, add=True),
        expiry=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1),
    )
    signature = dict(part.split("=", 1) for part in sas.split("&"))["sig"]
    storage = AzureStorage(
        account_url=folder.proxy.account_url(),
        sas_token=sas,
        azure_container=folder.container,
        location=folder.location,
        client_options=hurried,
        log_requests=True,
    )
    assert storage.save("a.txt", ContentFile(b"content")) == "a.txt"
    shown = use(folder, storage, patience)
    assert len(log) > 100
    assert any(line.startswith("Request URL:") for line in log), "The SDK logs no requests, so this proves nothing."
    for form in forms(signature):
        assert not [line for line in [*log, *shown] if form in line]


def test_a_token_and_the_signatures_of_urls_appear_nowhere(
    azurite_https: Azurite, container_https: str, log: list[str], hurried: dict[str, Any], patience: Patience
) -> None:
    tokens: list[str] = []

    class Noted(UnsignedTokenCredential):
        def get_token(self, *scopes: str, **options: Any) -> Any:
            self.lifetime += 1
            token = super().get_token(*scopes, **options)
            tokens.append(token.token)
            return token

    shown: list[str] = []
    with FaultProxy(azurite_https) as proxy:
        storage = AzureStorage(
            account_url=proxy.account_url(),
            token_credential=Noted(),
            azure_container=container_https,
            expiration_secs=600,
            client_options={"connection_verify": str(proxy.certificate), **hurried},
            log_requests=True,
        )
        for fault in (RejectToken(), *FAULTS):
            proxy.heal()
            proxy.fail("*", fault, times=20)
            patience.fault = fault
            for operation in (storage.url, storage.size, storage.delete):
                try:
                    operation("a")
                except (BlobError, FileNotFoundError) as error:
                    shown += chain(error)
        proxy.heal()
        patience.fault = None
        signature = storage.url("a").rpartition("sig=")[2]
        key, _ = Account.of(storage.options).client(storage.options).delegation_key(time.time())
    assert tokens
    assert any("userdelegationkey" in line for line in log), "Requests are not logged, so this proves nothing."
    secrets = {*tokens, *forms(signature), *forms(key.value.get_secret_value())}
    secrets |= {token.split(".")[1] for token in tokens}
    assert not [line for line in [*log, *shown] if any(secret in line for secret in secrets)]


class SoftTimeLimit(BaseException):
    """As what a task queue raises in the middle of whatever runs."""


@pytest.mark.parametrize("kind", [SoftTimeLimit, KeyboardInterrupt, ZeroDivisionError])
@pytest.mark.parametrize("place", ["request", "answer", "token"])
@pytest.mark.parametrize("operation", ["save", "open", "listdir", "copy", "url"])
def test_whatever_interrupts_a_request_shows_no_secret(
    azurite_https: Azurite, container_https: str, kind: type[BaseException], place: str, operation: str
) -> None:
    """F7: nor the variables of any frame below; the caller's are as they were."""
    raising = False

    def interrupt(*_: Any, **__: Any) -> None:
        if raising:
            raise kind("stop")

    class Interrupted(UnsignedTokenCredential):
        def get_token(self, *scopes: str, **options: Any) -> Any:
            if place == "token":
                interrupt()
            return super().get_token(*scopes, **options)

    sas = f"sv=2022-11-02&sr=c&sp=racwdl&se=2099-01-01T00%3A00%3A00Z&sig={SIGNATURE}"
    hook = {"request": "raw_request_hook", "answer": "raw_response_hook"}.get(place)
    by_token = place == "token" or operation == "url"
    storage = AzureStorage(
        account_url=azurite_https.account_url(),
        azure_container=container_https,
        client_options={"connection_verify": str(azurite_https.certificate), **({hook: interrupt} if hook else {})},
        **({"token_credential": Interrupted(), "expiration_secs": 60} if by_token else {"sas_token": sas}),
    )
    raising = True
    given = {
        "save": lambda: storage.save("a.txt", ContentFile(b"content")),
        "open": lambda: storage.open("a.txt"),
        "listdir": lambda: storage.listdir(""),
        "copy": lambda: storage.copy("a.txt", "b.txt"),
        "url": lambda: storage.url("a.txt"),
    }[operation]
    mine = "the caller's own"
    try:
        given()
    except kind as caught:
        error: BaseException = caught
    assert mine == "the caller's own"
    # The frames of this test hold the SAS.
    assert error.__traceback__ is not None
    assert error.__traceback__.tb_next is not None
    error = error.with_traceback(error.__traceback__.tb_next.tb_next)
    page = ExceptionReporter(None, type(error), error, error.__traceback__)
    shown = page.get_traceback_html() + page.get_traceback_text()
    assert not [form for form in {*forms(SIGNATURE), "eyJ"} if form in shown]
    files = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
    assert any(file.endswith("azure/pipeline.py") for file in files)
    below = False
    for frame, _ in traceback.walk_tb(error.__traceback__):
        below = below or frame.f_code.co_name == "send"
        assert not below or frame.f_locals == {}, frame.f_code
    assert traceback.extract_tb(error.__traceback__)[-1].name == "interrupt"


def test_whatever_interrupts_signing_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """F7"""

    def interrupt(*_: Any) -> None:
        raise SoftTimeLimit("stop")

    monkeypatch.setattr("storage_router.azure.urls.quote", interrupt)
    monkeypatch.setattr("storage_router.azure.urls.timestamp", interrupt)
    storage = AzureStorage(account_name="acme", account_key=ACCOUNT_KEY, azure_container="media")
    with pytest.raises(SoftTimeLimit) as caught:
        storage.url("a.txt", expire=60)
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    # The first one is where the signing of a name begins.
    below = [frame for frame in frames if frame.f_code.co_filename.endswith("azure/urls.py")][1:]
    assert below
    assert all(frame.f_locals == {} for frame in below)


def test_an_exception_that_the_caller_handles_already_keeps_its_variables(azurite: Azurite) -> None:
    """F7: a save in an ``except`` block leaves the variables of what failed before alone."""

    def fails() -> None:
        detail = "needed for debugging"
        raise ValueError(len(detail))

    storage = AzureStorage(connection_string=azurite.connection_string(), azure_container="not-there")
    variables: list[dict[str, Any]] = []
    try:
        fails()
    except ValueError as first:
        with pytest.raises(FileNotFoundError, match="The container 'not-there' does not exist"):
            storage.save("a.txt", ContentFile(b"content"))
        variables += [frame.f_locals for frame, _ in traceback.walk_tb(first.__traceback__)]
    assert variables[1] == {"detail": "needed for debugging"}
