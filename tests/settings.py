"""Django's settings for the test run; tests that need others start processes or override them."""

SECRET_KEY = "only for tests"
USE_TZ = True
INSTALLED_APPS = [
    "storage_router",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.staticfiles",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
STATIC_URL = "/static/"
MEDIA_URL = "/media/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# django-pipeline, once imported, fails at a change back to no setting at all.
PIPELINE: dict[str, object] = {}
