"""The table of what the accounts of a configuration need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.files.storage import Storage

from storage_router.conf.azure.options import AzureOptions
from storage_router.exceptions import NoRouteError
from storage_router.installed import Entry, Used, used
from storage_router.names import TENANT, TRASH, clean_name
from storage_router.router import RouterStorage
from storage_router.staticfiles import StaticFilesStorage

TRASH_DAYS = 30
QUARANTINE_DAYS = 1
"""Days after which the lifecycle rules delete."""

CONTRIBUTOR = "Storage Blob Data Contributor"
READER = "Storage Blob Data Reader"
DELEGATOR = "Storage Blob Delegator"

MAX_AGE = 3600
"""Seconds for which a browser keeps the answer of a CORS rule."""

_STATIC_FILES = ("x.woff2", "x.css", "x.js")


@dataclass(frozen=True, kw_only=True)
class Cors:
    """What pages of the site may ask of an account, and why."""

    methods: tuple[str, ...]
    headers: tuple[str, ...]
    reason: str


FONTS = Cors(methods=("GET", "HEAD"), headers=("range",), reason="browsers load fonts and modules only with CORS")
UPLOADS = Cors(
    methods=("PUT",), headers=("content-type", "x-ms-blob-type"), reason="browsers send uploads to the quarantine"
)


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container, and the backends on it."""

    name: str
    backends: tuple[Used, ...]
    is_quarantine: bool

    @property
    def aliases(self) -> str:
        """The names of the backends, for messages."""
        return ", ".join(one.name for one in self.backends)

    @property
    def is_public(self) -> bool:
        """Whether everybody may read it: no backend on it signs its URLs, and no view delivers its files."""
        return not self.is_quarantine and all(
            one.options.expiration_secs is None and not one.options.sas_token_in_urls and one.deliveries == {"link"}  # type: ignore[union-attr]
            for one in self.backends
        )

    @property
    def is_sample(self) -> bool:
        """Whether it stands for the containers of all tenants."""
        return any(
            one.is_sample and one.router and TENANT in one.router.backends.options(one.alias).azure_container  # type: ignore[union-attr]
            for one in self.backends
        )

    @property
    def role(self) -> str:
        """The role of the identity that uses it."""
        return role(read_only=all(one.read_only for one in self.backends))


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What one account needs. ``options`` are those of one of its backends."""

    options: AzureOptions
    containers: tuple[Container, ...]
    cors: tuple[Cors, ...]
    rules: tuple[dict[str, Any], ...]

    @property
    def uses_identity(self) -> bool:
        """Whether all backends sign in as an identity, so that the account's keys can be off."""
        return all(_options(one).authentication.kind == "token" for one in self.backends)

    @property
    def has_identity(self) -> bool:
        """Whether any backend does."""
        return any(_options(one).authentication.kind == "token" for one in self.backends)

    @property
    def signs(self) -> bool:
        """Whether links or tickets are signed."""
        return any(
            _options(one).expiration_secs is not None or not one.deliveries.isdisjoint({"redirect", "accel"})
            for one in self.backends
        ) or any(one.is_quarantine for one in self.containers)

    @property
    def backends(self) -> Iterator[Used]:
        """All backends on the account."""
        return (backend for container in self.containers for backend in container.backends)


def role(*, read_only: bool) -> str:
    """Return the role that an identity needs on a container."""
    return READER if read_only else CONTRIBUTOR


def needs(entries: Iterable[Entry]) -> list[Needs]:
    """Return what the accounts of these storages need, one entry for each account."""
    entries = list(entries)
    routers = [entry.storage for entry in entries if isinstance(entry.storage, RouterStorage)]
    static = [one for router in routers for one in _holding(router, router.configuration.document.static.prefix)]
    static += [entry.storage for entry in entries if entry.name == "staticfiles" and entry.storage is not None]
    by_account: dict[tuple[str, str], list[Used]] = {}
    for one in used(entries):
        if isinstance(one.options, AzureOptions) and not isinstance(one.storage, StaticFilesStorage):
            by_account.setdefault((one.options.endpoint, one.options.resolved_account_name), []).append(one)
    return [_of_account(backends, static) for backends in by_account.values()]


def _of_account(backends: Sequence[Used], static: Sequence[Storage]) -> Needs:
    by_container: dict[str, list[Used]] = {}
    for one in backends:
        by_container.setdefault(_options(one).azure_container, []).append(one)
    waiting = [one for one in backends if one.quarantine]
    containers = tuple(
        Container(name=name, backends=tuple(found), is_quarantine=any(one.quarantine for one in found))
        for name, found in by_container.items()
    )
    cors = [FONTS] if any(one.storage is storage for one in backends for storage in static) else []
    cors += [UPLOADS] if waiting else []
    trash = [_prefix(one, TRASH) for one in backends if not (one.read_only or one.is_sample or one.quarantine)]
    rules = [
        _emptied("storage-router-quarantine", [_prefix(one, one.quarantine)], QUARANTINE_DAYS, ["appendBlob"])
        for one in waiting
    ]
    # A rule takes ten prefixes.
    for number, start in enumerate(range(0, len(trash), 10), start=1):
        rules.append(_emptied(f"storage-router-trash-{number}", trash[start : start + 10], TRASH_DAYS))
    return Needs(options=_options(backends[0]), containers=containers, cors=tuple(cors), rules=tuple(rules))


def _holding(router: RouterStorage, prefix: str) -> list[Storage]:
    """Return the backends of the files below a prefix, both of them where the route moves."""
    found: dict[str, Storage] = {}
    for name in _STATIC_FILES:
        try:
            match = router.table.match(clean_name(f"{prefix.strip('/')}/{name}".lstrip("/")), hidden=True)
        except NoRouteError:
            continue
        aliases: tuple[str, ...] = (match.alias,)
        if match.route is not None and match.route.options.moving_from is not None:
            aliases = (match.route.options.backend, match.route.options.moving_from)
        found |= {alias: router.backends[alias] for alias in aliases}
    return list(found.values())


def _prefix(one: Used, directory: str) -> str:
    options = _options(one)
    return "/".join(filter(None, (options.azure_container, options.location.strip("/"), directory))) + "/"


def _emptied(name: str, prefixes: Sequence[str], days: int, other_types: Sequence[str] = ()) -> dict[str, Any]:
    """Return a rule of the account's lifecycle policy:
    https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-policy-structure"""
    gone = {"delete": {"daysAfterCreationGreaterThan": days}}
    filters = {"blobTypes": ["blockBlob", *other_types], "prefixMatch": list(prefixes)}
    definition = {"filters": filters, "actions": {"baseBlob": gone, "snapshot": gone}}
    return {"name": name, "enabled": True, "type": "Lifecycle", "definition": definition}


def _options(one: Used) -> AzureOptions:
    assert isinstance(one.options, AzureOptions)
    return one.options
