"""Errors of azure-core as errors of this package, without secrets.

All requests are made inside ``translated``. What leaves it is one of ``storage_router.exceptions`` with azure-core's
error as its cause, and the frames of requests, signing and tokens have no variables any more, whatever the exception
is: Django's page of errors, Sentry and others show the variables of all frames.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from storage_router.conf.azure.options import AzureOptions
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
from storage_router.names import file_of

from .command_line import create_container

_SECRET = re.compile(
    # In the query of a URL or a connection string; in a proxy's address; in the answer that is a delegation key.
    r"(?i)(\b(?:sig|accountkey|sharedaccesssignature)(?:=|%3D))[^&;\s'\"<>)]+"
    r"|(://[^/\s:@'\"]*:)[^/\s@'\"]+(?=@)"
    r"|(<Value>)[^<]+"
)

ADVICE = {
    "AccountIsDisabled": "the storage account is disabled; look at the subscription's state in the portal",
    "AuthenticationFailed": "the key, the token or the SAS is not valid for this account, a SAS has expired, or this "
    "host's clock is wrong",
    "AuthorizationFailure": "the account's network rules, the key or the SAS do not allow this request; compare the "
    "credential with the portal, and look at the account's Networking page",
    "AuthorizationPermissionMismatch": "the identity lacks a permission; reading and writing needs the role "
    "'Storage Blob Data Contributor' on the container or the account",
    "AuthorizationProtocolMismatch": "the SAS allows https only; leave azure_ssl on, or use an https endpoint",
    "AuthorizationResourceTypeMismatch": "the SAS lacks resource types; an account SAS needs srt=co here",
    "AuthorizationServiceMismatch": "the SAS does not cover the blob service; an account SAS needs ss=b here",
    "AuthorizationSourceIPMismatch": "the SAS does not allow this host's address; ask for a new one",
    "InsufficientAccountPermissions": "the account is disabled or its keys may not be used for this; look at its state "
    "in the portal",
    "InvalidAuthenticationInfo": "the token or the signature was not understood; check the endpoint and api_version",
    "KeyBasedAuthenticationNotPermitted": "the account does not allow keys (AllowSharedKeyAccess is false); set "
    "credential, for example to 'default', instead of account_key; 'manage.py storage_router provision' prints the "
    "commands that give it its roles",
    "NoAuthenticationInformation": "the container is not public; set a credential",
    "PublicAccessNotPermitted": "the account does not allow public access; set a credential and expiration_secs",
    "ResourceNotFound": "the container is private or does not exist; set a credential, or check azure_container",
}
"""What Azure's error codes mean, and what to do. A SAS that lacks a permission is ``_sas_lacks``.
https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes"""

_NO_DELEGATION_KEY = (
    "the identity may not sign URLs; that needs the role 'Storage Blob Delegator' on the account, or 'Storage Blob "
    "Data Contributor' there, not on the container alone"
)
"""The same where an identity lacks the permission to ask for a user delegation key, which is the account's.
https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key#permissions"""

OVERWRITE_REFUSED = "UnauthorizedBlobOverwrite"
"""Azure's answer, with 403, to a SAS that may create (``sp=c``) and not write, where the name is taken."""

_UNMET = frozenset({"ConditionNotMet", "SourceConditionNotMet", "TargetConditionNotMet"})


class CredentialError(Exception):
    """A credential cannot be built. Becomes a ``BlobPermissionError``; the text says what to do."""


class ClientError(Exception):
    """A client or a connection cannot be set up. Becomes a ``BlobError``; the text says what to do."""


class RedactedError(Exception):
    """Stands for exceptions of other packages whose texts hold a secret: their types and redacted texts."""


def redact(text: str) -> str:
    """Return ``text`` without signatures of SAS URLs, account keys, user delegation keys and passwords of proxies."""
    return _SECRET.sub(r"\1\2\3***", text)


