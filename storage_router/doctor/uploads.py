"""What direct uploads need besides the backend: CORS, a Content-Security-Policy, and an empty quarantine (P4, T12)."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from storage_router.azure.command_line import command
from storage_router.azure.storage import AzureStorage

from .findings import Finding, failed, ok, skipped, warning
from .web import Answer, Client

HEADERS = "content-type,x-ms-blob-type"
"""Request headers of the script."""

_NO_SITE = "https://storage-router.invalid"
"""An origin that no rule names."""

_MOST = 10_000
_OLD = 3 * 86400
_TIME = re.compile(r"(\d{10,})-[0-9a-f]{32}")


def examine_uploads(storage: Any, directory: str, *, origin: str | None) -> Iterator[Finding]:
    """Yield what browsers meet that send files to the quarantine, which is ``directory`` of ``storage``."""
    host = f"{urlsplit(storage.options.endpoint).scheme}://{urlsplit(storage.options.endpoint).netloc}"
    yield _cors(storage, f"{directory}/x", origin)
    yield _policy(host)
    yield _waiting(storage, directory)


def _cors(storage: AzureStorage, name: str, origin: str | None) -> Finding:
    if origin is None:
        return skipped("The site's origin is not known. Give it: --origin https://www.example.com")
    url, client = storage.ticket(name, 60).partition("?")[0], Client(storage.options)

    def ask(site: str) -> Answer:
        asked = {"Origin": site, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": HEADERS}
        return client.ask(url, method="OPTIONS", headers=asked)

    answer = ask(origin)
    words = f"cors add --services b --methods PUT --max-age 3600 --allowed-headers {HEADERS} --origins {origin}"
    rule = command(storage.options, *words.split())
    if "Access-Control-Allow-Origin" in ask(_NO_SITE).headers:
        return failed("Pages of all sites may send files to the service.", f"Replace the rule for '*': {rule}")
    if answer.headers.get("Access-Control-Allow-Origin") == origin:
        return ok(f"Pages of {origin} may send files to the service.")
    message = f"Pages of {origin} may not send files to the service ({answer.outcome}); they go through Django."
    return failed(message, f"Add a rule: {rule}")


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
    times = (_TIME.fullmatch(stat.name.rpartition("/")[2]) for stat in found)
    if any(one is None or time.time() - int(one[1]) > _OLD for one in times):
        hint = "Add a lifecycle rule that empties it, and run: manage.py storage_router uploads purge"
        return warning(f"{message} Some are older than three days.", hint)
    return ok(message)
