"""The problems of the configuration, and further warnings, as Django's system checks.

The errors are those that stop a process when it starts; their ids are in ``conf.problems`` and ``installed``.
docs/checks.md has the cause and the cure of every id.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.conf import global_settings, settings
from django.core import checks
from django.core.files.storage import DefaultStorage, Storage
from django.core.management import get_commands
from django.utils.functional import LazyObject

from . import installed, telemetry
from .conf.azure.endpoint import stays_here
from .conf.azure.options import DJANGO_SETTINGS, AzureOptions
from .conf.startup import check_message
from .delivery import checks as delivery
from .exceptions import Problem
from .installed import Entry, Used
from .moving import checks as moving
from .router import RouterStorage
from .uploads import checks as uploads

WARNINGS: Mapping[str, str] = {
    "W020": "settings that Django 5.1 removed",
    "W021": "AZURE_* settings that nothing reads",
    "W022": "an http address that leaves the machine",
    "W023": "links without expiry from a backend that looks private",
    "W024": "another app's collectstatic in the place of this package's",
    "W025": "an account key where an identity would do",
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
# Packages that sign users in read it, too.
_OTHERS_SETTINGS = {"AZURE_CLIENT_ID"}


def register() -> None:
    """Register the checks with Django."""
    checks.register(check_configuration, checks.Tags.files, TAG)
    checks.register(check_secrets, checks.Tags.security, TAG, deploy=True)


def check_configuration(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Return every problem of this package's storages."""
    entries = installed.entries()
    routers = _routers(entries)
    outside = (*_collectstatic(entries), *moving.phase_problems(routers))
    outside = (*outside, *delivery.url_problems(routers), *uploads.url_problems(routers))
    return [check_message(problem) for problem in (*found(entries), *outside)]


