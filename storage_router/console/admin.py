"""The pages of the console, as the admin of a model without a table.

All pages need the permission ``storage_router_console.view_console``. They change nothing but the remembered health.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured, PermissionDenied, SuspiciousOperation
from django.core.files.storage import Storage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from storage_router import media_types
from storage_router.conf.routes import RouteOptions
from storage_router.delivery.presentation import Presentation
from storage_router.delivery.streaming import Stream
from storage_router.doctor.findings import described
from storage_router.exceptions import InvalidNameError, NoRouteError, StorageRouterError
from storage_router.files import NOT_THERE, Directory, FileStat, ListingPage, file_store
from storage_router.names import clean_directory, clean_name
from storage_router.router import RouterStorage
from storage_router.router.explanation import explained

from . import overview
from .models import Console

logger = logging.getLogger("storage_router.console")

PAGE = 100
"""Entries of a directory on one page."""

LINK_SECONDS = 60
"""How long a link lasts that the console makes."""

_DOWNLOADS = 8
"""Files that one process sends at a time."""

_PREVIEWED = 10 * 2**20
"""Bytes up to which a picture is shown on its page."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a page is about: one of the storages ``others``, by its alias."""

    alias: str
    storage: Storage
    others: list[str]

    @property
    def router(self) -> RouterStorage | None:
        """The storage, if it has routes."""
        return self.storage if isinstance(self.storage, RouterStorage) else None


View = Callable[..., HttpResponseBase]


