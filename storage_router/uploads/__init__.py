"""Direct uploads: files go from the browser to the storage service, and what was checked is what is stored.

``DirectFileInput`` is for forms and the admin, ``DirectFileField`` for serializers of REST framework. Both give an
``UploadedBlob``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .blob import UploadedBlob
from .middleware import UploadsMiddleware
from .widgets import DirectFileInput

if TYPE_CHECKING:
    from .rest import DirectFileField

__all__ = ["DirectFileField", "DirectFileInput", "UploadedBlob", "UploadsMiddleware"]


def __getattr__(name: str) -> Any:
    # REST framework need not be installed.
    if name == "DirectFileField":
        from .rest import DirectFileField

        return DirectFileField
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
