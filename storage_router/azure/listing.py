"""Pages of a listing, one after the other, as files and directories."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from .properties import Directory, FileStat, stat


def entries(
    pages: Iterator[Any], delimiter: str | None, translated: Callable[[], AbstractContextManager[object]]
) -> Iterator[FileStat | Directory]:
    """Yield what is on the SDK's ``pages``, each fetched inside ``translated`` when it is needed. No directory comes
    twice.

    With Data Lake, a directory is listed as a stub ("photos") and, unless it is empty, as a prefix ("photos/"), on
    the same page, where the SDK puts prefixes first, or on a later one. Only stubs are remembered beyond their page.
    """
    stubs: set[str] = set()
    while True:
        with translated():
            page = next(pages, None)
        if page is None:
            return
        prefixes: set[str] = set()
        for item in page:
            if not hasattr(item, "etag"):
                name = item.name.removesuffix(delimiter or "")
                prefixes.add(name)
                if name not in stubs:
                    yield Directory(name=name)
                stubs.discard(name)
            elif (item.metadata or {}).get("hdi_isfolder") != "true":
                yield stat(item.name, item)
            elif item.name not in prefixes:
                stubs.add(item.name)
                yield Directory(name=item.name)
