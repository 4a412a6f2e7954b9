"""The URL of the view that delivers a private file: ``storage_router.urls`` reversed once, and the name."""

from __future__ import annotations

import functools
from typing import Any

from django.conf import DEFAULT_STORAGE_ALIAS, settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import Storage, storages

from storage_router.names import TENANT, quoted
from storage_router.references import alias_of

INCLUDE = 'urlpatterns += [path("files/", include("storage_router.urls"))]'
"""The line that a project's URLconf needs."""


def view_url(router: Any, name: str, *, absolute: bool = True, tenant: str | None = None) -> str:
    """Return the URL of the view for a file of ``router``, by its full name. Makes no request.

    Without ``absolute`` it is the path, whatever ``base_url`` is. ``tenant`` is whose file it is.

    Raises ``ImproperlyConfigured`` where the view has no URL.
    """
    alias = _alias(router)
    base: str | None = router.configuration.document.base_url if absolute else None
    if base is None:
        from django.urls import get_script_prefix, get_urlconf

        urlconf = get_urlconf() or getattr(settings, "ROOT_URLCONF", "")
        base = _reversed(alias, urlconf, get_script_prefix())
    else:
        if TENANT in base:
            base = base.replace(TENANT, tenant or router.backends.tenancy.tenant(None, name))
        base += "f/" if alias == DEFAULT_STORAGE_ALIAS else f"s/{alias}/"
    return base + quoted(name)


def _alias(router: Storage) -> str:
    alias = alias_of(router)
    if alias is None:
        # Third-party apps build a router of their own from its dotted path; it has the same configuration.
        configuration = vars(router)["configuration"]
        same = (alias for alias in storages.backends if vars(storages[alias]).get("configuration") is configuration)
        alias = next(same, None)
    if alias is None:
        raise ImproperlyConfigured(
            "This router delivers files by a view, and the view finds routers by their alias in STORAGES. "
            "Add this router to STORAGES."
        )
    return alias


@functools.lru_cache(maxsize=64)
def _reversed(alias: str, urlconf: str, script_prefix: str) -> str:  # noqa: ARG001 - reverse() reads the prefix itself
    from django.urls import NoReverseMatch, reverse

    try:
        if alias == DEFAULT_STORAGE_ALIAS:
            return reverse("storage_router:file", urlconf, ["x"])[:-1]
        return reverse("storage_router:file_of", urlconf, [alias, "x"])[:-1]
    except NoReverseMatch as error:
        raise ImproperlyConfigured(
            f"A route delivers files by the view of storage_router.urls, which {urlconf} does not include. "
            f"Add: {INCLUDE}"
        ) from error
