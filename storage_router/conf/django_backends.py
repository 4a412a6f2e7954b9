"""The options of backends that are Django's: ``filesystem``, ``memory``, and ``django``, any other storage."""

import re
from typing import Annotated, Any, ClassVar

from pydantic import Field, WithJsonSchema

from .backends import public_base_url
from .problems import invalid, quoted
from .table import Table
from .units import DottedPath, after, before, json_table, path_text

_OCTAL = r"\s*(?:0o?)?[0-7]{3,4}\s*"


def _mode(value: Any) -> int:
    """File modes are octal: ``"644"`` and ``"0o644"`` in strings; TOML and Python write ``0o644`` without quotes."""
    if isinstance(value, str) and re.fullmatch(_OCTAL, value):
        return int(value, 8)
    if isinstance(value, int) and 0 <= value <= 0o777:
        return value
    hint = "Write it in octal, in quotes: '644' or '0o644'. A number without quotes is decimal."
    raise invalid(f"{quoted(value)} is not a file mode", hint)


_Mode = Annotated[
    int,
    before(_mode),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 0o777},
                {"type": "string", "pattern": r"^\s*(0o?)?[0-7]{3,4}\s*$"},
            ]
        }
    ),
]


class _Local(Table):
    location: Annotated[str, Field(min_length=1), before(path_text)] | None = None
    """The directory. Without it MEDIA_ROOT. For example `"/srv/media"`."""

    base_url: Annotated[str | None, after(public_base_url)] = None
    """Where the files are served. Without it MEDIA_URL. For example `"/media/"`."""

    file_permissions_mode: _Mode | None = None
    """The mode of new files. Without it FILE_UPLOAD_PERMISSIONS. For example `"644"`."""

    directory_permissions_mode: _Mode | None = None
    """The mode of new directories. Without it FILE_UPLOAD_DIRECTORY_PERMISSIONS. For example `"755"`."""


class FilesystemBackend(_Local):
    """A directory: Django's ``FileSystemStorage``."""

    type: ClassVar = "filesystem"
    allow_overwrite: bool = False
    """Whether a save overwrites a file of the same name."""


class MemoryBackend(_Local):
    """The process's memory: Django's ``InMemoryStorage``, for tests and demonstrations."""

    type: ClassVar = "memory"


class DjangoBackend(Table):
    """Any other Django storage, by its dotted path."""

    type: ClassVar = "django"
    backend: DottedPath
    """The dotted path of the storage class. For example `"storages.backends.s3.S3Storage"`."""

    # Options of other packages hold keys and passwords under names that are not known here.
    options: Annotated[dict[str, Any], before(json_table)] = Field(default={}, repr=False)
    """Its OPTIONS. For example `{"bucket_name": "acme"}`."""
