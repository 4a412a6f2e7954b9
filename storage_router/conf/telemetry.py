"""``TelemetryOptions``: who is notified of the operations of storages."""

from typing import Literal

from pydantic import Field

from .table import Table


class TelemetryOptions(Table):
    """The table ``telemetry``."""

    subscribers: tuple[Literal["log", "opentelemetry", "prometheus"], ...] = Field(
        default=(), description="Where each operation of a storage is recorded: a log line, OpenTelemetry, Prometheus."
    )
    names: bool = Field(default=False, description="Record the names of files, too. They may be personal data.")
