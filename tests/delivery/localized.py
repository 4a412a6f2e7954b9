"""A URLconf that includes the views below a language."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path

urlpatterns = i18n_patterns(path("files/", include("storage_router.urls")))
