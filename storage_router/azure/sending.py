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

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError
    from azure.core.pipeline import PipelineResponse
    from azure.storage.blob import BlobServiceClient

_MESSAGE = re.compile(r"<Message>(.*?)</Message>", re.DOTALL)


def send(
    service: BlobServiceClient,
    method: str,
    url: str,
    *,
    expected: int,
    query: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    stream: bool = False,
) -> PipelineResponse[Any, Any]:
    """Send a request and return the answer, if its status is ``expected``.

    With ``stream`` the body has not been read; without, it has, and what is XML was parsed by the pipeline. Raises
    ``AzureError`` and its kinds.
    """
    from azure.core.rest import HttpRequest

    if query:
        url = f"{url}?{urlencode(query, quote_via=quote, safe='')}"
    given = {"Accept": "application/xml", "x-ms-version": service.api_version, **(headers or {})}
    if content is not None:
        given["Content-Type"] = "application/octet-stream"
        given["Content-Length"] = str(len(content))
    request = HttpRequest(method, url, headers=given, content=content)
    answer: PipelineResponse[Any, Any] = service._pipeline.run(request, stream=stream)
    if answer.http_response.status_code != expected:
        raise _refusal(answer.http_response)
    return answer


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
    response.read()
    found = _MESSAGE.search(response.content.decode(errors="replace"))
    code = response.headers.get("x-ms-error-code")
    message = html.unescape(found[1]) if found else f"{response.status_code} {response.reason}"
    kind = kinds.get(response.status_code, HttpResponseError)
    error = kind(message=f"{message}\nErrorCode:{code}", response=response)
    vars(error)["error_code"] = code
    return error
