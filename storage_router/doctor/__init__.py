"""Online probes of storages: does what is configured work, and what is to be done if not?"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence

from django.core.files.storage import Storage
from django.utils.module_loading import import_string
from pydantic import BaseModel

from storage_router.conf.backends import BACKEND_TYPES

from .azure import AzureProbes
from .findings import STATUSES, Finding, Status, described
from .moving import examine_routes
from .probes import Probes
from .uploads import examine_uploads

__all__ = ["PROBES", "STATUSES", "Finding", "Status", "described", "examine", "examine_routes", "examine_uploads"]

PROBES = AzureProbes.names
"""The names of all probes, in their order. Most types of backend have some of them."""


def examine(
    backend: str,
    storage: Storage,
    options: BaseModel | None = None,
    *,
    read_only: bool = False,
    private: bool = False,
    static: bool = True,
    origins: Sequence[str] = (),
    skip: Collection[str] = (),
) -> Generator[Finding]:
    """Probe ``storage`` and yield what each probe found. ``backend`` is its name in the findings.

    ``options`` are those of its type of backend, by default its own. ``read_only`` says that nothing is ever written to
    it, ``private`` that views ask who may read its files, ``static`` that pages of ``origins`` load scripts and fonts
    from it, ``skip`` which probes to leave out. The probe's own file is removed at the end. A caller that stops before
    the end calls ``close()``, which removes it, too.
    """
    options = getattr(storage, "options", None) if options is None else options
    # The model of a type may add to the options that the storage has: the key ``type``.
    paths = [one.probes for one in BACKEND_TYPES.values() if options and issubclass(one.model, type(options))]
    kind: type[Probes] = import_string(paths[0]) if paths else Probes
    return kind(storage, read_only=read_only, private=private, static=static, skip=skip, origins=origins).examine(
        backend
    )
