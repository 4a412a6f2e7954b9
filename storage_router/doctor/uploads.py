"""What direct uploads need besides the backend: CORS, a Content-Security-Policy, and an empty quarantine (P4, T12)."""

from __future__ import annotations

import itertools
import math
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from storage_router.azure.storage import AzureStorage
from storage_router.provision.needs import QUARANTINE_DAYS, UPLOADS

from .advice import SLACK_DAYS, no_lifecycle_rule
from .cors import Preflight, allows
from .findings import Finding, failed, ok, warning
from .web import Client

_NO_SITE = "https://storage-router.invalid"
"""An origin that no rule names."""

_MOST = 10_000
_OLD = (QUARANTINE_DAYS + SLACK_DAYS) * 86400
_TIME = re.compile(r"(\d{10,})-[0-9a-f]{32}")


def examine_uploads(storage: Any, directory: str, *, origins: Sequence[str]) -> Iterator[Finding]:
    """Yield what browsers meet that send files to the quarantine, which is ``directory`` of ``storage``."""
    host = f"{urlsplit(storage.options.endpoint).scheme}://{urlsplit(storage.options.endpoint).netloc}"
    yield _cors(storage, f"{directory}/x", origins)
    yield _policy(host)
    yield _waiting(storage, directory)


def _cors(storage: AzureStorage, name: str, origins: Sequence[str]) -> Finding:
    asked = Preflight(
        client=Client(storage.options),
        options=storage.options,
        url=storage.ticket(name, 60).partition("?")[0],
        rule=UPLOADS,
        needed=UPLOADS.headers,
        what="Uploads",
        done="sent to the service",
        refused=failed,
    )
    if origins and allows(asked.ask(_NO_SITE, UPLOADS.methods[0], UPLOADS.headers), _NO_SITE):
        message = "Pages of all sites may send files to the service."
        return failed(message, f"Replace the rule for '*': {asked.command(origins)}")
    return asked.examine(origins)


def _policy(host: str) -> Finding:
    policy = getattr(settings, "SECURE_CSP", None) or {}
    sources = policy.get("connect-src", policy.get("default-src"))
    if sources is None:
        return ok(f"Where the site sends a Content-Security-Policy, connect-src has to name {host}.")
    if any("*" in str(source) for source in sources):
        return failed("connect-src allows connections to all hosts.", f"Name the account's host instead: {host}")
    if host not in sources:
        return failed("The Content-Security-Policy keeps browsers from the service.", f"Add {host} to connect-src.")
    return ok(f"The Content-Security-Policy allows connections to {host}.")


def _waiting(storage: AzureStorage, directory: str) -> Finding:
    found = list(itertools.islice(storage.walk(directory), _MOST))
    size = sum(stat.size for stat in found)
    more = " or more" if len(found) == _MOST else ""
    message = f"{len(found)}{more} uploads with {size} bytes wait in the quarantine."
    old = [stat.name for stat in found if _age(stat.name) > _OLD]
    if not old:
        return ok(message)
    message = f"{message} {len(old)} are older than {_OLD // 86400} days, {old[0]!r} for example."
    purge = "'manage.py storage_router uploads purge' deletes them now."
    return warning(message, f"{no_lifecycle_rule(QUARANTINE_DAYS)} {purge}")


def _age(name: str) -> float:
    """Return for how many seconds an upload has waited; a name that ``begin`` has not made counts as old."""
    found = _TIME.fullmatch(name.rpartition("/")[2])
    return time.time() - int(found[1]) if found else math.inf
