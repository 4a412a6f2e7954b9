"""The public test kit, for the tests of storages and of projects that use them.

``Azurite`` is the emulator as a process; ``FaultProxy`` stands in front of it and lets requests fail;
``StorageContract`` is what every storage of this package promises, as a test suite to inherit;
``override_storage_router`` and ``memory_router`` keep the tests of a project off the network.
``storage_router.testing.fixtures`` offers the same as pytest fixtures.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .azurite import Azurite, UnsignedTokenCredential
    from .override import memory_router, override_storage_router
    from .proxy import FaultProxy
    from .suite import ConcurrencyContract, ModesContract, StorageContract

__all__ = [
    "Azurite",
    "ConcurrencyContract",
    "FaultProxy",
    "ModesContract",
    "StorageContract",
    "UnsignedTokenCredential",
    "memory_router",
    "override_storage_router",
]

_HOMES = {
    "Azurite": "azurite",
    "UnsignedTokenCredential": "azurite",
    "FaultProxy": "proxy",
    "ConcurrencyContract": "suite",
    "ModesContract": "suite",
    "StorageContract": "suite",
    "memory_router": "override",
    "override_storage_router": "override",
}


def __getattr__(name: str) -> Any:
    # Loaded on demand: the suite needs pytest, which a project that only overrides the router may not have.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
