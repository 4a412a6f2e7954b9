"""A structured log line for each operation, at INFO, by the logger ``storage_router.operations``."""

from __future__ import annotations

import logging

from storage_router.events import Event, Subscriber

logger = logging.getLogger("storage_router.operations")

FIELDS = ("operation", "alias", "route", "outcome", "seconds", "size", "requests", "retries", "request_id")


def subscriber(*, with_names: bool = False) -> Subscriber:
    """Return the subscriber. Each field is an attribute of the record, too, for formatters that write JSON."""
    fields = (*FIELDS, "name") if with_names else FIELDS

    def log(event: Event) -> None:
        if logger.isEnabledFor(logging.INFO):
            values = {field: getattr(event, field) for field in fields}
            values["seconds"] = round(event.seconds, 6)
            text = " ".join(f"{field}={value}" for field, value in values.items() if value is not None)
            logger.info("%s", text, extra={f"storage_{field}": value for field, value in values.items()})

    return log
