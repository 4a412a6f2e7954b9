"""``ObjectParameters``: what is stored with a blob besides its bytes, where options or code say so."""

from typing import Annotated, Any

from pydantic import Field

from storage_router.conf.table import Table
from storage_router.conf.units import after

from . import rules
from .options import AccessTier, Header, Metadata, Tags


class ObjectParameters(Table):
    """What is stored with a blob: the keys of ``object_parameters``."""

    content_type: Annotated[str | None, after(rules.media_type)] = None
    content_encoding: Header = None
    content_language: Header = None
    content_disposition: Header = None
    cache_control: Header = None
    content_md5: Annotated[Any, after(rules.md5)] = None


class BlobParameters(ObjectParameters):
    """What ``get_object_parameters(name)`` may return: some options of the storage, too."""

    metadata: Metadata = Field(default={})
    tags: Tags = Field(default={})
    access_tier: AccessTier | None = None
