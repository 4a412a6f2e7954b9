"""Settings and applications of the site in a process of its own. Its options are in variables."""

from __future__ import annotations

import json
import os

SECRET_KEY = "only for tests"
USE_TZ = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.delivery.site"
INSTALLED_APPS = ["storage_router", "django.contrib.contenttypes", "django.contrib.auth"]
MIDDLEWARE = ["tests.delivery.site.who"]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
STORAGES = {
    "default": {
        "BACKEND": "storage_router.RouterStorage",
        "OPTIONS": json.loads(os.environ.get("SITE_OPTIONS", "{}")),
    }
}
globals().update(json.loads(os.environ.get("SITE_SETTINGS", "{}")))


def wsgi():
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def asgi():
    from django.core.asgi import get_asgi_application

    return get_asgi_application()
