"""A10: errors are Python's, say what to do, and show no secret."""

from __future__ import annotations

import io
import logging
import pickle
import socket
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)

from storage_router.azure.container import FileSettings, Write
from storage_router.azure.errors import RedactedError, redact, translated
from storage_router.azure.storage import AzureStorage
from storage_router.exceptions import (
    BlobChangedError,
    BlobConnectionError,
    BlobError,
    BlobExistsError,
    BlobNotFoundError,
    BlobPermissionError,
    BlobTimeoutError,
    ContainerNotFoundError,
)
from tests.kit.azurite import Azurite
from tests.kit.faults import Answer, Stall
from tests.kit.proxy import FaultProxy

from .backends import blobs_for, options_for

SDK_ERRORS: dict[int, type[HttpResponseError]] = {
    401: ClientAuthenticationError,
    404: ResourceNotFoundError,
    409: ResourceExistsError,
    412: ResourceModifiedError,
}

SIGNATURE = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U%3D"
SAS = f"sv=2022-11-02&sr=c&sp=rwdlc&se=2099-01-01T00%3A00%3A00Z&sig={SIGNATURE}"


@pytest.mark.parametrize(
    ("status", "code", "kind", "python", "message"),
    [
        (404, "BlobNotFound", BlobNotFoundError, FileNotFoundError, "There is no such blob."),
        (404, "ResourceNotFound", BlobNotFoundError, FileNotFoundError, "There is no such blob."),
        (404, "ContainerNotFound", ContainerNotFoundError, FileNotFoundError, "az storage container create"),
        (409, "ContainerBeingDeleted", ContainerNotFoundError, FileNotFoundError, "does not exist in the account"),
        (403, "AuthorizationFailure", BlobPermissionError, PermissionError, "network rules, the key or the SAS"),
        (403, "AuthorizationPermissionMismatch", BlobPermissionError, PermissionError, "Storage Blob Data Contributor"),
        (403, "KeyBasedAuthenticationNotPermitted", BlobPermissionError, PermissionError, "set credential"),
        (403, "AuthenticationFailed", BlobPermissionError, PermissionError, "this host's clock is wrong"),
        (401, "NoAuthenticationInformation", BlobPermissionError, PermissionError, "the container is not public"),
        (409, "PublicAccessNotPermitted", BlobPermissionError, PermissionError, "does not allow public access"),
        (403, "SomethingNew", BlobPermissionError, PermissionError, "Azure refused the request: it says"),
        (409, "BlobAlreadyExists", BlobExistsError, FileExistsError, "There is a blob of this name already."),
        (412, "ConditionNotMet", BlobChangedError, BlobError, "The blob changed in between."),
        (412, "SourceConditionNotMet", BlobChangedError, BlobError, "The blob changed in between."),
        (412, "LeaseIdMissing", BlobError, OSError, "Azure rejected the request"),
        (409, "BlobArchived", BlobError, OSError, "Azure rejected the request"),
        (500, "OperationTimedOut", BlobTimeoutError, TimeoutError, "The service did not finish in time."),
        (500, "InternalError", BlobError, OSError, "Azure rejected the request"),
        (503, "ServerBusy", BlobError, OSError, "Azure rejected the request"),
        (429, "TooManyRequests", BlobError, OSError, "Azure rejected the request"),
    ],
)
def test_what_azure_answers_becomes_pythons_kind_of_error(
    proxy: FaultProxy,
    container: str,
    status: int,
    code: str,
    kind: type[BlobError],
    python: type[Exception],
    message: str,
) -> None:
    proxy.fail("Get Blob Properties", Answer(status, code), times=10)
    with pytest.raises(BlobError, match=message) as caught:
        blobs_for(options_for(proxy, container, client_options={"retry_total": 0})).head("a.txt")
    error = caught.value
    assert type(error) is kind
    assert isinstance(error, python)
    assert (error.alias, error.container, error.status, error.error_code) == ("media", container, status, code)
    assert error.blob == (None if kind is ContainerNotFoundError else "a.txt")
    assert type(error.__cause__) is SDK_ERRORS.get(status, HttpResponseError)


@pytest.mark.parametrize(
    ("operation", "fault", "needed"),
    [
        (lambda blobs: blobs.head("a.txt"), "Get Blob Properties", "to read (sp=r)"),
        (lambda blobs: blobs.create("a.txt", b"", FileSettings()), "Put Blob", "to create and write (sp=cw)"),
        (lambda blobs: blobs.delete("a.txt"), "Delete Blob", "to delete (sp=d)"),
        (lambda blobs: list(blobs.list()), "List Blobs", "to list (sp=l)"),
    ],
    ids=["read", "create", "delete", "list"],
)
def test_a_sas_that_lacks_a_permission_is_told_which(
    proxy: FaultProxy, container: str, operation: Any, fault: str, needed: str
) -> None:
    """A10: roles have nothing to do with it."""
    proxy.fail(fault, Answer(403, "AuthorizationPermissionMismatch"))
    with pytest.raises(BlobPermissionError) as caught:
        operation(blobs_for(options_for(proxy, container, sas_token=SAS)))
    assert f"the SAS lacks the permission {needed}; create one that has it." in str(caught.value)
    assert "role" not in str(caught.value)


