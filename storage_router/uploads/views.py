"""The views that the script of an upload asks: JSON in, JSON out, protected against CSRF."""

from __future__ import annotations

import json
from typing import Any

from django.apps import apps
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from .steps import STEPS


@login_not_required
@csrf_protect
@require_POST
def step(request: HttpRequest, step: str) -> JsonResponse:
    """Answer one step of an upload. Who may do it is what ``authorize`` of the policy says."""
    if step not in STEPS:
        raise Http404
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
    """Return the answer to a step, and its status."""
    if not isinstance(data, dict):
        return {"error": "The body is not a JSON object.", "code": "invalid"}, 400
    try:
        return STEPS[step](request, data), 200
    except ValidationError as error:
        first = error.error_list[0]
        return {"error": " ".join(error.messages), "code": first.code}, 403 if first.code == "forbidden" else 400
