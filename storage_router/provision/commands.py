"""What an account needs, as commands of the Azure CLI.

They take ``$RESOURCE_GROUP``, the account's group, and ``$PRINCIPAL``, the object id of the site's identity.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence

from storage_router.azure.command_line import command, is_azures
from storage_router.conf.azure.options import AzureOptions

from .needs import DELEGATOR, MAX_AGE, QUARANTINE_DAYS, READER, TRASH_DAYS, Cors, Needs


def commands(account: Needs, origins: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what an account needs as commands, each with the reason for it; ``""`` where an origin is missing."""
    options = account.options
    in_azure = is_azures(options)
    name = _name(options)
    group = '--resource-group "$RESOURCE_GROUP"'
    public = any(one.is_public for one in account.containers)
    if in_azure:
        reason = "Some containers are public" if public else "No container is public"
        update = f"az storage account update {group} --name {name}"
        yield f"{reason}: the switch of the account.", f"{update} --allow-blob-public-access {str(public).lower()}"
        if account.uses_identity:
            reason = "All backends sign in as an identity, so nobody needs the account's keys."
            yield reason, f"{update} --allow-shared-key-access false"
    for one in account.containers:
        if one.is_sample:
            yield f"{one.aliases}: a container for each tenant, which --tenant chooses.", ""
            continue
        reason = f"{one.aliases}: {'everybody may read it, its URLs are unsigned' if one.is_public else 'private'}."
        given = ["--name", one.name, *(["--public-access", "blob"] if one.is_public else [])]
        if in_azure:
            create = f"az storage container-rm create {group} --storage-account {name}"
            yield reason, f"{create} {shlex.join(given)}"
        else:
            yield reason, command(options, "container", "create", *given)
    for rule in account.cors:
        if origins:
            yield f"CORS: {rule.reason}. Run it once: each run adds a rule.", add_rule(options, rule, origins)
        else:
            yield f"{rule.reason}: give the site's origin with --origin to see the CORS rule.", ""
    if in_azure and account.rules:
        policy = shlex.quote(json.dumps({"rules": account.rules}))
        reason = f"The quarantine is emptied after {QUARANTINE_DAYS} day, the trash of orphans after {TRASH_DAYS}"
        reason += ". This replaces the account's policy: add your own rules."
        yield reason, f"az storage account management-policy create {group} --account-name {name} --policy {policy}"
    if in_azure and account.has_identity:
        for one in account.containers:
            if one.is_sample:
                continue
            does = "reads" if one.role == READER else "reads, writes and deletes"
            yield f"The site's identity {does} the files of {one.name}.", assign(options, one.role, one.name)
        if account.signs:
            yield "Signed links need a user delegation key, which is the account's.", assign(options, DELEGATOR)


def add_rule(options: AzureOptions, rule: Cors, origins: Sequence[str]) -> str:
    """Return the command that adds a CORS rule to an account."""
    words = ["cors", "add", "--services", "b", "--methods", *rule.methods, "--origins", *origins]
    return command(options, *words, "--allowed-headers", *rule.headers, "--max-age", str(MAX_AGE))


def assign(options: AzureOptions, role: str, container: str = "") -> str:
    """Return the command that gives the site's identity a role on a container, or on the account."""
    show = f'az storage account show --resource-group "$RESOURCE_GROUP" --name {_name(options)}'
    container = container.replace("$", r"\$")  # $web is no variable
    scope = f"$({show} --query id --output tsv)" + (f"/blobServices/default/containers/{container}" * bool(container))
    create = 'az role assignment create --assignee-object-id "$PRINCIPAL" --assignee-principal-type ServicePrincipal'
    return f'{create} --role "{role}" --scope "{scope}"'


def _name(options: AzureOptions) -> str:
    return shlex.quote(options.resolved_account_name or "")
