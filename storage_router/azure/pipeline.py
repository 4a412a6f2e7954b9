"""The pipeline that all requests to Azure take: azure-core's policies, in the order of ``policies()``."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import html
import logging
import random
import re
import ssl
import time
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from azure.core import PipelineClient
from azure.core.credentials import AzureSasCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
    ServiceResponseError,
)
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import (
    AzureSasCredentialPolicy,
    BearerTokenCredentialPolicy,
    CustomHookPolicy,
    DistributedTracingPolicy,
    HttpLoggingPolicy,
    HTTPPolicy,
    ProxyPolicy,
    RequestIdPolicy,
    RetryPolicy,
    UserAgentPolicy,
)
from azure.core.rest import HttpRequest, HttpResponse
from azure.core.settings import settings

from storage_router import events
from storage_router.conf.azure.authentication import SharedKey
from storage_router.conf.azure.options import AzureOptions

from .credentials import SCOPE, credential, quiet_log
from .errors import ClientError, causes, redact
from .transport import Headers, Response
from .urls import SIGNED_VERSION

FIRST_WAIT = 0.25
"""Seconds before the first retry, on average; each further one waits twice as long."""

LONGEST_WAIT = 8.0

RETRIES = 5

STORAGE_WAITS = {"initial_backoff": 15, "increment_base": 3, "random_jitter_range": 3}
"""azure-storage-blob's options for the waits, with its defaults for those that are not given."""

_IDS = frozenset({"request_id", "auto_request_id", "request_id_header_name"})
"""Options for azure-core's policy that gives requests an id. It makes one of the clock and the network card, which
takes longer than the rest of it, so it serves only where one of these is given."""

_LOGGED_QUERY = (
    *("blockid", "comp", "copyid", "delimiter", "include", "marker", "maxresults", "prefix", "restype", "startFrom"),
    *("se", "si", "sip", "sp", "spr", "sr", "srt", "ss", "st", "sv", "timeout"),
)
"""Parameters whose values ``logging_enable`` shows; of a SAS all but the signature."""

_LOGGED_HEADERS = (
    *("Content-Encoding", "Content-Language", "Content-MD5", "Content-Range", "x-ms-access-tier", "x-ms-blob-type"),
    *("x-ms-blob-cache-control", "x-ms-blob-content-disposition", "x-ms-blob-content-encoding"),
    *("x-ms-blob-content-language", "x-ms-blob-content-md5", "x-ms-blob-content-type", "x-ms-copy-id"),
    *("x-ms-copy-status", "x-ms-creation-time", "x-ms-date", "x-ms-delete-snapshots", "x-ms-range", "x-ms-version"),
)
"""Headers that ``logging_enable`` shows beyond azure-core's own list."""

_CORE_WAITS = ("retry_backoff_factor", "retry_backoff_max", "retry_mode")
_COPY_SOURCE_BUSY = frozenset({"OperationTimedOut", "InternalError", "ServerBusy"})
_KINDS: dict[int, type[HttpResponseError]] = {
    401: ClientAuthenticationError,
    404: ResourceNotFoundError,
    409: ResourceExistsError,
    412: ResourceModifiedError,
}
"""The SDK's errors for answers, by their status."""

_ELEMENTS = re.compile(r"<(\w+)>([^<]*)</\1>")
_RANGE = re.compile(r"bytes (\d+)-(\d+)(?:/(\d+))?")

Request = PipelineRequest[HttpRequest]
Answer = PipelineResponse[HttpRequest, HttpResponse]


class _Request(HttpRequest):
    """A request whose content is bytes. azure-core's own looks for parts, files and forms, by several names."""

    content: Any = None
    data = body = property(lambda self: self.content)
    files: Any = None
    multipart_mixed_info: Any = None
    __setattr__ = object.__setattr__  # type: ignore[assignment]

    def __init__(self, method: str, url: str, headers: Headers, content: bytes | None) -> None:
        self.method, self.url, self.headers, self.content = method, url, headers, content

    def __deepcopy__(self, memo: Any = None) -> _Request:
        return _Request(self.method, self.url, Headers(self.headers.items()), self.content)

    def prepare_multipart_body(self, content_index: int = 0) -> int:
        return content_index


