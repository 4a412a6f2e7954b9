"""What an account needs, done through its own interface."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from storage_router.azure.client import Account, transport
from storage_router.azure.credentials import credential
from storage_router.azure.errors import translated
from storage_router.conf.azure.options import AzureOptions

from .needs import MAX_AGE, Container, Cors, Needs

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient, CorsRule

_MOST_RULES = 5
"""Rules that a service takes: https://learn.microsoft.com/rest/api/storageservices/cross-origin-resource-sharing--cors--support-for-the-azure-storage-services"""


def apply(account: Needs, origins: Sequence[str]) -> Iterator[str]:
    """Create what is missing of containers and CORS rules, and yield what was done. Twice does no more than once.

    A container that exists is closed where it should be private. It is never opened: that is left to people, who know
    what is in it. Raises ``BlobError``.
    """
    with translated(account.options):
        client = _service(account.options)
    with client as service:
        for one in account.containers:
            if one.is_sample:
                yield f"{one.aliases}: one for each tenant, which --tenant chooses"
                continue
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
    new = CorsRule(missing, list(rule.methods), allowed_headers=headers, max_age_in_seconds=MAX_AGE)
    # The service takes the first rule that fits, so an older one would hide it.
    service.set_service_properties(cors=[new, *found])
    return "added"


def _allows(found: CorsRule, rule: Cors, origin: str) -> bool:
    headers = set(found.allowed_headers.lower().split(","))
    return (
        not {origin, "*"}.isdisjoint(found.allowed_origins.split(","))
        and set(rule.methods) <= set(found.allowed_methods.split(","))
        and ("*" in headers or set(rule.headers) <= headers)
        and found.max_age_in_seconds >= MAX_AGE
    )


def _service(options: AzureOptions) -> BlobServiceClient:
    from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
    from azure.storage.blob import BlobServiceClient

    from storage_router.azure.pipeline import Retry

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
