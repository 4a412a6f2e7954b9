"""The kinds of backend, told apart by ``type``."""

from __future__ import annotations

import os
import re
import stat
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from .azure_fields import decoded
from .options import AzureOptions
from .report import complaint, shown

_DOTTED = re.compile(r"\A[^\W\d]\w*(?:\.[^\W\d]\w*)+\Z")
_OCTAL = re.compile(r"\A(?:0o?)?[0-7]{3,4}\Z")


def _path(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str) and (not value or "\0" in value):
        raise complaint(
            "the path is empty" if not value else "the path has a NUL in it", "Give a directory, or leave it out."
        )
    return value


def _mode(value: Any) -> Any:
    """File modes are octal: ``"644"`` and ``"0o644"`` in texts; TOML and Python write ``0o644`` without quotes."""
    if isinstance(value, str):
        if not _OCTAL.match(value.strip()):
            raise complaint(f"{shown(value) or 'the value'} is not a file mode", "Write it in octal: '644' or '0o644'.")
        return int(value.strip().lower().removeprefix("0o"), 8)
    if isinstance(value, int) and _OCTAL.match(str(value)) and _is_decimal(value):
        raise complaint(
            f"{value} is not a file mode, because a number without quotes is decimal: it would be {value:#o}",
            f"Write it in octal: '0o{value}', in quotes.",
        )
    return value


def _is_decimal(value: int) -> bool:
    """Whether a number was meant to be read as its digits stand there: as a mode it makes no sense.

    From 512 to 999 such a mode has a sticky bit and takes rights from the owner. Of those above, 0o2775 is one that is
    used (1533), and lets the owner read, as any mode does; 2775 (0o5327) does not.
    """
    return 0o777 < value < 1000 or (value >= 1000 and not value & stat.S_IRUSR)


def _base_url(value: str) -> str:
    if re.search(r"[\s?#\x00-\x1f]", value) or not value:
        raise complaint("the value is not a URL", "For example '/media/' or 'https://files.acme.example/'.")
    # Django's own storages put the slash there themselves, but only after they were built.
    return value if value.endswith("/") else f"{value}/"


def _dotted_path(value: str) -> str:
    if not _DOTTED.match(value):
        raise complaint(
            f"{shown(value) or 'the value'} is not the dotted path of a storage class",
            "For example 'storages.backends.s3.S3Storage'.",
        )
    return value


_Mode = Annotated[
    int,
    Field(ge=0, le=0o7777),
    BeforeValidator(_mode),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 0o7777},
                {"type": "string", "pattern": r"^\s*(0o?)?[0-7]{3,4}\s*$"},
            ]
        }
    ),
]
_Url = Annotated[str, AfterValidator(_base_url)]


class AzureBackend(AzureOptions):
    """One Azure container."""

    type: Literal["azure"] = Field(description="One Azure container.")


class _Local(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    location: Annotated[str, BeforeValidator(_path)] | None = Field(
        default=None, description="The directory. Without it MEDIA_ROOT.", examples=["/srv/media"]
    )
    base_url: _Url | None = Field(
        default=None, description="Where the files are served. Without it MEDIA_URL.", examples=["/media/"]
    )
    file_permissions_mode: _Mode | None = Field(
        default=None, description="The mode of new files. Without it FILE_UPLOAD_PERMISSIONS.", examples=["644"]
    )
    directory_permissions_mode: _Mode | None = Field(
        default=None,
        description="The mode of new directories. Without it FILE_UPLOAD_DIRECTORY_PERMISSIONS.",
        examples=["755"],
    )


class FilesystemBackend(_Local):
    """A directory: Django's ``FileSystemStorage``."""

    type: Literal["filesystem"] = Field(description="A directory: Django's FileSystemStorage.")
    allow_overwrite: bool = Field(
        default=False, description="Whether a save overwrites a file of the same name.", examples=[False]
    )


class MemoryBackend(_Local):
    """The process's memory: Django's ``InMemoryStorage``, for tests and demonstrations."""

    type: Literal["memory"] = Field(description="The process's memory: Django's InMemoryStorage.")


class DjangoBackend(BaseModel):
    """Any other Django storage, by its dotted path."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    type: Literal["django"] = Field(description="Any other Django storage.")
    backend: Annotated[str, AfterValidator(_dotted_path)] = Field(
        description="The dotted path of the storage class.", examples=["storages.backends.s3.S3Storage"]
    )
    # Options of foreign storages hold keys and passwords under names that nobody here knows.
    options: Annotated[dict[str, Any], BeforeValidator(decoded)] = Field(
        default={}, repr=False, description="Its OPTIONS.", examples=[{"bucket_name": "acme"}]
    )


Backend = Annotated[AzureBackend | FilesystemBackend | MemoryBackend | DjangoBackend, Field(discriminator="type")]
"""One entry of ``backends``."""

TYPES: dict[str, type[AzureBackend | FilesystemBackend | MemoryBackend | DjangoBackend]] = {
    "azure": AzureBackend,
    "filesystem": FilesystemBackend,
    "memory": MemoryBackend,
    "django": DjangoBackend,
}
"""``type`` -> model."""
