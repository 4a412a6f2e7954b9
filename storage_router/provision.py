"""What a configuration needs in Azure: containers, public access, CORS, lifecycle rules and roles.

``commands`` writes it for the Azure CLI; ``apply`` does what the storage account's own interface can do.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.files.storage import Storage

from .azure.client import Account, transport
from .azure.command_line import command, is_azures
from .azure.credentials import credential
from .azure.errors import translated
from .conf.azure.options import AzureOptions
from .exceptions import NoRouteError
from .installed import Entry, Used, used
from .names import TRASH, clean_name
from .router import RouterStorage
from .staticfiles import StaticFilesStorage
from .uploads.cleaning import lifecycle_rule

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient, CorsRule

TRASH_DAYS = 30
QUARANTINE_DAYS = 1

_CONTRIBUTOR = "Storage Blob Data Contributor"
_READER = "Storage Blob Data Reader"
_DELEGATOR = "Storage Blob Delegator"
_MAX_AGE = 3600
_MOST_RULES = 5
"""Rules that a service takes: https://learn.microsoft.com/rest/api/storageservices/cross-origin-resource-sharing--cors--support-for-the-azure-storage-services"""

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
    def is_public(self) -> bool:
        """Whether everybody may read it: no backend on it signs its URLs, and no view delivers its files."""
        return not self.is_quarantine and all(
            one.options.expiration_secs is None and not one.options.sas_token_in_urls and one.deliveries == {"link"}  # type: ignore[union-attr]
            for one in self.backends
        )

    @property
    def role(self) -> str:
        """The role of the identity that uses it."""
        return _READER if all(one.read_only for one in self.backends) else _CONTRIBUTOR


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
        return all(_options(one).authentication.kind == "token" for one in self._backends())

    @property
    def signs(self) -> bool:
        """Whether links or tickets are signed."""
        return any(
            _options(one).expiration_secs is not None or not one.deliveries.isdisjoint({"redirect", "accel"})
            for one in self._backends()
        ) or any(one.is_quarantine for one in self.containers)

    def _backends(self) -> Iterator[Used]:
        return (backend for container in self.containers for backend in container.backends)


def needs(entries: Iterable[Entry]) -> list[Needs]:
    """Return what the accounts of these storages need, one entry for each account."""
    entries = list(entries)
    routers = [entry.storage for entry in entries if isinstance(entry.storage, RouterStorage)]
    static = [one for router in routers for one in _holding(router, router.configuration.document.static.prefix)]
    static += [entry.storage for entry in entries if entry.name == "staticfiles" and entry.storage is not None]
    quarantines = [
        (one, router)
        for router in routers
        if (uploads := router.configuration.document.uploads) is not None
        for one in _holding(router, uploads.quarantine)
    ]
    by_account: dict[tuple[str, str], list[Used]] = {}
    for one in used(entries):
        if isinstance(one.options, AzureOptions) and not isinstance(one.storage, StaticFilesStorage):
            by_account.setdefault((one.options.endpoint, one.options.resolved_account_name), []).append(one)
    return [_of_account(backends, static, quarantines) for backends in by_account.values()]


def _of_account(
    backends: Sequence[Used], static: Sequence[Storage], quarantines: Sequence[tuple[Storage, RouterStorage]]
) -> Needs:
    by_container: dict[str, list[Used]] = {}
    for one in backends:
        by_container.setdefault(_options(one).azure_container, []).append(one)
    waiting = [(one, router) for one in backends for storage, router in quarantines if storage is one.storage]
    containers = tuple(
        Container(name=name, backends=tuple(found), is_quarantine=any(one in found for one, _ in waiting))
        for name, found in by_container.items()
    )
    cors = [FONTS] if any(one.storage is storage for one in backends for storage in static) else []
    cors += [UPLOADS] if waiting else []
    trash = [
        "/".join(filter(None, (_options(one).azure_container, _options(one).location.strip("/"), TRASH))) + "/"
        for one in backends
        if not one.read_only and not any(one is other for other, _ in waiting)
    ]
    rules = [dict(lifecycle_rule(router, days=QUARANTINE_DAYS)) for _, router in waiting]
    # A rule takes ten prefixes.
    for number, start in enumerate(range(0, len(trash), 10), start=1):
        rules.append(_emptied(f"storage-router-trash-{number}", trash[start : start + 10]))
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


def _emptied(name: str, prefixes: Sequence[str]) -> dict[str, Any]:
    gone = {"delete": {"daysAfterCreationGreaterThan": TRASH_DAYS}}
    filters = {"blobTypes": ["blockBlob"], "prefixMatch": list(prefixes)}
    definition = {"filters": filters, "actions": {"baseBlob": gone, "snapshot": gone}}
    return {"name": name, "enabled": True, "type": "Lifecycle", "definition": definition}


