"""``TenancyOptions``: whose files the running code means."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from .problems import invalid, quoted
from .table import Table


def _current(value: str) -> str:
    if value != "django_tenants" and not re.fullmatch(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", value):
        hint = "Write 'django_tenants', or the dotted path of a function such as 'acme.tenants.current'."
        raise invalid(f"{quoted(value)} is not a dotted path", hint)
    return value


class TenancyOptions(Table):
    """The table ``tenancy``."""

    current: Annotated[str, AfterValidator(_current)] | None = Field(
        default=None,
        description="What tells the current tenant: `django_tenants` (the id of its connection's tenant), or a "
        "function without arguments, by its dotted path, that returns the tenant or None. Without it only "
        "`storage_router.tenant()` does.",
        examples=["django_tenants", "acme.tenants.current"],
    )
