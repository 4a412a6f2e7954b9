"""Who may read a file: what ``authorize`` of its route says (D2)."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db.models import Field, Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.module_loading import import_string

from storage_router.routing import Route

MODEL = "model:"
_MOST_ROWS = 100


@dataclass(frozen=True, kw_only=True)
class RequestedFile:
    """The file that ``authorize`` is asked about.

    ``name`` is the full name, ``alias`` that of the backend, ``route`` the route that leads there, ``storage`` the
    alias of the router in ``STORAGES``, ``tenant`` whose file it is, where names or backends have tenants.
    """

    name: str
    alias: str
    route: Route
    storage: str
    tenant: str | None = None


def decision(authorize: str, request: HttpRequest, file: Any) -> bool | HttpResponseBase:
    """Return what ``authorize`` answers: True, False, or a response that refuses. ``PermissionDenied`` and ``Http404``
    refuse, too.

    Raises ``TypeError`` for any other answer: what is merely true, as an awaitable that nobody awaited, is no consent.
    """
    if authorize.startswith(MODEL):
        return _by_rows(authorize, request, file.name)
    answer = _answer(import_string(authorize), request, file)
    if isinstance(answer, HttpResponseBase) and not 200 <= answer.status_code < 300:
        return answer
    return _boolean(answer, authorize)


def refusal(request: HttpRequest) -> HttpResponse:
    """Return the answer for somebody who may not read the file: to strangers the login, to users nothing is there."""
    if getattr(getattr(request, "user", None), "is_authenticated", False):
        return not_found()
    if request.method == "GET" and _is_navigation(request) and apps.is_installed("django.contrib.auth"):
        from django.contrib.auth.views import redirect_to_login

        return redirect_to_login(request.get_full_path())
    return _text("Sign in to read this file.\n", 401, {"WWW-Authenticate": "Session"})


def not_found() -> HttpResponse:
    """Return the one answer for every name that leads to no file, or to none that may be known of."""
    return _text("There is no such file.\n", 404)


def field_of(authorize: str) -> tuple[type[Model], Field[Any, Any]]:
    """Return the model and the field of ``model:app.Model.field``.

    Raises ``LookupError`` and ``FieldDoesNotExist`` (a ``LookupError`` is none) where there is none.
    """
    label, _, field = authorize.removeprefix(MODEL).rpartition(".")
    model = apps.get_model(label)
    found = model._meta.get_field(field)
    assert isinstance(found, Field)
    return model, found


def _by_rows(authorize: str, request: HttpRequest, name: str) -> bool:
    user = getattr(request, "user", None)
    if user is None:
        return False
    model, field = field_of(authorize)
    permission = f"{model._meta.app_label}.view_{model._meta.model_name}"
    for row in model._default_manager.filter(**{field.name: name})[:_MOST_ROWS]:
        # Databases may compare without case, accents or trailing spaces; files differ by them.
        if str(field.value_from_object(row) or "") != name:
            continue
        if hasattr(row, "may_read"):
            if _boolean(_answer(row.may_read, user), f"{model.__name__}.may_read"):
                return True
        elif user.has_perm(permission) or user.has_perm(permission, row):
            return True
    return False


def awaited(answer: Any) -> Any:
    """Return what a function of the project's has returned, which may be ``async``."""

    async def found(answer: Awaitable[Any]) -> Any:
        return await answer

    return async_to_sync(found)(answer) if inspect.isawaitable(answer) else answer


def _answer(question: Callable[..., Any], *args: Any) -> Any:
    try:
        return awaited(question(*args))
    except (PermissionDenied, Http404):
        # As by get_object_or_404(). Caches may keep Django's own answers to them, and would for another reader.
        return False


def _boolean(answer: Any, source: str) -> bool:
    if answer is True or answer is False:
        return bool(answer)
    kind = type(answer).__name__
    if isinstance(answer, HttpResponseBase):
        kind = f"a response with status {answer.status_code}"
    raise TypeError(f"{source} returned {kind}. Return True, False or a response that refuses (other than 2xx).")


def _is_navigation(request: HttpRequest) -> bool:
    mode = request.headers.get("Sec-Fetch-Mode")
    return mode == "navigate" if mode else "text/html" in request.headers.get("Accept", "")


def _text(text: str, status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8", headers=headers)
