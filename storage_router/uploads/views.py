"""The steps of an upload, and the views that its script asks: JSON in, JSON out, protected against CSRF.

A step raises ``ValidationError`` where it is refused; code "forbidden" is about the user.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from django.apps import apps
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured, SuspiciousFileOperation, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from storage_router.files import FileStat

from . import tokens
from .blob import UploadedBlob
from .policies import AnnouncedFile, Policy
from .tokens import Claims

TICKET_SECONDS = 15 * 60
_BLOCK = 8 * 2**20
_MOST_BLOCKS = 50_000
"""https://learn.microsoft.com/azure/storage/blobs/scalability-targets"""


def begin(request: HttpRequest, data: Mapping[str, Any]) -> dict[str, Any]:
    """Answer "may I upload this?" with a token and a ticket for one file in the quarantine."""
    try:
        policy = Policy(str(data.get("policy")), str(data.get("storage", "default")))
    except ImproperlyConfigured:
        raise ValidationError(_("There is no such policy."), code="policy") from None
    size = data.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0 or not isinstance(data.get("name"), str):
        raise ValidationError(_("A name and a size are needed."), code="invalid")
    try:
        # Django's own rule for names of uploads.
        name = UploadedFile(name=data["name"]).name or ""
    except SuspiciousFileOperation:
        name = ""
    if not name:
        raise ValidationError(_("This name is not possible."), code="name")
    file = AnnouncedFile(name=name, size=size, policy=policy.name, storage=policy.storage)
    policy.require_consent(request, file)
    policy.require_announced(file)
    if not policy.takes_tickets:
        raise ValidationError(_("Files cannot be uploaded directly. Submit the form."), code="unavailable")
    claims = Claims.new(request, policy, file)
    return {"token": claims.token("begin"), "url": _ticket(policy, claims), "block_size": _block_size(claims)}


def renew(request: HttpRequest, data: Mapping[str, Any]) -> dict[str, Any]:
    """Answer with a new ticket, and with what has arrived: the ids of blocks, or that the file is complete."""
    claims, policy = tokens.read(request, data.get("token"), "begin")
    store, name = policy.waiting(claims.name)
    try:
        stored = store.uploaded(name).size == claims.size
    except (FileNotFoundError, ValueError):
        stored = False
    blocks = [] if stored else store.staged(name)
    return {"url": _ticket(policy, claims), "block_size": _block_size(claims), "blocks": blocks, "stored": stored}


def complete(request: HttpRequest, data: Mapping[str, Any]) -> dict[str, Any]:
    """Check what has arrived, and answer with the token that the form sends. A file that fails is deleted."""
    claims, policy = tokens.read(request, data.get("token"), "begin")
    try:
        found = _arrived(policy, claims)
        if found.size != claims.size:
            raise ValidationError(_("The file has not arrived completely. Please upload it again."), code="incomplete")
        blob = UploadedBlob(policy, claims, found)
        policy.require_content(blob)
    except ValidationError:
        store, name = policy.waiting(claims.name)
        store.discard(name)
        raise
    return {"token": blob.token, "name": blob.name, "size": blob.size, "content_type": blob.content_type}


def redeem(request: HttpRequest, policy: Policy, token: Any) -> UploadedBlob:
    """Return the upload whose token was submitted in a field with this policy, if it is still what was checked."""
    claims, own = tokens.read(request, token, "complete")
    if (own.name, own.storage) != (policy.name, policy.storage):
        raise ValidationError(_("This upload is not valid. Please upload the file again."), code="token")
    found = _arrived(policy, claims)
    if found.etag != claims.etag:
        message = _("The file was changed after it was checked. Please upload it again.")
        raise ValidationError(message, code="changed")
    return UploadedBlob(policy, claims, found)


def judge(request: HttpRequest, policy: Policy, file: Any) -> None:
    """Hold a file that was submitted as usual to the policy (P5)."""
    announced = AnnouncedFile(name=file.name, size=file.size, policy=policy.name, storage=policy.storage)
    policy.require_consent(request, announced)
    policy.require_announced(announced)
    policy.require_content(file)


STEPS: Mapping[str, Callable[[HttpRequest, Mapping[str, Any]], dict[str, Any]]] = {
    "begin": begin,
    "renew": renew,
    "complete": complete,
}


@login_not_required
@csrf_protect
@require_POST
def step(request: HttpRequest, step: str) -> JsonResponse:
    """Answer one step of an upload. Who may do it is what ``authorize`` of the policy says."""
    try:
        data = json.loads(request.body)
    except (ValueError, RecursionError):
        data = None
    answer, status = answered(request, step, data)
    return JsonResponse(answer, status=status, headers={"Cache-Control": "no-store"})


@login_not_required
@csrf_exempt
def api_step(request: HttpRequest, step: str) -> HttpResponseBase:
    """Answer one step with REST framework: its authentication and permissions decide, and protect against CSRF."""
    if not apps.is_installed("rest_framework"):
        raise Http404
    from .rest import UploadView

    answer: HttpResponseBase = UploadView.as_view()(request, step=step)
    return answer


def answered(request: HttpRequest, step: str, data: Any) -> tuple[dict[str, Any], int]:
    """Return the answer to a step, and its status. Raises ``Http404`` for one that there is not."""
    if step not in STEPS:
        raise Http404
    if not isinstance(data, dict):
        return {"error": "The body is not a JSON object.", "code": "invalid"}, 400
    try:
        return STEPS[step](request, data), 200
    except ValidationError as error:
        first = error.error_list[0]
        return {"error": " ".join(error.messages), "code": first.code}, 403 if first.code == "forbidden" else 400


def _block_size(claims: Claims) -> int:
    return max(_BLOCK, math.ceil(claims.size / _MOST_BLOCKS / 2**20) * 2**20)


def _ticket(policy: Policy, claims: Claims) -> str:
    store, name = policy.waiting(claims.name)
    return str(store.ticket(name, TICKET_SECONDS))


def _arrived(policy: Policy, claims: Claims) -> FileStat:
    store, name = policy.waiting(claims.name)
    try:
        found: FileStat = store.uploaded(name)
    except FileNotFoundError:
        message = _("This upload was used already, or has expired. Please upload the file again.")
        raise ValidationError(message, code="gone") from None
    except ValueError:
        raise ValidationError(_("This upload is not valid. Please upload the file again."), code="kind") from None
    return found
