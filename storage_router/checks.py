"""The configuration's problems, and what else deserves a warning, as Django's system checks.

The errors are those that stop a process at its start; their ids are in ``conf.report`` and ``installed``. Every id is
in docs/checks.md, with cause and cure.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.core.files.storage import DefaultStorage
from django.core.management import get_commands
from django.db.models import FileField
from django.utils.functional import LazyObject

from . import installed, plaintext
from .azure.storage import AzureStorage
from .conf.azure_rules import stays_here
from .conf.options import DJANGO_SETTINGS
from .conf.startup import check_message
from .exceptions import Problem
from .installed import Container, Entry
from .router import RouterStorage
from .staticfiles import StaticFilesStorage

WARNINGS: Mapping[str, str] = {
    "W020": "settings that Django 5.1 removed",
    "W021": "AZURE_* settings that nothing reads",
    "W022": "an http address that leaves the machine",
    "W023": "links without expiry from a backend that looks private",
    "W024": "another app's collectstatic in the place of this package's",
    "W025": "an account key where an identity would do",
    "W026": "a secret in plain text in the project's code",
}
"""Id (without the prefix ``storage_router.``) and meaning of the warnings that need Django's settings."""

TAG = "storage_router"
"""``manage.py check --tag storage_router``"""

_REPLACED = {"DEFAULT_FILE_STORAGE": "default", "STATICFILES_STORAGE": "staticfiles"}
_SUCCESSORS = {
    "storages.backends.azure_storage.AzureStorage": "storage_router.AzureStorage",
    "storages.backends.azure_storage.AzureStaticStorage": "storage_router.StaticFilesStorage",
}
_PRIVATE = re.compile(
    r"(?:\A|[^a-z])(?:private|confidential|secret|secrets|internal|restricted|protected|personal)(?:[^a-z]|\Z)"
)
# Packages that sign people in call their application so.
_OTHERS_SETTINGS = {"AZURE_CLIENT_ID"}


def register() -> None:
    """Register the checks with Django."""
    checks.register(check_configuration, checks.Tags.files, TAG)
    checks.register(check_secrets, checks.Tags.security, TAG, deploy=True)