def check_secrets(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Return what should not be deployed (``check --deploy``)."""
    entries = installed.entries()
    public = delivery.upload_problems(_routers(entries))
    return [check_message(problem) for problem in (*_account_keys(_containers(entries)), *public)]


def found(entries: Sequence[Entry] | None = None) -> tuple[Problem, ...]:
    """Return the problems that are found without a request, each once, errors first."""
    entries = installed.entries() if entries is None else entries
    containers, routers = list(_containers(entries)), _routers(entries)
    every = (
        *installed.problems(entries),
        *installed.field_problems(entries),
        *_removed_settings(),
        *_unread_settings(entries),
        *_open_lines(containers),
        *_private_links(containers),
        *_missing_subscribers(routers),
        *delivery.problems(routers, installed.file_fields()),
        *moving.problems(routers, installed.file_fields()),
        *uploads.problems(routers),
    )
    return tuple(sorted(every, key=lambda one: one.is_warning))


def _routers(entries: Iterable[Entry]) -> dict[str, RouterStorage]:
    """Return the routers of ``STORAGES`` whose backends can all be built."""
    sound = (entry for entry in entries if all(one.is_warning for one in entry.problems))
    return {
        it.name: it.storage for it in sound if isinstance(it.storage, RouterStorage) and it.name in settings.STORAGES
    }


def _containers(entries: Iterable[Entry]) -> Iterator[tuple[Used, AzureOptions]]:
    return ((one, one.options) for one in installed.used(entries) if isinstance(one.options, AzureOptions))


def _missing_subscribers(routers: Mapping[str, RouterStorage]) -> Iterator[Problem]:
    for router in routers.values():
        subscribers = router.configuration.document.telemetry.subscribers
        for name in telemetry.missing(subscribers):
            yield Problem(
                id=f"{__package__}.E070",
                place=router.configuration.origin(("telemetry", "subscribers", subscribers.index(name))).place,
                message=f"the subscriber {name!r} needs a package that is not installed",
                hint=f"Install {telemetry.PACKAGES[name]}, or remove the subscriber.",
            )


def _removed_settings() -> Iterator[Problem]:
    given = {alias: _SUCCESSORS.get(value, value) for _, alias, value in _old_settings()}
    unreplaced = {alias for alias in given if settings.STORAGES.get(alias) == global_settings.STORAGES[alias]}
    for name, alias, value in _old_settings():
        backend = _SUCCESSORS.get(value, value)
        if alias in unreplaced:
            # Files would silently go to the local disk, or collectstatic would ask for STATIC_ROOT.
            entries = {name: entry["BACKEND"] for name, entry in settings.STORAGES.items() if "BACKEND" in entry}
            entries |= {alias: given[alias] for alias in unreplaced}
            lines = ", ".join(f'"{alias}": {{"BACKEND": "{backend}"}}' for alias, backend in entries.items())
            yield Problem(
                id=f"{__package__}.E025",
                place=name,
                message=f"Django 5.1 removed this setting, so STORAGES[{alias!r}] is Django's default",
                hint=f"Remove it, and write instead: STORAGES = {{{lines}}}",
            )
            continue
        yield _warning(
            "W020",
            name,
            "Django 5.1 removed this setting; nothing reads it",
            f'Remove it, and write instead: STORAGES = {{..., "{alias}": {{"BACKEND": "{backend}"}}}}',
        )


def _old_settings() -> Iterator[tuple[str, str, str]]:
    """Yield each removed setting that is there, with its alias in ``STORAGES`` and its value."""
    for name, alias in _REPLACED.items():
        if isinstance(value := getattr(settings, name, None), str):
            yield name, alias, value


def _unread_settings(entries: Iterable[Entry]) -> Iterator[Problem]:
    """Warn of settings for an ``AzureStorage`` where there is none, and of misspelt ones where there is."""
    known = set(DJANGO_SETTINGS.values()) - _OTHERS_SETTINGS
    given = [name for name in dir(settings) if name.startswith("AZURE_") and name not in _OTHERS_SETTINGS]
    # A lazy storage of a field is not built here, and may be an AzureStorage. default_storage is an entry.
    kinds = {type(field.storage) for field in installed.file_fields()} if given else set()
    read = any(entry.storage is None or _is_azure(entry.storage) for entry in entries) or any(
        issubclass(kind, LazyObject) for kind in kinds - {DefaultStorage}
    )
    # A storage of another package, or one that an old setting names, may need them.
    backends = [value for _, _, value in _old_settings()]
    backends += [str(entry.get("BACKEND")) for entry in settings.STORAGES.values() if isinstance(entry, dict)]
    read = read or any(backend.partition(".")[0] not in ("django", __package__) for backend in backends)
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


def _is_azure(storage: Storage) -> bool:
    return isinstance(getattr(storage, "options", None), AzureOptions)


def _open_lines(containers: Iterable[tuple[Used, AzureOptions]]) -> Iterator[Problem]:
    for one, options in containers:
        if options.endpoint.startswith("http://") and not stays_here(options.endpoint):
            yield _warning(
                "W022",
                one.place_of("account_url"),
                f"{one.title} sends files and signatures unencrypted to {options.endpoint}",
                "Use https: leave azure_ssl on, or write the endpoint with https://.",
            )
        domain = options.custom_domain or ""
        if domain.startswith("http://") and not stays_here(domain):
            yield _warning(
                "W022",
                one.place_of("custom_domain"),
                f"the URLs of {one.title} begin with {domain}: files are sent unencrypted",
                "Write custom_domain with https://, or as the host alone.",
            )


def _private_links(containers: Iterable[tuple[Used, AzureOptions]]) -> Iterator[Problem]:
    for one, options in containers:
        if options.expiration_secs is not None or options.sas_token_in_urls or "link" not in one.deliveries:
            continue
        names = (one.alias, options.azure_container, options.location, *one.prefixes)
        telling = next((name for name in names if _PRIVATE.search(name.lower())), None)
        if telling is not None:
            yield _warning(
                "W023",
                one.place_of("expiration_secs"),
                f"{one.title} looks private (by {telling!r}), and its links are unsigned and never expire",
                "Set expiration_secs, for example to '5m'. If the files are public, silence this check.",
            )


def _collectstatic(entries: Iterable[Entry]) -> Iterator[Problem]:
    ours = any(entry.name == "staticfiles" and entry.storage is not None for entry in entries)
    owner = get_commands().get("collectstatic")
    if ours and apps.is_installed("django.contrib.staticfiles") and owner != __package__:
        backend = settings.STORAGES["staticfiles"]["BACKEND"]
        yield _warning(
            "W024",
            "INSTALLED_APPS",
            f"{backend} is in use, and collectstatic is that of {owner}: it copies one file after the other",
            f"Put '{__package__}' before '{owner}'.",
        )


def _account_keys(containers: Iterable[tuple[Used, AzureOptions]]) -> Iterator[Problem]:
    for one, options in containers:
        if options.authentication.kind == "account_key" and not stays_here(options.endpoint):
            yield _warning(
                "W025",
                one.place_of(options.authentication.option),
                f"{one.title} authenticates with the account key, which gives access to everything and never expires",
                "On Azure, give the app an identity with the role 'Storage Blob Data Contributor', and set "
                "credential = 'default' instead.",
            )


def _warning(short: str, place: str, text: str, hint: str) -> Problem:
    assert short in WARNINGS
    return Problem(id=f"{__package__}.{short}", place=place, message=text, hint=hint)
