"""Direct uploads: files go from the browser to the storage service, and what was checked is what is stored.

``DirectFileInput`` is for forms and the admin, ``DirectFileField`` for serializers of REST framework. Both give an
``UploadedBlob``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .blob import UploadedBlob
    from .middleware import UploadsMiddleware
    from .rest import DirectFileField
    from .widgets import DirectFileInput

__all__ = ["DirectFileField", "DirectFileInput", "UploadedBlob", "UploadsMiddleware"]

_MODULES = {
    "DirectFileField": "rest",
    "DirectFileInput": "widgets",
    "UploadedBlob": "blob",
    "UploadsMiddleware": "middleware",
}


def __getattr__(name: str) -> Any:
    # The start of a process needs no forms, and REST framework need not be installed.
    if name in _MODULES:
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
