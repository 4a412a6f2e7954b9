"""The URLconf of the site in a process of its own."""

from __future__ import annotations

import os
import resource

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model, login
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template import engines
from django.urls import include, path

from storage_router.uploads import DirectFileInput

from .archive.models import Document

PAGE = """<!doctype html><title>New document</title>
<form method="post" enctype="multipart/form-data">
{% csrf_token %}{{ form.as_p }}<input type="submit" value="Save">
</form>
{{ form.media }}"""


def may_upload(request, file):
    return request.user.is_staff


def policy(get_response):
    """A middleware: scripts of the site's own only, and connections to it and to the service."""
    sources = f"script-src 'self'; connect-src 'self' {os.environ.get('SITE_SERVICE', '')}"

    def middleware(request):
        answer = get_response(request)
        answer.headers["Content-Security-Policy"] = sources
        return answer

    return middleware


class DocumentForm(forms.ModelForm):
    class Meta:
        model = Document
        fields = ("title", "file")
        widgets = {"file": DirectFileInput("documents")}  # noqa: RUF012 - as Django writes it


def enter(request):
    """Sign in."""
    user, _ = get_user_model().objects.get_or_create(username="anna", is_staff=True, is_superuser=True)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("/new")


def new(request):
    form = DocumentForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        return HttpResponse(f"saved as {form.save().file.name}")
    return HttpResponse(engines["django"].from_string(PAGE).render({"form": form}, request))


def memory(request):
    """Tell how much memory the process has had at most, in bytes."""
    return JsonResponse({"most": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024})


urlpatterns = [
    path("admin/", admin.site.urls),
    path("files/", include("storage_router.urls")),
    path("enter", enter),
    path("new", new),
    path("memory", memory),
    *staticfiles_urlpatterns(),
]
