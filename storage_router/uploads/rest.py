"""Direct uploads for Django REST framework: the views with the project's authentication, and ``DirectFileField``."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from rest_framework import serializers
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from . import views
from .middleware import current_request
from .policies import Policy


class UploadView(APIView):  # type: ignore[misc]
    """One step of an upload, for whoever the project's authentication and permissions let in."""

    parser_classes = [JSONParser]  # noqa: RUF012

    def post(self, request: Request, step: str) -> Response:
        """Answer the step."""
        answer, status = views.answered(request, step, request.data)
        return Response(answer, status=status, headers={"Cache-Control": "no-store"})


class DirectFileField(serializers.FileField):  # type: ignore[misc]
    """A file as the token of a direct upload, or as usual. The policy holds either way."""

    def __init__(self, policy: str, *, storage: str = "default", **kwargs: Any) -> None:
        self.policy = policy
        self.storage = storage
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        """Return the upload, or the file that was submitted as usual."""
        request = self.context.get("request") or current_request()
        policy = Policy(self.policy, self.storage)
        try:
            if isinstance(data, str):
                return super().to_internal_value(views.redeem(request, policy, data))
            file = super().to_internal_value(data)
            views.judge(request, policy, file)
        except ValidationError as error:
            raise serializers.ValidationError(error.messages, code=error.error_list[0].code) from None
        return file
