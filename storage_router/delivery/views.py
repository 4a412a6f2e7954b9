"""The views of private files: who asks for what, whether they may, and which way the file takes (D2, D3, D6).

With ``redirect`` and ``accel`` somebody else sends the file, by a link for this one file and a minute.
"""

from __future__ import annotations

import errno
import logging
from urllib.parse import quote, urlsplit

from django.conf import DEFAULT_STORAGE_ALIAS, settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    HttpResponseServerError,
)
from django.utils.cache import patch_vary_headers
from django.utils.crypto import constant_time_compare

from storage_router.conf.routes import RouteOptions
from storage_router.exceptions import ContainerNotFoundError, InvalidNameError, NoRouteError
from storage_router.files import NOT_THERE, FileStore, file_store
from storage_router.names import is_clean
from storage_router.router import RouterStorage
from storage_router.routing import Match, Route

from . import access
from .presentation import Presentation
from .streaming import CACHE_CONTROL, Stream

logger = logging.getLogger("storage_router.delivery")

PROOF = "X-Storage-Router-Accel"
"""The header in which nginx shows that it is there to take an internal link."""

INTERNAL = "/_blob/"
"""What internal links begin with; the alias of the backend follows."""

_ACCEL_SECONDS = 60

# What a page runs or applies. A file that a user uploaded is for reading, never for that.
_DESTINATIONS = frozenset(
    {"script", "style", "worker", "sharedworker", "serviceworker", "audioworklet", "paintworklet", "xslt"}
)


@login_not_required
def file(request: HttpRequest, name: str) -> HttpResponseBase:
    """Deliver a file of the default storage."""
    return _finished(_answer(request, DEFAULT_STORAGE_ALIAS, name))


@login_not_required
def file_of(request: HttpRequest, alias: str, name: str) -> HttpResponseBase:
    """Deliver a file of another router of ``STORAGES``."""
    return _finished(access.not_found() if alias == DEFAULT_STORAGE_ALIAS else _answer(request, alias, name))


def _answer(request: HttpRequest, alias: str, name: str) -> HttpResponseBase:
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    found = None if _is_for_a_page_to_run(request) else _find(alias, name)
    if found is None:
        return access.not_found()
    router, match, route = found
    options = route.options
    assert options.authorize is not None  # the configuration would be invalid
    asked = access.RequestedFile(name=name, alias=options.backend, route=route, storage=alias, tenant=match.tenant)
    answer = access.decision(options.authorize, request, asked)
    if answer is not True:
        refusal = access.refusal(request) if answer is False else answer
        refusal.headers["Cache-Control"] = "no-store"
        return refusal
    try:
        response = _delivered(request, router, match, options)
        # Browsers look at it in redirects, too, and those of 304 replace what they keep with the file.
        response.headers["Cross-Origin-Resource-Policy"] = options.resource_policy
        return response
    except ContainerNotFoundError as error:
        return _failed(error, 502)
    except (*NOT_THERE, IsADirectoryError, SuspiciousOperation):
        logger.info("There is no file %r in the backend %r", match.name, match.alias)
        return access.not_found()
    except (TimeoutError, ConnectionError) as error:
        return _failed(error, 504)
    except OSError as error:
        return access.not_found() if error.errno == errno.ENAMETOOLONG else _failed(error, 502)


def _find(alias: str, name: str) -> tuple[RouterStorage, Match, Route] | None:
    """Return where a file is that a view may deliver; None for every other name."""
    router = storages[alias] if alias in storages.backends else None
    if not isinstance(router, RouterStorage) or not is_clean(name):
        return None
    try:
        match = router.table.match(name)
    except (InvalidNameError, NoRouteError):
        return None
    route = match.route
    return None if route is None or route.options.delivery == "link" else (router, match, route)


def _delivered(request: HttpRequest, router: RouterStorage, match: Match, route: RouteOptions) -> HttpResponseBase:
    document, backend = router.configuration.document, router.backends[match.alias]
    store, presentation = file_store(backend), Presentation.of(match.name, route)
    if route.delivery == "redirect" and store.capabilities.signs:
        return _redirect(store, match.name, presentation, route)
    # While a route moves, nginx cannot know which of its two backends has the file.
    if route.delivery == "accel" and route.moving_from is None:
        secret, proof = document.accel_secret, request.headers.get(PROOF, "")
        if secret is not None and constant_time_compare(proof, secret.get_secret_value()):
            if (accelerated := _accel(store, backend, match, presentation)) is not None:
                return accelerated
        elif not settings.DEBUG:
            logger.error("A request for a file of %s came without accel_secret, so not through nginx", match.route)
            return HttpResponseServerError("This file cannot be sent.\n", "text/plain")
    return Stream(store=store, name=match.name, presentation=presentation, most=document.stream_connections).answer(
        request
    )


def _redirect(store: FileStore, name: str, presentation: Presentation, route: RouteOptions) -> HttpResponse:
    """Return a redirect to a link that ends when the route says."""
    seconds, custom = route.link_seconds, route.link_domain == "custom"
    link = store.sign(name, seconds, _overrides(presentation, f"private, max-age={seconds}"), custom_domain=custom)
    headers = {"Cache-Control": f"private, max-age={seconds // 2}", "Referrer-Policy": "no-referrer"}
    return HttpResponseRedirect(link, headers=headers)


def _accel(store: FileStore, backend: Storage, match: Match, presentation: Presentation) -> HttpResponse | None:
    """Return the answer that lets nginx send the file; None where nginx cannot reach the backend."""
    alias, is_of_tenant, _ = match.alias.partition("[")
    if store.capabilities.signs:
        link = urlsplit(store.sign(match.name, _ACCEL_SECONDS, _overrides(presentation, CACHE_CONTROL)))
        internal = f"{INTERNAL}{alias}{link.path}?{link.query}"
    elif isinstance(backend, FileSystemStorage) and not is_of_tenant:
        internal = f"{INTERNAL}{alias}/{quote(match.name)}"
    else:
        return None
    headers = {"X-Accel-Redirect": internal, "Cache-Control": CACHE_CONTROL}
    return HttpResponse(headers={**presentation.headers(), **headers})


def _overrides(presentation: Presentation, cache_control: str) -> dict[str, str]:
    """What the service sends in place of what is stored with the file, which may be the uploader's."""
    return {
        "content_type": presentation.content_type,
        "content_disposition": presentation.content_disposition,
        "cache_control": cache_control,
    }


def _is_for_a_page_to_run(request: HttpRequest) -> bool:
    headers = request.headers
    return headers.get("Sec-Fetch-Dest") in _DESTINATIONS or headers.get("Service-Worker") == "script"


def _failed(error: OSError, status: int) -> HttpResponse:
    # str() of an error of the service holds its request id.
    logger.error("A private file could not be read: %s", error, exc_info=error)
    return HttpResponse("The file cannot be read at the moment.\n", "text/plain", status)


def _finished(response: HttpResponseBase) -> HttpResponseBase:
    """Add what every answer carries, refusals included."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    if "Cache-Control" not in response.headers or response.status_code >= 400:
        response.headers["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["Cookie", "Authorization"])
    return response
