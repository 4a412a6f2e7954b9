"""What the doctor looks at besides the backend: CORS, a Content-Security-Policy, and an empty quarantine (P4, T12)."""

from __future__ import annotations

import itertools
from urllib.parse import urlsplit

from django.conf import settings

from storage_router.doctor.azure import AzureProbes
from storage_router.doctor.findings import SLACK_DAYS, Finding, failed, no_lifecycle_rule, ok, warning
from storage_router.doctor.web import Preflight, allows
from storage_router.provision.needs import QUARANTINE_DAYS, UPLOADS

from .cleaning import seconds_waited

_NO_SITE = "https://storage-router.invalid"
"""An origin that no rule names."""

_MOST = 10_000


def probe(probes: AzureProbes) -> tuple[Finding, ...]:
    """Return what browsers meet that send files to the quarantine, and whether it is emptied."""
    return _cors(probes), _policy(probes.endpoint), _waiting(probes)


def _cors(probes: AzureProbes) -> Finding:
    url = probes.storage.ticket(f"{probes.backend.quarantine}/x", 60).partition("?")[0]
    asked = Preflight(
        client=probes.web,
        options=probes.options,
        url=url,
        rule=UPLOADS,
        needed=UPLOADS.headers,
        what="Uploads",
        done="sent to the service",
        refused=failed,
    )
    if probes.origins and allows(asked.ask(_NO_SITE, UPLOADS.methods[0], UPLOADS.headers), _NO_SITE):
        hint = f"Replace the rule for '*': {asked.command(probes.origins)}"
        return failed("Pages of all sites may send files to the service.", hint)
    return asked.examine(probes.origins)


def _policy(endpoint: str) -> Finding:
    host = f"{urlsplit(endpoint).scheme}://{urlsplit(endpoint).netloc}"
    policy = getattr(settings, "SECURE_CSP", None) or {}
    sources = policy.get("connect-src", policy.get("default-src"))
    if sources is None:
        return ok(f"Where the site sends a Content-Security-Policy, connect-src has to name {host}.")
    if any("*" in str(source) for source in sources):
        return failed("connect-src allows connections to all hosts.", f"Name the account's host instead: {host}")
    if host not in sources:
        return failed("The Content-Security-Policy keeps browsers from the service.", f"Add {host} to connect-src.")
    return ok(f"The Content-Security-Policy allows connections to {host}.")


def _waiting(probes: AzureProbes) -> Finding:
    found = list(itertools.islice(probes.storage.walk(probes.backend.quarantine), _MOST))
    more = " or more" if len(found) == _MOST else ""
    size, days = sum(stat.size for stat in found), QUARANTINE_DAYS + SLACK_DAYS
    message = f"{len(found)}{more} uploads with {size} bytes wait in the quarantine."
    old = [stat.name for stat in found if seconds_waited(stat.name) > days * 86400]
    if not old:
        return ok(message)
    message = f"{message} {len(old)} are older than {days} days, {old[0]!r} for example."
    purge = "'manage.py storage_router uploads purge' deletes them now."
    return warning(message, f"{no_lifecycle_rule(QUARANTINE_DAYS)} {purge}")
