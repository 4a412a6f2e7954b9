"""Help for the tests of projects that use the package, and of storages.

``override_storage_router`` and ``memory_router`` replace the project's storages by storages in memory.
``StorageContract``, ``ModesContract`` and ``ConcurrencyContract`` are test suites for a storage to inherit.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .override import memory_router, override_storage_router
    from .suite import ConcurrencyContract, ModesContract, StorageContract

__all__ = ["ConcurrencyContract", "ModesContract", "StorageContract", "memory_router", "override_storage_router"]


def __getattr__(name: str) -> Any:
    # Loaded on demand: the suite needs pytest, which a project that only overrides the router may not have.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{'suite' if name.endswith('Contract') else 'override'}"), name)
