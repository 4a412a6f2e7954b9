"""Online probes: does what is configured work, and if not, what is to be done? ``examine`` asks one storage."""

from __future__ import annotations

from collections.abc import Collection, Generator

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
    """Probe ``storage`` and yield what was found, one probe after the other. ``backend`` is its name in the findings.

    ``read_only`` says that nothing is ever written to it, ``origin`` which pages' scripts should be allowed to fetch
    from it, ``skip`` which probes to leave out. The probe's own file is removed at the end, also when the iteration is
    given up: ``close()`` it.
    """
    if isinstance(storage, AzureStorage):
        return AzureProbes(storage, read_only=read_only, skip=skip, origin=origin).examine(backend)
    return Probes(storage, read_only=read_only, skip=skip).examine(backend)