@dataclass(slots=True)
class translated:  # noqa: N801 - reads as the verb that it is: "with translated(...)"
    """A context manager that turns errors of azure-core into ``BlobError`` and its kinds.

    ``options`` are those of the storage; ``alias``, ``container`` and ``blob`` say what the operation is about,
    ``creates`` that it wants a free name, ``signs`` that it asks for a user delegation key. Other exceptions pass. The
    frames below have no variables afterwards; the caller's keep theirs.
    """

    options: AzureOptions
    _: KW_ONLY
    alias: str | None = None
    container: str | None = None
    blob: str | None = None
    creates: bool = False
    signs: bool = False
    handled: BaseException | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        self.handled = sys.exc_info()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        translation, cause = self._made_from(error)
        # This frame is a part of the traceback, and pages of errors show its variables.
        del error, trace
        if translation is None:
            return
        try:
            raise translation from cause
        finally:
            translation.__context__ = cause

    def _made_from(self, error: BaseException) -> tuple[BlobError | None, BaseException]:
        """Clear the frames of ``error``; return what to raise in its place, if anything, and the cause of that."""
        chain = list(causes(error, before=self.handled))
        for part in chain:
            traceback.clear_frames(part.__traceback__)
        if isinstance(error, BlobError):
            if error.container is None:
                self._about(error)
            return None, error
        if all(map(_is_clean, chain)):
            return self.translation(error), error
        text = "; ".join(f"{type(part).__qualname__}: {redact(str(part))}" for part in chain)
        return self.translation(error), RedactedError(text).with_traceback(error.__traceback__)

    def translation(self, error: BaseException) -> BlobError | None:
        """Return the error to raise for ``error``, or None if that is not azure-core's."""
        if isinstance(error, CredentialError):
            return self.error(BlobPermissionError, str(error))
        if isinstance(error, ClientError):
            return self.error(BlobError, str(error))
        # Loaded already if the error is azure-core's.
        from azure.core.exceptions import AzureError, ClientAuthenticationError, DecodeError, HttpResponseError

        if not isinstance(error, AzureError):
            return None
        response = getattr(error, "response", None)
        if isinstance(error, HttpResponseError) and response is not None and not isinstance(error, DecodeError):
            return self._refused(error, response)
        if isinstance(error, ClientAuthenticationError):
            return self.error(BlobPermissionError, f"The credential gives no token: {_first_line(error)}")
        if _timed_out(error):
            return self.error(BlobTimeoutError, "The service did not answer in time.")
        return self.error(BlobConnectionError, f"The connection to the service failed: {_first_line(error)}")

    def _refused(self, error: Any, response: Any) -> BlobError:
        """Return the error to raise for an answer with another status than was expected."""
        status = error.status_code
        code = getattr(error, "error_code", None) or response.headers.get("x-ms-error-code")
        fields = {"status": status, "error_code": code, "request_id": response.headers.get("x-ms-request-id")}
        if code in ("ContainerNotFound", "ContainerBeingDeleted"):
            return self.error(ContainerNotFoundError, self._how_to_create(), no_blob=True, **fields)
        if status == 404 and code is None and fields["request_id"] is None:
            # Azure's have both. As "there is no such blob", delete() would have done its work.
            reason = "404 without a code and an id of Azure; the endpoint, or a proxy on the way, is another server"
            return self.error(BlobError, f"The answer is not Azure's: {reason}.", **fields)
        if status == 404:
            return self.error(BlobNotFoundError, "There is no such blob.", **fields)
        unmet = status in (409, 412) and (code in _UNMET or (status == 412 and code is None))
        taken = code == OVERWRITE_REFUSED or (unmet and code != "SourceConditionNotMet")
        if code == "BlobAlreadyExists" or (self.creates and taken):
            return self.error(BlobExistsError, "There is a blob of this name already.", **fields)
        if status in (401, 403) or code in ADVICE:
            reason = self._reason(code or "", response) or f"it says: {_first_line(error)}"
            return self.error(BlobPermissionError, f"Azure refused the request: {reason}.", **fields)
        if unmet:
            return self.error(BlobChangedError, "The blob changed in between.", **fields)
        if status == 408 or code == "OperationTimedOut":
            return self.error(BlobTimeoutError, "The service did not finish in time.", **fields)
        return self.error(BlobError, f"Azure rejected the request: {_first_line(error)}", **fields)

    def _reason(self, code: str, response: Any) -> str | None:
        if code == "AuthorizationPermissionMismatch" and self.signs:
            return _NO_DELEGATION_KEY
        if code == "AuthorizationPermissionMismatch" and self.options.authentication.kind == "sas":
            return _sas_lacks(response.request)
        return ADVICE.get(code)

    def _how_to_create(self) -> str:
        return (
            f"The container {self.options.azure_container!r} does not exist in the account "
            f"{self.options.resolved_account_name!r}. Create it with: {create_container(self.options)}"
        )

    def error(self, kind: type[BlobError], message: str, *, no_blob: bool = False, **fields: Any) -> BlobError:
        """Return an error of this ``kind`` about the operation."""
        error = kind(message, alias=self.alias, container=self.container, **fields)
        return error if no_blob else self._about(error)

    def _about(self, error: BlobError) -> BlobError:
        """Have ``error`` say what it is about."""
        error.alias, error.container = self.alias, self.container
        if self.blob is not None:
            error.blob, error.filename = str(self.blob), file_of(self.blob)
        return error


def _sas_lacks(request: Any) -> str:
    """Name the permission of a SAS that ``request`` needs.
    https://learn.microsoft.com/rest/api/storageservices/create-service-sas#permissions-for-a-directory-container-or-blob
    """
    query = urlsplit(request.url).query
    if "comp=list" in query:
        needed = "to list (sp=l)"
    elif "comp=tags" in query:
        needed = "to read and write tags (sp=t)"
    else:
        needed = {"PUT": "to create and write (sp=cw)", "DELETE": "to delete (sp=d)"}.get(
            request.method, "to read (sp=r)"
        )
    return f"the SAS lacks the permission {needed}; create one that has it"


def causes(error: BaseException, *, before: BaseException | None = None) -> Iterator[BaseException]:
    """Yield ``error`` and the errors that it was made from, which azure-core keeps in attributes, too.

    ``before`` is an exception that the caller was handling already: that one and its causes are left out.
    """
    pending: list[Any] = [error]
    seen: set[int] = {id(before)}
    while pending:
        part = pending.pop()
        if isinstance(part, BaseException) and id(part) not in seen:
            seen.add(id(part))
            pending += [part.__cause__, part.__context__, *part.args, *vars(part).values()]
            yield part


def _is_clean(error: BaseException) -> bool:
    """Whether no secret can be read in ``error``."""
    shown = f"{error} {error!r} {[text for text in vars(error).values() if isinstance(text, str)]}"
    return redact(shown) == shown


def _timed_out(error: BaseException) -> bool:
    """Whether ``error`` comes from a time limit; that of a stalled upload is an inner error of the HTTP client."""
    from azure.core.exceptions import ServiceRequestTimeoutError, ServiceResponseTimeoutError

    limits = (ServiceRequestTimeoutError, ServiceResponseTimeoutError, TimeoutError)
    return any(isinstance(part, limits) for part in causes(error))


def _first_line(error: Any) -> str:
    lines = redact(str(getattr(error, "message", None) or error)).strip().splitlines()
    return lines[0] if lines else type(error).__name__
