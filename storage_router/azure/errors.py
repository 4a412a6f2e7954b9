"""The SDK's errors as ours, without the secrets that some of them carry.

Every call of the SDK runs inside ``translated``: what leaves it is one of ``storage_router.exceptions``, with the
SDK's error as its cause. URLs with a SAS appear in the texts of the HTTP client's errors, so the texts of the whole
chain are redacted, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

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

from .command_line import create_container

_SECRET = re.compile(
    # In the query of a URL or a connection string; in the address of a proxy; in the answer that is a delegation key.
    r"(?i)(\b(?:sig|accountkey|sharedaccesssignature)(?:=|%3D))[^&;\s'\"<>)]+"
    r"|(://[^/\s:@'\"]*:)[^/\s@'\"]+(?=@)"
    r"|(<Value>)[^<]+"
)

_REFUSALS = {
    "AuthenticationFailed": "the key, the token or the SAS is not valid for this account, a SAS has expired, or this "
    "host's clock is wrong",
    "AuthorizationFailure": "the account's network rules, the key or the SAS do not allow this request",
    "AuthorizationPermissionMismatch": "the identity or the SAS lacks a permission; reading and writing with a token "
    "credential needs the role 'Storage Blob Data Contributor' on the container or the account",
    "AuthorizationProtocolMismatch": "the SAS allows https only",
    "AuthorizationResourceTypeMismatch": "the SAS does not cover this type of resource",
    "AuthorizationServiceMismatch": "the SAS does not cover the blob service",
    "AuthorizationSourceIPMismatch": "the SAS does not allow this host's address",
    "InsufficientAccountPermissions": "the account is disabled or its keys may not be used for this",
    "KeyBasedAuthenticationNotPermitted": "the account does not allow keys (AllowSharedKeyAccess is false); set "
    "credential, for example to 'default', instead of account_key",
    "NoAuthenticationInformation": "the container is not public; set a credential",
    "PublicAccessNotPermitted": "the account does not allow public access; set a credential",
}
"""What to do about Azure's error codes.
https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes"""

_NO_DELEGATION_KEY = {
    "AuthorizationPermissionMismatch": "the identity may not sign URLs; with a token credential that needs the role "
    "'Storage Blob Delegator' on the account, or 'Storage Blob Data Contributor' there, not on the container alone",
}
"""The same, of the request for a user delegation key, which is the account's.
https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key#permissions"""

OVERWRITE_REFUSED = "UnauthorizedBlobOverwrite"
"""What Azure answers, with 403, to a SAS that may create (``sp=c``) and not write, where the name is taken."""

_UNMET = frozenset({"ConditionNotMet", "SourceConditionNotMet", "TargetConditionNotMet"})


class CredentialError(Exception):
    """A credential cannot be built. ``translated`` makes a ``BlobPermissionError`` of it; the text says what to do."""


class ClientError(Exception):
    """The SDK's client, or a connection of it, cannot be set up. ``translated`` makes a ``BlobError`` of it; the text
    says what to do."""


def redact(text: str) -> str:
    """Return ``text`` without signatures of SAS URLs, account keys, user delegation keys and passwords of proxies."""
    return _SECRET.sub(r"\1\2\3***", text)


