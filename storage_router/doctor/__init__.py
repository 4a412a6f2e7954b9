"""Online probes of storages: does what is configured work, and what is to be done if not?"""

from __future__ import annotations

from collections.abc import Collection, Generator
from typing import Any

from django.core.files.storage import Storage

from storage_router.azure.storage import AzureStorage

from .azure import AzureProbes
from .findings import STATUSES, Finding, Status
from .probes import Probes

__all__ = ["PROBES", "STATUSES", "Finding", "Status", "examine"]

PROBES = AzureProbes.names
"""The names of all probes, in their order. Storages that are not Azure's have some of them."""


def examine(
    backend: str,
    storage: Storage,
    *,
    read_only: bool = False,
    origin: str | None = None,
    skip: Collection[str] = (),
) -> Generator[Finding]:
    """Probe ``storage`` and yield what each probe found. ``backend`` is its name in the findings.

    ``read_only`` says that nothing is ever written to it, ``origin`` which pages' scripts should be allowed to fetch
    from it, ``skip`` which probes to leave out. The probe's own file is removed at the end. A caller that stops before
    the end calls ``close()``, which removes the file, too.
    """
    kind: type[Any] = AzureProbes if isinstance(storage, AzureStorage) else Probes
    probes: Probes = kind(storage, read_only=read_only, skip=skip, origin=origin)
    return probes.examine(backend)