def test_an_error_names_the_request_for_azures_support(azurite: Azurite, container: str) -> None:
    with pytest.raises(BlobNotFoundError) as caught:
        blobs_for(options_for(azurite, container)).head("a.txt")
    assert caught.value.request_id
    assert f"request id {caught.value.request_id!r}" in str(caught.value)
    assert caught.value.filename == "a.txt"


def test_a_taken_name_is_told_from_a_changed_blob_by_what_was_asked(proxy: FaultProxy, container: str) -> None:
    # Azure answers some conditional creates with 412 instead of 409.
    blobs = blobs_for(options_for(proxy, container))
    blobs.create("a.txt", b"", FileSettings())
    proxy.fail("Put Blob", Answer(412, "ConditionNotMet"), times=2)
    with pytest.raises(BlobExistsError):
        blobs.create("a.txt", b"", FileSettings())
    with pytest.raises(BlobChangedError):
        blobs.create("a.txt", b"", FileSettings(), Write(if_match='"0x1"'))


def test_a_sas_that_may_only_create_hears_of_a_taken_name(proxy: FaultProxy, container: str) -> None:
    # A2, A10
    blobs = blobs_for(options_for(proxy, container))
    blobs.create("a.txt", b"", FileSettings())
    proxy.fail("Put Blob", Answer(403, "UnauthorizedBlobOverwrite"), times=2)
    with pytest.raises(BlobExistsError):
        blobs.create("a.txt", b"", FileSettings())
    with pytest.raises(BlobPermissionError, match="Azure refused the request"):
        blobs.create("a.txt", b"", FileSettings(), Write(overwrite=True))
    # A11: unless it took the name itself, and the answer was lost.
    proxy.fail("Put Blob", Answer(403, "UnauthorizedBlobOverwrite", done=True))
    assert blobs.create("b.txt", b"own", FileSettings()).etag == blobs.head("b.txt").etag


def test_an_error_that_a_task_queue_hands_over_keeps_the_callers_name(azurite: Azurite, container: str) -> None:
    storage = AzureStorage.from_options(options_for(azurite, container, location="here"), alias="media")
    with pytest.raises(BlobNotFoundError) as caught:
        storage.open("no/such.txt")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.filename, again.blob, str(again)) == ("no/such.txt", "here/no/such.txt", str(caught.value))
    assert (again.errno, again.alias, again.request_id) == (2, "media", caught.value.request_id)


def test_nobody_listening_is_a_connection_error(closed_port: int) -> None:
    with pytest.raises(BlobConnectionError, match=r"The connection to the service failed: .*refused") as caught:
        blobs_for(_options_at(closed_port)).head("a.txt")
    assert isinstance(caught.value, ConnectionError)
    assert caught.value.status is None


def test_no_answer_is_a_timeout(proxy: FaultProxy, container: str) -> None:
    proxy.fail("Get Blob Properties", Stall(), times=10)
    with pytest.raises(BlobTimeoutError, match="The service did not answer in time") as caught:
        blobs_for(options_for(proxy, container, timeout=1)).head("a.txt")
    assert isinstance(caught.value, TimeoutError)


def test_an_upload_that_stalls_is_a_timeout() -> None:
    # The HTTP client hides this one: to it, a write that takes too long is an aborted connection.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        blobs = blobs_for(_options_at(silent.getsockname()[1], timeout=1))
        with pytest.raises(BlobTimeoutError):
            blobs.create("a.bin", bytes(64 * 2**20), FileSettings())


def test_other_errors_pass_unchanged() -> None:
    options = _options_at(1)
    with pytest.raises(ZeroDivisionError), translated(options):
        raise ZeroDivisionError
    with translated(options):
        pass


