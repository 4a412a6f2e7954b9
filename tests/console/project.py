"""A project with the console: settings from the environment, URLs, and the application that servers run."""

from __future__ import annotations

import json
import os
from typing import Any

from django.http import FileResponse, HttpRequest
from django.urls import include, path

APPS = [
    "storage_router",
    "storage_router.moving",
    "storage_router.console",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
PASSWORD = "a password for the console"


def settings(options: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the settings of a project whose router has these options."""
    return {
        "ALLOWED_HOSTS": ["*"],
        "TIME_ZONE": "UTC",
        "INSTALLED_APPS": APPS,
        "ROOT_URLCONF": "tests.console.project",
        "MIDDLEWARE": [
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        "STORAGES": {
            "default": {"BACKEND": "storage_router.RouterStorage", "OPTIONS": options},
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        },
        **more,
    }


def may_read(request: HttpRequest, file: object) -> bool:
    """Let in who is signed in."""
    return request.user.is_authenticated


def open_file(request: HttpRequest, name: str) -> FileResponse:
    """Send a file of a backend without a web server of its own."""
    from django.core.files.storage import storages

    return FileResponse(storages["default"].open(name))


def __getattr__(name: str) -> Any:
    if name != "urlpatterns":
        raise AttributeError(name)
    from django.contrib import admin

    return [
        path("admin/", admin.site.urls),
        path("files/", include("storage_router.urls")),
        path("open/<path:name>", open_file),
    ]


def application() -> Any:
    """Return the project as a WSGI application, its database filled."""
    import django
    from django.conf import settings as django_settings
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    given = json.loads(os.environ["CONSOLE_PROJECT"])
    database = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": given["database"]}}
    django_settings.configure(
        **settings(
            given["options"], DATABASES=database, DEBUG=True, SECRET_KEY="tests", STATIC_URL="/static/", USE_TZ=True
        )
    )
    django.setup()
    from django.contrib.auth.models import User

    call_command("migrate", verbosity=0)
    User.objects.create_superuser("ada", password=PASSWORD)
    if "move" in given:
        from django.utils import timezone

        from storage_router.moving.models import Move

        move = Move.objects.create(began=timezone.now(), **given["move"])
        for number, shard in enumerate(given["shards"]):
            move.shards.create(number=number, **shard)
    return StaticFilesHandler(get_wsgi_application())
