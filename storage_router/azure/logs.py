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


def keep_signatures_out_of_logs() -> None:
    """See to it that urllib3, which logs the path and query of each request at DEBUG, logs no signature of a SAS."""
    logger = logging.getLogger("urllib3.connectionpool")
    if _redacted not in logger.filters:
        logger.addFilter(_redacted)


def _redacted(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple(redact(item) if isinstance(item, str) else item for item in record.args)
    return True
