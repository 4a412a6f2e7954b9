"""A configuration-driven storage router for Django: each file to its own backend, most of them Azure Blob containers.

The names below load when they are first used: importing the package costs next to nothing, and never the Azure SDK.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import exceptions
    from .azure.storage import AzureStorage
    from .factory import storages
    from .references import backend
    from .router import RouterStorage
    from .staticfiles import ManifestStaticFilesStorage, StaticFilesStorage
    from .tenancy import tenant

__version__ = "0.2.0"

_HOMES = {
    "AzureStorage": "azure.storage",
    "ManifestStaticFilesStorage": "staticfiles",
    "RouterStorage": "router",
    "StaticFilesStorage": "staticfiles",
    "backend": "references",
    "storages": "factory",
    "tenant": "tenancy",
}

__all__ = [
    "AzureStorage",
    "ManifestStaticFilesStorage",
    "RouterStorage",
    "StaticFilesStorage",
    "backend",
    "exceptions",
    "storages",
    "tenant",
]


def __getattr__(name: str) -> object:
    if name == "exceptions":
        return import_module(".exceptions", __name__)
    if (home := _HOMES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
