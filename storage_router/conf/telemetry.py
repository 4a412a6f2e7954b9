"""``TelemetryOptions``: who is told of the operations of storages."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TelemetryOptions(BaseModel):
    """The table ``telemetry``."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    subscribers: tuple[Literal["log", "opentelemetry", "prometheus"], ...] = Field(
        default=(),
        description="Where each operation of a storage is recorded: a log line, OpenTelemetry, Prometheus.",
        examples=[["log", "opentelemetry"]],
    )
    names: bool = Field(
        default=False,
        description="Record the names of files, too. They may be personal data.",
        examples=[False],
    )