def check_configuration(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Return everything that is wrong with ``STORAGES``, and what deserves a warning."""
    return [check_message(problem) for problem in (*found(), *_collectstatic())]


def check_secrets(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Return what should not go into production (``check --deploy``)."""
    containers = [it for it in installed.containers(installed.entries()) if not stays_here(it.options.endpoint)]
    return [check_message(problem) for problem in (*_account_keys(containers), *_plain_secrets(containers))]


def found() -> tuple[Problem, ...]:
    """Return the problems that are found without a request: errors first, each once."""
    entries = installed.entries()
    containers = list(installed.containers(entries))
    return (
        *installed.problems(entries),
        *installed.field_problems(entries),
        *_removed_settings(),
        *_unread_settings(entries),
        *_open_lines(containers),
        *_private_links(containers),
    )


def _removed_settings() -> Iterator[Problem]:
    for name, alias in _REPLACED.items():
        value = getattr(settings, name, None)
        if not isinstance(value, str):
            continue
        backend = _SUCCESSORS.get(value, value)
        yield _warning(
            "W020",
            name,
            "Django 5.1 removed this setting, and nothing reads it any more",
            f'Remove it, and write instead: STORAGES = {{..., "{alias}": {{"BACKEND": "{backend}"}}}}',
        )


def _unread_settings(entries: Iterable[Entry]) -> Iterator[Problem]:
    """Warn of settings for an ``AzureStorage`` where there is none, and of misspelt ones where there is."""
    known = set(DJANGO_SETTINGS.values()) - _OTHERS_SETTINGS
    given = [name for name in dir(settings) if name.startswith("AZURE_") and name not in _OTHERS_SETTINGS]
    if not given:
        return
    read = any(entry.storage is None or isinstance(entry.storage, AzureStorage) for entry in entries) or _in_a_field()
    for name in given:
        if name in known and not read:
            yield _warning(
                "W021",
                name,
                "nothing reads this setting: no storage is an AzureStorage, and a router has options of its own",
                "Remove it, or move it to the backend that it is meant for.",
            )
        elif read and name not in known and (near := difflib.get_close_matches(name, known, n=1, cutoff=0.85)):
            yield _warning("W021", name, "nothing reads this setting", f"Did you mean {near[0]!r}?")


def _in_a_field() -> bool:
    fields = (field for model in apps.get_models() for field in model._meta.get_fields())
    kinds = {type(field.storage) for field in fields if isinstance(field, FileField)}
    # Asking a lazy storage for its class builds it, and it may be broken. default_storage is one of the entries; what a
    # project's own would turn out to be is not known, so it is given the benefit of the doubt.
    return any(issubclass(kind, AzureStorage | LazyObject) for kind in kinds - {DefaultStorage})


def _open_lines(containers: Iterable[Container]) -> Iterator[Problem]:
    for container in containers:
        options = container.options
        if options.endpoint.startswith("http://") and not stays_here(options.endpoint):
            yield _warning(
                "W022",
                container.place("account_url"),
                f"{container.name} sends files and signatures in the clear to {options.endpoint}",
                "Use https: leave azure_ssl on, or write the endpoint with https://.",
            )
        domain = options.custom_domain or ""
        if domain.startswith("http://") and not stays_here(domain):
            yield _warning(
                "W022",
                container.place("custom_domain"),
                f"{container.name} hands out links to {domain}, over which files travel in the clear",
                "Write custom_domain with https://, or as the host alone.",
            )


def _private_links(containers: Iterable[Container]) -> Iterator[Problem]:
    for container in containers:
        options = container.options
        if options.expiration_secs is not None or options.sas_token_in_urls:
            continue
        names = (container.alias, options.azure_container, options.location, *container.prefixes)
        telling = next((name for name in names if _PRIVATE.search(name.lower())), None)
        if telling is not None:
            yield _warning(
                "W023",
                container.place("expiration_secs"),
                f"{container.name} looks private (by {telling!r}), and its links are unsigned and never expire",
                "Set expiration_secs, for example to '5m'. If the files are meant for everyone, silence this check.",
            )


def _collectstatic() -> Iterator[Problem]:
    backend = settings.STORAGES.get("staticfiles", {}).get("BACKEND")
    entries = installed.entries() if apps.is_installed("django.contrib.staticfiles") else ()
    kinds = StaticFilesStorage | RouterStorage | AzureStorage
    ours = any(entry.alias == "staticfiles" and isinstance(entry.storage, kinds) for entry in entries)
    owner = get_commands().get("collectstatic")
    if ours and owner != __package__:
        yield _warning(
            "W024",
            "INSTALLED_APPS",
            f"{backend} is in use, and collectstatic is that of {owner}: it copies one file after the other",
            f"Put '{__package__}' before '{owner}'.",
        )


def _account_keys(containers: Iterable[Container]) -> Iterator[Problem]:
    for container in containers:
        if container.options.authentication.kind == "account_key":
            yield _warning(
                "W025",
                container.place(container.options.authentication.option),
                f"{container.name} authenticates with the account's key, which may do everything and never expires",
                "On Azure, give the app an identity with the role 'Storage Blob Data Contributor', and set "
                "credential = 'default' instead.",
            )


def _plain_secrets(containers: Iterable[Container]) -> Iterator[Problem]:
    for container in containers:
        for option, file, line in plaintext.secrets(container.options):
            yield _warning(
                "W026",
                f"{file}:{line}",
                f"the {option} of {container.name} is written here in plain text, for everyone who sees the code",
                "Take it from a variable, a secrets directory or Key Vault, and make a new one: this one is out.",
            )


def _warning(short: str, place: str, text: str, hint: str) -> Problem:
    assert short in WARNINGS
    return Problem(id=f"{__package__}.{short}", place=place, message=text, hint=hint)
