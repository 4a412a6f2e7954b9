"""What a page of the admin costs that lists 100 pictures, with the URL of each."""

from __future__ import annotations

from typing import Any

from contenders import options, settings
from measuring import Figures, timed

PICTURES = 100

_APPS = ("admin", "auth", "contenttypes", "sessions", "messages")


def admin_list(contender: str, endpoint: str) -> Figures:
    """Answer the request for the list page, the database being SQLite in memory."""
    ours = {"BACKEND": "storage_router.AzureStorage", "OPTIONS": options(endpoint, expiration_secs=3600)}
    storages = {
        "ours": ours,
        "django-storages": {**ours, "BACKEND": "storages.backends.azure_storage.AzureStorage"},
        "floor": {"BACKEND": "django.core.files.storage.InMemoryStorage", "OPTIONS": {"base_url": "/media/"}},
    }
    settings(
        INSTALLED_APPS=[*(f"django.contrib.{app}" for app in _APPS), "work"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        STORAGES={
            "default": storages[contender],
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        },
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
            "context_processors": ["django.template.context_processors.request"]}}],
        ROOT_URLCONF="work.pages",
        STATIC_URL="/static/",
        ALLOWED_HOSTS=["*"],
    )  # fmt: skip
    page = _page()
    sign = "/media/" if contender == "floor" else "sig="

    def operation(_: int) -> None:
        answer = page()
        assert answer.status_code == 200
        html = answer.content.decode()
        assert html.count("<img") == PICTURES
        assert sign in html

    return timed(operation, 10, warm=2)


urlpatterns: list[Any] = []


def _page() -> Any:
    """Return what answers the request."""
    import django

    django.setup()
    from django.contrib import admin
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection, models
    from django.test import RequestFactory
    from django.urls import path
    from django.utils.html import format_html

    class Picture(models.Model):
        file = models.FileField()

        class Meta:
            app_label = "work"

        def __str__(self) -> str:
            return str(self.file)

    class PictureAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
        list_display = ("id", "file", "preview")

        def preview(self, picture: Picture) -> str:
            return format_html('<img src="{}" alt="">', picture.file.url)

    admin.site.register(Picture, PictureAdmin)
    urlpatterns[:] = [path("admin/", admin.site.urls)]
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(Picture)
    Picture.objects.bulk_create(Picture(file=f"pictures/2026/11/picture-{index}.jpg") for index in range(PICTURES))
    user = User.objects.create_superuser("admin", password="only for benchmarks")
    view = PictureAdmin(Picture, admin.site).changelist_view

    def answer() -> Any:
        request = RequestFactory().get("/admin/work/picture/")
        request.user = user
        return view(request).render()

    return answer
