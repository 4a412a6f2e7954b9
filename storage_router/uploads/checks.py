"""The problems of direct uploads that are found without a request, by Django's system checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.conf import settings
from django.urls import NoReverseMatch, reverse

from storage_router.conf.uploads import UploadOptions
from storage_router.delivery.checks import is_function, problem
from storage_router.exceptions import NoRouteError, Problem
from storage_router.files import direct_store
from storage_router.router import RouterStorage

from .middleware import PATH

PROBLEMS: Mapping[str, str] = {
    "E050": "a quarantine without a route of its own",
    "E051": "a quarantine whose backend holds other files",
    "E052": "a function of a policy that cannot be found",
    "E053": "policies of uploads without the middleware",
    "E054": "views of uploads that the URLconf does not include",
}
"""Id (without the prefix ``storage_router.``) and meaning of the errors of direct uploads."""

WARNINGS: Mapping[str, str] = {
    "W050": "a quarantine that browsers cannot send files to",
    "W051": "a quarantine that a custom domain serves",
}
"""Id and meaning of the warnings of direct uploads."""


def problems(routers: Mapping[str, RouterStorage]) -> Iterator[Problem]:
    """Yield what is found before any URLconf is imported. ``routers`` are those of ``STORAGES``, by alias."""
    for router in routers.values():
        if (uploads := router.configuration.document.uploads) is not None and uploads.policies:
            yield from _quarantine(router, uploads)


def url_problems(routers: Mapping[str, RouterStorage]) -> Iterator[Problem]:
    """Yield what is found once the URLconf and the functions of the policies can be imported."""
    documents = [router.configuration.document for router in routers.values()]
    policies = {name: one for it in documents if it.uploads for name, one in it.uploads.policies.items()}
    if not policies:
        return
    for name, policy in policies.items():
        for path in (policy.authorize, *policy.checks):
            if not is_function(path):
                message = f"there is no function {path!r}"
                yield problem("E052", f"uploads.policies.{name}", message, "Correct the dotted path.")
    if PATH not in settings.MIDDLEWARE:
        message = "form fields of direct uploads do not know the request, and ask who is uploading"
        hint = f"Add {PATH!r} after Django's session and authentication middleware."
        yield problem("E053", "MIDDLEWARE", message, hint)
    try:
        reverse("storage_router:upload", args=["begin"])
    except NoReverseMatch:
        message = "direct uploads need the views of storage_router.urls, and ROOT_URLCONF does not include them"
        hint = 'Add: urlpatterns += [path("files/", include("storage_router.urls"))]'
        yield problem("E054", "ROOT_URLCONF", message, hint)


def _quarantine(router: RouterStorage, uploads: UploadOptions) -> Iterator[Problem]:
    document, prefix = router.configuration.document, uploads.quarantine.strip("/")
    place = router.configuration.origin(("uploads",)).place
    try:
        match = router.table.match(f"{prefix}/x", hidden=True)
    except NoRouteError:
        match = None
    if match is None or match.route is None or match.route.prefixes != (prefix,):
        message = f"no route is for the quarantine {uploads.quarantine!r} alone"
        hint = f"Add a route first of all: prefix = '{prefix}/', and a backend with a container of its own."
        yield problem("E050", place, message, hint)
        return
    others = [route.text for route in router.table.routes if route.backend == match.alias and route is not match.route]
    others += ["default"] if document.default == match.alias else []
    if others:
        message = f"the quarantine's backend {match.alias!r} is also that of {', '.join(others)}"
        yield problem("E051", place, message, "Give the quarantine a backend with a container of its own.")
    if direct_store(router.backends[match.alias]) is None:
        message = f"the backend {match.alias!r} cannot sign upload links, so files go through Django as usual"
        hint = "In production use Azure with account_key or a token credential; in development silence this."
        yield problem("W050", place, message, hint)
    if getattr(document.backends[match.alias], "custom_domain", None):
        message = f"the backend {match.alias!r} has a custom_domain, which may serve files that were not checked"
        yield problem("W051", place, message, "Remove it, and keep the container off the CDN.")
