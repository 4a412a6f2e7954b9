"""The URLs of the views of private delivery and of direct uploads, to ``include()``."""

from __future__ import annotations

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from .delivery import views
from .uploads import views as uploads


class _Name(StringConverter):
    """What follows, whatever it is: the view decides what is a name."""

    regex = r"[\s\S]*"


register_converter(_Name, "storage_router_name")

app_name = "storage_router"
# The first segments are fixed: a directory of the default router can be called as another router's alias.
urlpatterns = [
    path("f/<storage_router_name:name>", views.file, name="file"),
    path("s/<str:alias>/<storage_router_name:name>", views.file_of, name="file_of"),
    path("u/<str:step>", uploads.step, name="upload"),
    path("api/<str:step>", uploads.api_step, name="api_upload"),
]
