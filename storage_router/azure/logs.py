"""What the SDK and the HTTP client may write into an application's log."""

from __future__ import annotations

import logging
from typing import Any

from .errors import redact


def quiet_log() -> logging.LoggerAdapter[logging.Logger]:
    """Return what the SDK's clients take as ``logger``: their log of requests, at DEBUG instead of INFO."""
    return _Quiet(logging.getLogger("azure.core.pipeline.policies.http_logging_policy"))


class _Quiet(logging.LoggerAdapter[logging.Logger]):
    """Older releases of azure-core cannot be told the level, and no logging configuration but our own is ours to
    change."""

    def log(self, level: int, msg: object, *args: Any, **options: Any) -> None:
        super().log(logging.DEBUG if level == logging.INFO else level, msg, *args, **options)

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's name
        return super().isEnabledFor(logging.DEBUG if level == logging.INFO else level)


_LOGGERS = (
    "urllib3.connectionpool",  # the path and query of each request
    "azure.storage.blob._shared.policies",  # logging_enable: addresses, headers, failures; logging_body: bodies
    "azure.core.pipeline.policies._universal",  # the same of azure-core
)
"""What logs addresses and bodies at DEBUG: signatures of SAS, and user delegation keys."""


def keep_secrets_out_of_logs() -> None:
    """See to it that what the HTTP client and the SDK log at DEBUG holds no secret."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if _redacted not in logger.filters:
            logger.addFilter(_redacted)


def _redacted(record: logging.LogRecord) -> bool:
    """Redact a record in place. One without secrets, such as those of other users of urllib3, stays as it is."""
    given = f"{record.msg} {record.args!r}"
    if redact(given) != given:
        # An argument may be of any type: an exception, the bytes of a body.
        record.msg, record.args = redact(record.getMessage()), ()
    if record.exc_info:
        trace = _formatter.formatException(record.exc_info)
        if redact(trace) != trace:
            record.exc_text, record.exc_info = redact(trace), None
    return True


_formatter = logging.Formatter()