class Sender(PipelineClient[HttpRequest, Response]):
    """azure-core's pipeline client with ``policies()``: sends the requests of an account."""

    def __init__(self, options: AzureOptions, transport: Any) -> None:
        given = options.client_options
        self._version = given.get("api_version") or options.api_version
        self._makes_ids = _IDS.isdisjoint(given)
        try:
            # Computed once: azure-core's policy would read the environment for each request.
            user_agent = UserAgentPolicy(**{"sdk_moniker": "storage-router", **given}).user_agent
            self._headers = [("User-Agent", user_agent), *given.get("headers", {}).items()]
            super().__init__(
                options.endpoint,
                transport=transport,
                policies=policies(options),
                per_call_policies=given.get("per_call_policies"),
                per_retry_policies=given.get("per_retry_policies"),
            )
        except (TypeError, ValueError, AttributeError) as error:
            names = ", ".join(sorted(given))
            raise ClientError(f"azure-core refuses one of client_options ({names}): {redact(str(error))}") from error

    def send(
        self,
        method: str,
        url: str,
        *expected: int,
        version: str = SIGNED_VERSION,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        stream: bool = False,
    ) -> Response:
        """Send a request and return the answer, if its status is one of ``expected``; with ``stream`` its body has not
        been read. ``version`` is that of the API where the options have none.

        Raises ``AzureError`` and its kinds.
        """
        if query:
            url = f"{url}?{urlencode(query, quote_via=quote, safe='')}"
        given = [("x-ms-version", self._version or version)]
        if content is not None:
            given.append(("Content-Length", str(len(content))))
            if content:
                given.append(("Content-Type", "application/octet-stream"))
        if headers:
            given += headers.items()
        given += self._headers
        if self._makes_ids:
            # The answer has it, too, and is recognised by it.
            given.append(("x-ms-client-request-id", f"{random.getrandbits(128):032x}"))
        answer = self.send_request(_Request(method, url, Headers(given), content), stream=stream)
        if answer.status_code not in expected:
            raise _refusal(answer)
        return answer


def _refusal(response: Response) -> HttpResponseError:
    """Return azure-core's error for an answer, with the ``error_code`` that the SDK gives it."""
    found = {tag: html.unescape(text).strip() for tag, text in _ELEMENTS.findall(response.text())}
    if "Code" not in found:
        found = {}  # the page of a proxy
    code = response.headers.get("x-ms-error-code") or found.get("Code")
    message = found.get("Message") or f"{response.status_code} {response.reason}"
    if found.get("HeaderName") == "x-ms-version":
        version = found.get("HeaderValue")
        message = f"it does not know version {version} of its API; set api_version to one that it knows"
    details = "".join(f"\n{tag}:{text}" for tag, text in found.items() if tag not in ("Code", "Message"))
    # The error keeps its request, without the secrets of that.
    response.request = HttpRequest(response.request.method, redact(response.request.url))
    kind = _KINDS.get(response.status_code, HttpResponseError)
    error = kind(message=f"{message}\nErrorCode:{code}{details}", response=response)
    vars(error)["error_code"] = code
    return error


def policies(options: AzureOptions) -> list[Any]:
    """Return azure-core's policies for ``options``, the first one first.

    None decodes answers, and none follows redirects.
    """
    given = options.client_options
    hooks = given.keys() & {"raw_request_hook", "raw_response_hook"}
    return [
        *([] if _IDS.isdisjoint(given) else [RequestIdPolicy(**given)]),
        *filter(None, [given.get("user_agent_policy")]),
        *([ProxyPolicy(given["proxies"])] if given.get("proxies") else []),
        given.get("retry_policy")
        or Retry(deadline=options.timeout, bounded_reads="read_timeout" not in given, **given),
        *_authentication(options),
        *([CustomHookPolicy(**{name: given[name] for name in hooks})] if hooks else []),
        LogPolicy(log_requests=options.log_requests, **given),
        # Tracing is enabled before the first request, or not at all: asking each time costs as much as a signature.
        *([DistributedTracingPolicy(**given)] if settings.tracing_enabled() else []),
        AnswerPolicy(),
    ]