@admin.register(Console)
class ConsoleAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The pages. The overview is in the place of the list of objects."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """There is nothing to add, to change or to delete."""
        return False

    has_change_permission = has_delete_permission = has_add_permission

    def get_urls(self) -> list[URLPattern]:
        """Return the pages, in the place of those that change objects."""
        pages: dict[str, View] = {
            "": require_GET(self.overview),
            "probe/": require_POST(self.probe),
            "where/": require_GET(self.where),
            "files/": require_GET(self.files),
            "file/": require_GET(self.file),
            "link/": require_POST(self.link),
            "download/": require_GET(self.download),
            "moves/": require_GET(self.moves),
        }
        name = "storage_router_console_console"
        return [
            path(place, self._allowed(view), name=f"{name}_{place.strip('/') or 'changelist'}")
            for place, view in pages.items()
        ]

    def _allowed(self, view: View) -> View:
        def allowed(request: HttpRequest) -> HttpResponseBase:
            if not self.has_view_permission(request):
                raise PermissionDenied
            request.current_app = self.admin_site.name
            known = overview.shown_storages()
            alias = request.GET.get("storage") or next(iter(known))
            if alias not in known:
                raise Http404(alias)
            return view(request, Shown(alias=alias, storage=known[alias], others=list(known)))

        return self.admin_site.admin_view(allowed)

    # The pages

    def overview(self, request: HttpRequest, shown: Shown) -> HttpResponse:
        """Show routes and backends, their health, and what ``check`` reports."""
        context = {"picture": overview.picture(shown.alias, shown.storage), "warnings": overview.warnings()}
        return self._page(request, "overview", shown, "Backends and routes", context)

    def probe(self, request: HttpRequest, shown: Shown) -> HttpResponse:  # noqa: ARG002
        """Ask every backend whether it answers."""
        overview.probe(shown.alias)
        return HttpResponseRedirect(self._url("changelist", storage=shown.alias))

    def where(self, request: HttpRequest, shown: Shown) -> HttpResponse:
        """Show where a file of a name goes, and why. Makes no request."""
        name = request.GET.get("name", "").strip()
        context: dict[str, Any] = {"name": name, "has_routes": shown.router is not None}
        if name and shown.router is not None:
            context["found"] = explained(shown.router, name)
        return self._page(request, "where", shown, "Where does a name go?", context)

    def files(self, request: HttpRequest, shown: Shown) -> HttpResponse:
        """List a part of a directory."""
        context: dict[str, Any] = {"path": "", "directories": [], "files": []}
        try:
            directory = clean_directory(request.GET.get("path", ""))
            page = _listed(shown.storage, directory, request.GET.get("marker", ""))
            context |= {"path": directory, "above": _above(directory), "is_first": not request.GET.get("marker")}
            context["directories"] = [
                {"name": one.name, "short": _short(one.name)} for one in page.entries if isinstance(one, Directory)
            ]
            context["files"] = [
                {"stat": one, "short": _short(one.name), "type": _type_of(one)}
                for one in page.entries
                if isinstance(one, FileStat)
            ]
            if page.marker:
                context["next"] = urlencode({"storage": shown.alias, "path": directory, "marker": page.marker})
        except NotImplementedError as error:
            context["error"] = str(error) or "This storage cannot list its files."
        except (OSError, StorageRouterError, SuspiciousOperation, ValueError) as error:
            context["error"] = described(error)
        return self._page(request, "files", shown, "Files", context)

    def file(self, request: HttpRequest, shown: Shown, **more: str) -> HttpResponse:
        """Show what is known of a file. ``more`` is for the page: a link, or why there is none."""
        name = self._name(request)
        short = PurePosixPath(name).name
        context: dict[str, Any] = {"name": name, "above": _above(name), "short": short}
        if shown.router is not None:
            context["found"] = explained(shown.router, name)
        try:
            stat = file_store(shown.storage).stat(name)
        except (*NOT_THERE, IsADirectoryError, InvalidNameError) as error:
            raise Http404(name) from error
        except (OSError, StorageRouterError) as error:
            context["error"] = described(error)
        else:
            context |= {"stat": stat, "type": _type_of(stat), "md5": (stat.content_md5 or b"").hex()}
            context |= self._tags(shown.storage, name) | self._address(shown.storage, stat)
        return self._page(request, "file", shown, short, context | more)

    def link(self, request: HttpRequest, shown: Shown) -> HttpResponse:
        """Make a link to a file for a minute, and show it."""
        name = self._name(request)
        try:
            link = file_store(shown.storage).sign(name, LINK_SECONDS)
        except NotImplementedError:
            return self.file(request, shown, link_error="This backend cannot sign links. Use the download.")
        except (OSError, StorageRouterError) as error:
            return self.file(request, shown, link_error=described(error))
        logger.info("%s made a link for %d seconds to %r of %r", request.user, LINK_SECONDS, name, shown.alias)
        return self.file(request, shown, link=link)

    def download(self, request: HttpRequest, shown: Shown) -> HttpResponseBase:
        """Send a file, always as an attachment."""
        name = self._name(request)
        nothing_inline = RouteOptions.model_construct(backend=shown.alias, inline=(), resource_policy="same-origin")
        presentation = Presentation.of(name, nothing_inline)
        try:
            stream = Stream(store=file_store(shown.storage), name=name, presentation=presentation, most=_DOWNLOADS)
            answer = stream.answer(request)
        except (*NOT_THERE, IsADirectoryError, InvalidNameError):
            raise Http404(name) from None
        except (OSError, StorageRouterError) as error:
            return self.file(request, shown, link_error=described(error))
        logger.info("%s downloads %r of %r", request.user, name, shown.alias)
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer

    def moves(self, request: HttpRequest, shown: Shown) -> HttpResponse:
        """List the moves of routes between backends."""
        if not apps.is_installed("storage_router.moving"):
            raise Http404("storage_router.moving is not installed")
        from .moves import moves

        return self._page(request, "moves", shown, "Moves", {"moves": moves(shown.alias, shown.storage)})

    # What they have in common

    def _tags(self, storage: Storage, name: str) -> dict[str, Any]:
        try:
            return {"tags": file_store(storage).tags_of(name)}
        except (OSError, StorageRouterError) as error:
            # Azure has a permission of its own for them.
            return {"tags_error": described(error)}

    def _address(self, storage: Storage, stat: FileStat) -> dict[str, Any]:
        """Return the URL that pages of the site have for the file, and whether it can be shown as a picture."""
        try:
            url = storage.url(stat.name)
        except (ImproperlyConfigured, NotImplementedError, OSError, StorageRouterError, ValueError) as error:
            return {"url_error": described(error)}
        media_type = media_types.content_type(stat.name) or ""
        is_picture = media_type.startswith("image/") and not media_types.is_active(media_type)
        return {"url": url, "is_picture": is_picture and stat.size <= _PREVIEWED}

    def _name(self, request: HttpRequest) -> str:
        try:
            return str(clean_name(request.GET.get("name", "")))
        except InvalidNameError as error:
            raise Http404(str(error)) from None

    def _url(self, page: str, **query: str) -> str:
        address = reverse(f"admin:storage_router_console_console_{page}", current_app=self.admin_site.name)
        return f"{address}?{urlencode(query)}"

    def _page(
        self, request: HttpRequest, page: str, shown: Shown, title: str, context: dict[str, Any]
    ) -> TemplateResponse:
        every = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": title,
            "page": page,
            "storage": shown.alias,
            "others": shown.others,
            "has_moves": apps.is_installed("storage_router.moving"),
            **context,
        }
        return TemplateResponse(request, f"storage_router_console/{page}.html", every)


def _listed(storage: Storage, directory: str, marker: str) -> ListingPage:
    try:
        return file_store(storage).page(directory, limit=PAGE, marker=marker)
    except NoRouteError:
        # A directory above all routes.
        return ListingPage(entries=())


def _above(name: str) -> list[dict[str, str]]:
    """Return the directories above ``name``, and itself, for the path at the top of the page."""
    segments = name.split("/") if name else []
    return [{"short": segment, "path": "/".join(segments[: number + 1])} for number, segment in enumerate(segments)]


def _short(name: str) -> str:
    return name.rpartition("/")[2]


def _type_of(stat: FileStat) -> str:
    return stat.content_type or media_types.content_type(stat.name) or ""
