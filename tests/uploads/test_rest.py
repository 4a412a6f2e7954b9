"""P3: direct uploads by clients with a token of REST framework, and ``DirectFileField``."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.test import APIClient, APIRequestFactory

from storage_router.uploads import DirectFileField

from . import site
from .conftest import PDF


class Header(BaseAuthentication):
    """Authentication by a header."""

    def authenticate(self, request):
        name = request.headers.get("Authorization", "")
        return (site.User(name), None) if name else None


class Serializer(serializers.Serializer):
    file = DirectFileField("documents")


@pytest.fixture
def api(uploads, monkeypatch):
    """The site with REST framework, without sessions and the middleware."""
    from rest_framework.settings import api_settings

    from storage_router.uploads.rest import UploadView

    monkeypatch.setattr(UploadView, "authentication_classes", [Header])
    apps = [*settings.INSTALLED_APPS, "rest_framework"]
    assert api_settings
    uploads.use(settings={"MIDDLEWARE": [], "INSTALLED_APPS": apps})
    return uploads


def ask(step, user="anna", **values):
    client = APIClient(headers={"Authorization": user} if user else {}, enforce_csrf_checks=True)
    return client.post(f"/files/api/{step}", values, format="json")


def validated(data, user="anna"):
    request = APIRequestFactory().post("/")
    request.user = site.User(user)
    serializer = Serializer(data=data, context={"request": request})
    if not serializer.is_valid():
        raise serializers.ValidationError(serializer.errors)
    return serializer.validated_data["file"]


def test_a_client_uploads_with_its_own_authentication(api):
    ticket = ask("begin", policy="documents", name="a.pdf", size=len(PDF))
    assert ticket.headers["Cache-Control"] == "no-store"
    api.put(ticket.json())
    assert ask("renew", token=ticket.json()["token"]).json()["stored"] is True
    token = ask("complete", token=ticket.json()["token"]).json()["token"]
    assert api.storage.save("final/a.pdf", validated({"file": token})) == "final/a.pdf"
    assert api.storage.open("final/a.pdf").read() == PDF
    assert api.left == []
    with pytest.raises(serializers.ValidationError, match="used already"):
        validated({"file": token})


def test_a_stranger_and_another_user_are_refused(api):
    assert ask("begin", "stranger", policy="documents", name="a.pdf", size=1).status_code == 403
    ticket = ask("begin", policy="documents", name="a.pdf", size=len(PDF)).json()
    api.put(ticket)
    assert ask("complete", "bert", token=ticket["token"]).json()["code"] == "owner"
    token = ask("complete", token=ticket["token"]).json()["token"]
    with pytest.raises(serializers.ValidationError, match="somebody else"):
        validated({"file": token}, "bert")
    assert ask("nothing").status_code == 404


def test_a_file_that_is_sent_as_usual_passes_the_policy(api):
    assert validated({"file": SimpleUploadedFile("a.pdf", PDF)}).read() == PDF
    with pytest.raises(serializers.ValidationError, match="Files of this type"):
        validated({"file": SimpleUploadedFile("a.exe", b"MZ")})
    with pytest.raises(serializers.ValidationError, match="You may not"):
        validated({"file": SimpleUploadedFile("a.pdf", PDF)}, "stranger")
    with pytest.raises(serializers.ValidationError, match="not valid"):
        validated({"file": "no token"})


def test_without_rest_framework_there_is_no_such_view(uploads):
    assert ask("begin").status_code == 404


def test_the_uploads_import_without_rest_framework():
    code = """if True:
        import sys
        sys.modules["rest_framework"] = None
        from storage_router.uploads import DirectFileInput, UploadedBlob, UploadsMiddleware
    """
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