def commands(account: Needs, origins: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what an account needs as commands of the Azure CLI, each with the reason for it.

    They take ``$RESOURCE_GROUP``, the account's group, and ``$PRINCIPAL``, the object id of the site's identity.
    """
    options = account.options
    in_azure = is_azures(options)
    name = shlex.quote(options.resolved_account_name or "")
    group = f'--resource-group "$RESOURCE_GROUP" --account-name {name}'
    public = any(one.is_public for one in account.containers)
    if in_azure:
        reason = "Some containers are public" if public else "No container is public"
        update = f'az storage account update --resource-group "$RESOURCE_GROUP" --name {name}'
        yield f"{reason}: the switch of the account.", f"{update} --allow-blob-public-access {str(public).lower()}"
        if account.uses_identity:
            reason = "All backends sign in as an identity, so nobody needs the account's keys."
            yield reason, f"{update} --allow-shared-key-access false"
    for one in account.containers:
        aliases = ", ".join(backend.name for backend in one.backends)
        reason = f"{aliases}: {'everybody may read it, its URLs are unsigned' if one.is_public else 'private'}."
        access = ["--public-access", "blob"] if one.is_public else []
        if in_azure:
            create = f'az storage container-rm create --resource-group "$RESOURCE_GROUP" --storage-account {name}'
            yield reason, shlex.join(["--name", one.name, *access]).join((f"{create} ", ""))
        else:
            yield reason, command(options, "container", "create", "--name", one.name, *access)
    for rule in account.cors:
        if not origins:
            yield f"{rule.reason}: give the site's origin with --origin to see the CORS rule.", ""
            continue
        words = ["cors", "add", "--services", "b", "--methods", *rule.methods, "--origins", *origins]
        words += ["--allowed-headers", *rule.headers, "--max-age", str(_MAX_AGE)]
        yield f"CORS: {rule.reason}. Run it once: each run adds a rule.", command(options, *words)
    if in_azure and account.rules:
        policy = shlex.quote(json.dumps({"rules": account.rules}))
        reason = f"The quarantine is emptied after {QUARANTINE_DAYS} day, the trash of orphans after {TRASH_DAYS}"
        reason += ". This replaces the account's policy: add your own rules."
        yield reason, f"az storage account management-policy create {group} --policy {policy}"
    if in_azure and any(_options(one).authentication.kind == "token" for c in account.containers for one in c.backends):
        yield from _roles(account, name)


def _roles(account: Needs, name: str) -> Iterator[tuple[str, str]]:
    scope = f'$(az storage account show --resource-group "$RESOURCE_GROUP" --name {name} --query id --output tsv)'
    assign = 'az role assignment create --assignee-object-id "$PRINCIPAL" --assignee-principal-type ServicePrincipal'
    for one in account.containers:
        does = "reads" if one.role == _READER else "reads, writes and deletes"
        where = f'"{scope}/blobServices/default/containers/{one.name}"'
        yield f"The site's identity {does} the files of {one.name}.", f'{assign} --role "{one.role}" --scope {where}'
    if account.signs:
        reason = "Signed links need a user delegation key, which is the account's."
        yield reason, f'{assign} --role "{_DELEGATOR}" --scope "{scope}"'


def apply(account: Needs, origins: Sequence[str]) -> Iterator[str]:
    """Create what is missing of containers and CORS rules, and yield what was done. Twice does no more than once.

    A container that exists is closed where it should be private. It is never opened: that is left to people, who know
    what is in it. Raises ``BlobError``.
    """
    with translated(account.options):
        client = _service(account.options)
    with client as service:
        for one in account.containers:
            with translated(account.options, container=one.name):
                done = _container(service, one)
            yield f"{one.name}: {done}"
        for rule in account.cors if origins else ():
            with translated(account.options):
                done = _cors(service, rule, origins)
            yield f"CORS for {', '.join(origins)} ({', '.join(rule.methods)}): {done}"


def _container(service: BlobServiceClient, one: Container) -> str:
    from azure.core.exceptions import ResourceExistsError

    wanted = "blob" if one.is_public else None
    try:
        service.create_container(one.name, public_access=wanted)
    except ResourceExistsError:
        client = service.get_container_client(one.name)
        found = client.get_container_properties().public_access
        if found == wanted:
            return "exists"
        if found is None:
            return "exists and is private, though its URLs are unsigned: open it if all of its files are public"
        policies = client.get_container_access_policy()["signed_identifiers"]
        client.set_container_access_policy({one.id: one.access_policy for one in policies}, public_access=wanted)
        return f"was open ({found}), now {wanted or 'private'}"
    return f"created, {'public' if wanted else 'private'}"


def _cors(service: BlobServiceClient, rule: Cors, origins: Sequence[str]) -> str:
    from azure.storage.blob import CorsRule

    found: list[CorsRule] = service.get_service_properties()["cors"]
    missing = [origin for origin in origins if not any(_allows(one, rule, origin) for one in found)]
    if not missing:
        return "exists"
    if len(found) >= _MOST_RULES:
        return f"not added: the account has {_MOST_RULES} rules, the most that it takes"
    headers = list(rule.headers)
    new = CorsRule(missing, list(rule.methods), allowed_headers=headers, max_age_in_seconds=_MAX_AGE)
    service.set_service_properties(cors=[*found, new])
    return "added"


def _allows(found: CorsRule, rule: Cors, origin: str) -> bool:
    headers = set(found.allowed_headers.lower().split(","))
    return (
        not {origin, "*"}.isdisjoint(found.allowed_origins.split(","))
        and set(rule.methods) <= set(found.allowed_methods.split(","))
        and ("*" in headers or set(rule.headers) <= headers)
    )


def _service(options: AzureOptions) -> BlobServiceClient:
    from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
    from azure.storage.blob import BlobServiceClient

    from .azure.pipeline import Retry

    found, account = options.authentication, Account.of(options)
    authority: Any = None
    if found.kind == "account_key":
        authority = AzureNamedKeyCredential(found.account_name, found.account_key.get_secret_value())
    elif found.kind == "sas":
        authority = AzureSasCredential(found.sas_token.get_secret_value())
    elif found.kind == "token":
        authority = credential(found)
    given: dict[str, Any] = {"api_version": options.api_version} if options.api_version else {}
    return BlobServiceClient(
        options.endpoint,
        credential=authority,
        transport=transport(options, account.pools),
        retry_policy=Retry(deadline=options.timeout),
        permit_redirects=False,
        **given,
    )


def _options(one: Used) -> AzureOptions:
    assert isinstance(one.options, AzureOptions)
    return one.options