class TestSecrets:
    """C7, A10: secrets are nowhere, the query strings of URLs included."""

    @pytest.fixture
    def log(self) -> Iterator[io.StringIO]:
        """Everything that anybody logs, at DEBUG."""
        written = io.StringIO()
        handler = logging.StreamHandler(written)
        root = logging.getLogger()
        before = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        yield written
        root.removeHandler(handler)
        root.setLevel(before)

    def test_an_error_with_a_sas_shows_no_signature(self, log: io.StringIO, closed_port: int) -> None:
        blobs = blobs_for(_options_at(closed_port, client_options={"logging_enable": True}))
        with pytest.raises(BlobConnectionError) as caught:
            blobs.head("a.txt")
        shown = "".join(traceback.format_exception(caught.value)) + log.getvalue()
        assert "ServiceRequestError" in shown
        assert SIGNATURE not in shown
        assert "sig=c2" not in shown

    def test_an_error_of_the_applications_own_session_shows_none_either(self, closed_port: int) -> None:
        # requests puts the URL into the text of its errors.
        with requests.Session() as session:
            blobs = blobs_for(_options_at(closed_port, client_options={"session": session, "retry_total": 0}))
            with pytest.raises(BlobConnectionError) as caught:
                blobs.head("a.txt")
        shown = "".join(traceback.format_exception(caught.value))
        assert "sig=***" in shown
        assert SIGNATURE not in shown

    def test_requests_with_a_sas_are_logged_without_the_signature(
        self, azurite: Azurite, container: str, log: io.StringIO
    ) -> None:
        given = options_for(
            azurite, container, sas_token=SAS, log_requests=True, client_options={"logging_enable": True}
        )
        with pytest.raises(BlobPermissionError, match="Azure refused the request") as caught:
            blobs_for(given).head("a.txt")
        assert f"/{container}/a.txt?" in log.getvalue()
        assert SIGNATURE not in log.getvalue()
        assert SIGNATURE not in "".join(traceback.format_exception(caught.value))

    def test_other_users_of_urllib3_log_as_ever(self, azurite: Azurite, container: str, log: io.StringIO) -> None:
        blobs_for(options_for(azurite, container)).delete("a.txt")
        logging.getLogger("urllib3.connectionpool").debug("%(count)d connections to %(url)s", {"count": 1, "url": "x"})
        assert "1 connections to x" in log.getvalue()

    def test_a_key_is_not_logged(self, azurite: Azurite, container: str, log: io.StringIO) -> None:
        blobs_for(options_for(azurite, container, client_options={"logging_enable": True})).delete("a.txt")
        (key,) = azurite.accounts.values()
        assert "Request headers" in log.getvalue()
        assert key not in log.getvalue()

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("https://x/y?sv=1&sig=abc%2Fdef%3D&se=2", "https://x/y?sv=1&sig=***&se=2"),
            ("sig=abc", "sig=***"),
            ("SIG%3Dabc'", "SIG%3D***'"),
            ("AccountName=acme;AccountKey=abc+/==;X=y", "AccountName=acme;AccountKey=***;X=y"),
            ("SharedAccessSignature=sv=1&sig=abc", "SharedAccessSignature=***&sig=***"),
            ("design=round", "design=round"),
            ("<Version>1</Version><Value>abc+/==</Value></Key>", "<Version>1</Version><Value>***</Value></Key>"),
            (
                "no proxy at http://me:p%40ss@proxy:1/x, 'http://:p@y'",
                "no proxy at http://me:***@proxy:1/x, 'http://:***@y'",
            ),
            ("http://host:80/a@b me:x@y", "http://host:80/a@b me:x@y"),
        ],
    )
    def test_redacting_leaves_the_rest(self, text: str, expected: str) -> None:
        assert redact(text) == expected

    def test_a_chain_that_shows_a_secret_is_replaced_and_left_as_it_is(self) -> None:
        """A13, A16: nothing is written into other packages' exceptions; the cause and its place stay visible."""
        inner = ValueError("url ?sig=abc", 1)
        outer = AzureError("failed: ?sig=abc", error=inner)
        outer.__context__ = KeyError("?sig=abc")
        inner.__cause__ = outer
        with pytest.raises(BlobConnectionError) as caught, translated(_options_at(1)):
            raise outer
        assert inner.args == ("url ?sig=abc", 1)
        cause = caught.value.__cause__
        assert isinstance(cause, RedactedError)
        assert caught.value.__context__ is cause
        assert "abc" not in "".join(traceback.format_exception(caught.value))
        assert str(cause).startswith("AzureError: failed: ?sig=***; ")
        assert cause.__traceback__ is not None
        shown = [frame.f_locals for frame, _ in list(traceback.walk_tb(caught.value.__traceback__))[1:]]
        assert shown
        assert "abc" not in repr(shown)

    def test_a_chain_without_a_secret_stays_the_cause_with_its_traceback(self, closed_port: int) -> None:
        """A16"""
        blobs = blobs_for(_options_at(closed_port, client_options={"retry_total": 0}))
        with pytest.raises(BlobConnectionError) as caught:
            blobs.head("a.txt")
        cause = caught.value.__cause__
        assert isinstance(cause, AzureError)
        frames = traceback.extract_tb(cause.__traceback__)
        assert {"container.py", "pipeline.py", "transport.py"} <= {Path(frame.filename).name for frame in frames}
        assert all(not walked.f_locals for walked, _ in list(traceback.walk_tb(cause.__traceback__))[2:])


def _options_at(port: int, **given: Any) -> Any:
    from storage_router.conf.azure.options import AzureOptions

    given = {"timeout": 1, **given}
    return AzureOptions(
        azure_container="media",
        account_name="devstoreaccount1",
        account_url=f"http://127.0.0.1:{port}/devstoreaccount1",
        sas_token=SAS,
        **given,
    )
