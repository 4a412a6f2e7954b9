"""One request to Azure and its answer, through the pipeline of the SDK's client.

The SDK's blob client is made anew for each blob, with all of its generated parts; that, its arguments and its models
take as long as the pipeline takes to send a request. So requests are written as Azure's REST reference has them, and
the pipeline does the rest: authentication, retries, logging, tracing, proxies, and whatever ``client_options`` add.
https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api

The SDK's storage clients have no public ``send_request``, as others of its clients have; a pipeline of our own would
not be theirs.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from .properties import require_whole

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError
    from azure.core.pipeline import PipelineResponse
    from azure.storage.blob import BlobServiceClient

_ELEMENTS = re.compile(r"<(\w+)>([^<]*)</\1>")
_ATTEMPTS = 3


def send(
    service: BlobServiceClient,
    method: str,
    url: str,
    *,
    expected: int,
    query: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    content_type: str | None = "application/octet-stream",
    stream: bool = False,
) -> PipelineResponse[Any, Any]:
    """Send a request and return the answer, if its status is ``expected``.

    With ``stream`` the body has not been read; without, it has, and what is XML was parsed by the pipeline. Raises
    ``AzureError`` and its kinds.
    """
    from azure.core.exceptions import DecodeError
    from azure.core.rest import HttpRequest

    if query:
        url = f"{url}?{urlencode(query, quote_via=quote, safe='')}"
    given = {"Accept": "application/xml", "x-ms-version": service.api_version, **(headers or {})}
    if content is not None:
        given["Content-Length"] = str(len(content))
        if content_type is not None:
            given["Content-Type"] = content_type
    request = HttpRequest(method, url, headers=given, content=content)
    try:
        answer: PipelineResponse[Any, Any] = service._pipeline.run(request, stream=stream)
    except DecodeError as error:
        # The page of a proxy, for example; what it says is in its status.
        if error.response is None or error.response.status_code == expected:
            raise
        raise _refusal(error.response) from None
    if answer.http_response.status_code != expected:
        raise _refusal(answer.http_response)
    return answer


def received(service: BlobServiceClient, *given: Any, **options: Any) -> tuple[bytes, Any]:
    """Send a request for a range of a blob, as ``send`` does, and return its bytes and the answer.

    The transport of this package has read them before the pipeline returns. One that the application gave to the SDK
    has not, and then nobody else repeats a request whose body breaks off.
    """
    from azure.core.exceptions import AzureError, IncompleteReadError

    for attempts_left in reversed(range(_ATTEMPTS)):
        answer = send(service, *given, stream=True, **options).http_response
        try:
            body = b"".join(answer.stream_download(service._pipeline, decompress=False))
            require_whole(answer.headers, body)
        except (AzureError, ValueError) as error:
            if attempts_left:
                continue
            if isinstance(error, AzureError):
                raise
            raise IncompleteReadError(str(error)) from None
        else:
            return body, answer
    raise AssertionError("unreachable")  # pragma: no cover - the last attempt returns or raises


def body_of(response: Any) -> bytes:
    """Return the whole body. A transport of the application's own may give the older kind of response."""
    body: bytes = response.read() if hasattr(response, "read") else response.body()
    return body


def _refusal(response: Any) -> HttpResponseError:
    """Return the error of an answer, of the kind and with the ``error_code`` that the SDK's clients give it."""
    from azure.core.exceptions import (
        ClientAuthenticationError,
        HttpResponseError,
        ResourceExistsError,
        ResourceModifiedError,
        ResourceNotFoundError,
    )

    kinds: dict[int, type[HttpResponseError]] = {
        401: ClientAuthenticationError,
        404: ResourceNotFoundError,
        409: ResourceExistsError,
        412: ResourceModifiedError,
    }
    text = body_of(response).decode(errors="replace")
    said = {tag: html.unescape(text).strip() for tag, text in _ELEMENTS.findall(text)}
    if "Code" not in said:
        said = {}  # the page of a proxy
    code = response.headers.get("x-ms-error-code") or said.get("Code")
    message = said.get("Message") or f"{response.status_code} {response.reason}"
    if said.get("HeaderName") == "x-ms-version":
        message = f"it does not know version {said.get('HeaderValue')} of its API; set api_version to one that it knows"
    details = "".join(f"\n{tag}:{text}" for tag, text in said.items() if tag not in ("Code", "Message"))
    kind = kinds.get(response.status_code, HttpResponseError)
    error = kind(message=f"{message}\nErrorCode:{code}{details}", response=response)
    vars(error)["error_code"] = code
    return error
