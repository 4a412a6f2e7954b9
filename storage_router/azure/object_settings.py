"""What is to be stored with a file beside its bytes: by its name, by what the upload says, by what the options
say.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from storage_router import media_types
from storage_router.conf.azure import rules
from storage_router.conf.azure.options import AccessTier, Metadata, Tags
from storage_router.conf.problems import problems_from

from .container import FileSettings, FileStat

_OPTIONS: Mapping[str, Any] = {"metadata": Metadata, "tags": Tags, "access_tier": AccessTier}
"""The parameters that are options, too, with the types of these."""


def settings_for(
    name: str,
    content: Any,
    parameters: Mapping[str, Any],
    *,
    defaults: Mapping[str, Any],
    default_content_type: str,
) -> FileSettings:
    """Return what to store with ``content`` under ``name``.

    ``parameters`` (what ``get_object_parameters`` returned) win over ``defaults``. Where neither has a content
    type, the name decides by the package's own table, then what the upload says, then ``default_content_type``. No
    Content-Encoding is guessed: a ``.gz`` file is a file that ends in ``.gz``, and is read back as it was saved.

    Raises ``ValueError`` for a parameter that Azure does not know or cannot store.
    """
    given, wrong = _validated({key: value for key, value in parameters.items() if value is not None})
    if wrong:
        raise ValueError(f"get_object_parameters({name!r}): {'; '.join(wrong)}")
    merged = {**defaults, **given}
    merged["content_type"] = (
        merged.get("content_type") or media_types.content_type(name) or _uploaded_type(content) or default_content_type
    )
    if isinstance(merged.get("content_md5"), str):
        merged["content_md5"] = base64.b64decode(merged["content_md5"])
    return FileSettings(**merged)


def _validated(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the parameters, those that are options as these are kept, and what is wrong with any of them."""
    given = dict(parameters)
    wrong: list[str] = []
    try:
        rules.object_parameters({key: value for key, value in given.items() if key not in _OPTIONS})
    except ValidationError as error:
        wrong += [problem.message for problem in problems_from(error, str)]
    for option in given.keys() & _OPTIONS.keys():
        try:
            given[option] = _adapter(option).validate_python(given[option])
        except ValidationError as error:
            found = problems_from(error, str)
            wrong += [f"{option}: {problem.message}" for problem in found]
    return given, wrong


@functools.cache
def _adapter(option: str) -> TypeAdapter[Any]:
    return TypeAdapter(_OPTIONS[option])


def settings_of(stat: FileStat) -> FileSettings:
    """Return what is stored with a blob, so that a changed file keeps it. The digest is not: the bytes change."""
    return FileSettings(
        content_type=stat.content_type,
        content_encoding=stat.content_encoding,
        content_language=stat.content_language,
        content_disposition=stat.content_disposition,
        cache_control=stat.cache_control,
        metadata=stat.metadata,
    )


def _uploaded_type(content: Any) -> str | None:
    """Return the content type that an upload came with, if it is one that can be sent: it is the browser's word."""
    for source in (content, getattr(content, "file", None)):
        claimed = getattr(source, "content_type", None)
        if claimed and isinstance(claimed, str):
            try:
                return rules.media_type(claimed)
            except ValueError:
                return None
    return None
