"""Hashed files that no kept manifest names: what earlier releases left behind."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.files.storage import Storage

from storage_router.exceptions import ManifestError
from storage_router.files import FileStat

from .publishing import archived_name

# Django's hash: the first twelve digits of an MD5, before the extension.
_HASHED = re.compile(r"\.[0-9a-f]{12}(\.[^./]*)?\Z")


@dataclass(frozen=True, kw_only=True)
class Leftovers:
    """What can go: the hashed ``files``, and the archived ``manifests`` of the releases that are not kept.

    ``size`` is that of the files, in bytes; ``kept`` are the manifests that decided, the current one first.
    """

    files: tuple[str, ...]
    size: int
    manifests: tuple[str, ...]
    kept: tuple[str, ...]


def leftovers(storage: Any, *, keep: int, older_than: int) -> Leftovers:
    """Return what neither the current manifest nor those of the ``keep`` releases before it name.

    Files that were stored less than ``older_than`` seconds ago stay, and with them the manifests that name them: a
    release that is just being published has no manifest yet. Raises ``ManifestError`` if a manifest that counts is
    missing or cannot be read, and ``NotImplementedError`` if a storage cannot list or tells no times.
    """
    archive = storage.manifest_storage or storage
    listed = {stat.name: stat for stat in storage.walk()}
    current = _read(archive, storage.manifest_name)
    # With static.manifest this process serves what its own file names.
    needed = _names(_served(storage)) | _names(current["paths"])
    manifests = [name for name in _archived(storage, archive, listed) if name not in needed]
    # The current release is archived, too, and is not one of those before it.
    own = archived_name(storage.manifest_name, current["hash"])
    earlier = [name for name in manifests if name != own]
    kept = earlier[:keep]
    for name in kept:
        needed |= _names(_read(archive, name)["paths"])
    # The names of a project's own hashes look like any others; that they are hashed is in the manifests alone.
    dropped = {name: hashed for name in earlier[keep:] if (hashed := _hashed(archive, name)) is not None}
    hashed = set[str]().union(*dropped.values())
    # A container without a router may hold uploads, too, whose names may look like that: there only manifests count.
    alone = not hasattr(storage, "static_options")
    unneeded = [
        stat
        for stat in listed.values()
        if stat.name in hashed or (not alone and _HASHED.search(stat.name))
        if stat.name not in needed and stat.name not in manifests
    ]
    before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=older_than)
    young = {stat.name for stat in unneeded if _modified(stat) > before}
    files = [stat for stat in unneeded if stat.name not in young]
    return Leftovers(
        files=tuple(stat.name for stat in files),
        size=sum(stat.size for stat in files),
        manifests=tuple(name for name, names in dropped.items() if not names & young),
        kept=(storage.manifest_name, *kept),
    )


def _served(storage: Any) -> Mapping[str, str]:
    try:
        return dict(storage.hashed_files)
    except ValueError as error:
        raise ManifestError(str(error)) from error


def _archived(storage: Any, archive: Storage, listed: Mapping[str, FileStat]) -> list[str]:
    """Return the archived manifests, the newest first."""
    root, extension = os.path.splitext(storage.manifest_name)  # noqa: PTH122 - a name, not a path
    is_one = re.compile(rf"{re.escape(root)}\.[^./]+{re.escape(extension)}").fullmatch
    if archive is storage:
        times = {stat.name: _modified(stat) for stat in listed.values() if is_one(stat.name)}
    else:
        times = {name: archive.get_modified_time(name) for name in archive.listdir("")[1] if is_one(name)}
    return sorted(times, key=lambda name: times[name], reverse=True)


def _hashed(archive: Storage, name: str) -> set[str] | None:
    """Return the hashed names of an archived manifest, None if it cannot be read: it may be some other file."""
    try:
        paths = _read(archive, name)["paths"]
    except ManifestError:
        return None
    return {hashed for plain, hashed in paths.items() if hashed != plain}


def _modified(stat: FileStat) -> dt.datetime:
    if stat.modified is None:
        # A file of unknown age may belong to the release that is just being published.
        raise NotImplementedError(f"the storage of {stat.name} does not tell when files were stored")
    return stat.modified


def _read(archive: Storage, name: str) -> dict[str, Any]:
    try:
        with archive.open(name) as file:
            manifest = json.loads(file.read())
        if isinstance(manifest["paths"], dict) and isinstance(manifest["hash"], str):
            return dict(manifest)
    except FileNotFoundError:
        raise ManifestError(f"There is no manifest {name}: run collectstatic first.") from None
    except (ValueError, LookupError, TypeError):
        pass
    raise ManifestError(f"The manifest {name} cannot be read, so nothing tells which files its release needs.")


def _names(paths: Mapping[str, str]) -> set[str]:
    return {*paths, *paths.values()}
