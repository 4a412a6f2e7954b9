"""``TransactionOptions``: how files follow the transactions of the database."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TransactionOptions(BaseModel):
    """The table ``transactions``."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    deletes: Literal["now", "on_commit"] = Field(
        default="now",
        description="When a file that is deleted inside an `atomic` block goes: `now`, as with Django's storages, or "
        "when the transaction commits.",
        examples=["on_commit"],
    )
    database: str = Field(
        default="default", description="The alias in DATABASES whose transactions count.", examples=["default"]
    )
