"""The log of requests, without secrets."""

from __future__ import annotations

import logging
from typing import Any

from .errors import redact


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
