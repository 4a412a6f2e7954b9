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
        description="Who the tenant is: `django_tenants` (the id of its connection's tenant), or the dotted path of "
        "a function without arguments that returns the tenant or None.",
        examples=["django_tenants", "acme.tenants.current"],
    )
