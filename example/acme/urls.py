from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from library import views

urlpatterns = [
    path("", views.index, name="index"),
    path("backends/", views.backends, name="backends"),
    path("where/", views.where, name="where"),
    path("upload/", views.upload, name="upload"),
    path("video/", views.video, name="video"),
    path("admin/", admin.site.urls),
    # The documents of the route that has a delivery, and the steps of uploads.
    path("documents/", include("storage_router.urls")),
]

if settings.DEBUG:
    # For backends without a web server of their own (filesystem, memory): their base_url leads here.
    urlpatterns.append(path("files/<path:name>", views.serve, name="serve"))
