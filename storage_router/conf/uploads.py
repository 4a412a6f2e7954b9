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

    authorize: DottedPath
    """Who may upload: the dotted path of a function `f(request, file)` that returns True or False. `file` has `name`,
    `size`, `content_type` and `policy`. For example `"acme.files.may_upload"`.
    """

    types: TypeList = Field(default=(), validate_default=False)
    """Extensions and media types that are accepted; without it all. A `*` never stands for active types. For example
    `[".pdf", "image/*"]`.
    """

    max_size: Annotated[int, size_within(1, LARGEST)] | None = None
    """The largest file. For example `"5GiB"`."""

    checks: Annotated[tuple[DottedPath, ...], ListOf(0)] = ()
    """Functions `f(file)`, which may be async, that look at the upload and raise `ValidationError`. For example
    `["acme.files.no_macros"]`.
    """

    token_seconds: Annotated[int, duration_within(60, 7 * 86400)] = 86400
    """How long after its begin an upload can be saved. For example `"6h"`."""

    max_image_size: Annotated[int, size_within(1)] = 20 * 2**20
    """The largest upload that `ImageField` reads into memory. For example `"20MiB"`."""


class UploadOptions(Table):
    """The table ``uploads``."""

    tables: ClassVar = {"policies": lambda: UploadPolicy}

    quarantine: Prefix = "quarantine/"
    """The prefix of files that are uploaded and not saved yet, with a route to a backend of its own."""

    policies: dict[Alias, UploadPolicy] = Field(default={})
    """The policies, by name. For example `{"documents": {"authorize": "acme.files.may_upload", "types": [".pdf"],
    "max_size": "5GiB"}}`.
    """
