"""``UploadOptions``: direct uploads, from the browser to the storage service."""

from typing import Annotated, ClassVar

from pydantic import Field

from .routes import ListOf, Prefix, TypeList
from .table import Table
from .units import Alias, DottedPath, duration_within, size_within

LARGEST = 50_000 * 4000 * 2**20
"""Bytes of the largest blob: https://learn.microsoft.com/azure/storage/blobs/scalability-targets"""


class UploadPolicy(Table):
    """One policy: who may upload what."""

    authorize: DottedPath = Field(
        description="Who may upload: the dotted path of a function `f(request, file)` that returns True or False. "
        "`file` has `name`, `size`, `content_type` and `policy`.",
        examples=["acme.files.may_upload"],
    )
    types: TypeList = Field(
        default=(),
        validate_default=False,
        description="Extensions and media types that are accepted; without it all. A `*` never stands for active "
        "types.",
        examples=[[".pdf", "image/*"]],
    )
    max_size: Annotated[int, size_within(1, LARGEST)] | None = Field(
        default=None, description="The largest file.", examples=["5GiB"]
    )
    checks: Annotated[tuple[DottedPath, ...], ListOf(0)] = Field(
        default=(),
        description="Functions `f(file)`, which may be async, that look at the upload and raise `ValidationError`.",
        examples=[["acme.files.no_macros"]],
    )
    token_seconds: Annotated[int, duration_within(60, 7 * 86400)] = Field(
        default=86400, description="How long after its begin an upload can be saved.", examples=["6h"]
    )
    max_image_size: Annotated[int, size_within(1)] = Field(
        default=20 * 2**20,
        description="The largest upload that `ImageField` reads into memory.",
        examples=["20MiB"],
    )


class UploadOptions(Table):
    """The table ``uploads``."""

    tables: ClassVar = {"policies": lambda: UploadPolicy}

    quarantine: Prefix = Field(
        default="quarantine/",
        description="The prefix of files that are uploaded and not saved yet, with a route to a backend of its own.",
    )
    policies: dict[Alias, UploadPolicy] = Field(
        default={},
        description="The policies, by name.",
        examples=[{"documents": {"authorize": "acme.files.may_upload", "types": [".pdf"], "max_size": "5GiB"}}],
    )
