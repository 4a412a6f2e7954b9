"""The URLconf of the tests of direct uploads. ``X-User`` says who is signed in; the functions of the policies."""

from __future__ import annotations

from typing import ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.http import HttpResponse, JsonResponse
from django.template import engines
from django.urls import include, path

from storage_router.uploads import DirectFileInput

asked: list = []
"""What ``authorize`` was asked."""

refused: set[str] = set()
"""Users who may not upload any more."""


class User:
    """A user whose password can be changed."""

    passwords: ClassVar[dict[str, str]] = {}

    def __init__(self, name: str) -> None:
        self.pk = self.name = name
        self.is_authenticated = bool(name)

    def get_session_auth_hash(self) -> str:
        return f"hash of {self.passwords.get(self.name, 'a password')}"

    def get_session_auth_fallback_hash(self):
        yield "hash of a former key"


def who(get_response):
    def middleware(request):
        request.user = User(request.headers.get("X-User", ""))
        return get_response(request)

    return middleware


def may_upload(request, file):
    asked.append(file)
    user = request.user.name
    return file.policy == "public" or (user not in ("", "stranger") and user not in refused)


def no_macros(file):
    assert file.size
    for chunk in file.chunks():
        if b"macro" in chunk:
            raise ValidationError("Files with macros are not accepted.", code="macros")


async def no_macros_async(file):
    no_macros(file)


def says_no(file):
    return False


class Form(forms.Form):
    title = forms.CharField()
    file = forms.FileField(widget=DirectFileInput("documents"))


class PublicForm(forms.Form):
    file = forms.FileField(widget=DirectFileInput("public"))


class ImageForm(forms.Form):
    file = forms.ImageField(widget=DirectFileInput("images"))


class OptionalForm(forms.Form):
    file = forms.FileField(widget=DirectFileInput("documents"), required=False)


class ApplicationForm(forms.Form):
    file = forms.FileField(widget=DirectFileInput("applications"))


class Nothing(forms.Form):
    file = forms.FileField(widget=DirectFileInput("nothing"))


FORMS = {"documents": Form, "public": PublicForm, "images": ImageForm, "optional": OptionalForm, "nothing": Nothing}
FORMS["applications"] = ApplicationForm


def importing(request):
    form = Form(request.POST, request.FILES)
    assert form.is_valid(), form.errors
    file = form.cleaned_data["file"]
    names = [default_storage.save("first.pdf", file)]
    read = b"".join(file.open().chunks())
    names.append(default_storage.save("second.pdf", file))
    return JsonResponse({"read": len(read), "equal": read.startswith(b"%PDF-1.7"), "names": names})


def form(request, kind):
    if request.method == "GET":
        template = engines["django"].from_string("<form>{% csrf_token %}{{ form }}</form>{{ form.media }}")
        return HttpResponse(template.render({"form": FORMS[kind]()}, request))
    form = FORMS[kind](request.POST, request.FILES)
    form.has_changed()  # formsets ask before they validate
    if not form.is_valid():
        return JsonResponse({"errors": form.errors.get_json_data(), "html": str(form)}, status=400)
    file = form.cleaned_data["file"]
    if not file:
        return JsonResponse({"name": None})
    return JsonResponse({"name": default_storage.save(f"final/{file.name}", file), "type": file.content_type})


urlpatterns = [
    path("form/import", importing),
    path("files/", include("storage_router.urls")),
    path("form/<str:kind>", form),
]
