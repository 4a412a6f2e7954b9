"""``StaticOptions``: how static files go through the router."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class StaticOptions(BaseModel):
    """The table ``static``."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    prefix: str = Field(
        default="static/",
        description="What is put before the names of static files, so that a route can claim them.",
        examples=["static/"],
    )