def _authentication(options: AzureOptions) -> list[Any]:
    given = options.authentication
    if given.kind == "account_key":
        return [SharedKeyPolicy(given)]
    if given.kind == "sas":
        return [AzureSasCredentialPolicy(AzureSasCredential(given.sas_token.get_secret_value()))]
    if given.kind == "token":
        audience = options.client_options.get("audience")
        return [TokenPolicy(credential(given), f"{audience.rstrip('/')}/.default" if audience else SCOPE)]
    return []


class Retry(RetryPolicy[HttpRequest, HttpResponse]):
    """azure-core's retry policy with a short first wait and an end.

    No attempt starts ``deadline`` seconds after the first one or later, whatever Retry-After says, and with
    ``bounded_reads`` no attempt waits for an answer beyond that time. azure-core's options for the waits
    (``retry_backoff_factor``, ...) mean what they mean there; with one of ``STORAGE_WAITS`` the waits are those of
    azure-storage-blob.
    """

    def __init__(self, *, deadline: float, bounded_reads: bool = True, **options: Any) -> None:
        total = options.get("retry_total", RETRIES)
        kinds = dict.fromkeys(("retry_total", "retry_connect", "retry_read", "retry_status"), total)
        super().__init__(**{"timeout": deadline, **kinds, **options})
        self.bounded_reads = bounded_reads
        self._core_waits = not options.keys().isdisjoint(_CORE_WAITS)
        self._storage_waits: dict[str, float] | None = None
        if not options.keys().isdisjoint(STORAGE_WAITS):
            self._storage_waits = {name: options.get(name, default) for name, default in STORAGE_WAITS.items()}

    def get_backoff_time(self, settings: dict[str, Any]) -> float:
        if self._core_waits:
            return super().get_backoff_time(settings)
        count = len(settings["history"])
        if waits := self._storage_waits:
            jitter = waits["random_jitter_range"]
            wait = waits["initial_backoff"] + waits["increment_base"] ** count
            return max(0.0, wait + random.uniform(-jitter, jitter))  # noqa: S311 - no secret
        # Spread by half to both sides, so that threads that met one fault do not come back together.
        grown: float = FIRST_WAIT * 2 ** (count - 1)
        return min(grown, LONGEST_WAIT) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret

    def get_retry_after(self, response: PipelineResponse[Any, Any]) -> float | None:
        """Return the seconds that the answer asks to wait; None if it asks for none, or for nonsense."""
        try:
            asked = super().get_retry_after(response)
        except (ValueError, OverflowError):
            return None
        return None if asked is None else max(0.0, asked)

    def configure_retries(self, options: dict[str, Any]) -> dict[str, Any]:
        settings = super().configure_retries(options)
        # The only POST asks for a user delegation key, which does no harm twice.
        methods = settings["methods"] | {"POST"}
        return {**settings, "methods": methods, "end": time.monotonic() + self.timeout, "options": options}

    def is_retry(self, settings: dict[str, Any], response: Any) -> bool:
        found = response.http_response
        if found.status_code < 400:
            return False
        busy = found.headers.get("x-ms-copy-source-error-code") in _COPY_SOURCE_BUSY
        return busy or bool(super().is_retry(settings, response))

    def increment(self, settings: dict[str, Any], response: Any = None, error: Exception | None = None) -> bool:
        """Return whether another attempt may help and there is time for it; decide how long to wait."""
        if error is not None and any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes(error)):
            return False
        if not super().increment(settings, response, error):
            return False
        asked = self.get_retry_after(response) if error is None else None
        settings["wait"] = self.get_backoff_time(settings) if asked is None else asked
        return bool(time.monotonic() + settings["wait"] < settings["end"])

    def sleep(self, settings: dict[str, Any], transport: Any, response: Answer | None = None) -> None:  # noqa: ARG002
        if self.bounded_reads:
            settings["options"]["read_timeout"] = settings["end"] - time.monotonic() - settings["wait"]
        time.sleep(settings["wait"])


