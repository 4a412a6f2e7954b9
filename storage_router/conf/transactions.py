"""``TransactionOptions``: how files follow the transactions of the database."""

from typing import Literal

from pydantic import Field

from .table import Table


class TransactionOptions(Table):
    """The table ``transactions``."""

    deletes: Literal["now", "on_commit"] = Field(
        default="now",
        description="When a file that is deleted inside an `atomic` block goes: `now`, as with Django's storages, or "
        "when the transaction commits.",
    )
    database: str = Field(default="default", description="The alias in DATABASES whose transactions count.")
