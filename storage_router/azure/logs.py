"""The log of requests, without secrets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from .errors import redact

if TYPE_CHECKING:
    from azure.core.pipeline.policies import HttpLoggingPolicy

_QUERY = (
    *("blockid", "comp", "copyid", "delimiter", "include", "marker", "maxresults", "prefix", "restype", "startFrom"),
    *("se", "si", "sip", "sp", "spr", "sr", "srt", "ss", "st", "sv", "timeout"),
)
"""Parameters whose values ``logging_enable`` shows; of a SAS all but the signature."""

_HEADERS = (
    *("Content-Encoding", "Content-Language", "Content-MD5", "Content-Range", "x-ms-access-tier", "x-ms-blob-type"),
    *("x-ms-blob-cache-control", "x-ms-blob-content-disposition", "x-ms-blob-content-encoding"),
    *("x-ms-blob-content-language", "x-ms-blob-content-md5", "x-ms-blob-content-type", "x-ms-copy-id"),
    *("x-ms-copy-status", "x-ms-creation-time", "x-ms-date", "x-ms-delete-snapshots", "x-ms-range", "x-ms-version"),
)
"""Headers that ``logging_enable`` shows beyond azure-core's own list."""


def log_policy(*, log_requests: bool, logging_enable: bool = False, **given: Any) -> HttpLoggingPolicy:
    """Return azure-core's log of requests: at DEBUG, or at INFO with ``log_requests``.

    It shows the headers and parameters of a list, and no bodies. ``logging_enable`` makes the list longer. azure-core's
    own policy for that, ``NetworkTraceLoggingPolicy``, shows tokens and signatures.
    """
    from azure.core.pipeline.policies import HttpLoggingPolicy

    keep_secrets_out_of_logs()
    logger: Any = given.get("logger")
    if logger is None and not log_requests and "http_logging_level" not in given:
        logger = quiet_log()
    kept = {key: given[key] for key in ("http_logging_level", "additional_allowed_query_params") if key in given}
    policy: HttpLoggingPolicy = HttpLoggingPolicy(logger, **kept)
    if logging_enable:
        policy.allowed_query_params.update(_QUERY)
        policy.allowed_header_names.update(_HEADERS)
    return policy


def quiet_log() -> logging.LoggerAdapter[logging.Logger]:
    """Return azure-core's log of requests, at DEBUG instead of INFO. Older releases cannot be told the level."""
    return _Quiet(logging.getLogger("azure.core.pipeline.policies.http_logging_policy"))


class _Quiet(logging.LoggerAdapter[logging.Logger]):
    def log(self, level: int, msg: object, *args: Any, **options: Any) -> None:
        super().log(logging.DEBUG if level == logging.INFO else level, msg, *args, **options)

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's name
        return super().isEnabledFor(logging.DEBUG if level == logging.INFO else level)


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
        trace = _formatter.formatException(record.exc_info)
        if redact(trace) != trace:
            record.exc_text, record.exc_info = redact(trace), None
    return True


_formatter = logging.Formatter()
