"""``TenancyOptions``: whose files the running code means."""

from typing import Annotated

from pydantic import Field

from .table import Table
from .units import DOTTED_PATH, Form


class TenancyOptions(Table):
    """The table ``tenancy``."""

    current: (
        Annotated[
            str,
            Form(
                f"django_tenants|{DOTTED_PATH}",
                "is not a dotted path",
                "Write 'django_tenants', or the dotted path of a function such as 'acme.tenants.current'.",
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="What tells the current tenant: `django_tenants` (the id of its connection's tenant), or a "
        "function without arguments, by its dotted path, that returns the tenant or None. Without it only "
        "`storage_router.tenant()` does.",
        examples=["django_tenants", "acme.tenants.current"],
    )
