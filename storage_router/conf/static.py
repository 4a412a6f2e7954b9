"""``StaticOptions``: how static files go through the router."""

from typing import Annotated, Literal

from pydantic import Field

from .azure.rules import header
from .routes import prefix_of_names
from .table import Table
from .units import after, before, json_list, path_text


def _prefix(value: str) -> str:
    return prefix_of_names(value) if value else value


class StaticOptions(Table):
    """The table ``static``."""

    prefix: Annotated[str, after(_prefix)] = "static/"
    """What is put before the names of static files, so that a route can claim them."""

    manifest: Annotated[str | None, before(path_text)] = None
    """A local file that the manifest is read from, instead of the storage. collectstatic writes it; ship it with the
    release. For example `"/srv/app/staticfiles.json"`.
    """

    hashed: bool | None = None
    """Put a hash of the content into names: storages() then chooses ManifestStaticFilesStorage. In a written-out
    STORAGES it has to agree with the class.
    """

    compress: Annotated[tuple[Literal["gzip"], ...], Field(max_length=1), before(json_list)] = ()
    """Store text files gzip-encoded where that makes them smaller."""

    hashed_cache_control: Annotated[str | None, after(header)] = None
    """Cache-Control of files with hashed names. Without it the backend's cache_control, else
    'public,max-age=31536000,immutable'. For example `"public,max-age=31536000,immutable"`.
    """
