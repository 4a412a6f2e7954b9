"""Online probes of storages: does what is configured work, and what is to be done if not?"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence

from django.utils.module_loading import import_string

from storage_router.conf.backends import BACKEND_TYPES
from storage_router.installed import Used

from .azure import AzureProbes
from .findings import STATUSES, Finding
from .probes import Probes

__all__ = ["PROBES", "STATUSES", "Finding", "examine"]

PROBES = tuple(AzureProbes.probes)
"""The names of all probes, in their order. Most types of backend have some of them."""


def examine(
    backend: Used, *, static: bool = True, origins: Sequence[str] = (), skip: Collection[str] = ()
) -> Generator[Finding]:
    """Probe a storage and yield what each probe found.

    ``static`` says that pages of ``origins`` load scripts and fonts from it, ``skip`` which probes to leave out. The
    probe's own file is removed at the end. A caller that stops before the end calls ``close()``, which removes it, too.
    """
    options = backend.options
    # The model of a type may add to the options that the storage has: the key ``type``.
    paths = [one.probes for one in BACKEND_TYPES.values() if options and issubclass(one.model, type(options))]
    kind: type[Probes] = import_string(paths[0]) if paths else Probes
    return kind(backend, static=static, origins=origins, skip=skip).examine()
