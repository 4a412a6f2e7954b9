"""The views of private files: who asks for what, whether they may, and which way the file takes (D2, D6)."""

from __future__ import annotations

import errno
import logging

from django.conf import DEFAULT_STORAGE_ALIAS, settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import storages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, HttpResponseServerError
from django.utils.cache import patch_vary_headers

from storage_router.conf.routes import RouteOptions
from storage_router.exceptions import ContainerNotFoundError, InvalidNameError, NoRouteError
from storage_router.files import NOT_THERE, file_store
from storage_router.names import is_clean
from storage_router.router import RouterStorage
from storage_router.routing import Match

from . import access, links
from .presentation import Presentation
from .streaming import Stream

logger = logging.getLogger("storage_router.delivery")

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
    assert route.authorize is not None  # the configuration would be invalid
    assert match.route is not None
    asked = access.RequestedFile(name=name, alias=route.backend, route=match.route, storage=alias, tenant=match.tenant)
    answer = access.decision(route.authorize, request, asked)
    if answer is not True:
        refusal = access.refusal(request) if answer is False else answer
        refusal.headers["Cache-Control"] = "no-store"
        return refusal
    try:
        response = _delivered(request, router, match, route)
        # Browsers look at it in redirects, too, and those of 304 replace what they keep with the file.
        response.headers["Cross-Origin-Resource-Policy"] = route.resource_policy
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


def _find(alias: str, name: str) -> tuple[RouterStorage, Match, RouteOptions] | None:
    """Return where a file is that a view may deliver; None for every other name."""
    if alias not in storages.backends:
        return None
    router = storages[alias]
    if not isinstance(router, RouterStorage):
        return None
    if not is_clean(name):
        return None
    try:
        match = router.table.match(name)
    except (InvalidNameError, NoRouteError):
        return None
    route = None if match.route is None else router.configuration.document.routes[match.route.index]
    return None if route is None or route.delivery == "link" else (router, match, route)


def _delivered(request: HttpRequest, router: RouterStorage, match: Match, route: RouteOptions) -> HttpResponseBase:
    document, backend = router.configuration.document, router.backends[match.alias]
    store, presentation = file_store(backend), Presentation.of(match.name, route)
    if route.delivery == "redirect" and store.capabilities.signs:
        return links.redirect(store, match.name, presentation, route)
    # While a route moves, nginx cannot know which of its two backends has the file.
    if route.delivery == "accel" and route.moving_from is None:
        if links.comes_from_nginx(request, document.accel_secret):
            accelerated = links.accel(store, backend, match.alias, match.name, presentation)
            if accelerated is not None:
                return accelerated
        elif not settings.DEBUG:
            logger.error("A request for a file of %s came without accel_secret, so not through nginx", match.route)
            return HttpResponseServerError("This file cannot be sent.\n", "text/plain")
    return Stream(store=store, name=match.name, presentation=presentation, most=document.stream_connections).answer(
        request
    )


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
