"""Static files over the router: what ``STORAGES["staticfiles"]`` names."""

from .manifest import ManifestStaticFilesStorage
from .storage import StaticFilesStorage

__all__ = ["ManifestStaticFilesStorage", "StaticFilesStorage"]
