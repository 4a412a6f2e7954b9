"""The problems of the configuration, and further warnings, as Django's system checks.

The errors are those that stop a process when it starts; their ids are in ``conf.problems`` and ``installed``.
docs/checks.md has the cause and the cure of every id.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.conf import global_settings, settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import get_commands

from . import installed, telemetry
from .conf.problems import check_message
from .delivery import checks as delivery
from .exceptions import Problem
from .installed import Entry
from .moving import checks as moving
from .router import RouterStorage
from .staticfiles import StaticFilesStorage
from .uploads import checks as uploads

# W020 to W023 and W025 were warnings of 0.2. Ids are not used again.
WARNINGS: Mapping[str, str] = {"W024": "another app's collectstatic in the place of this package's"}
"""Id (without the prefix ``storage_router.``) and meaning of the warnings that need Django's settings."""

TAG = "storage_router"
"""``manage.py check --tag storage_router``"""

_REPLACED = {"DEFAULT_FILE_STORAGE": "default", "STATICFILES_STORAGE": "staticfiles"}
_SUCCESSORS = {
    "storages.backends.azure_storage.AzureStorage": "storage_router.AzureStorage",
    "storages.backends.azure_storage.AzureStaticStorage": "storage_router.StaticFilesStorage",
}


def register() -> None:
    """Register the checks with Django."""
    checks.register(check_configuration, checks.Tags.files, TAG)
    checks.register(check_deployment, checks.Tags.security, TAG, deploy=True)


def check_configuration(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Return every problem of this package's storages."""
    entries = installed.entries()
    routers = _routers(entries)
    outside = (*_collectstatic(entries), *moving.phase_problems(routers))
    outside = (*outside, *delivery.url_problems(routers), *uploads.url_problems(routers))
    return [check_message(problem) for problem in (*found(entries), *outside)]


def check_deployment(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Return what should not be deployed (``check --deploy``)."""
    return [check_message(problem) for problem in delivery.upload_problems(_routers(installed.entries()))]


def found(entries: Sequence[Entry] | None = None) -> tuple[Problem, ...]:
    """Return the problems that are found without a request, each once, errors first."""
    entries = installed.entries() if entries is None else entries
    routers = _routers(entries)
    every = (
        *installed.problems(entries),
        *installed.field_problems(entries),
        *_removed_settings(),
        *_missing_subscribers(routers),
        *delivery.problems(routers, installed.file_fields(), dict.fromkeys(_with_static(entries))),
        *moving.problems(routers, installed.file_fields()),
        *uploads.problems(routers),
    )
    return tuple(sorted(every, key=lambda one: one.is_warning))


def _with_static(entries: Iterable[Entry]) -> Iterator[RouterStorage]:
    """Yield the routers that hold static files."""
    for entry in entries:
        if isinstance(entry.storage, StaticFilesStorage):
            with contextlib.suppress(ImproperlyConfigured):
                yield entry.storage.router


def _routers(entries: Iterable[Entry]) -> dict[str, RouterStorage]:
    """Return the routers of ``STORAGES`` whose backends can all be built."""
    return {
        entry.name: entry.storage
        for entry in entries
        if entry.is_sound and isinstance(entry.storage, RouterStorage) and entry.name in settings.STORAGES
    }


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
    """Report settings that Django 5.1 removed: files would go to the local disk, or ``collectstatic`` would fail."""
    given = {
        name: getattr(settings, name)
        for name, alias in _REPLACED.items()
        if hasattr(settings, name)
        and isinstance(settings.STORAGES, Mapping)
        and settings.STORAGES.get(alias) == global_settings.STORAGES[alias]
    }
    if not given:
        return
    entries = {alias: entry["BACKEND"] for alias, entry in settings.STORAGES.items() if "BACKEND" in entry}
    entries |= {_REPLACED[name]: _SUCCESSORS.get(value, value) for name, value in given.items()}
    lines = ", ".join(f'"{alias}": {{"BACKEND": "{backend}"}}' for alias, backend in entries.items())
    for name in given:
        yield Problem(
            id=f"{__package__}.E025",
            place=name,
            message=f"Django 5.1 removed this setting, so STORAGES[{_REPLACED[name]!r}] is Django's default",
            hint=f"Remove it, and write instead: STORAGES = {{{lines}}}",
        )


def _collectstatic(entries: Iterable[Entry]) -> Iterator[Problem]:
    ours = any(entry.name == "staticfiles" and entry.storage is not None for entry in entries)
    owner = get_commands().get("collectstatic")
    if ours and apps.is_installed("django.contrib.staticfiles") and owner != __package__:
        backend = settings.STORAGES["staticfiles"]["BACKEND"]
        yield Problem(
            id=f"{__package__}.W024",
            place="INSTALLED_APPS",
            message=f"{backend} is in use, and collectstatic is that of {owner}: it copies one file after the other",
            hint=f"Put '{__package__}' before '{owner}'.",
        )
