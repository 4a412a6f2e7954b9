"""``manage.py storage_router provision``: what the accounts need, as commands of the Azure CLI (V5).

They take ``$RESOURCE_GROUP``, the account's group, and ``$PRINCIPAL``, the object id of the site's identity.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import ClassVar

from django.conf import settings

from storage_router.azure.command_line import command, is_azures
from storage_router.conf.azure.options import AzureOptions
from storage_router.exceptions import BlobError
from storage_router.management.subcommand import STORAGE, TENANT, Arguments, Subcommand, unusable

from .needs import DELEGATOR, MAX_AGE, QUARANTINE_DAYS, READER, TRASH_DAYS, Cors, Needs, needs
from .service import apply

_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]+)?/?")
_USUAL_PORTS = {"http": ":80", "https": ":443"}

ORIGIN: Arguments = {
    "--origin": {
        "action": "append",
        "help": "An origin of the site for CORS, such as https://www.example.com; may be repeated. Without it those of "
        "CSRF_TRUSTED_ORIGINS and ALLOWED_HOSTS without wildcards.",
    }
}


class Provision(Subcommand):
    """Prints the commands, or creates what needs no more than the accounts' own interface."""

    help = "Print what the configuration needs in Azure as commands of the Azure CLI, or create it with --apply."
    arguments: ClassVar = {
        **STORAGE,
        **TENANT,
        "--apply": {
            "action": "store_true",
            "help": "Create containers and CORS rules through the storage accounts themselves.",
        },
        "--format": {"choices": ["az"], "default": "az", "help": "Commands of the Azure CLI, the only format."},
        **ORIGIN,
    }

    def run(self) -> int:
        """Print the commands, or apply; return 1 if an account refuses something."""
        pages = origins(self.options["origin"])
        accounts = needs(self.entries)
        if not accounts:
            self.output.line("# No backend is on Azure, so nothing is needed there.")
        status = 0
        for account in accounts:
            self.output.line(f"# {account.options.endpoint}")
            if not self.options["apply"]:
                for reason, line in commands(account, pages):
                    self.output.line(f"# {reason}")
                    if line:
                        self.output.line(line)
                self.output.line()
                continue
            try:
                for done in apply(account, pages):
                    self.output.line(done)
            except BlobError as error:
                self.output.line(f"failed: {error}")
                status = 1
        return status


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


def origins(given: Sequence[str] | None) -> list[str]:
    """Return the origins of the site's pages: those given, else what the settings tell without wildcards.

    Raises ``CommandError`` for one that is none.
    """
    for text in given or ():
        if _origin(text) is None:
            message = f"{text} is not an origin. Write the scheme and the host of the site: https://www.example.com."
            raise unusable(f"--origin {message}")
    hosts = (f"https://{host}" for host in settings.ALLOWED_HOSTS if not host.startswith("."))
    return list(dict.fromkeys(filter(None, map(_origin, given or (*settings.CSRF_TRUSTED_ORIGINS, *hosts)))))


def _origin(text: str) -> str | None:
    """Return an origin as browsers send it, None for what is none.

    https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin
    """
    found = _ORIGIN.fullmatch(text.lower())
    if found is None:
        return None
    scheme, host, port = found.groups()
    return f"{scheme}://{host}" + (port if port and port != _USUAL_PORTS.get(scheme) else "")