class translated:  # noqa: N801 - reads as the verb that it is: "with translated(...)"
    """A context manager that turns what the SDK raises into ``BlobError`` and its kinds.

    ``options`` are those of the storage; ``alias``, ``container`` and ``blob`` say what the operation was about,
    ``creates`` that it wants a free name, ``signs`` that it asks for a user delegation key. Exceptions that are neither
    the SDK's nor about a credential or the client pass unchanged.
    """

    __slots__ = ("alias", "blob", "container", "creates", "options", "refusals")

    def __init__(
        self,
        options: AzureOptions,
        *,
        alias: str | None = None,
        container: str | None = None,
        blob: str | None = None,
        creates: bool = False,
        signs: bool = False,
    ) -> None:
        self.options = options
        self.alias = alias
        self.container = container
        self.blob = blob
        self.creates = creates
        self.refusals = _REFUSALS | _NO_DELEGATION_KEY if signs else _REFUSALS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, BlobError):
            return
        translation = self.translation(error)
        if translation is not None:
            sanitise(error)
            raise translation from error

    def translation(self, error: BaseException) -> BlobError | None:
        """Return ours for the SDK's ``error``, or None for an error that is not the SDK's."""
        if isinstance(error, CredentialError):
            return self._error(BlobPermissionError, str(error))
        if isinstance(error, ClientError):
            return self._error(BlobError, str(error))
        # Imported by now if the error is the SDK's; if it is not, this import is what an error may cost.
        from azure.core.exceptions import AzureError, ClientAuthenticationError, DecodeError, HttpResponseError

        if not isinstance(error, AzureError):
            return None
        response = getattr(error, "response", None)
        if isinstance(error, HttpResponseError) and response is not None and not isinstance(error, DecodeError):
            return self._refused(error, response)
        if isinstance(error, ClientAuthenticationError):
            return self._error(BlobPermissionError, f"The credential gives no token: {_first_line(error)}")
        if _timed_out(error):
            return self._error(BlobTimeoutError, "The service did not answer in time.")
        return self._error(BlobConnectionError, f"The connection to the service failed: {_first_line(error)}")

    def _refused(self, error: Any, response: Any) -> BlobError:
        """Return ours for an answer that says no."""
        status = error.status_code
        code = _text(getattr(error, "error_code", None)) or response.headers.get("x-ms-error-code")
        fields = {"status": status, "error_code": code, "request_id": response.headers.get("x-ms-request-id")}
        if code in ("ContainerNotFound", "ContainerBeingDeleted"):
            return self._error(ContainerNotFoundError, self._how_to_create(), no_blob=True, **fields)
        if status == 404:
            return self._error(BlobNotFoundError, "There is no such blob.", **fields)
        if code == OVERWRITE_REFUSED and self.creates:
            return self._error(BlobExistsError, "There is a blob of this name already.", **fields)
        if status in (401, 403) or code in _REFUSALS:
            reason = self.refusals.get(code or "", f"it says: {_first_line(error)}")
            return self._error(BlobPermissionError, f"Azure refused the request: {reason}.", **fields)
        unmet = code in _UNMET or (status == 412 and code is None)
        if code == "BlobAlreadyExists" or (unmet and self.creates and code != "SourceConditionNotMet"):
            return self._error(BlobExistsError, "There is a blob of this name already.", **fields)
        if unmet:
            return self._error(BlobChangedError, "The blob changed in between.", **fields)
        if status == 408 or code == "OperationTimedOut":
            return self._error(BlobTimeoutError, "The service did not finish in time.", **fields)
        return self._error(BlobError, f"Azure did not do it: {_first_line(error)}", **fields)

    def _how_to_create(self) -> str:
        return (
            f"The container {self.options.azure_container!r} does not exist in the account "
            f"{self.options.resolved_account_name!r}. Create it with: {create_container(self.options)}"
        )

    def _error(self, kind: type[BlobError], message: str, *, no_blob: bool = False, **fields: Any) -> BlobError:
        blob = None if no_blob else self.blob
        return kind(message, alias=self.alias, container=self.container, blob=blob, **fields)


def sanitise(error: BaseException) -> None:
    """Redact the texts of ``error`` and of all errors that it was made from, in place, and take their frames away.

    Pages of errors show the variables of every frame, and those of the HTTP client hold URLs with a SAS.
    """
    for part in causes(error):
        part.__traceback__ = None
        part.args = tuple(redact(item) if isinstance(item, str) else item for item in part.args)
        for key, value in list(vars(part).items()):
            if isinstance(value, str):
                setattr(part, key, redact(value))


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield ``error`` and the errors that it was made from; the SDK keeps them in attributes, not in the chain."""
    pending: list[Any] = [error]
    seen: set[int] = set()
    while pending:
        part = pending.pop()
        if isinstance(part, BaseException) and id(part) not in seen:
            seen.add(id(part))
            pending += [part.__cause__, part.__context__, *part.args, *vars(part).values()]
            yield part


def _timed_out(error: BaseException) -> bool:
    """Whether ``error`` comes from a time limit; a stalled upload shows only in an inner error of the HTTP client."""
    from azure.core.exceptions import ServiceRequestTimeoutError, ServiceResponseTimeoutError

    limits = (ServiceRequestTimeoutError, ServiceResponseTimeoutError, TimeoutError)
    return any(isinstance(part, limits) for part in causes(error))


def _first_line(error: Any) -> str:
    lines = redact(str(getattr(error, "message", None) or error)).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _text(code: Any) -> str | None:
    """Return an error code, which the SDK keeps as an enum or a string, as a string."""
    value = getattr(code, "value", code)
    return None if value is None else str(value)