class SharedKeyPolicy(HTTPPolicy[HttpRequest, HttpResponse]):
    """Signs each attempt with the account's key.

    https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
    """

    _signed = (
        "content-encoding",
        "content-language",
        "content-length",
        "content-md5",
        "content-type",
        "date",
        "if-modified-since",
        "if-match",
        "if-none-match",
        "if-unmodified-since",
        "range",
    )

    def __init__(self, given: SharedKey) -> None:
        super().__init__()
        self._account = given.account_name
        self._keyed = hmac.new(base64.b64decode(given.account_key.get_secret_value()), digestmod=hashlib.sha256)

    def send(self, request: Request) -> Answer:
        http = request.http_request
        headers = http.headers
        headers["x-ms-date"] = formatdate(usegmt=True)
        signer = self._keyed.copy()
        signer.update(self._text(http.method, http.url, {key.lower(): text for key, text in headers.items()}).encode())
        signature = base64.b64encode(signer.digest()).decode()
        headers["Authorization"] = f"SharedKey {self._account}:{signature}"
        return self.next.send(request)

    def _text(self, method: str, url: str, headers: dict[str, str]) -> str:
        if headers.get("content-length") == "0":
            del headers["content-length"]
        lines = [method, *[headers.get(name, "") for name in self._signed]]
        azures = sorted([key for key in headers if key.startswith("x-ms-")], key=_order)
        lines += [f"{key}:{headers[key]}" for key in azures]
        path, _, query = url[url.index("/", 8) :].partition("?")
        lines.append(f"/{self._account}{path}")
        if query:
            pairs = (pair.partition("=") for pair in query.split("&"))
            lines += sorted(f"{key.lower()}:{unquote(text)}" for key, _, text in pairs)
        return "\n".join(lines)


@functools.lru_cache(maxsize=256)
def _order(header: str) -> str:
    """Azure sorts headers as a dictionary does: without hyphens, underscores before digits and letters."""
    return header.replace("-", "").replace("_", " ")


class TokenPolicy(BearerTokenCredentialPolicy[HttpRequest, HttpResponse]):
    """azure-core's policy for tokens, which also asks the tenant that the account names for one.

    https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory#bearer-challenge
    """

    def on_challenge(self, request: Request, response: Answer) -> bool:
        """Get a token of the account's own tenant, if the answer names one."""
        challenge = response.http_response.headers.get("WWW-Authenticate", "")
        found = dict(re.findall(r'(\w+)="?([^\s,"]+)', challenge))
        tenant = urlsplit(found.get("authorization_uri", "")).path.strip("/").partition("/")[0]
        if not tenant or "resource_id" not in found:
            return super().on_challenge(request, response)
        self.authorize_request(request, f"{found['resource_id']}/.default", tenant_id=tenant)
        return True


class AnswerPolicy(HTTPPolicy[HttpRequest, HttpResponse]):
    """Reads each answer and raises ``ServiceResponseError``, which is retried, for one that is damaged.

    Damaged is an answer to another request, a part of the blob that was not asked for, and a body that is shorter than
    announced. With ``stream`` the body is left to the caller.
    """

    def send(self, request: Request) -> Answer:
        http, context = request.http_request, request.context
        streamed = context.setdefault("streamed", context.options.get("stream", False))
        # A transport of the application's own would decompress what it reads.
        context.options["stream"] = True
        answer = self._sent(request)
        answer.http_response = response = Response.around(answer.http_response, http)
        try:
            part = _part(http, response)
            if not streamed or not 200 <= response.status_code < 300:
                body = response.read()
                if part and int(part[2]) - int(part[1]) + 1 != len(body):
                    raise ServiceResponseError(
                        f"The answer holds {len(body)} bytes and announces {int(part[2]) - int(part[1]) + 1}."
                    )
        except BaseException:
            response.close()
            raise
        return answer

    def _sent(self, request: Request) -> Answer:
        event = events.current()
        if event is None:
            return self.next.send(request)
        started, start = time.time(), time.perf_counter()
        status = request_id = None
        try:
            answer = self.next.send(request)
            status, request_id = answer.http_response.status_code, answer.http_response.headers.get("x-ms-request-id")
        finally:
            seconds, is_retry = time.perf_counter() - start, bool(request.context.get("retry_count"))
            attempt = events.Attempt(
                method=request.http_request.method,
                started=started,
                seconds=seconds,
                status=status,
                request_id=request_id,
                is_retry=is_retry,
            )
            event.sent(attempt)
        return answer


