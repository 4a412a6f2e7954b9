"""``delivery = "redirect"`` and ``"accel"``: somebody else sends the file, by a link for this one file and a minute."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from django.core.files.storage import FileSystemStorage, Storage
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.crypto import constant_time_compare
from pydantic import SecretStr

from storage_router.conf.routes import RouteOptions
from storage_router.files import FileStore

from .presentation import Presentation
from .streaming import CACHE_CONTROL

PROOF = "X-Storage-Router-Accel"
"""The header in which nginx shows that it is there to take an internal link."""

INTERNAL = "/_blob/"
"""What internal links begin with; the alias of the backend follows."""

_ACCEL_SECONDS = 60


def redirect(store: FileStore, name: str, presentation: Presentation, route: RouteOptions) -> HttpResponse:
    """Return a redirect to a link that ends when the route says."""
    seconds, custom = route.link_seconds, route.link_domain == "custom"
    link = store.sign(name, seconds, _overrides(presentation, f"private, max-age={seconds}"), custom_domain=custom)
    headers = {"Cache-Control": f"private, max-age={seconds // 2}", "Referrer-Policy": "no-referrer"}
    return HttpResponseRedirect(link, headers=headers)


def accel(store: FileStore, backend: Storage, alias: str, name: str, presentation: Presentation) -> HttpResponse | None:
    """Return the answer that lets nginx send the file; None where nginx cannot reach the backend."""
    alias, is_of_tenant, _ = alias.partition("[")
    if store.capabilities.signs:
        link = urlsplit(store.sign(name, _ACCEL_SECONDS, _overrides(presentation, CACHE_CONTROL)))
        internal = f"{INTERNAL}{alias}{link.path}?{link.query}"
    elif isinstance(backend, FileSystemStorage) and not is_of_tenant:
        internal = f"{INTERNAL}{alias}/{quote(name)}"
    else:
        return None
    headers = {"X-Accel-Redirect": internal, "Cache-Control": CACHE_CONTROL}
    return HttpResponse(headers={**presentation.headers(), **headers})


def comes_from_nginx(request: HttpRequest, secret: SecretStr | None) -> bool:
    """Return whether the request passed the nginx that is configured for it."""
    shown = request.headers.get(PROOF, "")
    return secret is not None and constant_time_compare(shown, secret.get_secret_value())


def _overrides(presentation: Presentation, cache_control: str) -> dict[str, str]:
    """What the service sends in place of what is stored with the file, which may be the uploader's."""
    return {
        "content_type": presentation.content_type,
        "content_disposition": presentation.content_disposition,
        "cache_control": cache_control,
    }