def _part(request: HttpRequest, response: HttpResponse) -> re.Match[str] | None:
    """Return which part of a blob an answer says it holds, if any. Raises ``ServiceResponseError`` for an answer to
    another request, and for a part that begins or ends elsewhere than was asked for."""
    echoed = response.headers.get("x-ms-client-request-id")
    if echoed is not None and echoed != request.headers.get("x-ms-client-request-id"):
        raise ServiceResponseError("The answer belongs to another request.")
    asked = request.headers.get("x-ms-range")
    if response.status_code == 200 and asked:
        raise ServiceResponseError("The answer is not the part that was asked for.")
    if response.status_code != 206:
        return None
    part = _RANGE.match(response.headers.get("Content-Range", ""))
    if part and asked:
        start, _, end = asked.removeprefix("bytes=").partition("-")
        if part[1] != start:
            raise ServiceResponseError(f"The answer holds bytes from {part[1]} on, not from {start} on.")
        if part[3]:
            # HTTP allows an answer to hold less than was asked for. Azure's never does: something has cut it.
            last = min(int(end or part[3]), int(part[3]) - 1)
            if int(part[2]) != last:
                raise ServiceResponseError(f"The answer holds bytes up to {part[2]}, not up to {last}.")
    return part


class LogPolicy(HTTPPolicy[HttpRequest, HttpResponse]):
    """azure-core's log of requests: at DEBUG, or at INFO with ``log_requests``.

    It shows the headers and parameters of a list, and no bodies. ``logging_enable`` makes the list longer. azure-core's
    own policy for that, ``NetworkTraceLoggingPolicy``, shows tokens and signatures.
    """

    def __init__(self, *, log_requests: bool, logging_enable: bool = False, **given: Any) -> None:
        super().__init__()
        keep_secrets_out_of_logs()
        logger = given.get("logger")
        if logger is None and not log_requests and "http_logging_level" not in given:
            logger = quiet_log()
        kept = {key: given[key] for key in ("http_logging_level", "additional_allowed_query_params") if key in given}
        self._log: Any = HttpLoggingPolicy(logger, **kept)
        if logging_enable:
            self._log.allowed_query_params.update(_LOGGED_QUERY)
            self._log.allowed_header_names.update(_LOGGED_HEADERS)
        self._level = kept.get("http_logging_level", logging.INFO)

    def send(self, request: Request) -> Answer:
        if not self._log.logger.isEnabledFor(self._level):
            return self.next.send(request)
        self._log.on_request(request)
        answer = self.next.send(request)
        self._log.on_response(request, answer)
        return answer


def keep_secrets_out_of_logs() -> None:
    """Redact what urllib3 logs at DEBUG: the path of each request, with the query that may hold a SAS."""
    logger = logging.getLogger("urllib3.connectionpool")
    if _redacted not in logger.filters:
        logger.addFilter(_redacted)


def _redacted(record: logging.LogRecord) -> bool:
    """Redact a record in place. One without secrets, such as those of other users of urllib3, stays as it is."""
    given = f"{record.msg} {record.args!r}"
    if redact(given) != given:
        # An argument may be of any type, for example an exception.
        record.msg, record.args = redact(record.getMessage()), ()
    if record.exc_info:
        trace = logging.Formatter().formatException(record.exc_info)
        if redact(trace) != trace:
            record.exc_text, record.exc_info = redact(trace), None
    return True
